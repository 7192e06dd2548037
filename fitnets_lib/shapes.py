"""Shapes to tell apart, in an easy and a hard kind, in the manner of Bengio et al. (2009, section 5).

Easy images show squares, circles and equilateral triangles, hard ones rectangles, ellipses and triangles of any form:
the same three classes, in more varied forms. Place, size, angle and both grey levels are random in both.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fitnets_lib.data import Split
from fitnets_lib.errors import BadInput

CLASSES = ("rectangle", "ellipse", "triangle")
SIDE = 32
"""Side of an image in pixels."""


def draw(count: int, easy: bool, random: torch.Generator) -> Split:
    """`count` images of (1, 32, 32) between -1 and 1 with their classes, as numbers into `CLASSES`.

    Raises:
        BadInput: if `count` is under 1.
    """
    if count < 1:
        raise BadInput("count", count, "at least 1 image")

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, 1, 1, generator=random)

    labels = torch.randint(0, len(CLASSES), (count,), generator=random)
    size = uniform(6, 11)
    ratio = torch.ones_like(size) if easy else uniform(0.35, 0.8)
    x, y = _turned(uniform(12, 20), uniform(12, 20), uniform(0, 2 * math.pi))
    wobble, shortest = (0.0, 1.0) if easy else (0.5, 0.5)
    angles = torch.arange(3).view(3, 1, 1) * (2 * math.pi / 3) + uniform(-wobble, wobble, 3)
    lengths = size.unsqueeze(1) * uniform(shortest, 1, 3)
    inside = torch.stack(
        [
            (x.abs() < 0.8 * size) & (y.abs() < 0.8 * size * ratio),
            (x / size).square() + (y / (size * ratio)).square() < 1,
            _in_triangle(x, y, lengths * angles.cos(), lengths * angles.sin()),
        ]
    )
    shown = inside[labels, torch.arange(count)]
    ground, contrast = uniform(-1, 1), uniform(0.5, 1)
    level = torch.where(ground > 0, ground - contrast, ground + contrast)
    return Split(torch.where(shown, level, ground).unsqueeze(1), labels)


def _turned(centre_x: Tensor, centre_y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates of every pixel, (n, 32, 32) each, seen from a shape at this centre, turned by this angle."""
    pixels = torch.arange(SIDE) + 0.5
    x, y = pixels.view(1, 1, -1) - centre_x, pixels.view(1, -1, 1) - centre_y
    return x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()


def _in_triangle(x: Tensor, y: Tensor, corner_x: Tensor, corner_y: Tensor) -> Tensor:
    """Which points lie on the same side of all three edges; corners (n, 3, 1, 1) are in order of their angle."""
    sides = []
    for first, second in ((0, 1), (1, 2), (2, 0)):
        edge_x, edge_y = (c[:, second] - c[:, first] for c in (corner_x, corner_y))
        sides.append(edge_x * (y - corner_y[:, first]) - edge_y * (x - corner_x[:, first]) > 0)
    return torch.stack(sides).all(dim=0)
