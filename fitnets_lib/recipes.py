"""Training recipes: a recipe is a tuple of stages, a stage says what is trained and by which loss (sections 2.3, 3.1).

    HINT_THEN_KD = Recipe("hint then KD", (Stage(train="guided", loss=hint), Stage(train="all", loss=kd)))

Every variant of the paper, of its failed experiments and of today's libraries is a few lines of data here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from fitnets_lib.errors import BadInput, number, whole
from fitnets_lib.networks import Network
from fitnets_lib.terms import Classification, Distillation, Hint, LabelHint, LabelHints, Loss, Term

classification = Loss.of(Classification())
kd = Loss.of(Distillation())
hint = Loss.of(Hint())
label_hint = Loss.of(LabelHint())
label_hints = Loss.of(LabelHints())


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    Attributes:
        train: "guided", the layers up to the guided one; "all" layers; or the layers up to this number.
        loss: what is minimised.
        share: this stage's part of the epochs, relative to the other stages of its recipe.
    """

    train: Literal["guided", "all"] | int
    loss: Loss
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.train not in ("guided", "all") and (type(self.train) is not int or self.train < 1):
            raise BadInput("train", self.train, "guided, all or the number of a layer")
        number(self.share, "share", above=True)
        if not isinstance(self.loss, Loss) or not self.loss.terms:
            raise BadInput("loss", self.loss, "a Loss of one term or more, such as hint + kd")
        for weight, term in self.loss.terms:
            if not isinstance(term, Term):
                raise BadInput("loss", term, "made of terms, such as Hint()")
            number(weight, f"weight of {type(term).__name__}")

    def layers(self, student: Network) -> int:
        """How many of the student's layers are computed and trained, counted from the image.

        Raises:
            BadInput: if the student has fewer layers.
        """
        if isinstance(self.train, int):
            return whole(self.train, f"layers of {student.name} that are trained", most=len(student.layers))
        return {"guided": student.middle, "all": len(student.layers)}[self.train]

    def fits(self, student: Network, teacher: Network | None) -> None:
        """Refuses networks that the loss cannot serve, and a loss that looks at layers which are not computed.

        Raises:
            BadInput: naming what is missing or does not fit.
        """
        self.loss.fits(student, teacher)
        computed = self.layers(student)
        for _, term in self.loss.terms:
            if (highest := term.highest(student)) > computed:
                right = f"{highest} layers or more: {type(term).__name__} looks at what layer {highest} gives"
                raise BadInput(f"layers of {student.name} that are trained", computed, right)


@dataclass(frozen=True)
class Recipe:
    """A way to train: its stages, one after the other, each starting from the weights of the one before."""

    name: str
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise BadInput("name of a recipe", self.name, "text: tables and figures call it by that")
        if not isinstance(self.stages, tuple) or not all(isinstance(stage, Stage) for stage in self.stages):
            raise BadInput(f"{self.name}.stages", self.stages, "a tuple of Stage")
        if not self.stages or self.stages[-1].train != "all":
            raise BadInput(f"{self.name}.stages", self.stages[-1:], "stages of which the last trains all layers")

    def epochs(self, total: int) -> tuple[int, ...]:
        """Shares `total` epochs out among the stages, so that recipes are compared at equal numbers of steps.

        Raises:
            BadInput: if a stage would get none.
        """
        whole(total, "epochs", most=2**20)
        shares = sum(stage.share for stage in self.stages)
        ends, spent = [], 0.0
        for stage in self.stages:
            spent += stage.share
            ends.append(round(total * spent / shares))
        shared = tuple(end - start for start, end in zip([0, *ends], ends, strict=False))
        if 0 in shared:
            raise BadInput("epochs", total, f"more: of the {len(shared)} stages of {self.name} one would get none")
        return shared

    def epochs_of_stages(self, total: int, each: bool) -> tuple[int, ...]:
        """The most epochs of each stage: `total` for `each` of them, or its share of `total`.

        Raises:
            BadInput: as `epochs`.
        """
        return (total,) * len(self.stages) if each else self.epochs(total)

    def hint_layers(self, teacher: Network) -> frozenset[int]:
        """The numbers of the teacher's layers whose feature maps some stage looks at."""
        return frozenset().union(*(stage.loss.hint_layers(teacher) for stage in self.stages))


BACKPROP = Recipe("backprop", (Stage(train="all", loss=classification),))
KD = Recipe("KD", (Stage(train="all", loss=kd),))

HINT_THEN_KD = Recipe("hint then KD", (Stage(train="guided", loss=hint), Stage(train="all", loss=kd)))
"""Algorithm 1: the paper's method."""


