"""How a stage is optimised: RMSProp, its learning rates, and the largest lengths of weights (appendix A.1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import torch
from torch import nn

from fitnets_lib.augmentation import NONE, Augmentation
from fitnets_lib.errors import BadInput, flag, number, whole
from fitnets_lib.initialisation import Start, Uniform
from fitnets_lib.precision import Precision
from fitnets_lib.rmsprop import Group, RMSProp


@dataclass(frozen=True)
class MaxNorm:
    """Largest length of the weights that feed one linear piece; longer ones are shrunk to it after every step.

    The defaults are those of the released CIFAR configuration.
    """

    convolutions: float = 0.9
    hidden: float = 1.9
    output: float = 1.9365

    def __post_init__(self) -> None:
        for name in ("convolutions", "hidden", "output"):
            number(getattr(self, name), f"largest norm, {name}", above=True)


@dataclass(frozen=True)
class Training:
    """How the stages of a recipe are optimised: all at the same learning rate, since stage 2 is no fine-tuning.

    Attributes:
        epochs: epochs in all, shared out among the stages of the recipe.
        patience: a stage ends after this many epochs without a gain on the validation images.
        learning_rate: of RMSProp.
        batch: images a step (A.1.2: 128).
        spread: initial weights come from U(-spread, spread); None is torch's default rule (A.1: .005).
        convolution_scale: factor on the learning rate of convolutions.
        floor: what RMSProp adds to its divisor, the root of the mean square; released: 1e-5, the divisor's lower bound.
        max_norm: limits on the lengths of weights, if any.
        each_stage: whether each stage has all `epochs`, as in the paper (500 and 500), instead of a share of them.
        retrain: train again, on training and validation images, each stage for its best number of epochs (A.1.2);
            lambda then falls over these epochs (the released code keeps to its first schedule).
        augmentation: random views of the training images.
        precision: of convolutions and matrix products.
        start: another rule for the first weights, in place of `spread`.
    """

    epochs: int
    patience: int
    learning_rate: float = 1e-3
    batch: int = 128
    spread: float | None = 0.005
    convolution_scale: float = 1.0
    floor: float = 1e-8
    max_norm: MaxNorm | None = None
    each_stage: bool = False
    retrain: bool = False
    augmentation: Augmentation = NONE
    precision: Precision = "float32"
    start: Start | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch"):
            whole(getattr(self, name), name, most=2**20)
        for name in ("learning_rate", "convolution_scale"):
            number(getattr(self, name), name)
        number(self.floor, "floor", above=True)
        if self.spread is not None:
            number(self.spread, "spread")
        for name in ("each_stage", "retrain"):
            flag(getattr(self, name), name)
        kinds = {"max_norm": (MaxNorm, type(None)), "augmentation": (Augmentation,), "start": (Start, type(None))}
        for name, fits in kinds.items():
            if not isinstance(getattr(self, name), fits):
                right = " or ".join(kind.__name__.replace("NoneType", "None") for kind in fits)
                raise BadInput(name, getattr(self, name), right)
        if self.precision not in get_args(Precision):
            raise BadInput("precision", self.precision, " or ".join(get_args(Precision)))

    @property
    def first_weights(self) -> Start:
        """The rule by which students and heads get their first weights."""
        return self.start or Uniform(self.spread)


PAPER_CIFAR = Training(
    epochs=500,
    patience=100,
    learning_rate=0.005,
    convolution_scale=0.05,
    floor=1e-5,
    max_norm=MaxNorm(),
    each_stage=True,
    retrain=True,
    augmentation=Augmentation(flip=True),
)
"""The paper's and the released configuration's choices on CIFAR-10 (A.1.2)."""
PAPER_MNIST = Training(epochs=500, patience=100, learning_rate=0.0005, floor=1e-5, each_stage=True)
"""The paper's choices on MNIST (A.2), with RMSProp, which only the released configuration names."""


def rmsprop(training: Training, student: nn.Module, heads: nn.Module) -> RMSProp:
    """The optimiser of one stage, for what is trained of the student and for the heads.

    Convolutions, also a regressor's, learn at a rate of their own. So do the batch normalisations that follow
    convolutions, since their shift takes the place of a bias.
    """
    layers = [layer for part in (student, heads) for layer in part.modules()]
    scales = {(nn.Conv2d, nn.BatchNorm2d): training.convolution_scale, (nn.Linear, nn.BatchNorm1d): 1.0}
    groups = [
        Group(
            tuple(p for layer in layers if isinstance(layer, kinds) for p in layer.parameters()),
            training.learning_rate * scale,
        )
        for kinds, scale in scales.items()
    ]
    return RMSProp(groups, training.floor)


@torch.no_grad()
def limit_norms(limits: MaxNorm, output: nn.Module, *trained: nn.Module) -> None:
    """Shrinks, in place, the weights of every linear piece in `trained` that are longer than `limits` allow.

    The scale and shift of a batch normalisation have no limit.

    Args:
        limits: the largest lengths.
        output: the student's last layer, which has its own limit; classifiers of label hints count as hidden layers.
        trained: what the stage trains, layers and heads.
    """
    outputs = set(output.modules())
    for layer in (layer for part in trained for layer in part.modules()):
        if isinstance(layer, nn.Conv2d):
            _shrink(layer.weight, limits.convolutions)
        elif isinstance(layer, nn.Linear):
            _shrink(layer.weight, limits.output if layer in outputs else limits.hidden)


def _shrink(weight: torch.Tensor, limit: float) -> None:
    lengths = weight.flatten(1).norm(dim=1).clamp(min=limit)
    weight.mul_((limit / lengths).view(-1, *[1] * (weight.dim() - 1)))
