"""Numerical trouble: where a training stopped being one, as a result that can be kept and shown.

Nothing is looked at while an epoch is under way, since each look would make a GPU wait; the step is found afterwards.
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
        step: within the epoch, from 1: the first whose loss was no finite number, or the last, if what it left is none.
        what: the quantity, with the terms of the loss.
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
        progress: where the run stood before that epoch (`training.Progress`), if it is told by the training.
    """

    progress: Any = None

    @property
    def found(self) -> Divergence:
        """Where."""
        (where,) = self.args
        assert isinstance(where, Divergence)
        return where


def first_bad(losses: Tensor) -> tuple[int, float]:
    """The number, from 1, of the first step whose loss makes the epoch's mean no finite number, and what it is then.

    Args:
        losses: of the steps of an epoch, (steps,). If each is finite and only their sum is not, it is the step at which
            the sum overflows.
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
