"""Maxout over pieces in one pass over memory, and its gradient from one byte kept for each output.

A map with `pieces` linear pieces for each unit is read as (outer, unit, piece, inner). The pieces of a unit lie `inner`
values apart: height times width if pixels are innermost, one if channels are (channels_last). Piece p of output e is
then at (e // inner) * pieces * inner + e % inner + p * inner, whatever the number of units.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from fitnets_lib.kernels.eager import eager, value_alone
from fitnets_lib.maxout import channels_innermost, check_pieces

BLOCK = 1024
"""Outputs that one program computes."""


@triton.jit
def largest_piece(z, outputs, inner, mask, PIECES: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The largest piece of each of `outputs`, in single or double precision, and its number.

    Of equal pieces the first wins; the result is NaN if one piece is NaN.
    """
    base = (outputs // inner) * PIECES * inner + outputs % inner
    wide: tl.constexpr = tl.float64 if z.dtype.element_ty == tl.float64 else tl.float32
    largest = tl.load(z + base, mask=mask, other=0.0).to(wide)
    winner = tl.zeros(outputs.shape, tl.int32)
    for piece in tl.static_range(1, PIECES):
        other = tl.load(z + base + piece * inner, mask=mask, other=0.0).to(wide)
        better = (other > largest) | ((other != other) & (largest == largest))
        largest = tl.where(better, other, largest)
        winner = tl.where(better, piece, winner)
    return largest, winner


@triton.jit
def _forward(z, largest, winner, count, inner, PIECES: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    outputs = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = outputs < count
    value, number = largest_piece(z, outputs, inner, mask, PIECES)
    tl.store(largest + outputs, value.to(largest.dtype.element_ty), mask=mask)
    tl.store(winner + outputs, number.to(tl.uint8), mask=mask)


@triton.jit
def _backward(gradient, winner, found, count, inner, PIECES: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    outputs = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = outputs < count
    value = tl.load(gradient + outputs, mask=mask, other=0.0)
    number = tl.load(winner + outputs, mask=mask, other=0)
    base = (outputs // inner) * PIECES * inner + outputs % inner
    for piece in tl.static_range(PIECES):
        tl.store(found + base + piece * inner, tl.where(number == piece, value, tl.zeros_like(value)), mask=mask)


def dense(z: Tensor, channels_last: bool) -> Tensor:
    """`z` without gaps in memory: channels innermost if `channels_last`, else pixels."""
    return z.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def inner_size(z: Tensor, channels_last: bool) -> int:
    """How far apart in memory the pieces of one unit are."""
    return 1 if channels_last else z[0, 0].numel() if z.dim() > 2 else 1


def like(z: Tensor, units: int, dtype: torch.dtype, channels_last: bool) -> Tensor:
    """An empty map with `units` channels and otherwise the shape of `z`, laid out as asked."""
    format_ = torch.channels_last if channels_last else torch.contiguous_format
    return torch.empty((z.shape[0], units, *z.shape[2:]), dtype=dtype, device=z.device, memory_format=format_)


def programs(count: int) -> tuple[int]:
    """How many programs compute `count` outputs."""
    return (triton.cdiv(count, BLOCK),)


def _forwards(z: Tensor, pieces: int) -> tuple[Tensor, Tensor]:
    channels_last = channels_innermost(z)
    z, units = dense(z, channels_last), z.shape[1] // pieces
    largest, winner = (like(z, units, dtype, channels_last) for dtype in (z.dtype, torch.uint8))
    if count := largest.numel():
        inner = inner_size(z, channels_last)
        _forward[programs(count)](z, largest, winner, count, inner, PIECES=pieces, BLOCK=BLOCK)
    return largest, winner


_maxout = torch.library.custom_op("fitnets::maxout", _forwards, mutates_args=())


@_maxout.register_fake
def _(z: Tensor, pieces: int) -> tuple[Tensor, Tensor]:
    channels_last, units = channels_innermost(z), z.shape[1] // pieces
    return like(z, units, z.dtype, channels_last), like(z, units, torch.uint8, channels_last)


def _backwards(gradient: Tensor, winner: Tensor, pieces: int) -> Tensor:
    channels_last = channels_innermost(winner)
    gradient = dense(gradient, channels_last)
    found = like(winner, winner.shape[1] * pieces, gradient.dtype, channels_last)
    if count := winner.numel():
        inner = inner_size(winner, channels_last)
        _backward[programs(count)](gradient, winner, found, count, inner, PIECES=pieces, BLOCK=BLOCK)
    return found


_maxout_backward = torch.library.custom_op("fitnets::maxout_backward", _backwards, mutates_args=())


@_maxout_backward.register_fake
def _(gradient: Tensor, winner: Tensor, pieces: int) -> Tensor:
    return like(winner, winner.shape[1] * pieces, gradient.dtype, channels_innermost(winner))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:  # noqa: ANN401
    ctx.pieces = inputs[1]
    ctx.save_for_backward(output[1])


def _gradient(
    backwards: Callable[..., Tensor],
    ctx: Any,  # noqa: ANN401
    largest: Tensor,
    *unused: Tensor,
) -> tuple[Tensor, None]:
    return backwards(largest, *ctx.saved_tensors, ctx.pieces), None


_maxout.register_autograd(functools.partial(_gradient, _maxout_backward), setup_context=value_alone(_keep))
_eager = eager(_forwards, _keep, functools.partial(_gradient, _backwards))


def maxout(z: Tensor, pieces: int) -> Tensor:
    """`fitnets_lib.maxout.maxout` as one kernel: (batch, units * pieces, ...) to (batch, units, ...).

    Raises:
        ValueError: if the channels cannot be shared out among units.
    """
    check_pieces(z.shape[1], pieces)
    largest: Tensor = _maxout(z, pieces)[0] if torch.compiler.is_compiling() else _eager(z, pieces)
    return largest
