"""The paper's experiments at its own sizes, as rows of runs to be recorded on a GPU (Tables 1 to 3 and 5, 3.4, 4).

None of them has been run; they are here so that one command can make each row. Students are trained as the paper says,
but for AFLW (`AFLW`) and for CIFAR-100, whose epochs are found on held-out images of its own, not on CIFAR-10's.
The paper's teachers were trained by SGD with momentum and dropout (A.1 to A.4). Ours learn as their students do, by
RMSProp without dropout, so their errors may differ from the printed ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from fitnets_lib import real_runs, real_settings
from fitnets_lib.augmentation import NONE
from fitnets_lib.networks import Network
from fitnets_lib.optimisation import PAPER_CIFAR, Training
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, KD, Recipe, guided_by
from fitnets_lib.records import Row
from fitnets_lib.runs import Run, with_seeds
from fitnets_lib.terms import Hint

DEPTH = replace(PAPER_CIFAR, retrain=False)
"""Section 4: stopped early on validation images, and not trained again on all."""
SVHN = replace(PAPER_CIFAR, retrain=False, augmentation=NONE)
"""As on CIFAR-10, but not trained again on all images, and without flips: a flipped digit is none (A.3)."""
AFLW = Training(epochs=500, patience=500, learning_rate=1e-3, spread=0.05, each_stage=True)
"""Appendix A.4, whose optimiser was SGD with momentum .1 to .9; this is RMSProp."""
HIGHER_HINT_THEN_KD = guided_by(Hint(hint=3))
"""For SVHN, whose layers the paper does not name: the teacher's second map would be larger than any guided one."""


_IN_DEPTH = (BACKPROP, KD, HINT_THEN_KD)


def _row(
    name: str,
    data: str,
    about: str,
    training: Training,
    students: Iterable[Network],
    compared: Sequence[Recipe] = (HINT_THEN_KD,),
    students_training: Training | None = None,
) -> Row:
    """A row of all seeds: the teachers, then each student by each of the recipes, trained as they unless said."""
    teacher = Run(data, NETWORKS[f"{data}/teacher"], BACKPROP, training, seed=0, device="cuda")
    own = students_training or training
    firsts = [teacher, *(Run(data, s, recipe, own, 0, teacher, "cuda") for s in students for recipe in compared)]
    return Row(name, data, about, tuple(run for first in firsts for run in with_seeds(first, real_settings.SEEDS)))


def _networks(*names: str) -> tuple[Network, ...]:
    return tuple(NETWORKS[name] for name in names)


ROWS = (
    _row(
        "table1",
        "cifar10",
        "Table 1: FitNet 4 and its teacher on CIFAR-10",
        PAPER_CIFAR,
        _networks("cifar10/fitnet4"),
    ),
    _row(
        "table2",
        "cifar100",
        "Table 2: FitNet 4 and its teacher on CIFAR-100",
        PAPER_CIFAR,
        _networks("cifar100/fitnet4"),
    ),
    _row(
        "table3",
        "svhn",
        "Table 3: the FitNet and its teacher on SVHN",
        SVHN,
        _networks("svhn/fitnet-by-text"),
        (HIGHER_HINT_THEN_KD,),
    ),
    _row(
        "table5",
        "cifar10",
        "Table 5: FitNets 1 to 4 and their teacher on CIFAR-10",
        PAPER_CIFAR,
        _networks(*(f"cifar10/fitnet{number}" for number in (1, 2, 3, 4))),
    ),
    _row(
        "aflw",
        "aflw",
        "Section 3.4: FitNets 1 and 2 and their teacher on AFLW, by KD and by hints",
        AFLW,
        _networks("aflw/fitnet1", "aflw/fitnet2"),
        (KD, HINT_THEN_KD),
    ),
    _row(
        "depth-30m",
        "cifar10",
        "Section 4: students of 5 to 13 layers and 30M multiplications on CIFAR-10 by backprop, KD, and hint then KD",
        PAPER_CIFAR,
        real_settings.AT_30M,
        _IN_DEPTH,
        DEPTH,
    ),
    _row(
        "depth-107m",
        "cifar10",
        "Section 4: the same of 5 to 11 layers and 107M multiplications",
        PAPER_CIFAR,
        _networks(*(f"cifar10/depth-107M-{depth}" for depth in (5, 7, 9, 11))),
        _IN_DEPTH,
        DEPTH,
    ),
)
"""Every row at the paper's own size."""

NAMED = {**{row.name: row for row in real_runs.ROWS}, **{f"{row.data}/{row.name}": row for row in ROWS}}
"""Every row that can be recorded, by its name on the command line; those at the paper's own size come last."""
