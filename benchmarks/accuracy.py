"""Whether the fast loop learns what the plain loop learns: the same seeds, first weights and batches on real images.

    python benchmarks/accuracy.py --data digits --epochs 10
    FITNETS_DATA=... python benchmarks/accuracy.py --data cifar10-jpeg --epochs 1

Validation accuracy after hint training and KD with both loops, seed by seed, and the paired difference with its 95 %
interval. The two are in different precision where the hardware has bfloat16, so single seeds differ; the mean should
not. Lambda stays at 4, as in the plain loop.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from plain import hint_step, kd_step, maps, network
from torch import nn

from fitnets_lib import data
from fitnets_lib.data import Split
from fitnets_lib.networks import DIGITS_TEACHER, Network, build, digits_student, initialise
from fitnets_lib.optimisation import Training, rmsprop
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.precision import fastest
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import BACKPROP, Recipe, Stage, hint
from fitnets_lib.statistics import paired
from fitnets_lib.teacher_cache import Lesson, keep, unmoved
from fitnets_lib.terms import Distillation, Linear, Loss
from fitnets_lib.training import Lessons, train

RECIPE = Recipe("hint then KD", (Stage("guided", hint), Stage("all", Loss.of(Distillation(lam=Linear(4.0, 4.0))))))


@dataclass(frozen=True)
class Problem:
    """Images, a teacher and a student."""

    train: Split
    validation: Split
    teacher: Network
    student: Network


def problem(name: str, images: int) -> Problem:
    """The first `images` training images of a data set, and as many validation images as there are, up to 2,000."""
    splits = data.load(name)
    sizes = ((splits.train, images), (splits.validation, 2000))
    first, some = (Split(split.images[:size], split.labels[:size]) for split, size in sizes)
    if name == "digits":
        return Problem(first, some, DIGITS_TEACHER, digits_student(5))
    return Problem(first, some, NETWORKS["cifar10/teacher"], NETWORKS["cifar10/fitnet1"])


def ours(given: Problem, taught: Lessons, training: Training, seed: int) -> float:
    """Validation accuracy after the library's loop, in the fastest precision, in per cent."""
    _, curve = train(given.student, given.teacher, RECIPE, training, taught, seed)
    assert curve[-1].validation_error is not None
    return 100 * (1 - curve[-1].validation_error)


def plain(given: Problem, teacher: nn.ModuleList, training: Training, seed: int) -> float:
    """Validation accuracy after the plain loop, with the first weights and the batches of the library's."""
    student, start = network(given.student), build(given.student)
    initialise(start, training.spread, generator(seed, "student"))
    (regressor,) = RECIPE.stages[0].loss.heads(given.student, given.teacher)
    assert regressor is not None
    initialise(regressor, training.spread, generator(seed, "head", 1, 0))
    copy(start, student)
    guided = student[: given.student.middle]
    first = rmsprop(training, guided, nn.ModuleList([regressor]))
    steps = [
        hint_step(teacher, student, regressor, given.teacher.middle, given.student.middle, first),
        kd_step(teacher, student, rmsprop(training, student, nn.ModuleList())),
    ]
    for number, (step, epochs) in enumerate(zip(steps, RECIPE.epochs(training.epochs), strict=True), start=1):
        for epoch in range(epochs):
            random = generator(seed, "shuffle", number, epoch)
            for index in torch.randperm(len(given.train), generator=random).split(training.batch):
                step(given.train.images[index], given.train.labels[index])
    with torch.no_grad():
        found = maps(student, given.validation.images)[-1].argmax(dim=1)
    return 100 * float((found == given.validation.labels).float().mean())


def copy(source: nn.Module, target: nn.Module) -> None:
    """Gives `target` the weights of `source`."""
    with torch.no_grad():
        for one, other in zip(source.parameters(), target.parameters(), strict=True):
            other.copy_(one)


def compare(given: Problem, epochs: int, teacher_epochs: int, seeds: int, batch: int) -> list[tuple[float, float]]:
    """Accuracies of both loops for each seed, of students of one teacher."""
    training = Training(epochs=2 * epochs, patience=2 * epochs, batch=batch, spread=None, precision=fastest("cpu"))
    untaught = Lessons(Lesson(given.train, None), Lesson(given.validation, None))
    longer = replace(training, epochs=teacher_epochs)
    taught_by, curve = train(given.teacher, None, BACKPROP, longer, untaught, seed=0)
    print(f"teacher: validation error {curve[-1].validation_error}", flush=True)
    asked, layers = unmoved(taught_by), frozenset({given.teacher.middle})
    kept = [Lesson(split, keep(asked, layers, split.images)) for split in (given.train, given.validation)]
    same = network(given.teacher).eval()
    copy(taught_by, same)
    found = []
    for seed in range(seeds):
        found.append((ours(given, Lessons(*kept), training, seed), plain(given, same, training, seed)))
        print(f"seed {seed}: library {found[-1][0]:.2f} %, plain loop {found[-1][1]:.2f} %", flush=True)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Compares and prints; with --out also writes a JSON file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", choices=["digits", "cifar10", "cifar10-jpeg"], default="digits")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=10, help="of each of the two stages")
    parser.add_argument("--teacher-epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128, help="images a step")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    here = problem(given.data, given.images)
    found = compare(here, given.epochs, given.teacher_epochs, given.seeds, given.batch)
    difference = paired([one for one, _ in found], [other for _, other in found])
    print(f"library minus plain loop: {difference:+.2f} points")
    if given.out:
        scale = {**vars(given), "out": None, "images": len(here.train), "precision": fastest("cpu")}
        rows = [{"seed": seed, "library": one, "plain": other} for seed, (one, other) in enumerate(found)]
        given.out.write_text(json.dumps({"scale": scale, "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
