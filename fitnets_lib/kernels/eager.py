"""What the kernels' operators share: how to call one without `torch.library`, and in what type it sums.

An operator's outputs are its value, which alone has a gradient, and what its backward pass needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Keep = Callable[[Any, tuple[Any, ...], tuple[Tensor, ...]], None]
"""Saves what the backward pass needs of inputs and outputs; the first argument is autograd's context."""


def eager(
    forwards: Callable[..., tuple[Tensor, ...]], keep: Keep, gradient: Callable[..., tuple[Tensor | None, ...]]
) -> Callable[..., Tensor]:
    """An operator without what `torch.library` adds to a call, which on a fast GPU takes longer than the kernel.

    Args:
        forwards: from the operator's inputs to its outputs.
        keep: called after `forwards`. As autograd's `setup_context` it would make a call take three times as long.
        gradient: from the context and the gradient of the value to the gradients of all inputs.

    Returns:
        A function from inputs to the value. The other outputs stay inside, so autograd makes no zeros for them.
    """

    class Eager(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *given: Any) -> Tensor:  # noqa: ANN401
            found = forwards(*given)
            keep(ctx, given, found)
            return found[0]

        backward = staticmethod(gradient)

    called: Callable[..., Tensor] = Eager.apply
    return called


def value_alone(keep: Keep) -> Keep:
    """`keep` for the registered operator, which returns all of its outputs: only the value has a gradient."""

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:  # noqa: ANN401
        keep(ctx, inputs, output)
        ctx.mark_non_differentiable(*output[1:])

    return setup_context


def wider(dtype: torch.dtype) -> torch.dtype:
    """The type that values of `dtype` are summed in: single precision, or double where they are in double."""
    return torch.float64 if dtype == torch.float64 else torch.float32
