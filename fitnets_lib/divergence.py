"""Numerical trouble: where a training left the finite numbers, as a result that can be kept and shown.

Nothing is checked during an epoch, since each check would make a GPU wait; the bad step is found afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Divergence:
    """Where a run left the finite numbers.

    Attributes:
        stage: from 1, as in the learning curve.
        epoch: within the stage, from 1.
        step: within the epoch, from 1: the first whose loss was not finite, or the last, if only what it left was not.
        what: the quantity that was not finite; if it is a loss, with the terms of this loss.
        value: "nan", "inf" or "-inf".
        whose: "its teacher's" where not the run itself but its teacher diverged.
    """

    stage: int
    epoch: int
    step: int
    what: str
    value: str
    whose: str = ""

    def __str__(self) -> str:
        whose = f"{self.whose} " if self.whose else ""
        return f"{whose}stage {self.stage}, epoch {self.epoch}, step {self.step}: {self.what} is {self.value}"


class Diverged(ArithmeticError):
    """A loss or a weight stopped being a finite number; the text says where.

    Attributes:
        progress: where the run stood before that epoch (`training.Progress`), if the training has set it.
    """

    progress: Any = None

    @property
    def found(self) -> Divergence:
        """Where the run diverged."""
        (where,) = self.args
        assert isinstance(where, Divergence)
        return where


def first_bad(losses: Tensor) -> tuple[int, float]:
    """The first step, counted from 1, whose loss makes the epoch's mean not finite, and the value this gives.

    Args:
        losses: one for each step of an epoch, (steps,). If each is finite and only their sum is not, the step found is
            the one at which the sum overflows.
    """
    sums = losses.cumsum(0).tolist()
    bad = [number for number, value in enumerate(sums, start=1) if not math.isfinite(value)]
    step = bad[0] if bad else len(sums)
    return step, sums[step - 1] if bad else float(losses.mean())


def bad_value(tensors: Iterable[Tensor]) -> str | None:
    """The first number in `tensors` that is not finite, as text, or None; a GPU is waited for once."""
    there = [value for value in tensors if value.is_floating_point()]
    if not there or bool(torch.stack([torch.isfinite(value).all() for value in there]).all()):
        return None
    bad = torch.cat([value[~torch.isfinite(value)].flatten().float() for value in there])
    return str(float(bad[0]))
