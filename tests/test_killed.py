"""Processes that are killed by SIGKILL at random moments, and what the same command makes of what they left.

One command, `records.make`, trains a teacher, fills its cache of answers in files, trains a student in two stages,
keeps both runs and writes the student's record and its table; here on networks of milliseconds, with a checkpoint after
every epoch. Two kinds of moments are drawn, both by `random.Random(SEED)`:

- *Events* are every step of the optimiser, every forward pass of the teacher over a batch for the cache, and every time
  the process opens, renames, removes or makes something below its folder, as Python's audit hooks tell it, before it is
  done. An uninterrupted command counts them; a child is killed as it reaches the one that was drawn, which is the same
  one every time. The draw is one from each of `BY_EVENT` equal stretches, so that no part of the command is left out,
  and two further ones from each of the short parts that a test names.
- *Times* are uniform over what the command took uninterrupted. Which instruction such a child is killed at depends on
  the machine as well.

The build of a book of one page and one chapter, which trains, is killed at times only: once while papermill executes
the chapter, in a kernel that is left to notice by itself, and once while the pages are rendered. Each test prints its
moments; pytest shows them if it fails. A child is forked from a server that has imported torch once.
"""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.process
import os
import random
import shutil
import signal
import sys
import time
import warnings
from collections import Counter
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from fitnets_lib import checkpoints, files, paths, records, sealed, shelf, teacher_cache, training
from fitnets_lib.outcomes import result_from
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.recipes import HINT_THEN_KD
from fitnets_lib.records import Row
from fitnets_lib.rmsprop import RMSProp
from fitnets_lib.runs import Store
from tests.conftest import load_build
from tests.helpers import run as tiny
from tests.test_build import write_chapter

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")

SEED = 20150507
BY_EVENT, BY_TIME = 14, 6
RUN = tiny(HINT_THEN_KD, training=replace(tiny(HINT_THEN_KD).training, epochs=6, patience=6))
ROW = Row("row", "digits", "about", (RUN,))
PRELOADED = ["tests.test_killed", "joblib.externals.loky"]
"""What the server imports once, so that no child does."""
TOUCHES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")


class Watch:
    """Notes what a child does, and kills it as it reaches the event of a number, counted from 1."""

    def __init__(self, home: Path, deadly: int | None) -> None:
        self.home, self.deadly = str(home), deadly
        self.events: list[str] = []
        self.done: list[str] = []  # what must not be done twice: epochs and rooms that are filled
        sys.addaudithook(self.audit)
        torch.nn.modules.module.register_module_forward_pre_hook(self.forward)
        epoch, room, step = training.StageRun.epoch, shelf.room, RMSProp.step

        def counted_step(optimiser: RMSProp) -> None:
            step(optimiser)
            self.event("step")

        def counted_epoch(stage: training.StageRun, progress: Any, *rest: Any) -> Any:
            found = epoch(stage, progress, *rest)
            self.done.append(f"epoch {stage.network.name} {len(found.curve)}")
            return found

        def counted_room(like: Any, rows: int, path: Path | None) -> Any:
            if path is not None:
                self.done.append(f"room {path.relative_to(home)}")
            return room(like, rows, path)

        RMSProp.step = counted_step  # type: ignore[method-assign,assignment]
        training.StageRun.epoch = counted_epoch  # type: ignore[method-assign,assignment]
        shelf.room = counted_room

    def event(self, name: str) -> None:
        self.events.append(name)
        if len(self.events) == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in TOUCHES and isinstance(arguments[0], str) and arguments[0].startswith(self.home):
            self.event(f"{event} {Path(arguments[0]).name.lstrip('.').split('.')[0]}")

    def forward(self, module: torch.nn.Module, _: Any) -> None:
        if isinstance(module, teacher_cache._InDouble):
            self.event("teacher asked")


def command(home: Path, deadly: int | None, told: Path) -> None:
    """What a child does: the command, in a home of its own; at its end it tells what it did and how long that took."""
    os.environ["FITNETS_HOME"] = str(home)
    warnings.simplefilter("error")  # a damaged or half-written file is warned of, here it is an error
    checkpoints.CHECKPOINT_EVERY, teacher_cache.LARGE = 0.0, 0
    begun, watch = time.monotonic(), Watch(home, deadly)
    records.make(ROW, Store(paths.runs()), processes=1)
    seconds = time.monotonic() - begun
    told.write_text(json.dumps({"events": watch.events, "done": watch.done, "seconds": seconds}))


