"""Curriculum learning, self-paced learning, and what is easy for a teacher.

A curriculum gives each example z a weight W_l(z) between 0 and 1. As l goes from 0 to 1 no weight falls, while the
distribution of what is shown gains entropy and ends as the training distribution (Bengio et al., 2009). In self-paced
learning the student's losses f_i decide: example i is used, v_i = 1, iff f_i < 1/K, and K is lowered until all are used
(Kumar et al., 2010). FitNets takes a teacher's confidence as a measure of an example's ease (section 2.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from fitnets_lib.errors import BadInput
from fitnets_lib.losses import softened

Pacing = Callable[[float], float]
"""Maps the share l (0 to 1) of the curriculum that is over to the share of the examples in use then, easiest first."""


def linear(start: float) -> Pacing:
    """From `start` to 1 in a straight line.

    Raises:
        BadInput: if `start` is not above 0 and at most 1.
    """
    return root(start, power=1.0)


def root(start: float, power: float) -> Pacing:
    """(start^p + (1 - start^p) l)^(1/p): the larger p, the sooner hard examples come in; p = 1 is a straight line.

    Raises:
        BadInput: if `start` is not above 0 and at most 1, or `power` is under 1.
    """
    _check_start(start)
    if not 1 <= power < math.inf:
        raise BadInput("power", power, "a number of at least 1")
    return lambda over: min(1.0, (start**power + (1 - start**power) * _check_over(over)) ** (1 / power))


def geometric(start: float) -> Pacing:
    """start^(1 - l): slow at first, since equal steps multiply the share by equal factors.

    Raises:
        BadInput: if `start` is not above 0 and at most 1.
    """
    _check_start(start)
    return lambda over: start ** (1 - _check_over(over))


def _check_start(start: float) -> None:
    if not 0 < start <= 1:
        raise BadInput("start", start, "a share above 0 and at most 1")


def _check_over(over: float) -> float:
    if not 0 <= over <= 1:
        raise BadInput("over", over, "the share of the curriculum that is over, 0 to 1")
    return over


def easiest(difficulty: Tensor, share: float) -> Tensor:
    """Weights W_l: 1 for the easiest `share` of the examples (at least one), 0 for the others.

    Args:
        difficulty: (n,), the higher the harder; of equally hard examples the earlier ones count as easier.
        share: above 0 and at most 1.

    Returns:
        (n,), 0 or 1.
    """
    _check_start(share)
    wanted = max(1, round(share * len(difficulty)))
    weights = torch.zeros_like(difficulty)
    weights[difficulty.argsort(stable=True)[:wanted]] = 1
    return weights


def entropy(weights: Tensor) -> float:
    """Entropy in nats of Q proportional to W, over examples that are equally likely in training.

    Args:
        weights: (n,), not negative, at least one above 0.

    Raises:
        BadInput: if they are not.
    """
    shown = weights[weights > 0].double()
    if len(shown) == 0 or bool((weights < 0).any()):
        raise BadInput("weights", weights.tolist()[:5], "none negative and at least one above 0")
    shown = shown / shown.sum()
    return float(-(shown * shown.log()).sum())


def is_curriculum(weights: Tensor) -> bool:
    """Whether a sequence of weights meets Bengio's conditions.

    Args:
        weights: (steps, n), between 0 and 1. Every step shows something, no weight may fall from one step to the next,
            entropy must not fall, and the last step must show every example with weight 1.
    """
    within = bool(((weights >= 0) & (weights <= 1)).all() and weights.any(dim=1).all() and (weights[-1] == 1).all())
    growing = bool((weights[1:] >= weights[:-1]).all())
    gained = [entropy(row) for row in weights] if within else []
    return within and growing and all(later >= earlier - 1e-12 for earlier, later in pairwise(gained))


def self_paced(losses: Tensor, k: float) -> Tensor:
    """v_i = 1 iff f_i < 1/K: the examples a self-paced student learns from, (n,) of 0 and 1."""
    return (losses < 1 / k).to(losses.dtype)


def first_k(losses: Tensor, share: float = 0.5) -> float:
    """The K with which `self_paced` selects this `share` of the examples, those with the smallest losses.

    The threshold 1/K lies a millionth above the largest loss selected, so all examples with this loss are selected.
    """
    _check_start(share)
    border = float(losses.sort().values[max(1, round(share * len(losses))) - 1])
    return 1 / max(border * (1 + 1e-6), 1e-12)


def confidence(teacher_logits: Tensor, temperature: float = 1.0) -> Tensor:
    """The probability that the teacher gives to its own guess, (n,): a measure of an example's ease (section 2.4)."""
    return softened(teacher_logits, temperature).max(dim=1).values


def teacher_pull(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """How hard the teacher's term of equation 2 pulls at each example's logits: ||P_S^tau - P_T^tau|| / tau, (n,).

    It is the length of the term's gradient, without its weight lambda.

    Args:
        student_logits: a_S, (n, classes).
        teacher_logits: a_T, (n, classes).
        temperature: tau.
    """
    length: Tensor = _teacher_gradient(student_logits, teacher_logits, temperature).norm(dim=1)
    return length


def pull(student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float, lam: float) -> Tensor:
    """How hard the whole of equation 2 pulls at each example's logits, (n,): the length of its gradient.

    Args:
        student_logits: a_S, (n, classes).
        teacher_logits: a_T, (n, classes).
        labels: (n,), class numbers.
        temperature: tau.
        lam: lambda, the weight of the teacher's term.
    """
    by_labels = softened(student_logits, 1.0) - F.one_hot(labels, student_logits.shape[1])
    length: Tensor = (by_labels + lam * _teacher_gradient(student_logits, teacher_logits, temperature)).norm(dim=1)
    return length


def _teacher_gradient(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    return (softened(student_logits, temperature) - softened(teacher_logits, temperature)) / temperature
