"""What training costs, beside a plain loop in the same process: `make bench`, or `python benchmarks/bench.py --help`.

Images are random, since what they show does not change the cost. The two sides of a row take turns, so that a machine
that slows down slows both; the ratio is that of the two medians.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd
import record
import torch
from plain import hint_step, kd_step, label_step, network
from torch import Tensor

from fitnets_lib import recipes
from fitnets_lib.data import Split
from fitnets_lib.experiments import student_runs
from fitnets_lib.maxout import maxout
from fitnets_lib.networks import Network, build
from fitnets_lib.optimisation import Training
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.precision import Precision, fastest
from fitnets_lib.recipes import Recipe
from fitnets_lib.runs import Store
from fitnets_lib.sweep import sweep
from fitnets_lib.teacher_cache import Lesson, keep, unmoved
from fitnets_lib.timing import medians, seconds, seconds_for_a_batch
from fitnets_lib.training import Progress, StageRun

TEACHER = NETWORKS["cifar10/teacher"]
EPOCHS = 30
"""The number of epochs over which the time to fill the cache is shared out."""


@dataclass(frozen=True)
class Size:
    """How much is measured: images a batch, batches, turns, and the students."""

    batch: int = 128
    batches: int = 2
    turns: int = 5
    students: tuple[str, ...] = ("fitnet1", "fitnet4")
    device: str = "cpu"


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, by the library and by the plain loop, and their ratio."""

    what: str
    ours: float
    plain: float
    unit: str
    ratio: float


def images(size: Size) -> Split:
    """Random images of CIFAR-10's shape with random labels."""
    count = size.batch * size.batches
    random = torch.Generator().manual_seed(0)
    pictures = torch.randn(count, *TEACHER.image, generator=random)
    return Split(pictures, torch.randint(0, 10, (count,), generator=random)).to(size.device)


def faster(what: str, ours: float, plain: float, count: int) -> Row:
    """A row in images a second, from seconds for `count` images."""
    return Row(what, count / ours, count / plain, "images a second", plain / ours)


def our_epoch(student: Network, recipe: Recipe, lesson: Lesson, size: Size, precision: Precision) -> Callable[[], None]:
    """The library's own loop over `lesson`, in the first stage of `recipe`."""
    training = Training(epochs=1, patience=1, batch=size.batch, precision=precision)
    module = build(student).to(size.device)
    stage = StageRun(1, recipe.stages[0], 10**6, training, module, student, TEACHER, seed=0)
    return lambda: void(stage.epoch(Progress([], 0, {}), lesson, None))


def void(_: object) -> None:
    """Drops the result of a timed function."""


def plain_epoch(step: Callable[[Tensor, Tensor], float], split: Split, batch: int) -> Callable[[], None]:
    """The plain loop over the same images."""
    batches = list(zip(split.images.split(batch), split.labels.split(batch), strict=True))
    return lambda: void([step(*one) for one in batches])


def plain_step(student: Network, recipe: Recipe, device: str) -> Callable[[Tensor, Tensor], float]:
    """The plain loop's step for the first stage of `recipe`."""
    teacher, learner = network(TEACHER).eval().to(device), network(student).to(device)
    optimiser = torch.optim.RMSprop(learner.parameters(), 1e-3)
    if recipe is recipes.KD:
        return kd_step(teacher, learner, optimiser)
    if recipe is recipes.BACKPROP:
        return label_step(learner, optimiser)
    (regressor,) = recipe.stages[0].loss.heads(student, TEACHER)
    assert regressor is not None
    optimiser.add_param_group({"params": list(regressor.to(device).parameters())})
    return hint_step(teacher, learner, regressor, TEACHER.middle, student.middle, optimiser)


def training_rows(size: Size) -> Iterator[Row]:
    """KD stage, hint stage and the student alone; the first two also with the time to fill the cache."""
    split, count, precision = images(size), size.batch * size.batches, fastest(size.device)
    teacher = unmoved(build(TEACHER).to(size.device))
    (fill,) = medians([lambda: keep(teacher, frozenset({TEACHER.middle}), split.images)], 1, before=2)
    yield Row("teacher's answers kept", count / fill, float("nan"), "images a second", float("nan"))
    lesson = Lesson(split, keep(teacher, frozenset({TEACHER.middle}), split.images))
    stages = {"KD stage": recipes.KD, "hint stage": recipes.HINT_THEN_KD, "student alone": recipes.BACKPROP}
    for name in size.students:
        student = NETWORKS[f"cifar10/{name}"]
        for what, recipe in stages.items():
            mine = our_epoch(student, recipe, lesson, size, precision)
            theirs = plain_epoch(plain_step(student, recipe, size.device), split, size.batch)
            ours, plain = medians([mine, theirs], size.turns, before=2)
            yield faster(f"{what}, {name}", ours, plain, count)
            if recipe is not recipes.BACKPROP:
                whole = f"{what}, {name}, {EPOCHS} epochs with the cache to fill"
                yield faster(whole, ours + fill / EPOCHS, plain, count)


