"""The experiments on real data, as rows of runs to be recorded (Table 4, section 3.1, section 4).

What they take on two cores, and what of them is recorded, is on the book's status page. A row is made by
`python -m fitnets_lib records make <row>`, in any number of sittings.
"""

from __future__ import annotations

from dataclasses import replace

from fitnets_lib import recipes
from fitnets_lib.initialisation import HE
from fitnets_lib.networks import Network
from fitnets_lib.optimisation import PAPER_MNIST, Training
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.recipes import Recipe
from fitnets_lib.records import Row
from fitnets_lib.runs import Run, with_seeds

SEEDS = 5

# The paper's optimisation and first weights, U(-.005, .005); its 500 epochs and patience of 100 are not for two cores.
MNIST_STUDENT = replace(PAPER_MNIST, epochs=12, patience=4, precision="bfloat16")
MNIST_TEACHER = Training(epochs=8, patience=8, learning_rate=5e-4, spread=None, precision="bfloat16")


def mnist_teacher() -> Run:
    """Table 4's 361K teacher, seed 0, from torch's default first weights; the paper's learned by SGD with momentum."""
    return Run("mnist", NETWORKS["mnist/teacher"], recipes.BACKPROP, MNIST_TEACHER, seed=0)


def _students(
    data: str, student: Network, compared: tuple[Recipe, ...], training: Training, teacher: Run, seeds: int = SEEDS
) -> tuple[Run, ...]:
    """Seed by seed, so that a sitting that is cut off has whole seeds."""
    firsts = [Run(data, student, recipe, training, 0, teacher) for recipe in compared]
    by_seed = zip(*(with_seeds(first, seeds) for first in firsts), strict=True)
    return tuple(run for runs in by_seed for run in runs)


_COMPARED = (recipes.BACKPROP, recipes.KD, recipes.HINT_THEN_KD)
ROWS = (
    Row(
        "table4-paper-start",
        "mnist",
        "Table 4: teacher, backprop, KD and hint then KD on MNIST, the paper’s first weights and optimiser",
        (
            *with_seeds(mnist_teacher(), SEEDS),
            *_students("mnist", NETWORKS["mnist/fitnet"], _COMPARED, MNIST_STUDENT, mnist_teacher()),
        ),
    ),
    Row(
        "table4-he-start",
        "mnist",
        "the same with He’s first weights for the student",
        _students("mnist", NETWORKS["mnist/fitnet"], _COMPARED, replace(MNIST_STUDENT, start=HE), mnist_teacher()),
    ),
)
"""Every row that can be recorded."""
