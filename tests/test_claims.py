from __future__ import annotations

from math import inf
from types import SimpleNamespace

import pytest

from fitnets_lib import claims, records
from fitnets_lib.complexity import cost
from fitnets_lib.errors import BadInput
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.paper_runs import NAMED
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.recipes import RECIPES
from fitnets_lib.settings import PRESETS
from fitnets_lib.terms import Distillation, Hint
from fitnets_lib.trials import Claim, Comparison, Count, Quantity, Scale, Trial, evidence

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


WORDS = {"source": "s", "statement": "x", "confirmed": "y", "chapter": "z"}


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
    known |= {"hint then KD, 2 to 3", "hint then KD, 2 to 8", "hint then KD, second teacher"}
    known |= {"joint hint + labels, equal cost", "joint hint + KD, equal cost", "backprop, second training"}
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


TABLE5 = {
    "cifar10/teacher": ("9,000,000", "725,000,000"),
    "cifar10/fitnet1": ("250,000", "30,000,000"),
    "cifar10/fitnet2": ("862,000", "108,000,000"),
    "cifar10/fitnet3-as-printed": ("1,600,000", "392,000,000"),
    "cifar10/fitnet4": ("2,500,000", "382,000,000"),
}
"""Parameters and multiplications as they are printed."""


def checks(name: str) -> tuple[object, ...]:
    trial = claim(name).trial("counts")
    assert trial is not None and trial.folder is None
    return trial.checks


@pytest.mark.parametrize(("name", "which", "what"), [("T5a", 0, "parameters"), ("T5b", 1, "multiplications")])
def test_table_5_comes_out_but_for_fitnet_3_as_printed(name: str, which: int, what: str) -> None:
    # It has 1,503,304 parameters and 323.9M multiplications, where 1.6M and 392M are printed.
    assert checks(name) == tuple(
        Count(
            f"{what}, {network}",
            f"{getattr(cost(NETWORKS[network]), what):,}",
            f"about {printed[which]}",
            network != "cifar10/fitnet3-as-printed",
        )
        for network, printed in TABLE5.items()
    )
    contradicted = f"{what}, cifar10/fitnet3-as-printed"
    counted = getattr(cost(NETWORKS["cifar10/fitnet3-as-printed"]), what)
    printed = TABLE5["cifar10/fitnet3-as-printed"][which]
    assert Count(contradicted, f"{counted:,}", f"not {printed}", True) in checks("O2")
    assert len(checks("O2")) == 2


def test_students_are_as_many_times_smaller_as_said_and_those_for_faces_are_not() -> None:
    # 9,044,360 / 249,576 = 36.24; 9,044,360 / 861,928 = 10.49, and 9M / 862K = 10.44.
    assert checks("T5c") == (Count("times fewer parameters, cifar10/fitnet1", "36.24", "36", True),)
    assert checks("T5d") == (Count("times fewer parameters, cifar10/fitnet2", "10.49", "10.44", True),)
    teacher, *students = (cost(NETWORKS[f"aflw/{n}"]).multiplications for n in ("teacher", "fitnet1", "fitnet2"))
    said = [f"{teacher / student:.2f}" for student in students]
    assert checks("A3") == tuple(
        Count(f"times fewer multiplications, aflw/{name}", counted, printed, False)
        for name, counted, printed in zip(("fitnet1", "fitnet2"), said, ("15", "2.5"), strict=True)
    )


@pytest.mark.parametrize(("said", "agrees"), [(36.59, True), (36.61, False), (35.89, True), (35.87, False)])
def test_a_ratio_agrees_within_one_per_cent(said: float, agrees: bool) -> None:
    # 9,044,360 / 249,576 = 36.2389; over 36.59 it is .99040, over 35.89 1.00972.
    assert claims._times_fewer("cifar10/fitnet1", "parameters", said).agrees is agrees


def test_ten_and_a_half_times_fewer_weights_are_far_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    # Maps of 26 x 26 and 3 x 3 take 26^2 3^2 = 6,084 weights fully connected, and a kernel of 24 x 24, 576: 10.56.
    shapes = {"teacher": SimpleNamespace(middle_shape=(1, 3, 3)), "student": SimpleNamespace(middle_shape=(1, 26, 26))}
    monkeypatch.setattr(claims, "NETWORKS", shapes)
    assert claims._regressor("teacher", "student").agrees


