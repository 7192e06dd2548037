"""What a few seeds allow us to say: means, 95 % intervals, paired differences, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

LEAST_SEEDS = 5
"""Fewer seeds than this decide nothing."""

Verdict = Literal["yes", "no", "inconclusive", "too few seeds"]


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval (Student's t) over `n` seeds."""

    mean: float
    low: float
    high: float
    n: int

    def __format__(self, spec: str) -> str:
        spec = spec or ".1f"
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def estimate(values: Sequence[float], overlap: float = 0.0) -> Estimate:
    """Mean of `values`, one a seed, and the 95 % interval for the mean over all seeds.

    Args:
        values: what was measured.
        overlap: number of test images divided by that of training images, if the values come from splits of the same
            images. They are not independent then, and the interval is widened (Nadeau and Bengio, 2003). 0: they are.

    With a single value, or with values that are all equal, the interval has nothing to be computed from: it is
    infinite for one value and a point for equal ones.

    Raises:
        ValueError: if there is no value.
    """
    if len(values) == 0:
        raise ValueError("no values: an estimate needs at least one seed")
    array = np.asarray(values, dtype=float)
    mean = float(array.mean())
    if len(array) == 1:
        return Estimate(mean, -np.inf, np.inf, 1)
    error = array.std(ddof=1) * np.sqrt(1 / len(array) + overlap)
    margin = float(special.stdtrit(len(array) - 1, 0.975) * error)  # Student's t, without scipy.stats
    return Estimate(mean, mean - margin, mean + margin, len(array))


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """The mean of `ours` - `theirs`, each difference taken within one seed.

    Raises:
        ValueError: if the two do not hold the same number of seeds.
    """
    if len(ours) != len(theirs):
        raise ValueError(
            f"{len(ours)} and {len(theirs)} values: a paired difference needs the same seeds on both sides"
        )
    return estimate(np.subtract(ours, theirs).tolist())


def verdict(difference: Estimate) -> Verdict:
    """Whether a difference is above 0: only if its whole interval is, and never on fewer than five seeds."""
    if difference.n < LEAST_SEEDS:
        return "too few seeds"
    if difference.low > 0:
        return "yes"
    return "no" if difference.high < 0 else "inconclusive"
