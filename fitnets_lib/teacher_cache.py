"""The teacher's answers to each image: asked for once and looked up, or in every step if views are not enumerable."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from fitnets_lib import files, shelf
from fitnets_lib.augmentation import NONE, Augmentation, Views
from fitnets_lib.data import Split
from fitnets_lib.errors import BadInput
from fitnets_lib.networks import FullyConnected


@dataclass(frozen=True)
class Answers:
    """The teacher's answers to some images, in the images' order.

    Attributes:
        logits: a_T, (n, classes).
        hints: u_h, the feature maps of each hint layer, (n, channels, height, width), by the layer's number.
    """

    logits: Tensor
    hints: dict[int, Tensor]

    def at(self, index: Tensor) -> Answers:
        """The answers to the images of these numbers."""
        return Answers(self.logits[index], {layer: maps[index] for layer, maps in self.hints.items()})


class _InDouble(nn.Module):
    """A fully connected layer that computes in double precision; its input and output are in single."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = copy.deepcopy(layer).double()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layer(x.double())
        return found.float()


def unmoved(teacher: nn.Sequential) -> nn.Sequential:
    """The teacher in eval mode, giving an image the same answer whichever other images are in its batch.

    In single precision a matrix product rounds a row differently at another place in the batch. So fully connected
    layers, the only ones that join images in one product, are computed in double precision.
    """
    layers = [_InDouble(layer) if isinstance(layer, FullyConnected) else layer for layer in teacher]
    return nn.Sequential(*layers).eval()


LARGE = 2**30
"""Answers of more bytes than this are kept in files that are mapped into memory, and stay there for later runs."""


@torch.no_grad()
def ask(
    teacher: nn.Sequential, layers: Iterable[int], images: Tensor, batch: int = 128, folder: Path | None = None
) -> Answers:
    """Shows `images` (n, channels, height, width) to the teacher and keeps what it says.

    Args:
        teacher: the trained network, in eval mode.
        layers: numbers, from 1, of the hint layers whose maps are wanted.
        images: what it is shown.
        batch: images at a time; the last batch is filled up, so that all batches are computed by the same method.
        folder: where answers are kept, each layer's under its number, to be read back; None keeps them in memory.
    """
    wanted = {"logits": len(teacher), **{str(number): number for number in sorted(layers)}}
    found = {name: kept for name in wanted if folder is not None and (kept := shelf.read(folder / name)) is not None}
    missing = {name: number for name, number in wanted.items() if name not in found}
    for start in range(0, len(images), batch) if missing else ():
        some = images[start : start + batch]
        maps = [torch.cat((some, some.new_zeros(batch - len(some), *some.shape[1:])))]
        for layer in teacher[: max(missing.values())]:
            maps.append(layer(maps[-1]))
        for name, number in missing.items():
            answer = maps[number]
            if name not in found:
                found[name] = shelf.room(answer, len(images), None if folder is None else folder / name)
            found[name][start : start + batch] = answer[: len(some)]
    if folder is not None:
        for name in missing:
            shelf.close(folder / name, found[name])
    return Answers(found["logits"], {number: found[name] for name, number in wanted.items() if name != "logits"})


def size(teacher: nn.Sequential, layers: Iterable[int], images: Tensor) -> int:
    """Bytes of the answers to `images`, computed from the answers to a single one."""
    one = ask(teacher, layers, images[:1], batch=1)
    return sum(maps.nbytes for maps in (one.logits, *one.hints.values())) * len(images)


class Teaching(Protocol):
    """What gives the teacher's answers to a batch of images."""

    def __call__(self, index: Tensor, views: Views, images: Tensor) -> Answers:
        """The answers to the images of these numbers in these views; `images` are those views themselves."""


@dataclass(frozen=True)
class Kept:
    """The answers to every image as it is and, where flips are drawn, to every image flipped."""

    plain: Answers
    flipped: Answers | None = None

    def __call__(self, index: Tensor, views: Views, images: Tensor) -> Answers:
        """Looks the answers up."""
        if self.flipped is None:
            return self.plain.at(index)
        plain, flipped = self.plain.at(index), self.flipped.at(index)
        which = views.flipped.to(plain.logits.device)  # views are drawn on the CPU

        def chosen(one: Tensor, other: Tensor) -> Tensor:
            return torch.where(which.view(-1, *[1] * (one.dim() - 1)), other, one)

        hints = {layer: chosen(maps, flipped.hints[layer]) for layer, maps in plain.hints.items()}
        return Answers(chosen(plain.logits, flipped.logits), hints)


@dataclass(frozen=True)
class Live:
    """A teacher, made by `unmoved`, that is asked at every step: for views that cannot be enumerated."""

    teacher: nn.Sequential
    layers: frozenset[int]
    batch: int = 128

    def __call__(self, index: Tensor, views: Views, images: Tensor) -> Answers:
        """Asks the teacher."""
        return ask(self.teacher, self.layers, images, self.batch)


def keep(
    teacher: nn.Sequential,
    layers: frozenset[int],
    images: Tensor,
    augmentation: Augmentation = NONE,
    batch: int = 128,
    folder: Path | None = None,
) -> Kept:
    """Asks the teacher, made by `unmoved`, once about every view of `images`, `batch` at a time.

    Large answers are kept in `folder`, if one is given and the images are not on a GPU. If several processes want
    them, one asks the teacher; the others wait and then read.

    Raises:
        BadInput: if the views of an image cannot be enumerated; use `Live` for those.
    """
    if not augmentation.enumerable:
        raise BadInput("augmentation", augmentation, "one without random cuts: a cache is never approximate")
    if folder is not None and (images.is_cuda or size(teacher, layers, images) <= LARGE):
        folder = None
    plain, flipped = (None if folder is None else folder / view for view in ("plain", "flipped"))
    with nullcontext() if folder is None else files.alone(folder):
        mirrored = ask(teacher, layers, images.flip(3), batch, flipped) if augmentation.flip else None
        return Kept(ask(teacher, layers, images, batch, plain), mirrored)


@dataclass(frozen=True)
class Lesson:
    """Images with their labels and, where there is a teacher, with what gives its answers to them."""

    split: Split
    teaching: Teaching | None
    augmentation: Augmentation = NONE

    def batches(
        self, size: int, order: Tensor, random: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor, Answers | None]]:
        """Images, labels and the teacher's answers, `size` at a time in the given order, in random views."""
        for index in order.split(size):
            views = self.augmentation.draw(len(index), random)
            images = self.augmentation(self.split.images[index], views)
            answers = None if self.teaching is None else self.teaching(index, views, images)
            yield images, self.split.labels[index], answers