def start(target: Any, *arguments: Any) -> multiprocessing.process.BaseProcess:
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(PRELOADED)
    child = processes.Process(target=target, args=arguments)
    child.start()
    return child


def killed_after(seconds: float, child: multiprocessing.process.BaseProcess) -> bool:
    """Waits, kills the child, and returns whether it was still at work."""
    time.sleep(seconds)
    child.kill()
    child.join()
    assert child.exitcode in (-signal.SIGKILL, 0)
    return child.exitcode != 0


def to_the_end(home: Path) -> dict[str, Any]:
    """Gives the command in `home`, waits for it, and returns what it tells."""
    told = home.with_suffix(".told")
    child = start(command, home, None, told)
    child.join()
    assert child.exitcode == 0
    found: dict[str, Any] = json.loads(told.read_text())
    return found


def outcome(home: Path) -> dict[str, Any]:
    """All that the command leaves, without dates and durations."""
    store = Store(home / "runs")
    assert RUN.teacher is not None
    found: dict[str, Any] = {}
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if path.suffix == ".json" and "answers" not in path.parts:
            content = files.read_sealed(path) if path.name != "specification.json" else json.loads(path.read_text())
            for part, fields in (("provenance", ["finished"]), ("result", ["seconds"])):
                for field in fields if part in content else ():
                    del content[part][field]
            found[name] = content
        elif path.suffix == ".csv":
            table = sealed.read(path)
            assert table is not None
            found[name] = table.drop(columns="seconds", errors="ignore").to_csv(index=False)
        elif path.is_file():
            found[name] = files.digest(path.read_bytes())
    assert store.result(RUN) is not None and store.result(RUN.teacher) is not None
    return found


def kept_work(home: Path) -> Counter[str]:
    """What a killed process had finished and saved: epochs up to its last checkpoint or result, and filled rooms."""
    found: Counter[str] = Counter()
    for run in (RUN, RUN.teacher):
        assert run is not None
        folder = home / "runs" / run.name
        if (folder / "result.json").exists():
            epochs = len(result_from(files.read_sealed(folder / "result.json")["result"]).curve)
        elif (folder / "checkpoint.safetensors").exists():
            epochs = len(files.read_tensors(folder / "checkpoint.safetensors")[1]["curve"])
        else:
            epochs = 0
        found.update(f"epoch {run.network.name} {epoch}" for epoch in range(1, epochs + 1))
        for seal in folder.rglob("answers/**/*.json"):
            found[f"room {seal.relative_to(home).with_suffix('')}"] += 1
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """An uninterrupted command: what it tells, and what it leaves."""
    home = tmp_path_factory.mktemp("whole") / "home"
    return to_the_end(home), outcome(home)


