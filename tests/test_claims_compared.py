"""Which runs each claim of the score card compares, in which column and in which direction, written out by hand."""

from __future__ import annotations

from typing import Any

from fitnets_lib.trials import Comparison, Quantity
from tests.test_claims import FIXED, claim

HINTS, TWO, SECOND = (
    "hint then KD",
    ("2 hints in turn, then KD", "2 hints at once, then KD"),
    "hint then KD, second teacher",
)
JOINT = ("joint hint + labels", "joint hint + KD")
FITNET, TEACHER = "mnist/fitnet", {"mnist/teacher", "backprop"}
BY_DEPTH = (5, 7, 9, 11, 13)

SIDES: dict[tuple[str, str], tuple[str, list[tuple[Any, Any]]]] = {
    ("T1", "jpeg"): ("paper-teacher-cores", [({"cifar10/fitnet4", HINTS}, {"cifar10/teacher", "backprop"})]),
    ("T1", "GPU"): ("table1", [({"cifar10/fitnet4", HINTS}, {"cifar10/teacher", "backprop"})]),
    ("T2", "GPU"): ("table2", [({"cifar100/fitnet4", HINTS}, {"cifar100/teacher", "backprop"})]),
    ("T3", "GPU"): ("table3", [({"svhn/fitnet-by-text", HINTS}, {"svhn/teacher", "backprop"})]),
    ("T4a", "MNIST"): ("table4-paper-start", [({FITNET, "KD"}, {FITNET, "backprop"})]),
    ("T4b", "MNIST"): ("table4-paper-start", [({FITNET, HINTS}, {FITNET, "KD"})]),
    ("T4c", "MNIST"): ("table4-paper-start", [({FITNET, HINTS}, TEACHER)]),
    ("A1", "embedded"): (
        "faces_runs",
        [
            ({"faces/fitnet1", HINTS}, {"faces/fitnet1", "KD"}),
            ({"faces/fitnet1", HINTS}, {"faces/teacher", "backprop"}),
        ],
    ),
    ("A1", "GPU"): (
        "aflw",
        [({"aflw/fitnet1", HINTS}, {"aflw/fitnet1", "KD"}), ({"aflw/fitnet1", HINTS}, {"aflw/teacher", "backprop"})],
    ),
    ("A2", "embedded"): ("faces_runs", [({"faces/fitnet2", HINTS}, {"faces/fitnet2", "KD"})]),
    ("A2", "GPU"): ("aflw", [({"aflw/fitnet2", HINTS}, {"aflw/fitnet2", "KD"})]),
    ("T5c", "jpeg"): (
        "paper-teacher-again",
        [({"cifar10/fitnet1", HINTS}, {"cifar10/teacher", "backprop, second training"})],
    ),
    ("T5c", "GPU"): ("table5", [({"cifar10/fitnet1", HINTS}, {"cifar10/teacher", "backprop"})]),
    ("T5d", "GPU"): ("table5", [({"cifar10/fitnet2", HINTS}, {"cifar10/teacher", "backprop"})]),
    ("T5e", "GPU"): ("table5", [({"cifar10/fitnet4", HINTS}, {"cifar10/fitnet3", HINTS})]),
    **{
        ("T5f", scale): (
            "measured_speed",
            [
                ({"fitnet1"}, 13.36), ({"fitnet2"}, 4.64), ({"fitnet3"}, 1.37), ({"fitnet4"}, 1.52),
                ({"fitnet4"}, {"fitnet3"}),
            ],
        )
        for scale in ("embedded", "GPU")
    },
    ("R2", "embedded"): ("regressor_runs", [({11, HINTS}, {11, f"{HINTS}, fully connected"})] * 2),
    ("R3", "embedded"): ("hint_grid", [({11, 2, 6}, {11, 2, 8}), ({11, 2, 6}, {11, 2, 3})]),
    ("R3", "jpeg"): ("guided-layers", [({SECOND}, {f"{HINTS}, 2 to 8"}), ({HINTS}, {f"{HINTS}, 2 to 3"})]),
    ("K1", "embedded"): ("hint_runs", [({5, "KD"}, {5, "backprop"})]),
    ("K1", "MNIST"): ("table4-he-start", [({FITNET, "KD"}, {FITNET, "backprop"})]),
    ("K1", "jpeg"): ("depth-30m", [({5, "KD"}, {5, "backprop"})]),
    ("K2", "embedded"): ("depth_runs", [({11, "KD"}, {11, "backprop"})]),
    ("K2", "jpeg"): ("variants", [({"KD"}, {"backprop"})]),
    ("C1", "embedded"): ("curriculum_confidence", [({"untrained"}, 0.0), ({"trained"}, 0.0)]),
    ("C2", "embedded"): ("curriculum_lambda", [({1}, {4})]),
    ("C3", "embedded"): ("curriculum_shapes", [({"easy for a half"}, {rival}) for rival in ("hard only", "mixed")]),
    **{
        (name, scale): (table, [({*depth, one}, {*depth, other}) for one, other in compared])
        for scale, table, depth in (("embedded", "what_failed_runs", {11}), ("jpeg", "variants", set()))
        for name, compared in {
            "F1": [("stage-wise labels", "backprop")],
            "F2": [("stage-wise KD", "KD")],
            **({"F3": [("joint label hint + labels", "backprop")]} if scale == "jpeg" else {}),
            "F4": [("joint label hint + KD", "KD")],
            "F5": [("label hints everywhere", "backprop"), (HINTS, "label hints everywhere")],
            "F6": [(several, HINTS) for several in TWO],
            "F7": [(HINTS, JOINT[0])],
            "F8": [(HINTS, JOINT[1])],
        }.items()
    },
    **{
        (name, "jpeg"): ("depth-30m", [({depth, recipe}, 30.0) for depth in BY_DEPTH])
        for name, recipe in {"D1": "backprop", "D2": "KD", "D3": HINTS}.items()
    },
    **{
        (name, "GPU"): ("depth-30m", [({depth, recipe}, 30.0) for depth in BY_DEPTH])
        for name, recipe in {"D2": "KD", "D3": HINTS}.items()
    },
    ("D1", "GPU"): (  # the teacher is trained by backprop too, and has five layers
        "depth-30m",
        [({5, "cifar10/depth-30M-5", "backprop"}, 30.0), *(({depth, "backprop"}, 30.0) for depth in BY_DEPTH[1:])],
    ),
    ("D4", "GPU"): ("depth-107m", [({7, HINTS}, {7, "backprop"})]),
    ("D5", "jpeg"): ("depth-30m", [({11, HINTS}, {5, HINTS})]),
    ("D6", "embedded"): ("regularisation", [({5, HINTS}, {5, rival}) for rival in ("backprop", "KD")]),
    ("D6", "jpeg"): ("regularisation-gaps", [({HINTS}, {rival}) for rival in ("backprop", "KD")]),
    ("O1", "embedded"): ("audit_softening", [(set(), 1.0)]),
    ("O3", "embedded"): (
        "one_stage_runs",
        [({11, equal, HINTS}, {11, equal, joint}) for equal in ("epochs", "cost") for joint in JOINT],
    ),
    ("O3", "jpeg"): (
        "one-stage",
        [*(({HINTS}, {joint}) for joint in JOINT), *(({SECOND}, {f"{joint}, equal cost"}) for joint in JOINT)],
    ),
}  # fmt: skip
"""Of each comparison the table, and the values that choose the runs of both sides, or the number on the other side."""

