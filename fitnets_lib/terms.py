"""The terms a loss is made of: what each looks at, and what it trains beside the student (sections 2 and 3.1).

A loss is a weighted sum of terms, and is written as one: `hint + kd`. A term may bring a head, a module that is
trained along with the student and dropped after the stage: the regressor of a hint, the classifier of a label hint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fitnets_lib import kernels
from fitnets_lib.annealing import PAPER_LAMBDA, Linear
from fitnets_lib.errors import BadInput, number
from fitnets_lib.losses import PAPER, Fidelity, classification_loss, hint_loss, kd_loss
from fitnets_lib.networks import Conv, Convolution, Dense, FullyConnected, Network, shapes
from fitnets_lib.regressors import Regressor, convolutional_regressor

DRAWN = (Convolution, FullyConnected, nn.BatchNorm1d, nn.BatchNorm2d)
"""The modules whose weights are drawn from a run's seed (`initialisation`) and trained (`optimisation.rmsprop`)."""


@dataclass(frozen=True)
class Seen:
    """What a loss may look at for one batch.

    Attributes:
        student: the description of the network that is trained.
        teacher: the description of its teacher, if it has one.
        labels: (batch,).
        maps: outputs of the student's layers 1, 2, ... as far as they were computed; the last layer's are the logits.
        teacher_logits: (batch, classes); absent without a teacher.
        hints: the teacher's feature maps, (batch, channels, height, width), by the number of their layer.
        epoch: of the stage, from 0.
        epochs: the most that the stage may have.
    """

    student: Network
    teacher: Network | None
    labels: Tensor
    maps: tuple[Tensor, ...]
    teacher_logits: Tensor | None
    hints: Mapping[int, Tensor]
    epoch: int
    epochs: int

    @property
    def logits(self) -> Tensor | None:
        """The student's output, (batch, classes); absent while only lower layers are trained."""
        return self.maps[-1] if len(self.maps) == len(self.student.layers) else None


class Term:
    """One summand of a loss. A term must define its value, `__call__`; a head and hints are optional."""

    def highest(self, student: Network) -> int:
        """The highest of the student's layers that this term looks at; 1 unless a term defines it otherwise."""
        return 1

    def head(self, student: Network, teacher: Network | None) -> nn.Module | None:
        """The module that this term trains along with the student, if any."""
        return None

    def hint_layers(self, teacher: Network) -> frozenset[int]:
        """The numbers of the teacher's layers whose feature maps this term looks at."""
        return frozenset()

    def fits(self, student: Network, teacher: Network | None) -> None:
        """Refuses networks that this term cannot serve, before any training.

        Raises:
            BadInput: naming what is missing or does not fit.
        """
        with torch.device("meta"):  # shapes alone, no memory
            self.head(student, teacher)

    def __call__(self, seen: Seen, head: nn.Module | None) -> Tensor:
        """The term's value for one batch, a scalar."""
        raise NotImplementedError


@dataclass(frozen=True)
class Classification(Term):
    """Cross-entropy of the student's output with the labels."""

    def highest(self, student: Network) -> int:
        """The last layer."""
        return len(student.layers)

    def __call__(self, seen: Seen, head: nn.Module | None) -> Tensor:
        """The term's value for one batch, a scalar."""
        assert seen.logits is not None
        return classification_loss(seen.logits, seen.labels)


@dataclass(frozen=True)
class Distillation(Term):
    """Equation 2: cross-entropy with the labels plus lambda times cross-entropy with the softened teacher.

    The defaults are the paper's: temperature 3, lambda from 4 to 1 linearly (A.1.2), both sides softened.
    """

    temperature: float = 3.0
    lam: Linear = PAPER_LAMBDA
    fidelity: Fidelity = PAPER

    def __post_init__(self) -> None:
        number(self.temperature, "temperature", above=True)
        for name, kind in {"lam": Linear, "fidelity": Fidelity}.items():
            if not isinstance(getattr(self, name), kind):
                raise BadInput(name, getattr(self, name), f"a {kind.__name__}")

    def highest(self, student: Network) -> int:
        """The last layer."""
        return len(student.layers)

    def fits(self, student: Network, teacher: Network | None) -> None:
        """Refuses a missing teacher, and one with another number of classes than the student."""
        if teacher is None or teacher.classes != student.classes:
            there = None if teacher is None else f"{teacher.name} with {teacher.classes} classes"
            raise BadInput("teacher", there, f"a teacher of the {student.classes} classes of {student.name}")

    def __call__(self, seen: Seen, head: nn.Module | None) -> Tensor:
        """The term's value for one batch, a scalar."""
        assert seen.logits is not None and seen.teacher_logits is not None
        lam = self.lam(seen.epoch, seen.epochs)
        return kd_loss(seen.logits, seen.teacher_logits, seen.labels, self.temperature, lam, self.fidelity)


