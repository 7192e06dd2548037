"""Whether the fast loop learns what the plain loop learns: the same seeds, first weights and batches on real images.

    python benchmarks/accuracy.py --data digits --epochs 10
    FITNETS_DATA=... python benchmarks/accuracy.py --data cifar10-jpeg-10000 --epochs 5 --learning-rate 2.5e-4

Validation accuracy after hint training and KD with both loops, seed by seed, and the paired difference with its 95 %
interval. The two loops differ in precision where the hardware has bfloat16, so single seeds differ; the mean should
not. Lambda stays at 4, as in the plain loop. Here the plain loop asks its teacher only once for all images, in single
precision, not at every step: the answers are the same, and time is measured by bench.py, not here.

One more thing differs: in the library, stage 2 starts from the epoch of stage 1 that was best on the validation
images, in the plain loop from the last one. Both accuracies are those after the last epoch of stage 2.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import record
import torch
from plain import descend, hint_loss, kd_loss, maps, network
from torch import Tensor, nn

from fitnets_lib import data, paths
from fitnets_lib.annealing import Linear
from fitnets_lib.data import Split
from fitnets_lib.networks import DIGITS_TEACHER, Network, build, digits_student, initialise
from fitnets_lib.optimisation import Training
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.precision import fastest
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import BACKPROP, Recipe, Stage, hint
from fitnets_lib.runs import Run, Store, execute
from fitnets_lib.statistics import paired
from fitnets_lib.teacher_cache import Lesson, keep, unmoved
from fitnets_lib.terms import Distillation, Loss
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
    first, some = splits.train.first(images), splits.validation.first(2000)
    if name == "digits":
        return Problem(first, some, DIGITS_TEACHER, digits_student(5))
    return Problem(first, some, NETWORKS["cifar10/teacher"], NETWORKS["cifar10/fitnet1"])


def ours(given: Problem, taught: Lessons, training: Training, seed: int) -> float:
    """Validation accuracy after the library's loop, in the fastest precision, in per cent."""
    _, curve = train(given.student, given.teacher, RECIPE, training, taught, seed)
    assert curve[-1].validation_error is not None
    return 100 * (1 - curve[-1].validation_error)


@torch.no_grad()
def answers(teacher: nn.ModuleList, given: Problem) -> tuple[Tensor, Tensor]:
    """Hints and logits of the plain teacher for all training images, in their order."""
    found = [maps(teacher, images) for images in given.train.images.split(100)]
    hints, logits = (torch.cat([own[place] for own in found]) for place in (given.teacher.middle - 1, -1))
    return hints, logits


def plain(given: Problem, taught: tuple[Tensor, Tensor], training: Training, seed: int) -> float:
    """Validation accuracy after the plain loop, with the first weights and the batches of the library's loop."""
    student, start = network(given.student), build(given.student)
    initialise(start, training.spread, generator(seed, "student"))
    (regressor,) = RECIPE.stages[0].loss.heads(given.student, given.teacher)
    assert regressor is not None
    initialise(regressor, training.spread, generator(seed, "head", 1, 0))
    copy(start, student)
    hints, logits = taught

    def by_hint(index: Tensor) -> Tensor:
        v_g = maps(student, given.train.images[index])[given.student.middle - 1]
        return hint_loss(hints[index], regressor(v_g))

    def by_kd(index: Tensor) -> Tensor:
        return kd_loss(maps(student, given.train.images[index])[-1], logits[index], given.train.labels[index])

    guided = [*student[: given.student.middle].parameters(), *regressor.parameters()]
    first, second = (
        torch.optim.RMSprop(trained, training.learning_rate, alpha=0.9, eps=training.floor)
        for trained in (guided, student.parameters())
    )
    stages = ((by_hint, first), (by_kd, second))
    for number, ((loss, optimiser), epochs) in enumerate(zip(stages, RECIPE.epochs(training.epochs), strict=True), 1):
        for epoch in range(epochs):
            random = generator(seed, "shuffle", number, epoch)
            for index in torch.randperm(len(given.train), generator=random).split(training.batch):
                descend(loss(index), optimiser)
    with torch.no_grad():
        found = maps(student, given.validation.images)[-1].argmax(dim=1)
    return 100 * float((found == given.validation.labels).float().mean())


def copy(source: nn.Module, target: nn.Module) -> None:
    """Gives `target` the weights of `source`."""
    with torch.no_grad():
        for one, other in zip(source.parameters(), target.parameters(), strict=True):
            other.copy_(one)


def compare(name: str, given: Problem, training: Training, teacher: Training, seeds: int) -> list[tuple[float, float]]:
    """Accuracies of both loops for each seed. All students have the same teacher, which is kept among the runs."""
    run, store = Run(name, given.teacher, BACKPROP, teacher, seed=0), Store(paths.runs())
    print(f"teacher: validation error {execute(run, store).validation_error}", flush=True)
    taught_by = store.network(run)
    asked, layers = unmoved(taught_by), frozenset({given.teacher.middle})
    kept = [Lesson(split, keep(asked, layers, split.images)) for split in (given.train, given.validation)]
    same = network(given.teacher).eval()
    copy(taught_by, same)
    taught = answers(same, given)
    found = []
    for seed in range(seeds):
        found.append((ours(given, Lessons(*kept), training, seed), plain(given, taught, training, seed)))
        print(f"seed {seed}: library {found[-1][0]:.2f} %, plain loop {found[-1][1]:.2f} %", flush=True)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Compares and prints; with --out also writes a JSON file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", choices=["digits", "cifar10", "cifar10-jpeg", "cifar10-jpeg-10000"], default="digits")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=10, help="of each of the two stages")
    parser.add_argument("--teacher-epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128, help="images a step")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="of teacher and students")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    how = {"batch": given.batch, "learning_rate": given.learning_rate, "spread": None, "precision": fastest("cpu")}
    training, teacher = (
        Training(epochs, patience=epochs, **how) for epochs in (2 * given.epochs, given.teacher_epochs)
    )
    here = problem(given.data, given.images)
    found = compare(given.data, here, training, teacher, given.seeds)
    difference = paired([one for one, _ in found], [other for _, other in found])
    print(f"library minus plain loop: {difference:+.2f} points")
    if given.out:
        scale = {**vars(given), "out": None, "images": len(here.train), "precision": fastest("cpu")}
        rows = [{"seed": seed, "library": one, "plain": other} for seed, (one, other) in enumerate(found)]
        record.write(given.out, {"scale": scale, "rows": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
