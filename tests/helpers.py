"""What several tests share: networks that train in milliseconds, and images for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import nbformat
import torch

from fitnets_lib import data
from fitnets_lib.networks import Conv, Dense, Network, Pool, build, initialise
from fitnets_lib.optimisation import Training
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import BACKPROP, Recipe
from fitnets_lib.runs import Run
from fitnets_lib.teacher_cache import Lesson, keep, unmoved
from fitnets_lib.training import Lessons

TEACHER = Network("tiny teacher", (1, 8, 8), (Conv(3, pool=Pool(2, 2)), Conv(3, kernel=2, padding=0), Dense(10)), 2)
STUDENT = Network("tiny student", (1, 8, 8), (Conv(2, pool=Pool(2, 2)), Conv(2), Conv(2), Dense(10)), 2)
QUICK = Training(epochs=4, patience=4, batch=16, spread=None)


def lessons(count: int = 48) -> Lessons:
    """The first digits with the answers of an untrained teacher: `count` to train on, half as many to validate."""
    teacher = build(TEACHER)
    initialise(teacher, None, generator(0, "teacher"))
    splits, half = data.load("digits"), count // 2
    train = data.Split(splits.train.images[:count], splits.train.labels[:count])
    validation = data.Split(splits.validation.images[:half], splits.validation.labels[:half])
    images, labels = (torch.cat([getattr(s, what) for s in (train, validation)]) for what in ("images", "labels"))
    first, second, both = (
        Lesson(split, keep(unmoved(teacher), frozenset({1, 2}), split.images))
        for split in (train, validation, data.Split(images, labels))
    )
    return Lessons(first, second, both)


def run(recipe: Recipe, seed: int = 0, training: Training | None = None) -> Run:
    """A run on all digits that takes a fraction of a second."""
    quick = Training(epochs=2, patience=2, batch=500, spread=None)
    teacher = Run("digits", TEACHER, BACKPROP, quick, seed)
    return Run("digits", STUDENT, recipe, training or quick, seed, teacher)


def same_bits(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Whether two modules have equal tensors under equal names."""
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@cache
def unshared() -> tuple[str, ...]:
    """The words before a command that take the network away from it; none where the system does not allow it."""
    command = ("unshare", "--user", "--map-root-user", "--net")
    if shutil.which("unshare") is None:
        return ()
    return command if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0 else ()


def offline(*arguments: str, home: Path, system: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs Python with `arguments` and without network, with `home` as the book's home.

    What its processes still try to reach is noted in `home / "offline.log"` (`tests/offline/sitecustomize.py`).

    Args:
        arguments: what would follow `python` on a command line.
        home: an existing folder.
        system: whether the operating system cuts the network off as well, where it can.
    """
    environment = {
        **os.environ,
        "FITNETS_HOME": str(home),
        "FITNETS_OFFLINE": str(home / "offline.log"),
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "tests" / "offline"), os.environ.get("PYTHONPATH", "")]),
    }
    command = [*(unshared() if system else ()), sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)


def with_records(home: Path) -> None:
    """Copies the checkout's records, and the evidence made of them, into `home`."""
    for folder in (CHECKOUT / "results").glob("*/records"):
        shutil.copytree(folder.parent, home / "results" / folder.parent.name, dirs_exist_ok=True)


def prose(name: str) -> str:
    """The Markdown cells of the chapter `name`."""
    notebook = nbformat.read(CHECKOUT / "book" / f"{name}.ipynb", as_version=4)
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
