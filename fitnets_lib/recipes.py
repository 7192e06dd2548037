"""Training recipes: a recipe is a tuple of stages, a stage says what is trained and by which loss (section 2.3).

    HINT_THEN_KD = Recipe("hint then KD", (Stage(train="guided", loss=hint), Stage(train="all", loss=kd)))

A loss is a weighted sum of terms, so that `hint + kd` is what it looks like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor, nn

from fitnets_lib.losses import classification_loss, hint_loss, kd_loss
from fitnets_lib.networks import Conv, Network
from fitnets_lib.regressors import convolutional_regressor


@dataclass(frozen=True)
class Seen:
    """What a loss may look at for one batch.

    Attributes:
        labels: (batch,).
        guided: the student's guided map, (batch, channels, height, width).
        logits: the student's output, (batch, classes); absent while only the front half is trained.
        teacher_logits: (batch, classes); absent without a teacher.
        hint: the teacher's hint map, (batch, channels, height, width); absent without a teacher.
        progress: how much of the stage is over, 0 in its first epoch and 1 in its last.
    """

    labels: Tensor
    guided: Tensor
    logits: Tensor | None
    teacher_logits: Tensor | None
    hint: Tensor | None
    progress: float


class Term(Protocol):
    """One summand of a loss."""

    def head(self, student: Network, teacher: Network | None) -> nn.Module | None:
        """The module that this term trains along with the student and that is dropped after the stage, if any."""

    def __call__(self, seen: Seen, head: nn.Module | None) -> Tensor:
        """The loss of one batch, a scalar."""


@dataclass(frozen=True)
class Linear:
    """A weight that goes in a straight line from `start` in a stage's first epoch to `end` in its last."""

    start: float
    end: float

    def __call__(self, progress: float) -> float:
        """The weight when the share `progress`, 0 to 1, of the stage is over."""
        return self.start + (self.end - self.start) * progress


@dataclass(frozen=True)
class Classification:
    """Cross-entropy of the student's output with the labels."""

    def head(self, student: Network, teacher: Network | None) -> None:
        """Nothing beside the student is trained."""

    def __call__(self, seen: Seen, head: nn.Module | None) -> Tensor:
        """The term's value for one batch, a scalar."""
        assert seen.logits is not None
        return classification_loss(seen.logits, seen.labels)


@dataclass(frozen=True)
class Distillation:
    """Equation 2: cross-entropy with the labels plus lambda times cross-entropy with the softened teacher.

    The defaults are the paper's: temperature 3, lambda from 4 to 1 linearly (A.1.2).
    """

    temperature: float = 3.0
    lam: Linear = Linear(4.0, 1.0)

    def head(self, student: Network, teacher: Network | None) -> None:
        """Nothing beside the student is trained."""

    def __call__(self, seen: Seen, head: nn.Module | None) -> Tensor:
        """The term's value for one batch, a scalar."""
        assert seen.logits is not None and seen.teacher_logits is not None
        return kd_loss(seen.logits, seen.teacher_logits, seen.labels, self.temperature, self.lam(seen.progress))


@dataclass(frozen=True)
class Hint:
    """Equation 3: half the squared distance between the hint map and the regressed guided map."""

    def head(self, student: Network, teacher: Network | None) -> nn.Module:
        """The convolutional regressor, with as many pieces as the hint layer (section 2.2)."""
        assert teacher is not None
        hint_layer = teacher.layers[teacher.middle - 1]
        assert isinstance(hint_layer, Conv)
        return convolutional_regressor(student.middle_shape, teacher.middle_shape, hint_layer.pieces)

    def __call__(self, seen: Seen, head: nn.Module | None) -> Tensor:
        """The term's value for one batch, a scalar."""
        assert seen.hint is not None and head is not None
        return hint_loss(seen.hint, head(seen.guided))


@dataclass(frozen=True)
class Loss:
    """A weighted sum of terms."""

    terms: tuple[tuple[float, Term], ...]

    @classmethod
    def of(cls, term: Term) -> Loss:
        """The loss that consists of `term` alone, with weight 1."""
        return cls(((1.0, term),))

    def __add__(self, other: Loss) -> Loss:
        return Loss(self.terms + other.terms)

    def __rmul__(self, weight: float) -> Loss:
        return Loss(tuple((weight * own, term) for own, term in self.terms))

    def heads(self, student: Network, teacher: Network | None) -> list[nn.Module | None]:
        """What each term trains beside the student, in the order of the terms."""
        return [term.head(student, teacher) for _, term in self.terms]

    def __call__(self, seen: Seen, heads: list[nn.Module | None]) -> Tensor:
        """The weighted sum for one batch, a scalar; `heads` is what `heads` made, in the same order."""
        values = [weight * term(seen, head) for (weight, term), head in zip(self.terms, heads, strict=True)]
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total


classification = Loss.of(Classification())
kd = Loss.of(Distillation())
hint = Loss.of(Hint())


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    Attributes:
        train: "guided", the layers up to the guided one, or "all" layers.
        loss: what is minimised.
        share: this stage's part of the epochs, relative to the other stages of its recipe.
    """

    train: Literal["guided", "all"]
    loss: Loss
    share: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """A way to train: its stages, one after the other, each starting from the weights the last one left."""

    name: str
    stages: tuple[Stage, ...]

    def epochs(self, total: int) -> tuple[int, ...]:
        """Shares `total` epochs out among the stages, so that recipes are compared at equal numbers of steps."""
        whole = sum(stage.share for stage in self.stages)
        ends, spent = [], 0.0
        for stage in self.stages:
            spent += stage.share
            ends.append(round(total * spent / whole))
        return tuple(end - start for start, end in zip([0, *ends], ends, strict=False))


BACKPROP = Recipe("backprop", (Stage(train="all", loss=classification),))
KD = Recipe("KD", (Stage(train="all", loss=kd),))
HINT_THEN_KD = Recipe("hint then KD", (Stage(train="guided", loss=hint), Stage(train="all", loss=kd)))
JOINT_HINT_AND_KD = Recipe("joint hint + KD", (Stage(train="all", loss=hint + kd),))
JOINT_HINT_AND_CLASSIFICATION = Recipe("joint hint + labels", (Stage(train="all", loss=hint + classification),))
