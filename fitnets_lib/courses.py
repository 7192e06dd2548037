"""Training a run once more to watch it: the student's output after every epoch, and how stage 1 changed its layers.

A kept run holds its learning curve and its last weights. The states in between are found by training it again, which
gives the same bits; the new curve is compared with the kept one.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from joblib import Parallel, delayed
from torch import Tensor, nn

from fitnets_lib import data, files
from fitnets_lib.errors import BadInput, OneLine
from fitnets_lib.initialisation import begin
from fitnets_lib.networks import Network, build
from fitnets_lib.outcomes import Epoch
from fitnets_lib.runs import Run, Store, execute, lessons
from fitnets_lib.threads import repeatable
from fitnets_lib.training import Lessons, Progress, StageRun, part, train


class Strayed(OneLine, RuntimeError):
    """A run that was trained again took another course than the kept one: torch did not repeat its bits."""


@dataclass(frozen=True)
class Course:
    """The student's logits after each epoch with a validation error: all layers were trained, and not on all images.

    Attributes:
        train: those of the training images that chapters look at (`data.shown`), (epochs, n, classes).
        validation: those of the validation images, (epochs, m, classes).
    """

    train: Tensor
    validation: Tensor


def courses(runs: Sequence[Run], store: Store, processes: int | None = None) -> list[Course]:
    """The courses of runs, finished or not, as many at a time as there are processors, each kept in its run's folder.

    Raises:
        BadInput: as `runs.execute`.
    """
    missing = [run for run in runs if not _path(run, store).is_file()]
    processes = min(processes or os.cpu_count() or 1, max(len(missing), 1))
    Parallel(n_jobs=processes)(delayed(course)(run, store) for run in missing)
    return [course(run, store) for run in runs]


def _path(run: Run, store: Store) -> Path:
    return store.folder(run) / "course.safetensors"


def course(run: Run, store: Store) -> Course:
    """The course of `run`, read back or found by training it again.

    Raises:
        BadInput: as `runs.execute`.
        Diverged: if the run did.
        Strayed: if the new training took another course than the kept run.
    """
    kept = execute(run, store)
    path = _path(run, store)
    try:
        tensors, _ = files.read_tensors(path)
        return Course(tensors["train"], tensors["validation"])
    except FileNotFoundError:
        pass
    except files.Damaged as error:
        warnings.warn(f"{error}; the run is followed again", stacklevel=2)
    with repeatable():
        found, curve = _follow(run, lessons(run, store))
    if tuple(curve) != kept.curve:
        raise Strayed(f"{run}: trained again it took another course; its bits are those of another machine")
    files.write_tensors(path, {"train": found.train, "validation": found.validation})
    return found


def _follow(run: Run, given: Lessons) -> tuple[Course, list[Epoch]]:
    student = build(run.network).to(run.device)
    looked_at, said = data.shown(run.data), dict[str, list[Tensor]](train=[], validation=[])

    @torch.no_grad()
    def look(progress: Progress) -> None:
        if progress.curve[-1].validation_error is None:  # half is trained, or all images
            return
        student.load_state_dict(part(progress.tensors, "student."))
        student.eval()
        for name, answers in said.items():
            answers.append(student(getattr(looked_at, name).images.to(run.device)).cpu())

    taught_by = None if run.teacher is None else run.teacher.network
    _, curve = train(run.network, taught_by, run.recipe, run.training, given, run.seed, save=look)
    return Course(torch.stack(said["train"]), torch.stack(said["validation"])), list(curve)


@dataclass(frozen=True)
class Guided:
    """A student's layers up to the guided one, and the regressor, at one moment of stage 1."""

    layers: nn.Sequential
    regressor: nn.Module

    @torch.no_grad()
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The guided map of `images`, and what the regressor makes of it."""
        guided = self.layers(images)
        return guided, self.regressor(guided)


def stage_one(run: Run, store: Store) -> tuple[Guided, Guided]:
    """Goes through the first stage of `run`, a hint with one regressor, once more.

    Returns:
        Layers and regressor as the stage began, with first weights, and as it ended, with those of its best epoch.

    Raises:
        BadInput: as `runs.execute`, or if the run has no teacher.
    """
    if run.teacher is None:
        raise BadInput("teacher", None, "a run with a teacher: a hint needs somebody who gives it")
    execute(run.teacher, store)
    with repeatable():
        return _stage_one(run, run.teacher.network, lessons(run, store))


def _stage_one(run: Run, teacher: Network, given: Lessons) -> tuple[Guided, Guided]:
    stage, training, student = run.recipe.stages[0], run.training, build(run.network).to(run.device)
    epochs = run.recipe.epochs_of_stages(training.epochs, training.each_stage)[0]
    begin(student, training.first_weights, given.train.split.images, training.batch, run.seed)
    under_way = StageRun(1, stage, epochs, training, student, run.network, teacher, run.seed)
    here = Guided(under_way.trained, under_way.heads[0])
    began, best = copy.deepcopy(here), dict[str, Tensor]()

    def look(progress: Progress) -> None:
        scores = [row.score for row in progress.curve]
        if scores.index(min(scores)) == len(scores) - 1:
            best.update({name: value.clone() for name, value in here.regressor.state_dict().items()})

    under_way.to_the_end(Progress([], 0, {}), (given.train, given.validation), look)
    here.regressor.load_state_dict(best)
    for moment in (began, here):
        moment.layers.eval()
        moment.regressor.eval()
    return began, here
