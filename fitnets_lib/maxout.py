"""Maxout: the largest of each unit's linear pieces (Goodfellow et al., 2013).

torch's own `max` over the pieces keeps eight bytes an output for the backward pass and scatters the gradient one value
at a time. Here, for each piece but the first, 1 is kept where that piece was the largest and 0 elsewhere, in the map's
type, so that a product needs no conversion; the gradient is written piece by piece. With two pieces, as in the paper,
forward and backward take less than half the time of `max` on a CPU. On a GPU a kernel does each of them in one pass,
for maps that are large enough to gain by it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fitnets_lib import kernels

MOST_PIECES = 256
"""The most linear pieces that a unit may have: on a GPU the number of the largest piece is kept in one byte."""

LARGE = 2**24
"""From so many pre-activations on, a GPU's kernel is worth its call; a smaller map takes plain torch less time.

A kernel is begun in .3 ms or more, plain torch's operations in .15 ms together (an H100, 128 images: the paper's
teacher has 27 million pre-activations in its first layer, FitNet 1 has 4).
"""


def maxout(z: Tensor, pieces: int, by_piece: bool = False) -> Tensor:
    """Largest of each unit's linear pieces, h_i = max_j z_ij.

    Args:
        z: pre-activations, (batch, units * pieces, ...), the pieces of one unit next to each other.
        pieces: linear pieces a unit.
        by_piece: whether in `z` the first pieces of all units come first, then all second ones (`sorted_by_piece`).

    Returns:
        (batch, units, ...). Of equal pieces the first takes the gradient; a piece that is NaN makes its unit NaN.

    Raises:
        ValueError: if the channels cannot be shared out among units.
    """
    if pieces == 1:
        return z
    if z.numel() >= LARGE and kernels.serve(z) and not by_piece:
        from fitnets_lib.kernels.maxout import maxout as kernel

        served: Tensor = kernel(z, pieces)
        return served
    check_pieces(z.shape[1], pieces)
    largest: Tensor = _Maxout.apply(z, pieces, by_piece)
    return largest


def check_pieces(channels: int, pieces: int) -> None:
    """Refuses channels that cannot be shared out among units of so many pieces.

    Raises:
        ValueError: with both numbers.
    """
    if not 1 <= pieces <= MOST_PIECES or channels % pieces:
        units = f"units of {pieces} pieces; a unit has 1 to {MOST_PIECES}"
        raise ValueError(f"{channels} channels cannot be shared out among {units}")


def sorted_by_piece(weights: Tensor, pieces: int) -> Tensor:
    """Weights or biases of units * pieces linear pieces, all first pieces first: if channels are innermost in memory,
    the first pieces computed with them then lie side by side, as do the second ones, and are read at a stretch.
    """
    found: Tensor = weights.unflatten(0, (-1, pieces)).transpose(0, 1).flatten(0, 1)
    return found


def channels_innermost(z: Tensor) -> bool:
    """Whether `z` lies in memory with its channels innermost, and not in torch's default order as well."""
    return z.dim() == 4 and not z.is_contiguous() and z.is_contiguous(memory_format=torch.channels_last)


class _Maxout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, pieces: int, by_piece: bool) -> Tensor:  # noqa: ANN401
        largest: Tensor
        batch, channels, *places = z.shape
        units = channels // pieces
        ctx.place, sizes = (1, (pieces, units)) if by_piece else (2, (units, pieces))
        ctx.split = (batch, *sizes, *places)
        largest, *others = z.view(ctx.split).unbind(ctx.place)
        wins: list[Tensor] = []  # for each piece but the first, where it is the largest
        for other in others:
            better = torch.gt(other, largest, out=torch.empty_like(largest))
            wins = [*(earlier * (1 - better) for earlier in wins), better]
            largest = torch.maximum(largest, other)
        ctx.save_for_backward(*wins)
        ctx.shape, ctx.innermost = z.shape, channels_innermost(z)
        return largest

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        layout = torch.channels_last if ctx.innermost else torch.contiguous_format
        found = torch.empty(ctx.shape, dtype=gradient.dtype, device=gradient.device, memory_format=layout)
        first, *others = found.view(ctx.split).unbind(ctx.place)
        left = gradient
        for won, share in zip(ctx.saved_tensors, others, strict=True):
            torch.mul(gradient, won, out=share)
            left = torch.sub(left, share, out=first)
        return found, None, None
