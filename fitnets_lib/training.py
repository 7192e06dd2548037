"""One loop that runs any stage of any recipe.

What the loop knows: the student, the loss, the images and what the teacher said of them. What it does not know: which
recipe it serves. Each stage keeps the weights of its best epoch on the validation images and hands them on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from fitnets_lib.data import Split
from fitnets_lib.networks import Network, build, initialise
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import Recipe, Seen, Stage
from fitnets_lib.teacher_cache import Answers


@dataclass(frozen=True)
class Training:
    """How the stages of a recipe are optimised.

    Attributes:
        epochs: epochs in all, shared out among the stages of the recipe.
        patience: a stage ends after this many epochs without a gain on the validation images.
        learning_rate: of RMSProp (A.1.2 has .005 and scales it by .05 on convolutions).
        batch: images a step (A.1.2: 128).
        spread: initial weights come from U(-spread, spread); None is torch's default rule (A.1: .005).
    """

    epochs: int
    patience: int
    learning_rate: float = 1e-3
    batch: int = 128
    spread: float | None = 0.005


class Diverged(ArithmeticError):
    """The loss stopped being a finite number."""


@dataclass(frozen=True)
class Lesson:
    """Images with their labels and, where there is a teacher, with what it says of them."""

    split: Split
    answers: Answers | None

    def batches(self, size: int, order: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor | None, Tensor | None]]:
        """Images, labels, teacher logits and hint maps, `size` at a time in the given order."""
        for index in order.split(size):
            logits = None if self.answers is None else self.answers.logits[index]
            hint = None if self.answers is None else self.answers.hint[index]
            yield self.split.images[index], self.split.labels[index], logits, hint


@dataclass(frozen=True)
class Epoch:
    """One row of the learning curve.

    Attributes:
        stage: from 1.
        epoch: within the stage, from 1.
        train_loss: mean over the epoch's batches as the weights moved, in the stage's own loss.
        validation_loss: after the epoch, in the stage's own loss.
        validation_error: share of the validation images misclassified; absent while only the front half is trained.
    """

    stage: int
    epoch: int
    train_loss: float
    validation_loss: float
    validation_error: float | None

    @property
    def score(self) -> float:
        """What the stage is judged by, the lower the better: the error, or the hint loss where there is no output."""
        return self.validation_loss if self.validation_error is None else self.validation_error


@dataclass
class Progress:
    """All that a run needs to go on where it stands: kept after every epoch, saved now and then.

    Attributes:
        curve: every epoch so far, over all stages.
        finished: how many stages are over.
        tensors: student ("student.*"), heads ("head.*"), optimiser ("optimiser.*"), best weights ("best.*").
    """

    curve: list[Epoch]
    finished: int
    tensors: dict[str, Tensor]


def train(
    network: Network,
    teacher: Network | None,
    recipe: Recipe,
    training: Training,
    lessons: tuple[Lesson, Lesson],
    seed: int,
    progress: Progress | None = None,
    save: Callable[[Progress], None] = lambda progress: None,
) -> tuple[nn.Sequential, list[Epoch]]:
    """Trains `network` from the seed's initial weights through all stages of `recipe`.

    Args:
        network: the student (or a teacher, by a recipe that needs none).
        teacher: the teacher's description, for the regressor's shape.
        recipe: the stages.
        training: how they are optimised.
        lessons: training and validation images with the teacher's answers.
        seed: fixes initial weights and the order of the images.
        progress: where an interrupted run stood; it goes on from there to the same bits.
        save: called after every epoch with what is needed to go on; the tensors are the live ones, to be written or
            copied before the next epoch changes them.

    Returns:
        The trained network, with the best weights of the last stage, and the learning curve.

    Raises:
        Diverged: if the training loss is no longer finite.
    """
    student = build(network)
    initialise(student, training.spread, generator(seed, "student"))
    progress = progress or Progress([], 0, {})
    if progress.tensors:
        student.load_state_dict(part(progress.tensors, "student."))
    for number, epochs in enumerate(recipe.epochs(training.epochs), start=1):
        if number > progress.finished:
            run = StageRun(number, recipe.stages[number - 1], epochs, training, student, network, teacher, seed)
            run.restore(progress)
            progress = run.to_the_end(progress, lessons, save)
    return student, progress.curve


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose name begins with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


class StageRun:
    """One stage under way: the trained modules, their optimiser and the best weights so far."""

    def __init__(
        self,
        number: int,
        stage: Stage,
        epochs: int,
        training: Training,
        student: nn.Sequential,
        network: Network,
        teacher: Network | None,
        seed: int,
    ) -> None:
        self.number, self.epochs, self.training, self.seed = number, epochs, training, seed
        self.loss, self.student = stage.loss, student
        self.front = student[: network.middle]
        self.back = student[network.middle :] if stage.train == "all" else None
        self.trained = self.front if self.back is None else student
        self.heads = stage.loss.heads(network, teacher)
        for place, head in enumerate(self.heads):
            if head is not None:
                initialise(head, training.spread, generator(seed, "head", number, place))
        self.optimiser = torch.optim.RMSprop(
            [*self.trained.parameters(), *self._heads.parameters()], lr=training.learning_rate, alpha=0.9, eps=1e-8
        )
        self.best: dict[str, Tensor] = {}

    @property
    def _heads(self) -> nn.ModuleList:
        return nn.ModuleList(head for head in self.heads if head is not None)

    def to_the_end(
        self, progress: Progress, lessons: tuple[Lesson, Lesson], save: Callable[[Progress], None]
    ) -> Progress:
        """Runs the epochs that are left, then leaves the best epoch's weights in the student."""
        while not self.over(progress.curve):
            progress = self.epoch(progress, lessons)
            save(progress)
        self.trained.load_state_dict(self.best)
        return Progress(progress.curve, self.number, {f"student.{k}": v for k, v in self.student.state_dict().items()})

    def own(self, curve: list[Epoch]) -> list[Epoch]:
        """The rows of the learning curve that belong to this stage."""
        return [row for row in curve if row.stage == self.number]

    def over(self, curve: list[Epoch]) -> bool:
        """Whether the epochs are used up or the patience is."""
        scores = [row.score for row in self.own(curve)]
        return len(scores) >= self.epochs or (
            bool(scores) and len(scores) - 1 - scores.index(min(scores)) >= self.training.patience
        )

    def epoch(self, progress: Progress, lessons: tuple[Lesson, Lesson]) -> Progress:
        """One pass over the training images, and one look at the validation images."""
        done = len(self.own(progress.curve))
        share = done / max(self.epochs - 1, 1)
        train, validation = lessons
        order = torch.randperm(len(train.split), generator=generator(self.seed, "shuffle", self.number, done))
        losses = []
        for batch in train.batches(self.training.batch, order):
            loss = self.loss(self.see(*batch, share), self.heads)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            losses.append(loss.detach())
        train_loss = float(torch.stack(losses).mean())
        if not math.isfinite(train_loss):
            raise Diverged(f"stage {self.number}, epoch {done + 1}: the training loss is {train_loss}")
        row = replace(self.validate(validation, share), epoch=done + 1, train_loss=train_loss)
        if all(row.score < earlier.score for earlier in self.own(progress.curve)):
            self.best = {name: value.clone() for name, value in self.trained.state_dict().items()}
        return Progress([*progress.curve, row], progress.finished, self.tensors())

    def see(
        self, images: Tensor, labels: Tensor, teacher_logits: Tensor | None, hint: Tensor | None, share: float
    ) -> Seen:
        """Shows the student a batch; the back half is computed only where it is trained."""
        guided = self.front(images)
        logits = None if self.back is None else self.back(guided)
        return Seen(labels, guided, logits, teacher_logits, hint, share)

    @torch.no_grad()
    def validate(self, lesson: Lesson, share: float) -> Epoch:
        """The stage's loss and, where there is an output, its error on the validation images."""
        total = wrong = 0.0
        for batch in lesson.batches(1024, torch.arange(len(lesson.split))):
            seen = self.see(*batch, share)
            total += float(self.loss(seen, self.heads)) * len(seen.labels)
            if seen.logits is not None:
                wrong += int((seen.logits.argmax(dim=1) != seen.labels).sum())
        error = None if self.back is None else wrong / len(lesson.split)
        return Epoch(self.number, 0, math.nan, total / len(lesson.split), error)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that changes from step to step, under the names that `restore` reads."""
        state = {
            f"{number}.{name}": value
            for number, values in self.optimiser.state_dict()["state"].items()
            for name, value in values.items()
        }
        parts = {
            "student": self.student.state_dict(),
            "head": self._heads.state_dict(),
            "optimiser": state,
            "best": self.best,
        }
        return {f"{name}.{key}": value for name, values in parts.items() for key, value in values.items()}

    def restore(self, progress: Progress) -> None:
        """Goes back to where `progress` stood, if it stood within this stage."""
        if not self.own(progress.curve):
            return
        self._heads.load_state_dict(part(progress.tensors, "head."))
        self.best = part(progress.tensors, "best.")
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in part(progress.tensors, "optimiser.").items():
            number, name = key.split(".", 1)
            state.setdefault(int(number), {})[name] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": state})
