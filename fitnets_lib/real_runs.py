"""The experiments that take too long for a build, as rows of runs to be recorded (Table 4, section 3.1, section 4).

They were made on two cores, except for two rows, for which a GPU was lent. The book's status page says what of them
is recorded. A row is made by `python -m fitnets_lib records make <row>`, in any number of sittings.
"""

from __future__ import annotations

from dataclasses import replace

from fitnets_lib import recipes
from fitnets_lib.augmentation import Augmentation
from fitnets_lib.experiments import student_runs
from fitnets_lib.initialisation import HE
from fitnets_lib.networks import Conv, Network
from fitnets_lib.optimisation import PAPER_CIFAR, PAPER_MNIST, Training
from fitnets_lib.paper_networks import NETWORKS, thin
from fitnets_lib.recipes import (
    HINT_THEN_KD,
    JOINT_HINT_AND_CLASSIFICATION,
    JOINT_HINT_AND_KD,
    Recipe,
    Stage,
    classification,
    hint,
)
from fitnets_lib.records import Row
from fitnets_lib.regressors import fully_connected_regressor
from fitnets_lib.residual import residual_network
from fitnets_lib.runs import Run, with_seeds
from fitnets_lib.terms import Hint

SEEDS = 5

# The paper's optimisation and first weights, U(-.005, .005); 500 epochs and patience of 100 are too much for two cores.
MNIST_STUDENT = replace(PAPER_MNIST, epochs=12, patience=12, precision="bfloat16")  # a seed may begin to learn late
MNIST_TEACHER = Training(epochs=8, patience=8, learning_rate=5e-4, spread=None, precision="bfloat16")

# The copy of CIFAR-10 that was kept as JPEG; two cores can go through 10,000 images of it. The optimisation is the
# paper's, in 30 epochs that the stages of a recipe share, so that recipes are compared at equal steps.
JPEG = "cifar10-jpeg-10000"
JPEG_STUDENT = replace(PAPER_CIFAR, epochs=30, patience=30, each_stage=False, retrain=False, precision="bfloat16")
JPEG_TEACHER = Training(
    epochs=15,
    patience=15,
    learning_rate=2.5e-4,  # at the students' .005 its dense layers do not settle
    spread=None,
    augmentation=Augmentation(flip=True),
    precision="bfloat16",
)

# A pair as later work uses it, trained as is common today, for as many epochs as the others; nothing was tuned.
RESIDUAL_STUDENT = Training(
    epochs=30, patience=30, start=HE, augmentation=Augmentation(flip=True), precision="bfloat16"
)
RESIDUAL_TEACHER = replace(RESIDUAL_STUDENT, epochs=60, patience=60)  # after 15 epochs it had 28 of 100 images right

