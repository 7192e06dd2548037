"""How lambda, the weight of the teacher's answers, changes over the epochs (A.1.2, A.2, and the released code)."""

from __future__ import annotations

from dataclasses import dataclass

from fitnets_lib.errors import number, whole


@dataclass(frozen=True)
class Linear:
    """A weight that goes in a straight line from `start` to `end`, and is constant before and after.

    Where `first` and `last` are one epoch, that epoch still has `start`; so has a stage of a single epoch.

    Attributes:
        start: the weight up to epoch `first`.
        end: the weight from epoch `last` on.
        first: an epoch of the stage, counted from 0.
        last: an epoch of the stage, counted from 0; None means the stage's last epoch.
    """

    start: float
    end: float
    first: int = 0
    last: int | None = None

    def __post_init__(self) -> None:
        for end in ("start", "end"):
            number(getattr(self, end), f"lambda at the {end}")
        whole(self.first, "first epoch of lambda", least=0, most=2**20)
        if self.last is not None:
            whole(self.last, "last epoch of lambda", least=self.first, most=2**20)

    def __call__(self, epoch: int, epochs: int) -> float:
        """The weight in epoch number `epoch`, counted from 0, of a stage of `epochs` epochs."""
        last = epochs - 1 if self.last is None else self.last
        share = (epoch - self.first) / max(last - self.first, 1)
        return self.start + (self.end - self.start) * min(max(share, 0.0), 1.0)


PAPER_LAMBDA = Linear(4.0, 1.0)
"""Lambda as the paper anneals it: from 4 to 1 in a straight line over the stage (A.1.2)."""
RELEASED_CIFAR = Linear(4.0, 1.0, first=3, last=399)
"""Lambda as the released CIFAR configuration anneals it: lower from epoch 5, counted from 1, and at its end in 400."""
RELEASED_MNIST = Linear(4.0, 0.0, first=3, last=149)
"""Lambda as the released MNIST configuration anneals it: down to 0, whereas the paper ends at 1 (A.2)."""
