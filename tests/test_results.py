from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from fitnets_lib import sealed
from fitnets_lib.outcomes import Epoch, Result
from fitnets_lib.recipes import HINT_THEN_KD, KD
from fitnets_lib.results import (
    EPOCHS,
    comparison,
    curves,
    difference,
    estimates,
    handed_on,
    in_points,
    in_words,
    interval,
    next_to_guessing,
    percent_right,
    relative_loss,
    shared_epochs,
    signed,
    summary,
    tidy,
    within,
)
from fitnets_lib.statistics import Estimate, estimate, paired
from tests.helpers import run

CURVE = (Epoch(1, 1, 2.0, 3.0, None), Epoch(2, 1, 1.0, 1.5, 0.25))
SEEDS = range(5)
GAINS = [0.01, 0.02, 0.03, 0.04, 0.05]
RUNS = [run(recipe, seed) for recipe in (KD, HINT_THEN_KD) for seed in SEEDS]
RESULTS = [Result(0.5, 0.4, CURVE, 2.0) for _ in SEEDS] + [Result(0.5 - gain, 0.4, CURVE, 1.0) for gain in GAINS]


@pytest.fixture
def frame() -> pd.DataFrame:
    return tidy(RUNS, RESULTS)


def test_a_tidy_table_has_a_row_a_run_with_accuracies_in_per_cent(frame: pd.DataFrame) -> None:
    assert len(frame) == 10
    first = frame.iloc[0].to_dict()
    assert first == {
        "depth": 4,
        "recipe": "KD",
        "seed": 0,
        "test accuracy": 50.0,
        "validation accuracy": 60.0,
        "seconds": 2.0,
    }