_WIDE = NETWORKS["cifar10/teacher"]
HALF_TEACHER = replace(
    _WIDE,
    name="half of cifar10/teacher",
    layers=tuple(replace(one, channels=one.channels // 2) if isinstance(one, Conv) else one for one in _WIDE.layers),
)
"""The paper's CIFAR-10 teacher with half as many channels: the whole one takes four times as long."""
THIRTEEN_LAYERS = thin("depth-30M-13 of this book", [[16] * 3, [24, 24, 24, 32], [32, 48, 48, 64]], middle=8)
"""13 layers, as many multiplications as with 11: the paper's text speaks of 13 at 30M, but Table 6 has none."""
NINETEEN_LAYERS = thin("19 layers of this book", [[12] * 4 + [16], [20] * 6, [32] * 5 + [48]], middle=11)
"""As deep as section 3.1's student, in blocks like FitNet 4's, with FitNet 1's multiplications within a thousandth."""
AT_30M = (*(NETWORKS[f"cifar10/depth-30M-{depth}"] for depth in (5, 7, 9, 11)), THIRTEEN_LAYERS)


def jpeg_teacher() -> Run:
    """The one teacher of all students, as in the paper."""
    return Run(JPEG, HALF_TEACHER, recipes.BACKPROP, JPEG_TEACHER, seed=0)


def residual_teacher() -> Run:
    """The one teacher of all residual students."""
    return Run(JPEG, residual_network(56), recipes.BACKPROP, RESIDUAL_TEACHER, seed=0)


def mnist_teacher() -> Run:
    """Table 4's 361K teacher, seed 0, from torch's default first weights; the paper's learned by SGD with momentum."""
    return Run("mnist", NETWORKS["mnist/teacher"], recipes.BACKPROP, MNIST_TEACHER, seed=0)


def _students(student: Network, compared: tuple[Recipe, ...], training: Training, teacher: Run) -> tuple[Run, ...]:
    """Runs seed by seed, so that a sitting that is cut off leaves whole seeds; each run has the teacher of its seed."""
    firsts = [Run(teacher.data, student, recipe, training, 0, teacher) for recipe in compared]
    by_seed = zip(*(with_seeds(first, SEEDS) for first in firsts), strict=True)
    return tuple(run for runs in by_seed for run in runs)


def _guided(name: str, term: Hint) -> Recipe:
    return recipes.guided_by(term, f"{HINT_THEN_KD.name}, {name}")


def _of_one_teacher(
    teacher: Run,
    students: tuple[Network, ...],
    compared: tuple[Recipe, ...],
    training: Training,
    device: str = "cpu",
) -> tuple[Run, ...]:
    """Runs on the teacher's data, seed by seed, all of them with this one teacher."""
    return tuple(
        Run(teacher.data, student, recipe, training, seed, teacher, device)
        for seed in range(SEEDS)
        for student in students
        for recipe in compared
    )


def _of_the_papers_teacher() -> tuple[Run, ...]:
    """Teachers of full width, then their FitNets, each with the teacher of its seed."""
    teacher = Run(JPEG, _WIDE, recipes.BACKPROP, JPEG_TEACHER, seed=0, device="cuda")
    students = [NETWORKS[f"cifar10/fitnet{number}"] for number in (1, 2, 3, 4)]
    firsts = [teacher, *(Run(JPEG, one, HINT_THEN_KD, JPEG_STUDENT, 0, teacher, "cuda") for one in students)]
    return tuple(run for first in firsts for run in with_seeds(first, SEEDS))


_MNIST_FITNET = NETWORKS["mnist/fitnet"]
_FITNET1 = NETWORKS["cifar10/fitnet1"]
_UNGUIDED_AT_30M = tuple(_FITNET1 if one.layers == _FITNET1.layers else one for one in AT_30M)
"""Without hints the net of 11 layers is FitNet 1, which differs in its guided layer only and has been run already."""
_COMPARED = (recipes.BACKPROP, recipes.KD, HINT_THEN_KD)
_PAIRS = [(3, 1), (6, 2)]
"""Guided and hint layers for two hints: both maps are 16 x 16 in the first pair, 8 x 8 and 7 x 7 in the second."""
_VARIANTS = (*recipes.RECIPES.values(), recipes.hints_in_turn(_PAIRS), recipes.hints_at_once(_PAIRS))
_EXAMINED = (*_COMPARED, recipes.STAGEWISE_CLASSIFICATION)
_LOW = tuple(replace(recipe, name=f"{recipe.name}, floor 1e-8") for recipe in _EXAMINED)
_SECOND = _guided("second teacher", Hint())
"""Hint then KD again, beside the teacher of the runs compared with it: the half teacher was trained twice.

The two trainings had one specification and ended with other weights, since their sums were rounded differently.
"""
_REGRESSORS = (_SECOND, _guided("fully connected", Hint(regressor=fully_connected_regressor)))
_LOW_LAYER, _DEEPEST = (_guided(f"2 to {layer}", Hint(guided=layer, hint=2)) for layer in (3, 8))
_GUIDED = (HINT_THEN_KD, _LOW_LAYER, _SECOND, _DEEPEST)
"""The middle of FitNet 1 is layer 6; 3 is the last of its first block, 8 the deepest layer that a hint fits."""
_NINETEEN = (HINT_THEN_KD, _guided("2 to 14", Hint(guided=14, hint=2)))
"""The middle of the 19 layers is layer 11; above layer 14 five are left, as above the middle of FitNet 1."""
_JOINT = (JOINT_HINT_AND_CLASSIFICATION, JOINT_HINT_AND_KD)
_SHORTER = tuple(replace(joint, name=f"{joint.name}, equal cost") for joint in _JOINT)
_WEIGHTED = tuple(
    Recipe(f"{JOINT_HINT_AND_CLASSIFICATION.name}, β = {beta:g}", (Stage("all", beta * hint + classification),))
    for beta in (0.1, 0.01, 0.001)
)
"""The hint weighs less than in `_JOINT`: its loss begins above 1,000 on both data sets, that on the labels at 2.3."""
AT_EQUAL_COST = replace(JPEG_STUDENT, epochs=26)
"""For one stage, which trains all layers in every epoch: as many multiplications as two stages of 15 epochs each."""
_RESIDUAL = (residual_network(20),)
RESIDUAL_AT_EQUAL_COST = replace(RESIDUAL_STUDENT, epochs=25)
"""The same for the residual student."""
ROWS = (
    Row(
        "table4-paper-start",
        "mnist",
        "Table 4: teacher, backprop, KD and hint then KD on MNIST, the paper’s first weights and optimiser",
        (
            *with_seeds(mnist_teacher(), SEEDS),
            *_students(_MNIST_FITNET, _COMPARED, MNIST_STUDENT, mnist_teacher()),
        ),
    ),
    Row(
        "table4-he-start",
        "mnist",
        "the same with He’s first weights for the student",
        _students(_MNIST_FITNET, _COMPARED, replace(MNIST_STUDENT, start=HE), mnist_teacher()),
    ),
    Row(
        "one-stage-mnist",
        "mnist",
        "the field on MNIST: Table 4’s FitNet by hint then KD, and by hint and loss at once at equal steps, "
        "the hint at several weights",
        (
            *_students(_MNIST_FITNET, (HINT_THEN_KD,), MNIST_STUDENT, mnist_teacher()),
            *_students(
                _MNIST_FITNET,
                (*_JOINT, *_WEIGHTED),
                replace(MNIST_STUDENT, epochs=24, patience=24),
                mnist_teacher(),
            ),
        ),
    ),
    Row(
        "half-teacher",
        JPEG,
        "the teacher of the rows below: the paper’s on CIFAR-10 at half its width, on 10,000 images kept as JPEG",
        (jpeg_teacher(),),
    ),
    Row(
        "variants",
        JPEG,
        "section 3.1 and the field: FitNet 1 by every recipe of the library, at equal steps",
        _of_one_teacher(jpeg_teacher(), (_FITNET1,), _VARIANTS, JPEG_STUDENT),
    ),
    Row(
        "variants-he-start",
        JPEG,
        "the same by four recipes from He’s first weights: whether a recipe fails, or the paper’s start does",
        _of_one_teacher(jpeg_teacher(), (_FITNET1,), _EXAMINED, replace(JPEG_STUDENT, start=HE)),
    ),
    Row(
        "variants-low-floor",
        JPEG,
        "the same four with RMSProp’s floor at 1e-8, as on digits, in place of the released 1e-5",
        _of_one_teacher(jpeg_teacher(), (_FITNET1,), _LOW, replace(JPEG_STUDENT, floor=1e-8)),
    ),
    Row(
        "nineteen-layers",
        JPEG,
        "the same four by a student of 19 layers, as in section 3.1, with the multiplications of FitNet 1; on a GPU",
        _of_one_teacher(jpeg_teacher(), (NINETEEN_LAYERS,), _EXAMINED, JPEG_STUDENT, "cuda"),
    ),
    Row(
        "nineteen-layers-guided",
        JPEG,
        "the student of 19 layers guided in the middle, as in the row before, and at layer 14, below the last five",
        _of_one_teacher(jpeg_teacher(), (NINETEEN_LAYERS,), _NINETEEN, JPEG_STUDENT),
    ),
    Row(
        "paper-teacher",
        JPEG,
        "Table 5’s networks: the paper’s own teacher, and FitNets 1 to 4 by hint then KD; on a GPU",
        _of_the_papers_teacher(),
    ),
    Row(
        "depth-30m",
        JPEG,
        "section 4: students of 5 to 13 layers and 30M multiplications by backprop, KD, and hint then KD",
        tuple(
            sorted(
                (
                    *_of_one_teacher(jpeg_teacher(), _UNGUIDED_AT_30M, _COMPARED[:2], JPEG_STUDENT),
                    *_of_one_teacher(jpeg_teacher(), AT_30M, (HINT_THEN_KD,), JPEG_STUDENT),
                ),
                key=lambda run: run.seed,
            )
        ),
    ),
    Row(
        "depth-released-floor",
        "digits",
        "section 4 on digits, as in a build but for RMSProp’s floor, which is that of the released code",
        tuple(
            replace(run, training=replace(run.training, floor=PAPER_CIFAR.floor))
            for run in student_runs((5, 7, 9, 11), _COMPARED, "digits", SEEDS, epochs=40, device="cpu")
        ),
    ),
    Row(
        "regressors",
        JPEG,
        "section 2.2: FitNet 1 by hints through a convolutional and through a fully connected regressor",
        _of_one_teacher(jpeg_teacher(), (_FITNET1,), _REGRESSORS, JPEG_STUDENT),
    ),
    Row(
        "guided-layers",
        JPEG,
        "section 2.2: FitNet 1 guided at a low layer, in the middle, and at the deepest",
        _of_one_teacher(jpeg_teacher(), (_FITNET1,), _GUIDED, JPEG_STUDENT),
    ),
    Row(
        "one-stage",
        JPEG,
        "the field: FitNet 1 by hint then KD, and by hint and loss at once at equal steps and at equal cost, "
        "the hint at several weights",
        (
            *_of_one_teacher(jpeg_teacher(), (_FITNET1,), (HINT_THEN_KD, *_JOINT, _SECOND, *_WEIGHTED), JPEG_STUDENT),
            *_of_one_teacher(jpeg_teacher(), (_FITNET1,), _SHORTER, AT_EQUAL_COST),
        ),
    ),
    Row(
        "residual-pair",
        JPEG,
        "the field: the same by a residual network of 20 layers with one of 56 as its teacher, and by KD alone",
        (
            residual_teacher(),
            *_of_one_teacher(residual_teacher(), _RESIDUAL, (recipes.KD, HINT_THEN_KD, *_JOINT), RESIDUAL_STUDENT),
            *_of_one_teacher(residual_teacher(), _RESIDUAL, _SHORTER, RESIDUAL_AT_EQUAL_COST),
        ),
    ),
)
"""Every row that can be recorded."""
