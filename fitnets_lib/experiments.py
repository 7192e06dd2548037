"""The runs that several chapters share, so that each is trained once: one teacher a seed, and thin students.

A `Scale` says what is trained on a data set. On digits the teacher has torch's default start and half of the epochs,
the students have the paper's start, U(-.005, .005), and all epochs. On CIFAR-10 all learn as `_papers` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from fitnets_lib.errors import BadInput
from fitnets_lib.networks import DIGITS_TEACHER, Network, digits_student
from fitnets_lib.optimisation import PAPER_CIFAR, Training
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.recipes import BACKPROP, Recipe
from fitnets_lib.runs import Run, with_seeds


@dataclass(frozen=True)
class Scale:
    """What chapters train on a data set.

    Attributes:
        teacher: wide and shallow.
        student: gives the thin student of the number of layers asked for.
        teaching: how the teacher learns, given the epochs of a chapter.
        learning: how the students learn, given the same epochs; they get all of them, shared out among the stages.
    """

    teacher: Network
    student: Callable[[int], Network]
    teaching: Callable[[int], Training]
    learning: Callable[[int], Training]


_CIFAR_STUDENTS = {
    **{depth: f"cifar10/depth-30M-{depth}" for depth in (5, 7, 9)},
    11: "cifar10/fitnet1",  # its widths are those of the depth study's student of 11 layers
    13: "cifar10/fitnet3",
    19: "cifar10/fitnet4",
}


def cifar_student(depth: int) -> Network:
    """The paper's student of `depth` layers: up to 11 one of 30M multiplications, then FitNet 3 or 4 (Tables 5, 6).

    Raises:
        BadInput: if the paper has none of that depth.
    """
    if type(depth) is not int or depth not in _CIFAR_STUDENTS:
        raise BadInput("depth", depth, f"one of the paper's on CIFAR-10: {', '.join(map(str, _CIFAR_STUDENTS))} layers")
    return NETWORKS[_CIFAR_STUDENTS[depth]]


def _papers(epochs: int) -> Training:
    """As in A.1.2, but with a patience of a tenth of all epochs, and without training once more on all images."""
    return replace(PAPER_CIFAR, epochs=epochs, patience=max(1, epochs // 10), each_stage=False, retrain=False)


DIGITS = Scale(
    DIGITS_TEACHER,
    digits_student,
    teaching=lambda epochs: Training(epochs=epochs // 2, patience=epochs, batch=32, spread=None),
    learning=lambda epochs: Training(epochs=epochs, patience=epochs, batch=32),
)
CIFAR = Scale(
    NETWORKS["cifar10/teacher"], cifar_student, teaching=lambda epochs: _papers(epochs // 2), learning=_papers
)
SCALES: dict[str, Scale] = {"digits": DIGITS, "cifar10": CIFAR, "cifar10-jpeg": CIFAR, "cifar10-jpeg-10000": CIFAR}
"""The data sets that chapters can be executed with, and what they train on each."""


def teacher_run(data: str, epochs: int, device: str) -> Run:
    """The teacher of seed 0, trained on labels for half of `epochs`."""
    scale = SCALES[data]
    return Run(data, scale.teacher, BACKPROP, scale.teaching(epochs), seed=0, device=device)


def student_runs(
    depths: Iterable[int], compared: Iterable[Recipe], data: str, seeds: int, epochs: int, device: str
) -> list[Run]:
    """A run for each depth, recipe and seed, each seed with a teacher of its own."""
    scale, teacher, recipes = SCALES[data], teacher_run(data, epochs, device), list(compared)
    training = scale.learning(epochs)
    firsts = [
        Run(data, scale.student(depth), recipe, training, 0, teacher, device) for depth in depths for recipe in recipes
    ]
    return [run for first in firsts for run in with_seeds(first, seeds)]