def test_an_accuracy_in_memory_is_the_one_that_a_sealed_table_keeps(tmp_path: Path) -> None:
    assert percent_right(0.4195) == 58.05 != 100 * (1 - 0.4195)  # 4,195 of 10,000 wrong: a bit off before
    assert percent_right(1 / 3) == 66.666667
    for images in (360, 10_000):
        results = [Result(wrong / images, wrong / images, (), 1.0) for wrong in range(0, images + 1, images // 120)]
        frame = tidy([run(KD, seed) for seed in range(len(results))], results)
        sealed.write(tmp_path / "runs.csv", frame)
        found = sealed.read(tmp_path / "runs.csv")
        assert found is not None and found["test accuracy"].tolist() == frame["test accuracy"].tolist()


def test_curves_count_epochs_over_all_stages_and_leave_out_what_stage_1_lacks() -> None:
    frame = curves(RUNS[:1], RESULTS[:1])
    assert frame["epoch"].tolist() == [1, 2]
    assert frame["stage"].tolist() == [1, 2]
    assert frame["validation accuracy"].isna().tolist() == [True, False]
    assert frame["validation accuracy"].iloc[1] == 75.0


def test_epochs_that_a_seed_did_not_come_to_are_left_out_for_its_recipe_alone() -> None:
    whole, lost = Result(0.5, 0.4, CURVE, 1.0), Result(0.5, 0.4, CURVE[:1], 1.0)
    frame = curves([*RUNS[:2], *RUNS[5:7]], [whole, lost, whole, whole])  # seed 1 of KD ended in stage 1
    there = shared_epochs(frame, "train loss")
    assert there.groupby("recipe")["epoch"].unique().map(list).to_dict() == {"KD": [1], "hint then KD": [1, 2]}
    assert set(shared_epochs(frame, "validation accuracy")["recipe"]) == {"hint then KD"}  # KD's seed 1 has none


def test_epochs_are_shared_by_the_seeds_of_one_depth() -> None:
    rows = [(depth, "KD", seed, epoch, 1.0) for depth in (5, 11) for seed in (0, 1) for epoch in (1, 2)]
    frame = pd.DataFrame(rows, columns=["depth", "recipe", "seed", "epoch", "train loss"])
    assert len(shared_epochs(frame, "train loss")) == 8
    cut = frame.drop(index=7)  # 11 layers, seed 1, epoch 2
    assert shared_epochs(cut, "train loss").groupby("depth")["epoch"].unique().map(list).to_dict() == {
        5: [1, 2],
        11: [1],
    }


def test_curves_of_runs_that_all_ended_before_an_epoch_have_their_columns() -> None:
    frame = curves(RUNS[:1], [replace(RESULTS[0], curve=())])
    assert len(frame) == 0
    assert list(frame) == list(EPOCHS)


def test_a_single_seed_has_no_interval_to_cut() -> None:
    one = estimate([60.0])
    assert within(one) == one
    assert (one.low, one.high) == (-math.inf, math.inf)


def test_the_relative_loss_begins_at_one_in_each_stage_of_each_run() -> None:
    rows = [
        (4, "KD", 0, 1, 8.0),
        (4, "KD", 0, 1, 2.0),
        (4, "KD", 0, 2, 5.0),
        (4, "KD", 0, 2, 4.0),
        (4, "KD", 1, 1, 3.0),
    ]
    frame = pd.DataFrame(rows, columns=["depth", "recipe", "seed", "stage", "train loss"])
    assert relative_loss(frame)["training loss"].tolist() == [1.0, 0.25, 1.0, 0.8, 1.0]


def test_a_stage_hands_on_the_weights_of_its_best_epoch_by_loss_or_where_there_is_one_by_error() -> None:
    curve = (
        Epoch(1, 1, 9.0, 3.0, None),
        Epoch(1, 2, 9.0, 2.0, None),
        Epoch(1, 3, 9.0, 2.5, None),
        Epoch(2, 1, 9.0, 0.7, 0.1),
        Epoch(2, 2, 9.0, 0.6, 0.2),
    )
    found = Result(0.5, 0.1, curve, 1.0)
    assert (handed_on(found, 1), handed_on(found, 2)) == (2.0, 0.7)
    with pytest.raises(ValueError, match="no validation loss in a stage 3"):
        handed_on(found, 3)


def test_a_difference_is_paired_by_seed_whatever_the_order_of_rows(frame: pd.DataFrame) -> None:
    found = difference(frame.sample(frac=1, random_state=0), "hint then KD", "KD")
    assert found.mean == pytest.approx(3.0)
    # Differences 1 to 5: standard error sqrt(2.5 / 5), t(.975, 4) = 2.776445.
    assert found.low == pytest.approx(3 - 2.776445 * 0.5**0.5, rel=1e-6)


def test_recipes_with_other_seeds_are_not_compared(frame: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"KD has seeds \[0, 1, 2, 3\]"):
        difference(frame.drop(index=4), "KD", "hint then KD")
    with pytest.raises(ValueError, match="pair equal seeds"):
        difference(pd.concat([frame, frame]), "KD", "hint then KD")


def test_the_comparison_states_points_interval_and_verdict(frame: pd.DataFrame) -> None:
    rows = comparison(frame, [("hint then KD", "KD"), ("KD", "hint then KD"), ("KD", "KD")]).to_dict("records")
    assert [row["points"] for row in rows] == ["+3.0", "-3.0", "0.0"]
    assert [row["above 0?"] for row in rows] == ["yes", "no", "inconclusive"]
    assert rows[0]["95 % interval"] == "+1.0 to +5.0"
    assert rows[0]["difference"] == "hint then KD − KD"


def test_a_single_seed_has_a_difference_and_no_interval() -> None:
    found = paired([3.0], [1.5])
    assert in_points(found) == {"points": "+1.5", "95 % interval": "–"}
    assert in_words(found) == "+1.5 points, from a single seed"


def test_other_columns_can_make_the_groups_and_tell_ours_from_theirs(frame: pd.DataFrame) -> None:
    both = pd.concat([frame, frame.assign(depth=9, **{"test accuracy": frame["test accuracy"] + 2})])
    rows = comparison(both, [(9, 4)], by={"recipe": "trained by"}, among="depth").to_dict("records")
    assert [(row["trained by"], row["difference"], row["points"]) for row in rows] == [
        ("KD", "9 − 4", "+2.0"),
        ("hint then KD", "9 − 4", "+2.0"),
    ]
    (first, _) = comparison(
        both.assign(equal="epochs"), [("KD", "KD")], by={"depth": "layers", "equal": "equal"}
    ).to_dict("records")
    assert first == {
        "layers": 4,
        "equal": "epochs",
        "difference": "KD − KD",
        "points": "0.0",
        "95 % interval": "0.0 to 0.0",
        "seeds": 5,
        "above 0?": "inconclusive",
    }


def test_a_difference_reads_the_same_in_tables_and_in_prose() -> None:
    found = Estimate(1.54, -0.46, 3.54, 5)
    assert in_points(found) == {"points": "+1.5", "95 % interval": "-0.5 to +3.5"}
    assert in_words(found) == "+1.5 points, 95 % interval -0.5 to +3.5"


def test_the_summary_has_a_row_for_each_depth_and_recipe(frame: pd.DataFrame) -> None:
    rows = summary(frame).to_dict("records")
    assert [row["recipe"] for row in rows] == ["KD", "hint then KD"]
    assert rows[1]["test accuracy (%)"] == "53.0"
    assert (rows[1]["worst seed"], rows[1]["best seed"], rows[1]["seeds"]) == ("51.0", "55.0", 5)
    assert rows[0]["95 % interval"] == "50.0 to 50.0"


def test_estimates_are_keyed_by_the_columns_asked_for(frame: pd.DataFrame) -> None:
    found = estimates(frame, ["depth", "recipe"], "test accuracy")
    assert list(found) == [(4, "KD"), (4, "hint then KD")]
    assert found[4, "hint then KD"].mean == pytest.approx(53.0)


def test_runs_next_to_guessing_are_counted_among_all_and_those_that_diverged_are_not() -> None:
    rows = [("KD", 5, 10.0), ("KD", 5, 19.9), ("KD", 5, 20.0), ("KD", 11, 9.8), ("KD", 11, float("nan"))]
    frame = pd.DataFrame(rows, columns=["recipe", "depth", "test accuracy"])
    assert next_to_guessing(frame, ["recipe", "depth"]) == {("KD", 5): (2, 3), ("KD", 11): (1, 2)}
    assert next_to_guessing(frame) == {"KD": (3, 5)}


def test_no_runs_are_next_to_guessing_where_there_are_none() -> None:
    assert next_to_guessing(pd.DataFrame(columns=["recipe", "test accuracy"])) == {}


def test_an_interval_of_accuracies_ends_at_0_and_100() -> None:
    wide = Estimate(50, -20, 130, 5)
    assert within(wide) == Estimate(50, 0, 100, 5)
    assert interval(wide) == "0.0 to 100.0"
    assert interval(Estimate(50, 40, 60, 5)) == "40.0 to 60.0"
    assert interval(estimate([50.0])) == "–"


@pytest.mark.parametrize(
    ("value", "text"), [(1.26, "+1.3"), (-1.26, "-1.3"), (0.04, "0.0"), (-0.04, "0.0"), (0, "0.0")]
)
def test_a_difference_that_rounds_to_nothing_has_no_sign(value: float, text: str) -> None:
    assert signed(value) == text