def holds_after_a_kill(home: Path, whole: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """The same command ends as if nothing had happened, and does no more than what was lost."""
    told, expected = whole
    saved = kept_work(home)
    again = to_the_end(home)
    assert outcome(home) == expected  # the same files, so no lock and no half of a file either
    assert Counter(again["done"]) == Counter(told["done"]) - saved


def moments(events: list[str], short: tuple[str, ...]) -> list[int]:
    """Numbers of events: one from each stretch, and two from those whose name begins with one of `short`."""
    draw = random.Random(SEED)
    edges = [round(len(events) * part / BY_EVENT) for part in range(BY_EVENT + 1)]
    found = [draw.randint(low + 1, high) for low, high in pairwise(edges)]
    for name in short:
        there = [number for number, event in enumerate(events, 1) if event.startswith(name)]
        found += draw.sample(there, min(2, len(there)))
    return found


def test_a_command_that_is_killed_at_any_event_ends_with_the_same_bits_and_repeats_nothing_that_was_saved(
    tmp_path: Path, whole: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    events = whole[0]["events"]
    drawn = moments(
        events, ("step", "teacher asked", f"os.rename {records.name(RUN)}", "os.rename row", "os.remove checkpoint")
    )
    assert {events[number - 1].split(" ")[0] for number in drawn} >= {"step", "open", "os.rename", "teacher"}
    for place, number in enumerate(drawn):
        print(f"killed at event {number} of {len(events)}: {events[number - 1]}")
        home = tmp_path / str(place)
        child = start(command, home, number, home.with_suffix(".told"))
        child.join()
        assert child.exitcode == -signal.SIGKILL
        holds_after_a_kill(home, whole)


def test_a_command_that_is_killed_again_and_again_gets_to_the_same_end(
    tmp_path: Path, whole: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    draw, kills = random.Random(SEED), 0
    while not (tmp_path / "home.told").exists():
        number = draw.randint(len(whole[0]["events"]) // 6, len(whole[0]["events"]) // 2)
        child = start(command, tmp_path / "home", number, tmp_path / "home.told")
        child.join()
        kills += child.exitcode == -signal.SIGKILL
        print(f"killed at event {number}" if child.exitcode else "at the end")
    assert kills > 1
    assert outcome(tmp_path / "home") == whole[1]


def test_a_command_that_is_killed_at_any_time_ends_with_the_same_bits_and_repeats_nothing_that_was_saved(
    tmp_path: Path, whole: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    draw, span, kills = random.Random(SEED), whole[0]["seconds"], 0
    for place in count():
        moment, home = draw.uniform(0, span), tmp_path / str(place)
        if not killed_after(moment, start(command, home, None, home.with_suffix(".told"))):
            span = moment  # the machine has become faster meanwhile
            continue
        print(f"killed after {moment:.3f} of {span:.3f} s")
        holds_after_a_kill(home, whole)
        kills += 1
        if kills == BY_TIME:
            break


CHAPTER = """
from fitnets_lib import experiments, paths, report, results
from fitnets_lib.recipes import KD
from fitnets_lib.runs import Store
from fitnets_lib.sweep import sweep

runs = experiments.student_runs([5], [KD], data, seeds, epochs, device)
frame = results.tidy(runs, sweep(runs, Store(paths.runs()), processes=1)).drop(columns="seconds")
report.evidence(frame, "tiny", preset)
print(frame)
"""


def build(root: Path, home: Path) -> None:
    """What a child does: the build of the book at `root`."""
    os.environ["FITNETS_HOME"] = str(home)
    builder = load_build()
    builder.ROOT = root  # type: ignore[attr-defined]
    sys.exit(builder.main(["--preset", "smoke"]))


def book_of_one(root: Path) -> None:
    """A page and a chapter that trains four runs."""
    for folder in ("presets", "_static"):
        shutil.copytree(CHECKOUT / "book" / folder, root / "book" / folder)
    shutil.copy(CHECKOUT / "book" / "references.bib", root / "book")
    shutil.copy(CHECKOUT / "_config.yml", root)
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/intro\nchapters:\n  - file: book/01_tiny\n")
    (root / "book" / "intro.md").write_text("# One\n\n{{ home }}\n")
    write_chapter(root / "book" / "01_tiny.ipynb", CHAPTER)


def built(home: Path) -> dict[str, Any]:
    """What a build leaves for a reader, and the weights behind it."""
    notebook = json.loads((home / "_build" / "executed" / "smoke" / "01_tiny.ipynb").read_text())
    (text,) = [output["text"] for cell in notebook["cells"] for output in cell.get("outputs", []) if "text" in output]
    found = {"shown": text, "table": (home / "results" / "smoke" / "evidence" / "tiny.csv").read_text()}
    for path in (home / "runs").rglob("weights.safetensors"):
        found[path.parent.name] = files.digest(path.read_bytes())
    assert (home / "_build" / "html" / "book" / "01_tiny.html").is_file()
    assert list(home.rglob("*.lock")) == []
    assert list(home.rglob("*.partial*")) == list((home / "_build").glob("*.progress")) == []
    return found


def test_a_build_that_is_killed_while_papermill_executes_or_pages_are_rendered_ends_as_one_that_is_not(
    tmp_path: Path,
) -> None:
    root, draw = tmp_path / "book of one", random.Random(SEED)
    book_of_one(root)
    begun, child = time.monotonic(), start(build, root, tmp_path / "whole")
    executed = tmp_path / "whole" / "_build" / "executed" / "smoke" / "01_tiny.ipynb"
    while child.is_alive() and not executed.is_file():
        time.sleep(0.01)
    executing = time.monotonic() - begun
    child.join()
    rendering = time.monotonic() - begun - executing
    assert child.exitcode == 0
    expected = built(tmp_path / "whole")
    assert len(expected) == 6  # two teachers and two students
    for place, (rendered, span) in enumerate([(False, executing), (True, rendering)]):
        moment, home = draw.uniform(0, 0.8 * span), tmp_path / str(place)
        child = start(build, root, home)
        executed = home / "_build" / "executed" / "smoke" / "01_tiny.ipynb"
        while rendered and not executed.is_file():
            time.sleep(0.01)
        killed = killed_after(moment, child)
        print(f"{'killed' if killed else 'over'} {moment:.2f} s into {span:.2f} s; rendering: {rendered}")
        again = start(build, root, home)
        again.join()
        assert again.exitcode == 0
        assert built(home) == expected
