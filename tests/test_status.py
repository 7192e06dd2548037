"""The status page: what it says of chapters, machines and records."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import status

from fitnets_lib import records, sweep
from fitnets_lib.paths import runs
from fitnets_lib.recipes import BACKPROP
from fitnets_lib.records import Row
from fitnets_lib.runs import Store, with_seeds
from tests.helpers import run

KEPT: dict[str, Any] = {
    "key": "k",
    "seconds": 12.4,
    "at": "2026-03-01T10:20:30+00:00",
    "parameters": {"preset": "smoke", "seeds": 2, "device": "cpu"},
    "made_with": {"commit": "abc", "torch": "2.9"},
}
ONE = status.Execution("Hints", "04_hints.ipynb", KEPT, now=True)


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]


def test_a_chapter_is_listed_with_its_preset_seeds_time_date_and_whether_this_build_executed_it() -> None:
    other = replace(ONE, title="Depth", file="08_depth.ipynb", now=False)
    _, _, first, second = cells(status.chapters_table([ONE, other]))
    assert first == [
        "[Hints](04_hints.ipynb)",
        "smoke",
        "0 to 1",
        "cpu",
        "12 s",
        "2026-03-01 10:20:30",
        "in this build",
    ]
    assert second[-1] == "in an earlier build, same key"
    said = status.summary([ONE, other])
    assert "All 2 chapters together took 25 s" in said
    assert "This build executed 1 of them" in said


def test_chapters_that_were_made_with_other_versions_have_a_column_of_their_own() -> None:
    same = replace(ONE, file="05_x.ipynb")
    newer = replace(ONE, file="06_y.ipynb", kept={**KEPT, "made_with": {"commit": "xyz", "torch": "2.9"}})
    assert cells(status.versions_table([ONE, same]))[0] == ["what", "all chapters"]
    head, _, commit, _, _, torch = cells(status.versions_table([ONE, newer, same]))
    assert head == ["what", "chapters 04, 05", "chapters 06"]
    assert commit == ["commit", "abc", "xyz"]
    assert torch == ["torch", "2.9", "2.9"]


def test_a_record_is_listed_with_how_many_of_its_runs_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    done, lacking = with_seeds(run(BACKPROP), 2)
    sweep.sweep([done], Store(runs()), 1)
    records.keep(done, Store(runs()))
    row = Row("two-seeds", "digits", "two seeds", (done, lacking))
    _, _, half, whole, none = cells(
        status.records_table([row, replace(row, runs=(done,)), replace(row, runs=(lacking,))])
    )
    assert half[:5] == ["two-seeds", "digits", "two seeds", "1 of 2", "1"]
    assert whole[3:5] == ["1 of 1", "none"]
    assert none[3:] == ["0 of 1", "1", "0 s"]


def test_the_commit_is_named_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    assert status.commit(tmp_path) == "not a git checkout"

    def git(*arguments: str) -> str:
        person = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        done = subprocess.run(["git", *person, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-q", "-m", "one")
    name = git("rev-parse", "--short=10", "HEAD")
    assert status.commit(tmp_path) == name
    (tmp_path / "file").write_text("two")
    assert status.commit(tmp_path) == f"{name}, with changes"


def test_what_a_build_is_made_with_names_commit_device_and_versions() -> None:
    made = status.made_with(Path(__file__).parent)
    assert list(made)[:4] == ["commit", "device", "Python", "torch"]
    assert "processors" in made["device"]
    assert all(made.values())
