from __future__ import annotations

import pytest

from fitnets_lib import claims
from fitnets_lib.errors import BadInput
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.recipes import RECIPES
from fitnets_lib.settings import PRESETS
from fitnets_lib.trials import Claim, Comparison, Count, Quantity, Scale, evidence

# As they were fixed before any run, with the scales that can decide them.
FIXED: dict[str, tuple[Scale, ...]] = {
    "T1": ("jpeg", "GPU"), "T2": ("GPU",), "T3": ("GPU",), "T4a": ("MNIST",), "T4b": ("MNIST",), "T4c": ("MNIST",),
    "A1": ("embedded", "GPU"), "A2": ("embedded", "GPU"), "A3": ("counts",), "T5a": ("counts",), "T5b": ("counts",),
    "T5c": ("counts", "jpeg", "GPU"), "T5d": ("counts", "GPU"), "T5e": ("GPU",), "T5f": ("embedded", "GPU"),
    "R1": ("counts",), "R2": ("embedded", "jpeg"), "R3": ("embedded", "jpeg"), "K1": ("embedded", "MNIST", "jpeg"),
    "K2": ("embedded", "jpeg"), "C1": ("embedded",), "C2": ("embedded",), "C3": ("embedded",),
    "F1": ("embedded", "jpeg"),
    "F2": ("embedded", "jpeg"), "F3": ("embedded", "jpeg"), "F4": ("embedded", "jpeg"), "F5": ("embedded", "jpeg"),
    "F6": ("embedded", "jpeg"), "F7": ("embedded", "jpeg"), "F8": ("embedded", "jpeg"), "D1": ("jpeg", "GPU"),
    "D2": ("jpeg", "GPU"), "D3": ("jpeg", "GPU"), "D4": ("GPU",), "D5": ("jpeg", "GPU"), "D6": ("embedded", "jpeg"),
    "O1": ("embedded",), "O2": ("counts",), "O3": ("embedded", "jpeg"),
}  # fmt: skip


def claim(name: str) -> Claim:
    (found,) = claims.chosen(name)
    return found


def pairs(name: str, scale: Scale) -> list[tuple[object, object]]:
    """Recipes compared, and the bounds."""
    trial = claim(name).trial(scale)
    assert trial is not None
    found: list[tuple[object, object]] = []
    for check in trial.checks:
        assert isinstance(check, Comparison) and isinstance(check.theirs, Quantity)
        found.append((dict(check.ours.where).get("recipe"), dict(check.theirs.where).get("recipe")))
    return found


def test_the_card_has_the_forty_claims_at_the_scales_that_can_decide_them() -> None:
    assert len(FIXED) == 40
    assert {claim.id: tuple(trial.scale for trial in claim.trials) for claim in claims.CLAIMS} == FIXED


def test_every_claim_says_where_it_is_made_and_what_would_confirm_it() -> None:
    for found in claims.CLAIMS:
        assert found.source and len(found.statement) > 15 and found.confirmed
        assert all(trial.checks for trial in found.trials)
        assert (CHECKOUT / "book" / f"{found.chapter}.ipynb").is_file()


def test_what_is_said_to_have_failed_is_held_to_its_rival() -> None:
    for scale in ("embedded", "jpeg"):
        assert pairs("F1", scale) == [("stage-wise labels", "backprop")]
        assert pairs("F2", scale) == [("stage-wise KD", "KD")]
        assert set(pairs("F3", scale)) == {("joint label hint + labels", "backprop")}
        assert pairs("F4", scale) == [("joint label hint + KD", "KD")]
        assert pairs("F5", scale) == [
            ("label hints everywhere", "backprop"),
            ("hint then KD", "label hints everywhere"),
        ]
        assert {rival for _, rival in pairs("F6", scale)} == {"hint then KD"}
        assert pairs("F7", scale) == [("hint then KD", "joint hint + labels")]
        assert pairs("F8", scale) == [("hint then KD", "joint hint + KD")]


def test_the_label_hint_is_tried_at_three_rates() -> None:
    trial = claim("F3").trial("embedded")
    assert trial is not None
    rates = [dict(check.ours.where).get("rate") for check in trial.checks if isinstance(check, Comparison)]
    assert rates == [None, 0.0003, 0.003]  # None is the rate of all other runs, .001