def guided_by(term: Hint, name: str = HINT_THEN_KD.name) -> Recipe:
    """Algorithm 1 with another hint in its first stage, such as one for another layer or through another regressor."""
    return Recipe(name, (Stage("guided" if term.guided is None else term.guided, Loss.of(term)), Stage("all", kd)))


HINT_THEN_CLASSIFICATION = Recipe(
    "hint then labels", (Stage(train="guided", loss=hint), Stage(train="all", loss=classification))
)

STAGEWISE_CLASSIFICATION = Recipe(
    "stage-wise labels", (Stage(train="guided", loss=label_hint), Stage(train="all", loss=classification))
)
"""Section 3.1, the first variant that failed: the first half on the labels, then everything on the labels."""
STAGEWISE_KD = Recipe("stage-wise KD", (Stage(train="guided", loss=label_hint), Stage(train="all", loss=kd)))
"""Section 3.1, the second: the first half on the labels, then everything on KD."""
JOINT_LABEL_HINT_AND_CLASSIFICATION = Recipe(
    "joint label hint + labels", (Stage(train="all", loss=label_hint + classification),)
)
"""Section 3.1, the third: labels in the middle and at the end, at once."""
JOINT_LABEL_HINT_AND_KD = Recipe("joint label hint + KD", (Stage(train="all", loss=label_hint + kd),))
"""Section 3.1, the fourth: labels in the middle, KD at the end, at once."""
DEEP_SUPERVISION = Recipe("label hints everywhere", (Stage(train="all", loss=label_hints + classification),))
"""Section 3.1: label hints on every layer, like deeply-supervised networks: 88.2 % where hints had 91.61 %."""

JOINT_HINT_AND_CLASSIFICATION = Recipe("joint hint + labels", (Stage(train="all", loss=hint + classification),))
"""One stage with the teacher's features: what most libraries call FitNet, and the paper never ran."""
JOINT_HINT_AND_KD = Recipe("joint hint + KD", (Stage(train="all", loss=hint + kd),))


def hints_in_turn(pairs: Sequence[tuple[int, int]]) -> Recipe:
    """Several hint layers, a stage for each from the bottom up, then KD.

    Args:
        pairs: (guided layer, hint layer), counted from 1, in rising order of the guided layers.

    Raises:
        BadInput: if `pairs` is anything else.
    """
    _check_pairs(pairs)
    rising = [guided for guided, _ in pairs]
    if any(lower >= higher for lower, higher in pairwise(rising)):
        raise BadInput("guided layers", rising, "rising: hints are learned from the bottom up")
    stages = [Stage(train=guided, loss=Loss.of(Hint(guided, hint))) for guided, hint in pairs]
    return Recipe(f"{len(pairs)} hints in turn, then KD", (*stages, Stage(train="all", loss=kd, share=len(pairs))))


def hints_at_once(pairs: Sequence[tuple[int, int]]) -> Recipe:
    """Several hint layers in one stage, up to the highest guided layer, then KD.

    Args:
        pairs: (guided layer, hint layer), counted from 1.

    Raises:
        BadInput: if `pairs` is anything else.
    """
    _check_pairs(pairs)
    together = Loss(tuple((1.0, Hint(guided, hint)) for guided, hint in pairs))
    highest = max(guided for guided, _ in pairs)
    stages = (Stage(train=highest, loss=together), Stage(train="all", loss=kd))
    return Recipe(f"{len(pairs)} hints at once, then KD", stages)


def _check_pairs(pairs: Sequence[tuple[int, int]]) -> None:
    if not pairs or any(not isinstance(pair, tuple) or len(pair) != 2 for pair in pairs):
        raise BadInput("pairs", pairs, "one or more of (guided layer, hint layer)")
    for pair in pairs:
        for layer in pair:
            whole(layer, f"layer in the pair {pair}")


RECIPES = {
    "-".join(re.findall(r"\w+", recipe.name.lower())): recipe
    for recipe in (
        BACKPROP,
        KD,
        HINT_THEN_KD,
        HINT_THEN_CLASSIFICATION,
        STAGEWISE_CLASSIFICATION,
        STAGEWISE_KD,
        JOINT_LABEL_HINT_AND_CLASSIFICATION,
        JOINT_LABEL_HINT_AND_KD,
        DEEP_SUPERVISION,
        JOINT_HINT_AND_CLASSIFICATION,
        JOINT_HINT_AND_KD,
    )
}
"""Every recipe that fits any pair of networks, under a name to type, such as `hint-then-kd`."""