@dataclass(frozen=True)
class Hint(Term):
    """Equation 3: half the squared distance between the hint map and the regressed guided map.

    Attributes:
        guided: number of the guided layer; None is the one that the student's description names.
        hint: number of the hint layer; None is the one that the teacher's description names.
        regressor: makes the regressor from both shapes and the hint layer (section 2.2).
        loss: `losses.hint_loss`, or `losses.released_hint_loss` with the released code's reduction.
    """

    guided: int | None = None
    hint: int | None = None
    regressor: Regressor = convolutional_regressor
    loss: Callable[[Tensor, Tensor], Tensor] = hint_loss

    def __post_init__(self) -> None:
        for name in ("regressor", "loss"):
            if not callable(getattr(self, name)):
                raise BadInput(f"{name} of a hint", getattr(self, name), "a function, such as the default")

    def highest(self, student: Network) -> int:
        """The guided layer."""
        return _layer(student, self.guided)

    def fits(self, student: Network, teacher: Network | None) -> None:
        """Refuses networks without these layers, and a regressor whose output has another shape or that is not trained.

        Raises:
            BadInput: naming what is missing or does not fit.
        """
        with torch.device("meta"):  # shapes alone, no memory
            head = self.head(student, teacher)
        if teacher is None or self.regressor.__module__.startswith(f"{__package__}."):
            return  # the library's regressors fit, and torch needs a second before it computes on meta tensors
        guided, hint = shapes(student)[self.highest(student) - 1], shapes(teacher)[_layer(teacher, self.hint) - 1]
        _check_regressor(head, guided, hint)

    def head(self, student: Network, teacher: Network | None) -> nn.Module:
        """The regressor; it has the hint layer's non-linearity (section 2.2)."""
        if teacher is None:
            raise BadInput("teacher", teacher, "a teacher's description: a hint needs somebody who gives it")
        guided, hint = _layer(student, self.guided), _layer(teacher, self.hint)
        layer = teacher.layers[hint - 1]
        if not isinstance(layer, Conv):
            raise BadInput(f"hint layer of {teacher.name}", hint, "the number of a convolutional layer")
        return self.regressor(shapes(student)[guided - 1], shapes(teacher)[hint - 1], layer)

    def hint_layers(self, teacher: Network) -> frozenset[int]:
        """The hint layer."""
        return frozenset({_layer(teacher, self.hint)})

    def __call__(self, seen: Seen, head: nn.Module | None) -> Tensor:
        """The term's value for one batch, a scalar."""
        assert seen.teacher is not None and head is not None
        guided = seen.maps[_layer(seen.student, self.guided) - 1]
        hint = seen.hints[_layer(seen.teacher, self.hint)]
        if self.loss is hint_loss and isinstance(head, Convolution) and head.is_maxout and kernels.serve(guided, hint):
            from fitnets_lib.kernels.hint import hint_loss as fused

            return fused(hint, head.linear(guided), head.pieces)
        return self.loss(hint, head(guided))


def _check_regressor(head: nn.Module, guided: tuple[int, ...], hint: tuple[int, ...]) -> None:
    with torch.device("meta"):
        made = tuple(head(torch.empty(2, *guided)).shape[1:])
    if made != hint:
        raise BadInput("what the regressor gives", made, f"{hint}, the shape of the hint")
    known = {id(p) for part in head.modules() if isinstance(part, DRAWN) for p in part.parameters()}
    for name, parameter in head.named_parameters():
        if id(parameter) not in known:
            right = "a weight of the library's Convolution or FullyConnected: others are neither drawn nor trained"
            raise BadInput("parameter of the regressor", name, right)


def _layer(network: Network, number: int | None) -> int:
    """The layer `number`, or the middle one that the description names.

    Raises:
        BadInput: if there is no such hidden layer.
    """
    hidden = len(network.layers) - 1
    if number is not None and (type(number) is not int or not 1 <= number <= hidden):
        raise BadInput(f"layer of {network.name}", number, f"the number of a hidden layer, 1 to {hidden}")
    return network.middle if number is None else number


@dataclass(frozen=True)
class LabelHint(Term):
    """The labels as a hint: a linear classifier on the guided layer, as in the variants that failed (section 3.1)."""

    guided: int | None = None

    def highest(self, student: Network) -> int:
        """The guided layer."""
        return _layer(student, self.guided)

    def head(self, student: Network, teacher: Network | None) -> nn.Module:
        """The classifier; it is dropped after the stage, like a regressor."""
        return _classifier(student, _layer(student, self.guided))

    def __call__(self, seen: Seen, head: nn.Module | None) -> Tensor:
        """The term's value for one batch, a scalar."""
        assert head is not None
        return classification_loss(head(seen.maps[_layer(seen.student, self.guided) - 1]), seen.labels)


@dataclass(frozen=True)
class LabelHints(Term):
    """A label hint on every hidden layer: deep supervision, the one variant with labels that learned (section 3.1)."""

    def head(self, student: Network, teacher: Network | None) -> nn.Module:
        """One linear classifier a hidden layer."""
        return nn.ModuleList(_classifier(student, number) for number in range(1, len(student.layers)))

    def __call__(self, seen: Seen, head: nn.Module | None) -> Tensor:
        """The sum over the hidden layers that were computed, for one batch, a scalar."""
        assert isinstance(head, nn.ModuleList)
        losses = [classification_loss(own(there), seen.labels) for own, there in zip(head, seen.maps, strict=False)]
        return sum(losses[1:], start=losses[0])


def _classifier(student: Network, layer: int) -> nn.Module:
    return FullyConnected(math.prod(shapes(student)[layer - 1]), Dense(student.classes))


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

    def fits(self, student: Network, teacher: Network | None) -> None:
        """Refuses networks that one of the terms cannot serve.

        Raises:
            BadInput: naming what is missing or does not fit.
        """
        for _, term in self.terms:
            term.fits(student, teacher)

    def hint_layers(self, teacher: Network) -> frozenset[int]:
        """The numbers of the teacher's layers whose feature maps this loss looks at."""
        return frozenset().union(*(term.hint_layers(teacher) for _, term in self.terms))

    def __call__(self, seen: Seen, heads: Iterable[nn.Module | None]) -> Tensor:
        """The weighted sum for one batch, a scalar; `heads` are those that the method `heads` made, in that order."""
        values = [weight * term(seen, head) for (weight, term), head in zip(self.terms, heads, strict=True)]
        return sum(values[1:], start=values[0])
