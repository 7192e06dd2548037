"""The networks and the training of the runs on real data: teachers and students on MNIST and on the JPEG copy."""

from __future__ import annotations

from dataclasses import replace

from fitnets_lib import recipes
from fitnets_lib.augmentation import Augmentation
from fitnets_lib.initialisation import HE
from fitnets_lib.networks import Conv
from fitnets_lib.optimisation import PAPER_CIFAR, PAPER_MNIST, Training
from fitnets_lib.paper_networks import NETWORKS, thin
from fitnets_lib.residual import residual_network
from fitnets_lib.runs import Run

SEEDS = 5

# The paper's optimisation and first weights, U(-.005, .005); 500 epochs and patience of 100 are too much for two cores.
MNIST_STUDENT = replace(PAPER_MNIST, epochs=12, patience=12, precision="bfloat16")  # a seed may begin to learn late
MNIST_TEACHER = Training(epochs=8, patience=8, learning_rate=5e-4, spread=None, precision="bfloat16")

# The copy of CIFAR-10 that was kept as JPEG; two cores can go through 10,000 images of it. The optimisation is the
# paper's, in 30 epochs that the stages of a recipe share, so that recipes are compared at equal steps.
JPEG = "cifar10-jpeg-10000"
ALL_OF_JPEG = "cifar10-jpeg"
"""All 40,000 training images, for a GPU."""
JPEG_STUDENT = replace(PAPER_CIFAR, epochs=30, patience=30, each_stage=False, retrain=False, precision="bfloat16")
JPEG_TEACHER = Training(
    epochs=15,
    patience=15,
    learning_rate=2.5e-4,  # at the students' .005 its dense layers do not settle
    spread=None,
    augmentation=Augmentation(flip=True),
    precision="bfloat16",
)

AT_EQUAL_COST = replace(JPEG_STUDENT, epochs=26)
"""For one stage, which trains all layers in every epoch: as many multiplications as two stages of 15 epochs each."""

# A pair as later work uses it, trained as is common today, for as many epochs as the others; nothing was tuned.
RESIDUAL_STUDENT = Training(
    epochs=30, patience=30, start=HE, augmentation=Augmentation(flip=True), precision="bfloat16"
)
RESIDUAL_TEACHER = replace(RESIDUAL_STUDENT, epochs=60, patience=60)  # after 15 epochs it had 28 of 100 images right
RESIDUAL_AT_EQUAL_COST = replace(RESIDUAL_STUDENT, epochs=25)
"""The same for the residual student."""

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


def gpu_teacher() -> Run:
    """The same, trained on a GPU."""
    return replace(jpeg_teacher(), device="cuda")


def papers_teacher(data: str, device: str = "cuda") -> Run:
    """The paper's own teacher on `data`, seed 0."""
    return Run(data, _WIDE, recipes.BACKPROP, JPEG_TEACHER, seed=0, device=device)


def again(teacher: Run) -> Run:
    """The same, trained a second time: another kind of processor rounds sums otherwise, so its weights are others."""
    return replace(teacher, recipe=replace(teacher.recipe, name=f"{teacher.recipe.name}, second training"))


def residual_teacher() -> Run:
    """The one teacher of all residual students."""
    return Run(JPEG, residual_network(56), recipes.BACKPROP, RESIDUAL_TEACHER, seed=0)


def mnist_teacher() -> Run:
    """Table 4's 361K teacher, seed 0, from torch's default first weights; the paper's learned by SGD with momentum."""
    return Run("mnist", NETWORKS["mnist/teacher"], recipes.BACKPROP, MNIST_TEACHER, seed=0)