def test_the_recipes_of_the_card_are_those_of_the_library() -> None:
    known = {recipe.name for recipe in RECIPES.values()}
    known |= {"hint then KD, fully connected", "2 hints in turn, then KD", "2 hints at once, then KD"}
    known |= {"easy for a half", "hard only", "mixed"}
    named = {
        dict(quantity.where)["recipe"]
        for found in claims.CLAIMS
        for trial in found.trials
        for check in trial.checks
        if isinstance(check, Comparison)
        for quantity in (check.ours, check.theirs)
        if isinstance(quantity, Quantity) and "recipe" in dict(quantity.where)
    }
    assert named <= known


def test_depth_is_held_to_three_times_chance() -> None:
    trial = claim("D2").trial("jpeg")
    assert trial is not None
    said = {}
    for check in trial.checks:
        assert isinstance(check, Comparison)
        assert check.theirs == 30.0
        said[dict(check.ours.where)["depth"]] = check.above == 0.0
    assert said == {5: True, 7: True, 9: False, 11: False, 13: False}


@pytest.mark.parametrize(
    ("name", "agree"),
    [
        # Table 5: FitNet 3 as printed is 1,503,304 and 323.9M, where 1.6M and 392M are printed.
        ("T5a", [True, True, True, False, True]),
        ("T5b", [True, True, True, False, True]),
        ("T5c", [True]),  # 9,044,360 / 249,576 = 36.24
        ("T5d", [True]),  # 9,044,360 / 861,928 = 10.49, and 9M / 862K = 10.44
        ("A3", [False, False]),  # 13.1 and 3.3 where 15 and 2.5 are printed
        ("O2", [True, True]),
    ],
)
def test_counts_agree_with_the_paper_where_they_should(name: str, agree: list[bool]) -> None:
    trial = claim(name).trial("counts")
    assert trial is not None
    assert [check.agrees for check in trial.checks if isinstance(check, Count)] == agree


def test_regressors_are_counted_for_every_pair_by_hand_for_two() -> None:
    trial = claim("R1").trial("counts")
    assert trial is not None
    found = {check.what.split()[-1]: check.counted for check in trial.checks if isinstance(check, Count)}
    assert found["cifar10/fitnet4"] == "784.0 (48,168,960 and 61,440)"
    # 2 x 2 x 512 from 6 x 6 x 32: 144 weights a pair of channels, the convolution's 5 x 5 has 25.
    assert found["aflw/fitnet1"].startswith("5.8 ")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"statement": "x", "confirmed": "y", "chapter": "z"}, r"claim X = \['source'\]"),
        ({"source": "s", "statement": "x", "confirmed": "y", "chapter": "z", "moon": []}, "claim X = 'moon': a scale"),
        (
            {"source": "s", "statement": "x", "confirmed": "y", "chapter": "z", "counts": "sheep"},
            "claim X, counts = 'sheep'",
        ),
        (
            {"source": "s", "statement": "x", "confirmed": "y", "chapter": "z", "jpeg": [{"sheet": "t"}]},
            r"jpeg = \['sheet'\]: keys out of",
        ),
        (
            {"source": "s", "statement": "x", "confirmed": "y", "chapter": "z", "jpeg": [{"table": "t"}]},
            "a table and a bound",
        ),
    ],
)
def test_a_claim_that_cannot_be_read_is_refused_by_name(said: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        claims.parse("X", said)


def test_an_unknown_id_is_refused() -> None:
    with pytest.raises(BadInput, match="claim = 'F9': one of T1, T2"):
        claims.chosen("F9")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_trial_can_be_judged_whatever_evidence_is_there(preset: str) -> None:
    for found in claims.CLAIMS:
        for trial in found.trials:
            assert trial.verdict(evidence(trial.folder or preset)) in (
                "reproduced", "not reproduced", "inconclusive", "not run",
            )  # fmt: skip


def test_a_claim_that_this_book_does_not_reproduce_says_what_is_known_of_the_reason() -> None:
    for found in claims.CLAIMS:
        for trial in found.trials:
            if trial.verdict(evidence(trial.folder or "embedded")) == "not reproduced":
                assert len(found.remark.split()) > 4, (found.id, trial.scale)
