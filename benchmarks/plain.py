"""The plain loop that the library is measured against: what public implementations of FitNets do at every step.

The teacher runs forward on every batch, all layers of both networks are computed in every stage, tensors are
contiguous and in single precision, maxout is torch's `max` over a view, and the loss is read after every step.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitnets_lib.networks import Conv, Network, build


class MaxPieces(nn.Module):
    """Maxout by `max` over a view."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, z: Tensor) -> Tensor:
        """(batch, units * pieces, ...) to (batch, units, ...)."""
        return z.view(z.shape[0], -1, self.pieces, *z.shape[2:]).max(dim=2)[0]


def network(description: Network) -> nn.ModuleList:
    """The layers of a network, with torch's own modules and the weights that torch draws for the library's modules."""
    layers = nn.ModuleList()
    for ours, layer in zip(build(description), description.layers, strict=True):
        linear = ours.linear
        assert isinstance(linear, nn.Module)
        parts: list[nn.Module] = [linear] if isinstance(layer, Conv) else [nn.Flatten(), linear]
        if layer.pieces > 1:
            parts.append(MaxPieces(layer.pieces))
        if layer.relu:
            parts.append(nn.ReLU())
        if isinstance(layer, Conv) and layer.pool is not None:
            parts.append(nn.MaxPool2d(layer.pool.size, layer.pool.stride, ceil_mode=True))
        layers.append(nn.Sequential(*parts))
    return layers


def maps(layers: nn.ModuleList, images: Tensor) -> list[Tensor]:
    """The output of every layer."""
    found = [images]
    for layer in layers:
        found.append(layer(found[-1]))
    return found[1:]


def kd_loss(a_s: Tensor, a_t: Tensor, labels: Tensor) -> Tensor:
    """KD at temperature 3 and lambda 4."""
    soft = -(F.softmax(a_t / 3, dim=1) * F.log_softmax(a_s / 3, dim=1)).sum(dim=1).mean()
    return F.cross_entropy(a_s, labels) + 4 * soft


def hint_loss(u_h: Tensor, r: Tensor) -> Tensor:
    """Half of the squared distance between hint and regressor output, averaged over the images."""
    return 0.5 * (u_h - r).square().flatten(1).sum(dim=1).mean()


def kd_step(
    teacher: nn.ModuleList, student: nn.ModuleList, optimiser: torch.optim.Optimizer
) -> Callable[[Tensor, Tensor], float]:
    """A step of KD."""

    def step(images: Tensor, labels: Tensor) -> float:
        with torch.no_grad():
            a_t = maps(teacher, images)[-1]
        return descend(kd_loss(maps(student, images)[-1], a_t, labels), optimiser)

    return step


def hint_step(
    teacher: nn.ModuleList,
    student: nn.ModuleList,
    regressor: nn.Module,
    hint: int,
    guided: int,
    optimiser: torch.optim.Optimizer,
) -> Callable[[Tensor, Tensor], float]:
    """A step of hint training; `hint` and `guided` are the numbers of the layers, from 1."""

    def step(images: Tensor, labels: Tensor) -> float:
        with torch.no_grad():
            u_h = maps(teacher, images)[hint - 1]
        return descend(hint_loss(u_h, regressor(maps(student, images)[guided - 1])), optimiser)

    return step


def label_step(student: nn.ModuleList, optimiser: torch.optim.Optimizer) -> Callable[[Tensor, Tensor], float]:
    """A step of plain training on labels."""

    def step(images: Tensor, labels: Tensor) -> float:
        return descend(F.cross_entropy(maps(student, images)[-1], labels), optimiser)

    return step


def descend(loss: Tensor, optimiser: torch.optim.Optimizer) -> float:
    """One step of the optimiser; the value of the loss is read after it, as public loops do."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()