def test_regressors_are_counted_for_every_pair_by_hand_for_two() -> None:
    trial = claim("R1").trial("counts")
    assert trial is not None
    found = {check.what.split()[-1]: check.counted for check in trial.checks if isinstance(check, Count)}
    assert found["cifar10/fitnet4"] == "784.0 (48,168,960 and 61,440)"
    fitnet4 = "times fewer weights, regressor of cifar10/fitnet4"
    assert Count(fitnet4, found["cifar10/fitnet4"], "10 or more", True) in trial.checks
    aflw = "times fewer weights, regressor of aflw/fitnet1"
    assert Count(aflw, found["aflw/fitnet1"], "10 or more", False) in trial.checks
    # 2 x 2 x 512 from 6 x 6 x 32: 144 weights a pair of channels, the convolution's 5 x 5 has 25.
    assert found["aflw/fitnet1"].startswith("5.8 ")


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            {"statement": "x", "confirmed": "y"},
            "claim X = ['source', 'chapter']: a claim has source, statement, confirmed, chapter",
        ),
        ({**WORDS, "moon": []}, "claim X = 'moon': a scale: counts, embedded, MNIST, jpeg, GPU"),
        (
            {**WORDS, "counts": "sheep"},
            "claim X, counts = 'sheep': one of parameters, multiplications, smaller_fitnet1, smaller_fitnet2, "
            "aflw_ratios, regressors, fitnet3_contradiction",
        ),
        (
            {**WORDS, "jpeg": [{"table": "t", "sheet": "t", "above": 0, "leaf": 1}]},
            "claim X, jpeg = ['leaf', 'sheet']: keys out of above, below, column, ours, overlap, seed, table, theirs, "
            "where",
        ),
        (
            {**WORDS, "GPU": {"folder": "svhn", "checks": [{"table": "t"}]}},
            "claim X, GPU = {'table': 't'}: a table and a bound, above or below",
        ),
        ({**WORDS, "jpeg": [{"above": 0}]}, "claim X, jpeg = {'above': 0}: a table and a bound, above or below"),
        *(
            ({**WORDS, scale: given}, f"claim X, {scale} = {given!r}: checks with tables, quantities and bounds")
            for scale, given in (
                ("GPU", {"checks": []}),
                ("GPU", []),
                ("embedded", "text"),
                ("jpeg", [{"above": 0, "ours": "KD", "table": "t"}]),
                ("jpeg", [{"above": "x", "table": "t"}]),
            )
        ),
    ],
)
def test_a_claim_that_cannot_be_read_is_refused_by_name(said: dict[str, object], line: str) -> None:
    with pytest.raises(BadInput) as refused:
        claims.parse("X", said)
    assert str(refused.value) == line


def test_a_claim_is_read_word_by_word() -> None:
    check = {
        "table": "t", "column": "gap", "seed": "split", "where": {"depth": 5}, "above": 0, "below": 2, "overlap": 0.5,
        "ours": {"recipe": "KD"}, "theirs": {"recipe": "backprop", "table": "u"},
    }  # fmt: skip
    least = {"table": "t", "below": 3}
    named = {"table": "t", "below": 3, "theirs": 30}
    said = {**WORDS, "chapter": 7, "jpeg": [least], "MNIST": [named], "embedded": [check, least]}
    plain = Comparison(Quantity("t"), 0.0, below=3.0)
    compared = Comparison(
        Quantity("t", (("depth", 5), ("recipe", "KD")), "gap", "split"),
        Quantity("u", (("depth", 5), ("recipe", "backprop")), "gap", "split"),
        above=0.0,
        below=2.0,
        overlap=0.5,
    )
    trials = (
        Trial("embedded", (compared, plain)),  # from arithmetic to the paper's own sizes, however they are written
        Trial("MNIST", (Comparison(Quantity("t"), 30.0, below=3.0),), "mnist"),
        Trial("jpeg", (plain,), "cifar10-jpeg-10000"),
    )
    assert claims.parse("X", said) == Claim("X", "s", "x", "y", "7", trials, "")
    gpu = {**WORDS, "remark": "r", "GPU": {"folder": "svhn", "checks": [least]}}
    assert claims.parse("X", gpu) == Claim("X", "s", "x", "y", "z", (Trial("GPU", (plain,), "svhn"),), "r")


def test_an_unknown_id_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^claim = 'F9': one of T1, T2, T3, .*, O2, O3$"):
        claims.chosen("T1", "F9")
    assert [found.id for found in claims.chosen("T3", "A1")] == ["T3", "A1"]