ELSEWHERE: dict[tuple[str, str], list[tuple[Any, Any]]] = {
    ("F3", "embedded"): [
        (("what_failed_runs", {11, "joint label hint + labels"}), ("what_failed_runs", {11, "backprop"})),
        *(
            (("label_hint_rates", {11, "joint label hint + labels", rate}), ("what_failed_runs", {11, "backprop"}))
            for rate in (0.0003, 0.003)
        ),
    ],
    ("R2", "jpeg"): [
        (("regressors-curves", {1, 15, SECOND}), ("regressors-curves", {1, 15, f"{HINTS}, fully connected"})),
        (("regressors", {SECOND}), ("regressors", {f"{HINTS}, fully connected"})),
    ],
    ("D5", "GPU"): [
        ((table, {11, HINTS}), (table, {5, HINTS})) for table in ("depth-107m", "depth-30m")
    ],
}  # fmt: skip
"""The same where a claim is decided by more than one table."""

COLUMNS: dict[tuple[str, str], list[str]] = {
    ("R2", "embedded"): ["hint loss", "test accuracy"], ("R2", "jpeg"): ["validation loss", "test accuracy"],
    ("C1", "embedded"): ["rank correlation"] * 2, ("C2", "embedded"): ["share of the harder half"],
    ("D6", "embedded"): ["gap"] * 2, ("D6", "jpeg"): ["gap"] * 2, ("O1", "embedded"): ["temperature of the student"],
    ("T5f", "embedded"): ["times faster"] * 5, ("T5f", "GPU"): ["times faster"] * 5,
}  # fmt: skip
"""What is compared where it is not the test accuracy."""


def test_every_comparison_is_of_the_runs_and_the_column_that_the_claim_names_and_in_its_direction() -> None:
    sides = dict(ELSEWHERE)
    for key, (table, compared) in SIDES.items():
        sides[key] = [
            ((table, ours), rival if isinstance(rival, float) else (table, rival)) for ours, rival in compared
        ]
    decided = [(name, scale) for name, scales in FIXED.items() for scale in scales if scale != "counts"]
    assert sides.keys() == set(decided)
    for name, scale in decided:
        trial = claim(name).trial(scale)
        assert trial is not None
        checks = [check for check in trial.checks if isinstance(check, Comparison)]
        assert [(chosen(check.ours), chosen(check.theirs)) for check in checks] == sides[name, scale], (name, scale)
        columns = COLUMNS.get((name, scale), ["test accuracy"] * len(checks))
        for check, column in zip(checks, columns, strict=True):
            seed = {"faces_runs": "split", "measured_speed": "turn"}.get(check.ours.table, "seed")
            for side in (check.ours, check.theirs):
                assert isinstance(side, float) or (side.column, side.seed) == (column, seed), (name, scale)


def chosen(side: Quantity | float) -> object:
    return side if isinstance(side, float) else (side.table, set(dict(side.where).values()))
