"""RMSProp: a gradient is divided by the root of its running mean square, the rule of the released configurations.

torch's own class gives the same bits. But the first one of a process imports torch's compiler, which takes as long as
a short run on digits, and every step of it counts itself for each tensor, which this rule has no use for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

DECAY = 0.9
"""How much of the mean square of the steps before is kept."""


@dataclass(frozen=True)
class Group:
    """Parameters that learn at one rate."""

    parameters: tuple[nn.Parameter, ...]
    rate: float


class RMSProp:
    """Moves parameters by w <- w - rate * g / (sqrt(v) + floor), where v <- .9 v + .1 g^2 begins at 0.

    A parameter without a gradient stays where it is, and so does its v.
    """

    def __init__(self, groups: Sequence[Group], floor: float) -> None:
        self.groups, self.floor = tuple(groups), floor
        self.mean_squares = [[torch.zeros_like(w) for w in group.parameters] for group in groups]

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        for group in self.groups:
            for parameter in group.parameters:
                parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Moves all parameters once, all tensors of a group in one call."""
        for group, mean_squares in zip(self.groups, self.mean_squares, strict=True):
            both = zip(group.parameters, mean_squares, strict=True)
            there = [(w, w.grad, v) for w, v in both if w.grad is not None]
            if there:
                weights, gradients, squares = (list(tensors) for tensors in zip(*there, strict=True))
                torch._foreach_mul_(squares, DECAY)
                torch._foreach_addcmul_(squares, gradients, gradients, value=1 - DECAY)
                divisors = torch._foreach_sqrt(squares)
                torch._foreach_add_(divisors, self.floor)
                torch._foreach_addcdiv_(weights, gradients, divisors, value=-group.rate)

    def tensors(self) -> dict[str, Tensor]:
        """All that a step changes besides the weights, by the parameters' numbers; the tensors are the live ones."""
        return {str(number): v for number, v in enumerate(v for squares in self.mean_squares for v in squares)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes on from what `tensors` gave."""
        for name, v in self.tensors().items():
            v.copy_(tensors[name])
