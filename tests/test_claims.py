from __future__ import annotations

import pandas as pd
import pytest

from fitnets_lib import claims, recipes
from fitnets_lib.claims import Better, Claim, NoBetter
from fitnets_lib.statistics import Estimate

ABOVE, BELOW, AROUND = Estimate(3, 2, 4, 5), Estimate(-3, -4, -2, 5), Estimate(0.5, -1, 2, 5)
BETTER, NO_BETTER = Better(recipes.KD, recipes.BACKPROP), NoBetter(recipes.KD, recipes.BACKPROP)


def frame(**gains: float) -> pd.DataFrame:
    """Backprop at 50 % on five seeds, and each method so many points above it, give or take a tenth of a point."""
    names = {"backprop": 0.0} | {name.replace("_", " "): gain for name, gain in gains.items()}
    rows = [
        {"recipe": name, "seed": seed, "test accuracy": 50.0 + gain + (seed - 2) / 10 * (name != "backprop")}
        for name, gain in names.items()
        for seed in range(5)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("found", "said"), [(ABOVE, "yes"), (BELOW, "no"), (AROUND, "inconclusive")])
def test_better_holds_if_the_whole_interval_is_above_zero(found: Estimate, said: str) -> None:
    assert BETTER.holds(found) == said


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (ABOVE, "no"),
        (BELOW, "yes"),
        (AROUND, "inconclusive"),
        (Estimate(0.5, 0.1, 0.9, 5), "yes"),
        (Estimate(1.5, 1.1, 1.9, 5), "no"),
        (Estimate(-3, -4, -2, 4), "too few seeds"),
    ],
)
def test_no_better_holds_if_the_whole_interval_is_below_one_point(found: Estimate, said: str) -> None:
    assert NO_BETTER.holds(found) == said


@pytest.mark.parametrize(("gain", "said"), [(5.0, "reproduced"), (-5.0, "not reproduced"), (0.0, "inconclusive")])
def test_a_claim_is_what_its_only_comparison_is(gain: float, said: str) -> None:
    claim = Claim("X", "here", "KD helps", (BETTER,))
    assert claim.judge(frame(KD=gain))[0] == said


def test_a_claim_of_two_comparisons_needs_both() -> None:
    claim = Claim("X", "here", "hints help, and more than KD", (BETTER, Better(recipes.HINT_THEN_KD, recipes.KD)))
    assert claim.judge(frame(KD=5, hint_then_KD=9))[0] == "reproduced"
    assert claim.judge(frame(KD=5, hint_then_KD=5))[0] == "inconclusive"
    assert claim.judge(frame(KD=5, hint_then_KD=2))[0] == "not reproduced"


def test_four_seeds_decide_nothing() -> None:
    four = frame(KD=50)
    assert Claim("X", "here", "KD helps", (BETTER,)).judge(four[four["seed"] < 4])[0] == "too few seeds"


def test_the_paper_has_each_failed_variant_judged_against_its_rival() -> None:
    pairs = {c.id: [(p.ours.name, p.theirs.name) for p in c.comparisons] for c in claims.FAILED}
    assert pairs == {
        "F1": [("stage-wise labels", "backprop")],
        "F2": [("stage-wise KD", "KD")],
        "F3": [("joint label hint + labels", "backprop")],
        "F4": [("joint label hint + KD", "KD")],
        "F5": [("label hints everywhere", "backprop"), ("hint then KD", "label hints everywhere")],
        "F7": [("hint then KD", "joint hint + labels")],
        "F8": [("hint then KD", "joint hint + KD")],
    }
    several = claims.several_hints([recipes.hints_at_once([(1, 1), (2, 2)])])
    assert [(p.ours.name, p.theirs.name) for p in several.comparisons] == [("2 hints at once, then KD", "hint then KD")]


def test_the_table_has_a_row_for_each_comparison_with_points_and_verdict() -> None:
    (claim,) = (c for c in claims.FAILED if c.id == "F5")
    data = frame(label_hints_everywhere=4, hint_then_KD=9)
    rows = claims.table([claim], data).to_dict("records")
    assert [row["points"] for row in rows] == ["+4.0", "+5.0"]
    assert [row["difference"] for row in rows] == [
        "label hints everywhere − backprop",
        "hint then KD − label hints everywhere",
    ]
    assert {row["verdict"] for row in rows} == {"reproduced"}
    # Differences 3.8 to 4.2 in tenths: standard error sqrt(0.025 / 5), t(.975, 4) = 2.776.
    assert rows[0]["95 % interval"] == "+3.8 to +4.2"
