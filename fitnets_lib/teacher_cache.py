"""What the teacher says of each image, asked once and then looked up."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Answers:
    """The teacher's answers to some images, in the images' order.

    Attributes:
        logits: a_T, (n, classes).
        hint: u_h, the hint layer's feature maps, (n, channels, height, width).
    """

    logits: Tensor
    hint: Tensor


@torch.no_grad()
def ask(teacher: nn.Sequential, middle: int, images: Tensor, batch: int = 1024) -> Answers:
    """Shows `images` (n, channels, height, width) to the teacher, in eval mode, and keeps what it says.

    Args:
        teacher: the trained network.
        middle: number, from 1, of its hint layer.
        images: unaugmented images; a random augmentation would need an answer for every view.
        batch: images at a time.
    """
    teacher.eval()
    logits, hints = [], []
    for some in images.split(batch):
        hint = teacher[:middle](some)
        hints.append(hint)
        logits.append(teacher[middle:](hint))
    return Answers(torch.cat(logits), torch.cat(hints))
