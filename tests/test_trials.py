from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict
from typing import get_args

import pandas as pd
import pytest
from hypothesis import given, strategies

from fitnets_lib import paths, sealed, trials
from fitnets_lib.trials import SCALES, Claim, Comparison, Count, Quantity, Scale, Trial


def measured(**means: float) -> pd.DataFrame:
    """Five seeds for each recipe; within a seed the recipes differ by their means and a tenth of a point at most."""
    rows = [
        {"recipe": name.replace("_", " "), "depth": 11, "seed": seed, "test accuracy": 50 + mean + 3 * seed + wobble}
        for name, mean in means.items()
        for seed, wobble in enumerate([0.0, 0.1, 0.0, 0.1, 0.05] if mean else [0.0] * 5)
    ]
    return pd.DataFrame(rows)


def at(recipe: str, table: str = "runs") -> Quantity:
    return Quantity(table, (("depth", 11), ("recipe", recipe)))


TABLES = trials.given({"runs": measured(backprop=0, KD=5, hint_then_KD=8)})
BETTER = Comparison(at("KD"), at("backprop"), above=0)


def test_a_quantity_is_one_value_a_seed_out_of_the_rows_it_names() -> None:
    found = at("backprop").values(TABLES)
    assert found is not None
    assert found.to_dict() == {0: 50, 1: 53, 2: 56, 3: 59, 4: 62}


def test_what_was_not_measured_is_none_and_not_an_error() -> None:
    assert at("KD", "elsewhere").values(TABLES) is None
    assert at("self-paced").values(TABLES) is None
    assert Comparison(at("KD"), at("self-paced"), above=0).holds(TABLES) == "not run"


def test_a_column_that_is_not_there_and_a_seed_that_is_there_twice_are_errors() -> None:
    with pytest.raises(ValueError, match=r"^evidence 'runs' has no column gap, width$"):
        Quantity("runs", (("width", 3),), column="gap").values(TABLES)
    with pytest.raises(ValueError, match=r"^evidence 'runs' has several rows for one seed of "):
        Quantity("runs").values(TABLES)


def test_a_seed_that_diverged_leaves_no_figure_and_is_said_in_its_place() -> None:
    frame = measured(backprop=0, KD=5)
    frame.loc[frame["recipe"].eq("KD") & frame["seed"].eq(3), "test accuracy"] = None
    row = BETTER.row(trials.given({"runs": frame}))
    assert (row["found"], row["95 % interval"], row["seeds"], row["holds?"]) == ("a run diverged", "–", "5", "open")


def test_no_difference_at_all_is_neither_above_nor_below_it() -> None:
    tables = trials.given({"runs": measured(backprop=0, KD=0)})
    for bounds in ({"above": 0}, {"below": 0}):
        row = Comparison(at("KD"), at("backprop"), **bounds).row(tables)
        assert (row["95 % interval"], row["holds?"]) == ("0.0 to 0.0", "open"), bounds


def test_differences_are_paired_by_seed_so_that_seeds_cancel() -> None:
    found = BETTER.found(TABLES)
    assert found is not None
    # 5 points and 0, .1, 0, .1, .05: mean 5.05, deviation .05, t(.975, 4) = 2.776, root of 5 = 2.236.
    assert found.mean == pytest.approx(5.05)
    assert found.high - found.mean == pytest.approx(2.7764 * 0.05 / 5**0.5, rel=1e-3)
    assert found.n == 5


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"above": 0.0}, "reproduced"),
        ({"below": 1.0}, "not reproduced"),
        ({"above": 5.05}, "inconclusive"),
        ({"above": 4.0, "below": 6.0}, "reproduced"),
        ({"above": 6.0, "below": 7.0}, "not reproduced"),
        ({"above": 0.0, "below": 5.05}, "inconclusive"),
    ],
)
def test_the_whole_interval_must_be_on_one_side_of_each_bound(bounds: dict[str, float], said: str) -> None:
    assert Comparison(at("KD"), at("backprop"), **bounds).holds(TABLES) == said


@given(strategies.floats(-20, 20), strategies.floats(-20, 20))
def test_a_difference_above_a_bound_is_its_mirror_image_below_minus_the_bound(mean: float, bound: float) -> None:
    tables = trials.given({"runs": measured(backprop=0, KD=mean)})
    one = Comparison(at("KD"), at("backprop"), above=bound).holds(tables)
    other = Comparison(at("backprop"), at("KD"), below=-bound).holds(tables)
    assert one == other


def test_four_seeds_decide_nothing() -> None:
    frame = measured(backprop=0, KD=5)
    assert BETTER.holds(trials.given({"runs": frame[frame["seed"] < 4]})) == "inconclusive"


