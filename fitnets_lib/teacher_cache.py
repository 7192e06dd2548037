"""What the teacher says of each image, asked once and then looked up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fitnets_lib.data import Split


@dataclass(frozen=True)
class Answers:
    """The teacher's answers to some images, in the images' order.

    Attributes:
        logits: a_T, (n, classes).
        hints: by the number of the hint layer, u_h, its feature maps, (n, channels, height, width).
    """

    logits: Tensor
    hints: dict[int, Tensor]

    def at(self, index: Tensor) -> Answers:
        """The answers to the images of these numbers."""
        return Answers(self.logits[index], {layer: maps[index] for layer, maps in self.hints.items()})


@torch.no_grad()
def ask(teacher: nn.Sequential, layers: Iterable[int], images: Tensor, batch: int = 1024) -> Answers:
    """Shows `images` (n, channels, height, width) to the teacher, in eval mode, and keeps what it says.

    Args:
        teacher: the trained network.
        layers: numbers, from 1, of the hint layers whose maps are wanted.
        images: unaugmented images; a random augmentation would need an answer for every view.
        batch: images at a time.
    """
    teacher.eval()
    wanted = sorted(layers)
    logits: list[Tensor] = []
    hints: dict[int, list[Tensor]] = {number: [] for number in wanted}
    for some in images.split(batch):
        here = some
        for number, layer in enumerate(teacher, start=1):
            here = layer(here)
            if number in hints:
                hints[number].append(here)
        logits.append(here)
    return Answers(torch.cat(logits), {number: torch.cat(maps) for number, maps in hints.items()})


@dataclass(frozen=True)
class Lesson:
    """Images with their labels and, where there is a teacher, with what it says of them."""

    split: Split
    answers: Answers | None

    def batches(self, size: int, order: Tensor) -> Iterator[tuple[Tensor, Tensor, Answers | None]]:
        """Images, labels and the teacher's answers, `size` at a time in the given order."""
        for index in order.split(size):
            answers = None if self.answers is None else self.answers.at(index)
            yield self.split.images[index], self.split.labels[index], answers

    def with_more(self, other: Lesson) -> Lesson:
        """This lesson followed by another one."""
        images = torch.cat((self.split.images, other.split.images))
        labels = torch.cat((self.split.labels, other.split.labels))
        if self.answers is None or other.answers is None:
            return Lesson(Split(images, labels), None)
        hints = {layer: torch.cat((maps, other.answers.hints[layer])) for layer, maps in self.answers.hints.items()}
        return Lesson(Split(images, labels), Answers(torch.cat((self.answers.logits, other.answers.logits)), hints))
