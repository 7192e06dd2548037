"""The runs that several chapters share, so that each is trained once: digits, one teacher a seed, thin students.

Teacher: torch's default start, half of the epochs. Students: the paper's start, U(-.005, .005), all of the epochs.
"""

from __future__ import annotations

from collections.abc import Iterable

from fitnets_lib.networks import DIGITS_TEACHER, digits_student
from fitnets_lib.optimisation import Training
from fitnets_lib.recipes import BACKPROP, Recipe
from fitnets_lib.runs import Run, with_seeds


def teacher_run(data: str, epochs: int, device: str) -> Run:
    """The teacher of seed 0, trained on labels for half of `epochs`."""
    training = Training(epochs=epochs // 2, patience=epochs, batch=32, spread=None)
    return Run(data, DIGITS_TEACHER, BACKPROP, training, seed=0, device=device)


def student_runs(
    depths: Iterable[int], compared: Iterable[Recipe], data: str, seeds: int, epochs: int, device: str
) -> list[Run]:
    """A run for each depth, recipe and seed, each seed with a teacher of its own."""
    training = Training(epochs=epochs, patience=epochs, batch=32)
    teacher, recipes = teacher_run(data, epochs, device), list(compared)
    firsts = [
        Run(data, digits_student(depth), recipe, training, 0, teacher, device) for depth in depths for recipe in recipes
    ]
    return [run for first in firsts for run in with_seeds(first, seeds)]
