"""The hint loss (equation 3) fused with the regressor's maxout: the regressed map is never written to memory."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from fitnets_lib.kernels.eager import eager, value_alone, wider
from fitnets_lib.kernels.maxout import BLOCK, dense, inner_size, largest_piece, like, programs
from fitnets_lib.maxout import channels_innermost, check_pieces


@triton.jit
def _forward(z, hint, partial, difference, winner, count, inner, PIECES: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Half the squared differences, summed over a block, with what the backward pass needs."""
    outputs = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = outputs < count
    value, number = largest_piece(z, outputs, inner, mask, PIECES)
    wide = partial.dtype.element_ty
    target = tl.load(hint + outputs, mask=mask, other=0.0)
    gap = tl.where(mask, value - target.to(wide), 0.0)
    tl.store(difference + outputs, gap, mask=mask)
    tl.store(winner + outputs, number.to(tl.uint8), mask=mask)
    tl.store(partial + tl.program_id(0), 0.5 * tl.sum(gap * gap))


@triton.jit
def _backward(difference, winner, scale, found, count, inner, PIECES: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    outputs = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = outputs < count
    value = tl.load(difference + outputs, mask=mask, other=0.0) * tl.load(scale)
    number = tl.load(winner + outputs, mask=mask, other=0)
    base = (outputs // inner) * PIECES * inner + outputs % inner
    for piece in tl.static_range(PIECES):
        tl.store(
            found + base + piece * inner, tl.where(number == piece, value, 0.0).to(found.dtype.element_ty), mask=mask
        )


def _forwards(z: Tensor, hint: Tensor, pieces: int) -> tuple[Tensor, Tensor, Tensor]:
    channels_last, wide = channels_innermost(z), wider(z.dtype)
    z, hint = dense(z, channels_last), dense(hint, channels_last)
    difference, winner = (like(z, hint.shape[1], dtype, channels_last) for dtype in (wide, torch.uint8))
    count = hint.numel()
    grid = programs(count)
    partial = torch.empty(grid, dtype=wide, device=z.device)
    if count:
        inner = inner_size(z, channels_last)
        _forward[grid](z, hint, partial, difference, winner, count, inner, PIECES=pieces, BLOCK=BLOCK)
    return partial.sum() / len(z), difference, winner


_hint = torch.library.custom_op("fitnets::hint", _forwards, mutates_args=())


@_hint.register_fake
def _(z: Tensor, hint: Tensor, pieces: int) -> tuple[Tensor, Tensor, Tensor]:
    channels_last, wide = channels_innermost(z), wider(z.dtype)
    difference, winner = (like(z, hint.shape[1], dtype, channels_last) for dtype in (wide, torch.uint8))
    return z.new_empty((), dtype=wide), difference, winner


def _backwards(scale: Tensor, difference: Tensor, winner: Tensor, pieces: int, dtype: torch.dtype) -> Tensor:
    channels_last = channels_innermost(winner)
    found = like(winner, winner.shape[1] * pieces, dtype, channels_last)
    if count := winner.numel():
        inner = inner_size(winner, channels_last)
        _backward[programs(count)](difference, winner, scale, found, count, inner, PIECES=pieces, BLOCK=BLOCK)
    return found


_hint_backward = torch.library.custom_op("fitnets::hint_backward", _backwards, mutates_args=())


@_hint_backward.register_fake
def _(scale: Tensor, difference: Tensor, winner: Tensor, pieces: int, dtype: torch.dtype) -> Tensor:
    return like(winner, winner.shape[1] * pieces, dtype, channels_innermost(winner))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:  # noqa: ANN401
    ctx.pieces, ctx.dtype = inputs[2], inputs[0].dtype
    ctx.save_for_backward(*output[1:])


def _gradient(
    backwards: Callable[..., Tensor],
    ctx: Any,  # noqa: ANN401
    loss: Tensor,
    *unused: Tensor,
) -> tuple[Tensor, None, None]:
    difference, winner = ctx.saved_tensors
    scale = (loss / max(len(winner), 1)).to(difference.dtype)  # the loss is a mean over the images
    return backwards(scale, difference, winner, ctx.pieces, ctx.dtype), None, None


_hint.register_autograd(functools.partial(_gradient, _hint_backward), setup_context=value_alone(_keep))
_eager = eager(_forwards, _keep, functools.partial(_gradient, _backwards))


def hint_loss(hint: Tensor, z: Tensor, pieces: int) -> Tensor:
    """`losses.hint_loss` of a hint and of the maxout over `z`, in single precision (double where `z` is).

    No gradient reaches the hint: it is the teacher's.

    Args:
        hint: u_h(x), (batch, channels, height, width).
        z: pre-activations of the regressor, (batch, channels * pieces, height, width).
        pieces: linear pieces a unit.

    Raises:
        ValueError: if the shapes do not go together, or the channels cannot be shared out among units.
    """
    expected = (len(hint), hint.shape[1] * pieces, *hint.shape[2:])
    if tuple(z.shape) != expected:
        raise ValueError(f"pre-activations {tuple(z.shape)} of a hint map {tuple(hint.shape)}: expected {expected}")
    check_pieces(z.shape[1], pieces)
    given = (z, hint.detach(), pieces)
    loss: Tensor = _hint(*given)[0] if torch.compiler.is_compiling() else _eager(*given)
    return loss
