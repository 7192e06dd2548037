"""The same specification gives the same bits: twice in a process, in two, alone and beside others, whatever threads.

Sums in floating point depend on their order, and torch orders them by the number of threads. A run is therefore
computed with one thread whatever the reader or the machine sets (`threads.one_thread`), and a sweep uses further
processors for further runs. `test_sweep.py` says the same of a sweep in several processes.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fitnets_lib import files
from fitnets_lib.augmentation import Augmentation
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, RECIPES
from fitnets_lib.runs import Run, Store, execute
from fitnets_lib.sweep import sweep
from tests.helpers import run, with_records

FLIPPED = replace(run(HINT_THEN_KD).training, retrain=True, augmentation=Augmentation(flip=True))
HALF = replace(run(BACKPROP).training, precision="bfloat16")
RUNS = [
    *(run(recipe) for recipe in RECIPES.values()),
    run(HINT_THEN_KD, seed=1, training=FLIPPED),
    run(BACKPROP, training=HALF),
]
TRACES = """
import json, sys
from pathlib import Path
from fitnets_lib.runs import Store, execute
from tests.test_determinism import RUNS, traces
store = Store(Path(sys.argv[1]))
for run in reversed(RUNS):
    execute(run, store)
print(json.dumps(traces(store)))
"""


def traces(store: Store) -> list[list[str]]:
    """Of each run: its name, the checksum of its weights' file, and its errors and whole curve as JSON."""
    found = []
    for one in RUNS:
        kept = store.result(one)
        assert kept is not None
        weights = files.digest((store.folder(one) / "weights.safetensors").read_bytes())
        found.append([one.name, weights, files.canonical({**asdict(kept), "seconds": None})])
    return found


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The traces of all runs, trained one after the other in this process."""
    store = Store(tmp_path_factory.mktemp("first"))
    for one in RUNS:
        execute(one, store)
    return traces(store)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_runs_that_differ_in_one_thing_leave_other_weights(first: list[list[str]], tmp_path: Path) -> None:
    names, weights, _ = zip(*first, strict=True)
    assert len(set(names)) == len(set(weights)) == len(RUNS)
    other = run(BACKPROP, seed=1)
    execute(other, Store(tmp_path))
    assert files.digest((Store(tmp_path).folder(other) / "weights.safetensors").read_bytes()) not in weights


@pytest.mark.usefixtures("two_threads")
def test_a_second_time_in_the_same_process_all_bits_are_the_same_with_two_threads_and_other_random_states(
    first: list[list[str]], tmp_path: Path
) -> None:
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002  the state that everybody shares is what must not matter
    random.seed(7)
    store = Store(tmp_path)
    for one in RUNS:
        execute(one, store)
    assert torch.get_num_threads() == 2
    assert traces(store) == first


@pytest.mark.usefixtures("two_threads")
def test_in_a_sweep_all_bits_are_those_of_runs_alone(first: list[list[str]], tmp_path: Path) -> None:
    store = Store(tmp_path)
    others: list[Run] = [run(HINT_THEN_KD, seed=2), run(BACKPROP, seed=3)]
    sweep([*others, *reversed(RUNS)], store, processes=1)
    assert traces(store) == first


def test_in_another_process_with_other_threads_and_hashes_all_bits_are_the_same(
    first: list[list[str]], tmp_path: Path
) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", "PYTHONHASHSEED": "12345"}
    command = [sys.executable, "-c", TRACES, str(tmp_path)]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == first


TIMED = {"measured_speed.csv": "milliseconds and their ratios are another at every measurement"}
"""Tables, and evidence of the same names, that two builds need not share, each with the reason."""


@pytest.mark.parametrize(
    ("chapter", "options"),
    [("01_why_thin_and_deep", ["-p", "repeats", "1"]), ("08_depth_and_compute", [])],  # repeats of a timing
    ids=["01_why_thin_and_deep", "08_depth_and_compute"],
)
def test_a_second_build_from_nothing_gives_the_same_tables_but_for_timings(
    chapter: str, options: list[str], smoke_home: Path, tmp_path: Path
) -> None:
    with_records(tmp_path)
    book = CHECKOUT / "book"
    command = [sys.executable, "-m", "papermill", str(book / f"{chapter}.ipynb"), "out.ipynb"]
    command += ["-f", str(book / "presets" / "smoke.yml"), *options]
    environment = {**os.environ, "FITNETS_HOME": str(tmp_path), "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "12345"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    again = {path.relative_to(tmp_path / "results"): path for path in (tmp_path / "results" / "smoke").rglob("*.csv")}
    same = {name for name in again if name.name not in TIMED}
    assert same
    for name in same:
        assert again[name].read_bytes() == (smoke_home / "results" / name).read_bytes(), name
    assert {name.name for name in again} & TIMED.keys() == ({*TIMED} if chapter.startswith("01") else set())
