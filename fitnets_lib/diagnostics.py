"""The layers at the start of training: the size of each one's signal and gradient, and what can be read off it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import pandas as pd
import torch

from fitnets_lib import data
from fitnets_lib.data import Split
from fitnets_lib.features import probe
from fitnets_lib.initialisation import Start, begin
from fitnets_lib.networks import Network, build
from fitnets_lib.optimisation import Training
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import Stage
from fitnets_lib.runs import Run, Store
from fitnets_lib.teacher_cache import Lesson, keep, unmoved
from fitnets_lib.terms import Loss
from fitnets_lib.threads import repeatable
from fitnets_lib.training import StageRun


def gradient_norms(
    student: Network, teacher: Network, loss: Loss, lesson: Lesson, seed: int, start: Start
) -> list[float]:
    """Length of the loss's gradient with respect to the weights of each layer of an untrained student.

    Args:
        student: what would be trained.
        teacher: its teacher's description.
        loss: over the whole student.
        lesson: the images, all in one batch, with the teacher's answers.
        seed: of the initial weights of student and heads.
        start: the rule for the initial weights; a rule that fits them to images is shown the images of the lesson.

    Returns:
        One length a layer, from the image upwards.
    """
    module = build(student)
    start.draw(module, generator(seed, "student"))
    start.fit(module, lesson.split.images)
    training = Training(epochs=1, patience=1, start=start)
    stage = StageRun(1, Stage("all", loss), 1, training, module, student, teacher, seed)
    order = torch.arange(len(lesson.split))
    (batch,) = lesson.batches(len(order), order, generator(seed, "unused"))
    _, value = stage.judge(*batch, epoch=0)
    value.backward()
    return [_length(layer) for layer in module]


def first_gradients(runs: Iterable[Run], store: Store) -> pd.DataFrame:
    """`gradient_norms` for the runs that have a teacher and a single stage, on images of `data.shown`.

    Returns:
        A row for each recipe, seed and layer (counted from 1, from the image upwards), with the length of its gradient.

    Raises:
        FileNotFoundError: if the teacher of one of these runs was not trained.
    """

    @cache
    def asked(teacher: Run, layers: frozenset[int]) -> Lesson:
        images = data.shown(teacher.data).validation
        return Lesson(images, keep(unmoved(store.network(teacher)), layers, images.images))

    rows = []
    for run in runs:
        if run.teacher is None or len(run.recipe.stages) > 1:
            continue
        teacher, loss = run.teacher.network, run.recipe.stages[0].loss
        with repeatable():
            lesson = asked(run.teacher, loss.hint_layers(teacher))
            norms = gradient_norms(run.network, teacher, loss, lesson, run.seed, run.training.first_weights)
        rows += [(run.recipe.name, run.seed, layer, norm) for layer, norm in enumerate(norms, start=1)]
    return pd.DataFrame(rows, columns=["recipe", "seed", "layer", "gradient"])


@torch.no_grad()
def probes(runs: Iterable[Run], store: Store) -> pd.DataFrame:
    """How well a linear classifier tells the classes apart from what three layers give before the student is trained.

    It is fitted to the training images of `data.shown` and asked about the validation images (`features.probe`). The
    runs are taken that are the first of their seed and have a teacher.

    Returns:
        A row for each seed and each of "raw pixels", "the teacher’s hint layer" and "an untrained guided layer": seed,
        features, accuracy (per cent).

    Raises:
        FileNotFoundError: if the teacher of one of these runs was not trained.
    """
    rows, firsts = [], {run.seed: run for run in reversed(list(runs)) if run.teacher is not None}
    for run in sorted(firsts.values(), key=lambda run: run.seed):
        assert run.teacher is not None
        shown, untrained = data.shown(run.data), build(run.network)
        begin(untrained, run.training.first_weights, shown.train.images, run.training.batch, run.seed)
        layers = {
            "raw pixels": torch.nn.Identity(),
            "the teacher’s hint layer": store.network(run.teacher)[: run.teacher.network.middle],
            "an untrained guided layer": untrained[: run.network.middle].eval(),
        }
        for name, below in layers.items():
            with repeatable():
                train, held_out = (below(part.images) for part in (shown.train, shown.validation))
                right = probe(train, shown.train.labels, held_out, shown.validation.labels)
            rows.append((run.seed, name, right))
    return pd.DataFrame(rows, columns=["seed", "features", "accuracy"])


@dataclass(frozen=True)
class Signal:
    """What a layer gives for some images.

    Attributes:
        size: root mean square over images and units.
        between: the part of it that differs between images, as the root mean square of the deviations from each
            unit's mean over the images; the rest is the same whatever is shown.
    """

    size: float
    between: float


@torch.no_grad()
def signals(student: Network, training: Training, images: Split, seed: int) -> list[Signal]:
    """What each layer gives, from the image upwards, as training of `student` begins.

    Args:
        student: what would be trained.
        training: how it would be trained; only the first weights and the batch size matter here.
        images: those it would be trained on, all shown in one batch.
        seed: of the first weights and of the images' order.
    """
    module = build(student)
    begin(module, training.first_weights, images.images, training.batch, seed)
    module.train()
    found, maps = [], images.images
    for layer in module:
        maps = layer(maps)
        between = maps - maps.mean(dim=0)
        found.append(Signal(float(maps.square().mean().sqrt()), float(between.square().mean().sqrt())))
    return found


def _length(layer: torch.nn.Module) -> float:
    gradients = [p.grad.flatten() for p in layer.parameters() if p.grad is not None and p.dim() > 1]
    return float(torch.cat(gradients).norm())
