"""The experiments that take too long for a build, as rows of runs to be recorded (Table 4, section 3.1, section 4).

They were made on two cores, except for the rows that say "on a GPU". The book's status page says what of them is
recorded. A row is made by `python -m fitnets_lib records make <row>`, in any number of sittings.
"""

from __future__ import annotations

from dataclasses import replace

from fitnets_lib import recipes
from fitnets_lib.experiments import student_runs
from fitnets_lib.initialisation import HE
from fitnets_lib.networks import Network
from fitnets_lib.optimisation import PAPER_CIFAR, Training
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.real_settings import (
    ALL_OF_JPEG,
    AT_30M,
    AT_EQUAL_COST,
    JPEG,
    JPEG_STUDENT,
    MNIST_STUDENT,
    NINETEEN_LAYERS,
    RESIDUAL_AT_EQUAL_COST,
    RESIDUAL_STUDENT,
    SEEDS,
    again,
    gpu_teacher,
    jpeg_teacher,
    mnist_teacher,
    papers_teacher,
    residual_teacher,
)
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


def _students(student: Network, compared: tuple[Recipe, ...], training: Training, teacher: Run) -> tuple[Run, ...]:
    """Runs seed by seed, so that a sitting that is cut off leaves whole seeds; each run has the teacher of its seed."""
    firsts = [Run(teacher.data, student, recipe, training, 0, teacher, teacher.device) for recipe in compared]
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


def _of_teachers(teacher: Run, students: tuple[Network, ...], compared: tuple[Recipe, ...]) -> tuple[Run, ...]:
    """Teachers of all seeds, then the students, each with the teacher of its seed."""
    found = [_students(student, compared, JPEG_STUDENT, teacher) for student in students]
    return (*with_seeds(teacher, SEEDS), *(run for runs in found for run in runs))


def _fitnets(*numbers: int) -> tuple[Network, ...]:
    return tuple(NETWORKS[f"cifar10/fitnet{number}"] for number in numbers)


_MNIST_FITNET = NETWORKS["mnist/fitnet"]
_FITNET1, _FITNET4 = _fitnets(1, 4)
_UNGUIDED_AT_30M = tuple(_FITNET1 if one.layers == _FITNET1.layers else one for one in AT_30M)
"""Without hints the net of 11 layers is FitNet 1, which differs in its guided layer only and has been run already."""
_COMPARED = (recipes.BACKPROP, recipes.KD, HINT_THEN_KD)
_PAIRS, _DEEP_PAIRS = [(3, 1), (6, 2)], [(5, 1), (11, 2)]
"""Guided and hint layers for two hints, by FitNet 1 and by 19 layers: maps of 16 x 16, then of 8 x 8 and 7 x 7."""
_VARIANTS = (*recipes.RECIPES.values(), recipes.hints_in_turn(_PAIRS), recipes.hints_at_once(_PAIRS))
_EXAMINED = (*_COMPARED, recipes.STAGEWISE_CLASSIFICATION)
_OTHERS = (
    *(recipe for recipe in recipes.RECIPES.values() if recipe not in _EXAMINED),
    recipes.hints_in_turn(_DEEP_PAIRS),
    recipes.hints_at_once(_DEEP_PAIRS),
)
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
_TRAINED_AGAIN = again(papers_teacher(JPEG, "cpu"))
"""The weights of the first training were not kept, so no other student can be set beside those very teachers."""
_RESIDUAL = (residual_network(20),)
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
        "four of these recipes from He’s first weights, also by a student of 19 layers: whether a recipe fails, or the "
        "paper’s start does; on a GPU",
        (
            gpu_teacher(),
            *_of_one_teacher(
                gpu_teacher(), (_FITNET1, NINETEEN_LAYERS), _EXAMINED, replace(JPEG_STUDENT, start=HE), "cuda"
            ),
        ),
    ),
    Row(
        "variants-low-floor",
        JPEG,
        "the same four from the paper’s first weights with RMSProp’s floor at 1e-8, as on digits, in place of the "
        "released 1e-5",
        _of_one_teacher(jpeg_teacher(), (_FITNET1,), _LOW, replace(JPEG_STUDENT, floor=1e-8)),
    ),
    Row(
        "nineteen-layers",
        JPEG,
        "the same four by a student of 19 layers, as in section 3.1, with the multiplications of FitNet 1; on a GPU",
        _of_one_teacher(jpeg_teacher(), (NINETEEN_LAYERS,), _EXAMINED, JPEG_STUDENT, "cuda"),
    ),
    Row(
        "nineteen-layers-variants",
        JPEG,
        "the student of 19 layers by all other recipes, each seed with a half-width teacher of its own",
        _of_teachers(again(jpeg_teacher()), (NINETEEN_LAYERS,), _OTHERS),
    ),
    Row(
        "nineteen-layers-guided",
        JPEG,
        "the student of 19 layers guided in the middle, as in nineteen-layers, and at layer 14, below the last five",
        _of_one_teacher(jpeg_teacher(), (NINETEEN_LAYERS,), _NINETEEN, JPEG_STUDENT),
    ),
    Row(
        "paper-teacher",
        JPEG,
        "Table 5’s networks: the paper’s own teacher, and FitNets 1 to 4 by hint then KD; on a GPU",
        _of_teachers(papers_teacher(JPEG), _fitnets(1, 2, 3, 4), (HINT_THEN_KD,)),
    ),
    Row(
        "paper-teacher-cores",
        JPEG,
        "Table 1’s networks without a GPU: the paper’s own teacher, and FitNet 4 by hint then KD",
        _of_teachers(papers_teacher(JPEG, "cpu"), _fitnets(4), (HINT_THEN_KD,)),
    ),
    Row(
        "paper-teacher-again",
        JPEG,
        "the teacher of the row before, trained a second time, and FitNet 1 by hint then KD",
        _of_teachers(_TRAINED_AGAIN, _fitnets(1), (HINT_THEN_KD,)),
    ),
    Row(
        "paper-teacher-fitnet4",
        JPEG,
        "FitNet 4 beside the teachers trained a second time: from He’s first weights, and guided at layer 14, with "
        "five layers above",
        (
            *_students(_FITNET4, (HINT_THEN_KD,), replace(JPEG_STUDENT, start=HE), _TRAINED_AGAIN),
            *_students(_FITNET4, _NINETEEN[1:], JPEG_STUDENT, _TRAINED_AGAIN),
        ),
    ),
    Row(
        "all-images",
        ALL_OF_JPEG,
        "Table 5’s networks, all of them, on all 40,000 training images; on a GPU",
        _of_teachers(papers_teacher(ALL_OF_JPEG), _fitnets(1, 2, 3, 4), (HINT_THEN_KD,)),
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
        "regularisation",
        JPEG,
        "section 4.1: those of 5 layers, which all three recipes train, for their gaps at equal training loss",
        _of_one_teacher(jpeg_teacher(), AT_30M[:1], _COMPARED, JPEG_STUDENT),
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
"""Every row but those at the paper's own size (`paper_runs`)."""