def test_one_seed_is_open_and_has_no_interval_to_show() -> None:
    frame = measured(backprop=0, KD=5)
    said = BETTER.row(trials.given({"runs": frame[frame["seed"] == 0]}))
    assert (said["found"], said["95 % interval"], said["seeds"], said["holds?"]) == ("+5.0", "–", "1", "open")


def test_only_seeds_that_both_have_are_compared() -> None:
    frame = measured(backprop=0, KD=5)
    found = BETTER.found(trials.given({"runs": frame[(frame["seed"] > 0) | (frame["recipe"] == "KD")]}))
    assert found is not None and found.n == 4


def test_a_value_can_be_held_to_a_number() -> None:
    assert Comparison(at("backprop"), 30.0, above=0).holds(TABLES) == "reproduced"
    assert Comparison(at("backprop"), 90.0, above=0).holds(TABLES) == "not reproduced"


def test_without_a_rival_a_value_is_held_to_nothing() -> None:
    found = Comparison(at("backprop"), above=0).found(TABLES)
    assert found is not None and found.mean == 56  # 50, 53, 56, 59 and 62


def test_a_trial_needs_all_its_checks() -> None:
    right, wrong = Count("a", "1", "1", True), Count("a", "1", "2", False)
    open_, absent = Comparison(at("KD"), at("backprop"), above=5.05), Comparison(at("KD"), at("x"), above=0)
    said: dict[tuple[Comparison | Count, ...], str] = {
        (right, BETTER): "reproduced",
        (right, open_): "inconclusive",
        (open_, absent): "not run",
        (absent, wrong): "not reproduced",
        (open_, wrong): "not reproduced",
    }
    assert {checks: Trial("embedded", checks).verdict(TABLES) for checks in said} == said


def test_a_claim_has_one_trial_a_scale() -> None:
    trial = Trial("counts", (Count("a", "1", "1", True),))
    assert Claim("X", "here", "so", "counted", "page", (trial,)).trial("counts") is trial
    assert Claim("X", "here", "so", "counted", "page", (trial,)).trial("GPU") is None
    with pytest.raises(ValueError, match=r"^claim X: one trial a scale, not \['counts', 'counts'\]$"):
        Claim("X", "here", "so", "counted", "page", (trial, trial))


def test_a_row_says_what_was_compared_and_found_in_words() -> None:
    assert BETTER.row(TABLES) == {
        "compared": "KD − backprop (depth 11)",
        "must be": "above 0",
        "found": "+5.0",
        "95 % interval": "+5.0 to +5.1",
        "seeds": "5",
        "holds?": "yes",
    }
    assert Comparison(at("KD"), at("x"), above=-1, below=2.5).row(TABLES) == {
        "compared": "KD − x (depth 11)",
        "must be": "above -1 and below 2.5",
        "found": "–",
        "95 % interval": "–",
        "seeds": "–",
        "holds?": "not run",
    }
    gap = Comparison(Quantity("g", (("recipe", "KD"),), "gap"), 0.0, below=0)
    assert gap.row(TABLES)["compared"] == "KD: gap"


def test_beside_a_fixed_number_a_row_has_what_was_measured_and_not_how_far_it_is_from_the_number() -> None:
    # 50, 53, 56, 59, 62: 56 +- 2.776445 sqrt(22.5 / 5).
    row = Comparison(at("backprop"), 30.0, above=20, below=40.25).row(TABLES)
    assert row == {
        "compared": "depth 11, backprop",
        "must be": "above 50 and below 70.25",
        "found": "56.0",
        "95 % interval": "50.1 to 61.9",
        "seeds": "5",
        "holds?": "yes",
    }


@pytest.mark.parametrize(
    ("comparison", "said"),
    [
        (Comparison(at("KD"), 30.0), "depth 11, KD"),
        (Comparison(at("KD")), "depth 11, KD"),
        (Comparison(Quantity("a", (("recipe", "KD"),)), Quantity("b", (("recipe", "hints"),))), "KD − hints"),
        (
            Comparison(
                Quantity("a", (("depth", 11), ("epochs", 4.5), ("recipe", "KD"))),
                Quantity("a", (("depth", 11), ("epochs", 4.5), ("recipe", "hints"))),
            ),
            "KD − hints (depth 11, epochs 4.5)",
        ),
        (Comparison(Quantity("a", column="gap"), Quantity("b", column="gap")), "gap − gap"),
    ],
)
def test_a_comparison_names_what_both_sides_share_once(comparison: Comparison, said: str) -> None:
    assert str(comparison) == said


