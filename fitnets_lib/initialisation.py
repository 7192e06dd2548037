"""Rules for first weights: the paper's and torch's, and others from the years around the paper and after it.

A start is such a rule: it draws weights for a module, a student or a head, and may then fit a student's weights to a
few images. Rules that scale weights keep the signal's size from layer to layer; for that they need to know how a maxout
over k pieces changes this size, which `second_moment` computes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Convolution, FullyConnected, initialise
from fitnets_lib.randomness import generator

Layer = Convolution | FullyConnected


class Start:
    """A rule for first weights."""

    def draw(self, module: nn.Module, random: torch.Generator) -> None:
        """Draws all weights of `module` in place, from random numbers on the CPU; norms get their first state."""
        raise NotImplementedError

    def fit(self, student: nn.Sequential, images: Tensor) -> None:
        """Fits the drawn weights of `student` to `images`, in place; most rules need no images and do nothing."""


@dataclass(frozen=True)
class Uniform(Start):
    """U(-spread, spread) with biases at 0, as in the paper; None is torch's default rule, for biases too."""

    spread: float | None

    def draw(self, module: nn.Module, random: torch.Generator) -> None:
        """Draws all weights of `module` in place."""
        initialise(module, self.spread, random)


@dataclass(frozen=True)
class Scaled(Start):
    """Normal weights whose variance keeps the signal's second moment the same in all layers; biases start at 0.

    Let m be the second moment of a layer's output for normal pieces of variance 1 (`second_moment`). The variance is
    1 / (m fan), and fan is one of these (in brackets the paper whose rule it is):

    - "in": how many inputs a unit has; the signal keeps its size (He et al., 2015, who have m = 1/2, that of a ReLU);
    - "mean": the mean of how many inputs a unit has and how many outputs an input reaches, a compromise between signal
      and gradient (Glorot and Bengio, 2010, who have m = 1, and uniform weights). Of a maxout's pieces only one sends
      a gradient down, so a unit counts as one output.
    """

    fan: Literal["in", "mean"] = "in"

    def __str__(self) -> str:
        return {"in": "He", "mean": "Glorot"}[self.fan]

    @torch.no_grad()
    def draw(self, module: nn.Module, random: torch.Generator) -> None:
        """Draws all weights of `module` in place."""
        for layer in _reset(module):
            weight = layer.linear.weight
            normal = torch.empty(weight.shape).normal_(0.0, self.variance(layer) ** 0.5, generator=random)
            weight.copy_(normal)

    def variance(self, layer: Layer) -> float:
        """The variance of each weight of `layer`."""
        outputs, *inputs = layer.linear.weight.shape
        fan_in = torch.Size(inputs).numel()
        fan_out = outputs // layer.pieces * torch.Size(inputs[1:]).numel()
        fan = fan_in if self.fan == "in" else (fan_in + fan_out) / 2
        return 1.0 / (fan * second_moment(layer.pieces, isinstance(layer.activation, nn.ReLU)))


HE = Scaled("in")
GLOROT = Scaled("mean")


@dataclass(frozen=True)
class LayerSequential(Start):
    """LSUV (Mishkin and Matas, 2016): orthonormal weights, then one layer after the other is scaled to variance 1.

    As in their paper, this is the variance, over images, places and pieces, of what a layer's linear map gives, before
    the maxout. As biases are 0, one division makes it exactly 1, where they divide repeatedly up to a tolerance.
    """

    def __str__(self) -> str:
        return "LSUV"

    @torch.no_grad()
    def draw(self, module: nn.Module, random: torch.Generator) -> None:
        """Draws all weights of `module` in place: their rows, or their columns if there are fewer, are orthonormal."""
        for layer in _reset(module):
            weight = layer.linear.weight
            weight.copy_(nn.init.orthogonal_(torch.empty(weight.shape), generator=random))

    @torch.no_grad()
    def fit(self, student: nn.Sequential, images: Tensor) -> None:
        """Divides the weights of each layer, from the image upwards, by the standard deviation of what they give.

        Raises:
            BadInput: if some layer's linear map gives the same number everywhere.
        """
        student.eval()  # norms stay in their first state, in which they change nothing
        for number, layer in enumerate(student, start=1):
            assert isinstance(layer, Layer)
            given = images.flatten(1) if isinstance(layer, FullyConnected) else images
            deviation = float(layer.linear(given).std(correction=0))
            if not deviation > 0:
                raise BadInput(f"deviation after layer {number}", deviation, "above 0: images that differ")
            layer.linear.weight.div_(deviation)
            images = layer(images)


def begin(student: nn.Sequential, start: Start, images: Tensor, batch: int, seed: int, stage: int = 1) -> None:
    """Gives `student` the first weights of a run, in place.

    Args:
        student: what will be trained.
        start: the rule.
        images: the training images, of which a start that fits weights sees the first batch of the first epoch.
        batch: images a step.
        seed: of weights and of the images' order.
        stage: number of the stage that begins with these weights.
    """
    start.draw(student, generator(seed, "student"))
    order = torch.randperm(len(images), generator=generator(seed, "shuffle", stage, 0))
    start.fit(student, images[order[:batch]])


def _reset(module: nn.Module) -> Iterator[Layer]:
    """The layers of `module`, with biases at 0 and norms in their first state, ready to be given weights."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.reset_parameters()
        if isinstance(part, Layer):
            if part.linear.bias is not None:
                part.linear.bias.zero_()
            yield part


@cache
def second_moment(pieces: int, relu: bool = False) -> float:
    """E h^2 of h = max(z_1, ..., z_k), or of its positive part, for independent standard normal pieces z_i.

    It is 1 for one piece, which passes unchanged; 1 for two, since the squares of the larger and of the smaller piece
    have the same mean and add up to z_1^2 + z_2^2; 1/2 for a ReLU; above 1 for three pieces and more.
    """
    from scipy import integrate, stats  # takes most of a second to import, and few starts need it

    def integrand(h: float) -> float:
        density: float = pieces * stats.norm.pdf(h) * stats.norm.cdf(h) ** (pieces - 1)
        return h**2 * density

    found, _ = integrate.quad(integrand, 0.0 if relu else -np.inf, np.inf)
    return float(found)
