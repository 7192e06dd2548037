"""One loop that runs any stage of any recipe.

What the loop knows: the student, the loss, the images and what the teacher said of them. What it does not know: which
recipe it serves. Each stage keeps the weights of its best epoch on the validation images and hands them on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fitnets_lib.divergence import Diverged, Divergence, bad_value, first_bad
from fitnets_lib.initialisation import begin
from fitnets_lib.networks import Network, build
from fitnets_lib.optimisation import Training, limit_norms, rmsprop
from fitnets_lib.outcomes import Epoch, best_epochs
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import Recipe, Stage
from fitnets_lib.teacher_cache import Answers, Lesson
from fitnets_lib.terms import Seen
from fitnets_lib.variants import check_batches


@dataclass(frozen=True)
class Lessons:
    """What a run learns from: training images, validation images to choose by, and both together for retraining."""

    train: Lesson
    validation: Lesson
    everything: Lesson | None = None


@dataclass
class Progress:
    """All that a run needs to go on from where it stands: kept after every epoch, saved now and then.

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
    lessons: Lessons,
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
        lessons: training and validation images with the teacher's answers, and both together for retraining.
        seed: fixes initial weights and the order of the images.
        progress: where an interrupted run stood; it goes on from there to the same end, bit for bit.
        save: called after every epoch with what is needed to go on; the tensors are the live ones, to be written or
            copied before the next epoch changes them.

    Returns:
        The trained network, with the best weights of the last stage, and the learning curve.

    Raises:
        Diverged: if a loss or a weight is no longer finite; its `progress` is where the run stood before that epoch.
        BadInput: if a batch normalisation would get a single image.
    """
    for lesson in filter(None, (lessons.train, lessons.everything)):
        check_batches(network, len(lesson.split), training.batch)
    student = build(network).to(lessons.train.split.images.device)
    progress = progress or Progress([], 0, {})
    epochs = recipe.epochs_of_stages(training.epochs, training.each_stage)
    both = (lessons.train, lessons.validation)
    first_pass = [(stage, most, both) for stage, most in zip(recipe.stages, epochs, strict=True)]
    progress = _stages(first_pass, 0, student, network, teacher, training, seed, progress, save)
    if training.retrain:
        assert lessons.everything is not None
        everything = (lessons.everything, None)
        found = best_epochs(progress.curve, len(recipe.stages))
        second_pass = [(stage, epochs, everything) for stage, epochs in zip(recipe.stages, found, strict=True)]
        progress = _stages(second_pass, len(first_pass), student, network, teacher, training, seed, progress, save)
    return student, progress.curve


def _stages(
    plan: Sequence[tuple[Stage, int, tuple[Lesson, Lesson | None]]],
    before: int,
    student: nn.Sequential,
    network: Network,
    teacher: Network | None,
    training: Training,
    seed: int,
    progress: Progress,
    save: Callable[[Progress], None],
) -> Progress:
    """Runs the stages of `plan`, which follow `before` others, from initial weights or from where `progress` stands."""
    if progress.finished <= before:
        images = plan[0][2][0].split.images
        begin(student, training.first_weights, images, training.batch, seed, before + 1)
    if progress.tensors and any(row.stage > before for row in progress.curve):
        student.load_state_dict(part(progress.tensors, "student."))
    for number, (stage, epochs, lessons) in enumerate(plan, start=before + 1):
        if number > progress.finished:
            run = StageRun(number, stage, epochs, training, student, network, teacher, seed)
            run.restore(progress)
            progress = run.to_the_end(progress, lessons, save)
    return progress


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
        self.loss, self.student, self.network, self.teacher = stage.loss, student, network, teacher
        self.trained = student[: stage.layers(network)]
        made = stage.loss.heads(network, teacher)
        self.heads = nn.ModuleList(nn.Identity() if head is None else head for head in made)
        self.heads.to(next(student.parameters()).device)
        for place, head in enumerate(made):
            if head is not None:
                training.first_weights.draw(head, generator(seed, "head", number, place))
        self.optimiser = rmsprop(training, self.trained, self.heads)
        self.best: dict[str, Tensor] = {}

    def to_the_end(
        self, progress: Progress, lessons: tuple[Lesson, Lesson | None], save: Callable[[Progress], None]
    ) -> Progress:
        """Runs the epochs that are left, then leaves the best epoch's weights in the student."""
        while not self.over(progress.curve):
            good = Progress(progress.curve, progress.finished, {k: v.clone() for k, v in self.tensors().items()})
            try:
                progress = self.epoch(progress, *lessons)
            except Diverged as error:
                error.progress = good
                raise
            save(progress)
        self.trained.load_state_dict(self.best)
        return Progress(progress.curve, self.number, {f"student.{k}": v for k, v in self.student.state_dict().items()})

    def own(self, curve: list[Epoch]) -> list[Epoch]:
        """The rows of the learning curve that belong to this stage."""
        return [row for row in curve if row.stage == self.number]

    def over(self, curve: list[Epoch]) -> bool:
        """Whether the stage is over: its epochs or its patience are used up."""
        scores = [row.score for row in self.own(curve)]
        return len(scores) >= self.epochs or (
            bool(scores) and len(scores) - 1 - scores.index(min(scores)) >= self.training.patience
        )

    def epoch(self, progress: Progress, train: Lesson, validation: Lesson | None) -> Progress:
        """One pass over the training images, and one look at the validation images, if there are any."""
        done = len(self.own(progress.curve))
        random = generator(self.seed, "shuffle", self.number, done)
        order = torch.randperm(len(train.split), generator=random)
        self.trained.train()
        self.heads.train()
        losses = []
        for batch in train.batches(self.training.batch, order, random):
            _, loss = self.judge(*batch, done)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            if self.training.max_norm is not None:
                limit_norms(self.training.max_norm, self.student[-1], self.trained, self.heads)
            losses.append(loss.detach())
        steps = torch.stack(losses)
        train_loss = float(steps.mean())
        judged = (None, None) if validation is None else self.validate(validation, done)
        self.check(done, steps, train_loss, judged[0])
        row = Epoch(self.number, done + 1, train_loss, *judged)
        if all(row.score < earlier.score for earlier in self.own(progress.curve)):
            self.best = {name: value.clone() for name, value in self.trained.state_dict().items()}
        return Progress([*progress.curve, row], progress.finished, self.tensors())

    def check(self, done: int, steps: Tensor, train_loss: float, validation_loss: float | None) -> None:
        """Refuses an epoch in which a loss or a weight was not finite.

        Raises:
            Diverged: naming the first step whose loss is not finite, or the last, if only the state after it is not.
        """
        terms = " + ".join(type(term).__name__ for _, term in self.loss.terms)
        step, value = len(steps), bad_value([*self.trained.state_dict().values(), *self.heads.state_dict().values()])
        what = "a weight after it"
        if not math.isfinite(train_loss):
            step, loss = first_bad(steps)
            what, value = f"the training loss ({terms})", str(loss)
        elif value is None and validation_loss is not None and not math.isfinite(validation_loss):
            what, value = f"the validation loss after it ({terms})", str(validation_loss)
        if value is not None:
            raise Diverged(Divergence(self.number, done + 1, step, what, value))

    def judge(self, images: Tensor, labels: Tensor, answers: Answers | None, epoch: int) -> tuple[Seen, Tensor]:
        """What the student makes of a batch, and the stage's loss, in the precision of the training."""
        half = self.training.precision == "bfloat16"
        if half:
            images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
            seen = self.see(images, labels, answers, epoch)
            return seen, self.loss(seen, self.heads)

    def see(self, images: Tensor, labels: Tensor, answers: Answers | None, epoch: int) -> Seen:
        """Shows the student a batch; layers above those that are trained are not computed."""
        maps: list[Tensor] = []
        for layer in self.trained:
            maps.append(layer(maps[-1] if maps else images))
        logits, hints = (None, {}) if answers is None else (answers.logits, answers.hints)
        return Seen(self.network, self.teacher, labels, tuple(maps), logits, hints, epoch, self.epochs)

    @torch.no_grad()
    def validate(self, lesson: Lesson, epoch: int) -> tuple[float, float | None]:
        """The stage's loss on the validation images and, where the student has an output, its error."""
        self.trained.eval()
        self.heads.eval()
        total = wrong = 0.0
        for batch in lesson.batches(1024, torch.arange(len(lesson.split)), generator(self.seed, "unused")):
            seen, loss = self.judge(*batch, epoch)
            total += float(loss) * len(seen.labels)
            if seen.logits is not None:
                wrong += int((seen.logits.argmax(dim=1) != seen.labels).sum())
        whole = len(self.trained) == len(self.student)
        return total / len(lesson.split), wrong / len(lesson.split) if whole else None

    def tensors(self) -> dict[str, Tensor]:
        """Everything that changes from step to step, under the names that `restore` reads."""
        parts = {
            "student": self.student.state_dict(),
            "head": self.heads.state_dict(),
            "optimiser": self.optimiser.tensors(),
            "best": self.best,
        }
        return {f"{name}.{key}": value for name, values in parts.items() for key, value in values.items()}

    def restore(self, progress: Progress) -> None:
        """Goes back to where `progress` stood, if it stood within this stage."""
        if not self.own(progress.curve):
            return
        self.heads.load_state_dict(part(progress.tensors, "head."))
        self.best = part(progress.tensors, "best.")
        self.optimiser.restore(part(progress.tensors, "optimiser."))