@pytest.mark.parametrize("preset", PRESETS)
def test_of_whatever_evidence_is_there_a_verdict_is_one_of_four_and_none_is_an_error(preset: str) -> None:
    for found in claims.CLAIMS:
        for trial in found.trials:
            assert trial.verdict(evidence(trial.folder or preset)) in (
                "reproduced", "not reproduced", "inconclusive", "not run",
            )  # fmt: skip


def test_a_claim_that_this_book_does_not_reproduce_says_what_is_known_of_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FITNETS_HOME", raising=False)  # what the checkout holds
    contradicted = [
        (found, trial.scale)
        for found in claims.CLAIMS
        for trial in found.trials
        if trial.verdict(evidence(trial.folder or "embedded")) == "not reproduced"
    ]
    assert {"counts", "embedded"} <= {scale for _, scale in contradicted}  # there is something to explain
    for found, scale in contradicted:
        assert len(found.remark.split()) > 4, (found.id, scale)


HIGHER, LOWER, NO_BETTER = (0.0, inf), (-inf, 0.0), (-inf, 1.0)
BOUNDS: dict[str, list[tuple[float, float]]] = {
    "T3": [(-0.2, 0.2)], "T5c": [(-2.17, -0.17)], "R2": [LOWER, HIGHER], "R3": [HIGHER, (-1.0, inf)],
    "D1": [HIGHER, *[LOWER] * 4], "D2": [HIGHER, HIGHER, *[LOWER] * 3], "D6": [LOWER], "O1": [(-1e-6, 1e-6)],
    "T5f": [*((-said / 5, said / 5) for said in (13.36, 4.64, 1.37, 1.52)), HIGHER],
    **{key: [NO_BETTER] for key in ("K2", "F1", "F2", "F3", "F4", "F6")},
}  # fmt: skip
"""Of a claim's comparisons in their order, or one for all of them; of all other claims each must be above 0."""


def test_every_bound_is_the_one_that_was_fixed_before_any_run() -> None:
    for found in claims.CLAIMS:
        for trial in found.trials:
            checks = [check for check in trial.checks if isinstance(check, Comparison)]
            fixed = BOUNDS.get(found.id, [HIGHER])
            wanted = fixed * len(checks) if len(fixed) == 1 else fixed
            assert len(checks) in (0, len(wanted)), (found.id, trial.scale)
            for check, bounds in zip(checks, wanted, strict=False):
                assert (check.above, check.below) == pytest.approx(bounds, rel=1e-9), (found.id, trial.scale)
                faces = check.ours.table == "faces_runs"  # 40 patches to test, 120 to train
                assert check.overlap == pytest.approx(40 / 120 if faces else 0, abs=1e-4), (found.id, trial.scale)
                if found.id in ("D1", "D2", "D3"):
                    assert check.theirs == 30.0


def taught(table: str, asked: float | Quantity) -> dict[int, str]:
    """For each seed, the teacher of the runs on the JPEG copy that a quantity is about; none of those at chance.

    Earlier records lack the checksum of the teacher's weights; all of them were made beside one teacher.
    """
    where, found = dict(asked.where) if isinstance(asked, Quantity) else {}, {}
    for run in NAMED[table.removesuffix("-curves").removesuffix("-gaps")].runs:
        terms = [term for stage in run.recipe.stages for _, term in stage.loss.terms]
        depth, asks = len(run.network.layers), any(isinstance(term, Distillation | Hint) for term in terms)
        if asks and run.recipe.name == where.get("recipe") and depth == where.get("depth", depth):
            kept = records.read(run)
            if kept is not None and kept["result"]["test_error"] < 0.89:
                found[run.seed] = kept.get("teacher_weights_sha256", f"first, {kept['provenance']['data_sha256']}")
    return found


def test_what_is_compared_on_the_jpeg_copy_had_one_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FITNETS_HOME", raising=False)  # what the checkout holds
    compared = 0
    for found in claims.CLAIMS:
        for check in (check for trial in found.trials if trial.scale == "jpeg" for check in trial.checks):
            assert isinstance(check, Comparison)
            if check.ours.table.removesuffix("-curves").removesuffix(
                "-gaps"
            ) in NAMED and not check.ours.table.startswith("paper"):
                ours, theirs = taught(check.ours.table, check.ours), taught(check.ours.table, check.theirs)
                assert {seed: ours[seed] for seed in ours if seed in theirs} == {
                    seed: theirs[seed] for seed in theirs if seed in ours
                }, (found.id, str(check))
                compared += len(ours.keys() & theirs.keys())
    assert compared >= 5 * 9  # R2 twice, R3, O3 four times, and more: five seeds each