def operator_rows(size: Size) -> Iterator[Row]:
    """Maxout of two pieces, forward and backward, beside torch's `max` over a view."""
    z = torch.randn(size.batch, 64, 32, 32, device=size.device, requires_grad=True)

    def plain() -> None:
        z.view(size.batch, 32, 2, 32, 32).max(dim=2)[0].sum().backward()

    ours, theirs = medians([lambda: maxout(z, 2).sum().backward(), plain], 4 * size.turns, before=2)
    yield Row("maxout, forward and backward", 1e3 * ours, 1e3 * theirs, "ms", theirs / ours)


def inference_rows(size: Size) -> Iterator[Row]:
    """Forward pass of each student beside the teacher's."""
    names = ["teacher", "fitnet1", "fitnet2", "fitnet3", "fitnet4"]
    nets = [NETWORKS[f"cifar10/{name}"] for name in names]
    for batch in (1, size.batch):
        times = seconds_for_a_batch(nets, batch, size.turns, size.device)
        for name, own in zip(names[1:], times[1:], strict=True):
            what = f"inference, {name} beside the teacher, batch {batch}"
            yield Row(what, 1e3 * own, 1e3 * times[0], "ms", times[0] / own)


def sweep_rows(epochs: int) -> Iterator[Row]:
    """Eight runs on digits, in one process and in two; teachers are trained beforehand."""
    runs = student_runs([5], [recipes.BACKPROP, recipes.HINT_THEN_KD], "digits", 4, epochs, "cpu")
    teachers = list(dict.fromkeys(run.teacher for run in runs if run.teacher))
    found = []
    for processes in (2, 1):
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder))
            sweep(teachers, store, processes)
            found.append(seconds(partial(sweep, runs, store, processes)))
    two, one = found
    yield Row("sweep of 8 runs, two processes beside one", two, one, "s", one / two)


def memory_rows(size: Size) -> Iterator[Row]:
    """Peak memory of a process that does one epoch of the KD stage."""
    found = []
    for side in ("ours", "plain"):
        command = [sys.executable, __file__, "--memory", side, "--batch", str(size.batch), "--device", size.device]
        found.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    ours, plain = found
    yield Row("peak memory, KD stage, fitnet1", ours, plain, "MiB", plain / ours)


def peak_memory(side: str, size: Size) -> float:
    """Peak memory of this process, in MiB, over one epoch of the KD stage."""
    student, split = NETWORKS["cifar10/fitnet1"], images(size)
    if side == "ours":
        teacher = unmoved(build(TEACHER).to(size.device))
        lesson = Lesson(split, keep(teacher, frozenset(), split.images))
        our_epoch(student, recipes.KD, lesson, size, fastest(size.device))()
    else:
        plain_epoch(plain_step(student, recipes.KD, size.device), split, size.batch)()
    if size.device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 2**10


def peak(device: str, dtype: torch.dtype, side: int = 2048) -> float:
    """The most GFLOPS that matrix products reach here."""
    a = torch.randn(side, side, device=device).to(dtype)
    return 2 * side**3 / min(seconds(lambda: a @ a) for _ in range(10)) / 1e9


def machine(device: str) -> dict[str, str | float]:
    """The machine that the numbers come from."""
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "precision of the library": fastest(device),
        "GFLOPS, float32": round(peak(device, torch.float32)),
        "GFLOPS, bfloat16": round(peak(device, torch.bfloat16)),
    }


def table(size: Size, sweep_epochs: int) -> pd.DataFrame:
    """All rows, each printed as soon as it is measured."""
    parts = [training_rows(size), operator_rows(size), inference_rows(size), memory_rows(size)]
    if size.device == "cpu":
        parts.append(sweep_rows(sweep_epochs))
    rows = []
    for row in itertools.chain(*parts):
        print(f"{row.what}: {row.ours:.1f} {row.unit}, plain {row.plain:.1f}, ratio {row.ratio:.2f}", flush=True)
        rows.append(row)
    return pd.DataFrame(rows).round({"ours": 1, "plain": 1, "ratio": 2})


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; with --out also writes a JSON file of the machine and the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--batch", type=int, default=128, help="images a step")
    parser.add_argument("--batches", type=int, default=2, help="steps an epoch")
    parser.add_argument("--turns", type=int, default=5, help="times that each side is measured")
    parser.add_argument("--sweep-epochs", type=int, default=20)
    parser.add_argument("--students", nargs="+", default=["fitnet1", "fitnet4"])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--memory", choices=["ours", "plain"], help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    size = Size(given.batch, given.batches, given.turns, students=tuple(given.students), device=given.device)
    if given.memory:
        print(peak_memory(given.memory, replace(size, batches=1)))
        return 0
    here, rows = machine(given.device), table(size, given.sweep_epochs)
    print("\n".join(f"{name}: {value}" for name, value in here.items()))
    if given.out:
        record.write(given.out, {"machine": here, "rows": rows.to_dict("records")})
    return 0


if __name__ == "__main__":
    sys.exit(main())