@pytest.mark.parametrize(
    ("bounds", "found", "said"),
    [
        ({"above": 0.0}, "+5.0", "yes"),
        ({"above": 1.0}, "+5.0", "yes"),  # a bound of a whole point is met or not within a tenth
        ({"above": 1.5, "below": 4.0}, "+5.0", "no"),
        ({"above": 0.2}, "+5.05", "yes"),
        ({"above": 5.05, "below": 0.2}, "+5.05", "no"),
        ({"above": 5.05}, "+5.0", "open"),
    ],
)
def test_bounds_under_a_point_have_their_differences_shown_to_hundredths(
    bounds: dict[str, float], found: str, said: str
) -> None:
    row = Comparison(at("KD"), at("backprop"), **bounds).row(TABLES)
    assert (row["found"], row["holds?"]) == (found, said)


def test_what_is_no_accuracy_is_shown_to_hundredths_whatever_its_bounds() -> None:
    tables = trials.given({"runs": measured(KD=5).rename(columns={"test accuracy": "gap"})})
    # 55 and 0, 3.1, 6, 9.1, 12.05.
    assert Comparison(Quantity("runs", column="gap"), 0.0, above=50).row(tables)["found"] == "+61.05"


def test_a_count_says_what_is_printed_and_what_was_counted() -> None:
    said = {"compared": "weights", "must be": "about 2", "95 % interval": "–", "seeds": "–"}
    assert Count("weights", "2", "about 2", True).row(TABLES) == {**said, "found": "2", "holds?": "yes"}
    assert Count("weights", "3", "about 2", False).row(TABLES) == {**said, "found": "3", "holds?": "no"}
    assert Trial("counts", (Count("weights", "2", "about 2", True),)).verdict(TABLES) == "reproduced"
    assert Count("weights", "2", "about 2", True).holds(TABLES) == "reproduced"


def test_the_scales_are_all_there_are() -> None:
    assert get_args(Scale) == SCALES


def test_a_claim_and_what_decides_it_cannot_be_changed_afterwards() -> None:
    trial = Trial("counts", (Count("a", "1", "1", True),))
    for fixed, name in ((Claim("X", "here", "so", "counted", "page", (trial,)), "confirmed"), (trial, "checks"),
                        (trial.checks[0], "agrees"), (BETTER, "above"), (at("KD"), "where")):  # fmt: skip
        with pytest.raises(FrozenInstanceError):
            setattr(fixed, name, None)
    assert asdict(Claim("X", "here", "so", "counted", "page", (trial,)))["remark"] == ""


def test_the_table_has_the_claims_that_are_tried_at_the_scale() -> None:
    claims = [
        Claim("A", "here", "KD helps", "above 0", "page", (Trial("embedded", (BETTER,)),)),
        Claim("B", "there", "one is one", "counted", "page", (Trial("counts", (Count("a", "1", "1", True),)),)),
    ]
    rows = trials.table(claims, "embedded", TABLES).to_dict("records")
    assert rows == [{"claim": "A", "statement": "KD helps", **BETTER.row(TABLES), "verdict": "reproduced"}]


def test_evidence_is_read_from_the_folder_of_the_scale(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    sealed.write(paths.evidence("smoke") / "runs.csv", measured(backprop=0, KD=5))
    claim = Claim(
        "A", "here", "KD helps", "above 0", "page", (Trial("embedded", (BETTER,)), Trial("jpeg", (BETTER,), "jpeg"))
    )
    assert trials.verdicts(claim, "smoke") == {"embedded": "reproduced", "jpeg": "not run"}
    (found,) = trials.as_json([claim], "smoke")
    stated = {"id": "A", "source": "here", "statement": "KD helps", "confirmed": "above 0", "chapter": "page"}
    row = BETTER.row(TABLES)
    absent = {**row, "found": "–", "95 % interval": "–", "seeds": "–", "holds?": "not run"}
    assert found == {
        **stated,
        "remark": "",
        "trials": [
            {"scale": scale, "evidence": f"results/{place}/evidence", "verdict": verdict, "checks": [checked]}
            for scale, place, verdict, checked in (
                ("embedded", "smoke", "reproduced", row),
                ("jpeg", "jpeg", "not run", absent),
            )
        ],
    }


def test_the_interval_over_splits_of_the_same_images_is_widened() -> None:
    found = Comparison(at("KD"), at("backprop"), above=0, overlap=0.5).found(TABLES)
    assert found is not None  # Nadeau and Bengio: 1/5 + 1/2 in place of 1/5
    assert found.high - found.mean == pytest.approx(2.7764 * 0.05 * (1 / 5 + 0.5) ** 0.5, rel=1e-3)
