"""Rules for first weights: the paper's and torch's, and those that came around the paper and after it.

A start draws weights for any module, a student or a head, and may then fit a student's weights to a few images. The
rules that scale weights keep the size of the signal from layer to layer; for that they need to know what a maxout over
k pieces does to it, which `second_moment` computes.
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
        """Draws all weights of `module` in place, from random numbers on the CPU; norms go to their first state."""
        raise NotImplementedError

    def fit(self, student: nn.Sequential, images: Tensor) -> None:
        """Fits the drawn weights of `student` to `images`, in place; most rules need none and do nothing."""


@dataclass(frozen=True)
class Uniform(Start):
    """U(-spread, spread) with biases at 0, as in the paper; None is torch's default rule, biases too."""

    spread: float | None

    def draw(self, module: nn.Module, random: torch.Generator) -> None:
        """Draws all weights of `module` in place."""
        initialise(module, self.spread, random)


@dataclass(frozen=True)
class Scaled(Start):
    """Normal weights whose variance keeps the signal's second moment in every layer; biases start at 0.

    With m the second moment of a layer's output for normal pieces of variance 1 (`second_moment`), the variance is
    1 / (m fan), where fan is, with the paper whose rule it is,

    - "in", the inputs of a unit: what goes up keeps its size (He et al., 2015, who have m = 1/2, a ReLU's);
    - "mean", the mean of the inputs of a unit and of the outputs that an input reaches: a middle way between going
      up and coming down (Glorot and Bengio, 2010, who have m = 1, and uniform weights). Of a maxout's pieces only one
      sends a gradient down, so a unit counts as one output.
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
        """Of each of the weights of `layer`."""
        outputs, *inputs = layer.linear.weight.shape
        fan_in = torch.Size(inputs).numel()
        fan_out = outputs // layer.pieces * torch.Size(inputs[1:]).numel()
        fan = fan_in if self.fan == "in" else (fan_in + fan_out) / 2
        return 1.0 / (fan * second_moment(layer.pieces, isinstance(layer.activation, nn.ReLU)))


HE = Scaled("in")
GLOROT = Scaled("mean")


@dataclass(frozen=True)
class LayerSequential(Start):
    """LSUV (Mishkin and Matas, 2016): orthonormal weights, then one layer after the other is given variance 1.

    What has variance 1, over the images, the places and the pieces, is what a layer's linear map gives, before the
    maxout, as in their paper. Biases are 0, so one division does it exactly, where they repeat it up to a tolerance.
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
            BadInput: if some layer gives the same number for everything.
        """
        student.eval()  # norms stay in their first state, which changes nothing
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

    It is 1 for one piece, since nothing happens, and for two, since the larger and the smaller square add up to the
    sum of both and are alike; 1/2 for a ReLU; above 1 for three pieces and more.
    """
    from scipy import integrate, stats  # takes most of a second to import, and few starts need it

    def integrand(h: float) -> float:
        density: float = pieces * stats.norm.pdf(h) * stats.norm.cdf(h) ** (pieces - 1)
        return h**2 * density

    found, _ = integrate.quad(integrand, 0.0 if relu else -np.inf, np.inf)
    return float(found)
