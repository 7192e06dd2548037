"""A full disk and a folder that is read-only: told in one line, and nothing that was there is lost.

The limit on the size of a file stands for a full disk, and a folder below a file for one that may not be written to,
since both hold for every user, also for one whom permissions do not stop.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fitnets_lib import __main__ as commands
from fitnets_lib import files, report, runs, sealed, training
from fitnets_lib.files import NotWritten
from tests.refusals import is_one_line


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    return tmp_path


@contextmanager
def room_for(count: int) -> Iterator[None]:
    """No file can grow beyond `count` bytes inside, which the system enforces for every user."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("there", [True, False])
def test_a_file_that_there_is_no_room_for_is_told_in_one_line_and_the_old_one_stays(
    tmp_path: Path, there: bool
) -> None:
    path = tmp_path / "result.json"
    if there:
        path.write_bytes(b"old")
    with pytest.raises(NotWritten) as caught, room_for(1000):
        files.write(path, bytes(10**6))
    line = str(caught.value)
    assert is_one_line(line)
    assert line == f"{path}: it could not be written (File too large); what was finished before is kept, as it was"
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"old"] * there


@pytest.mark.parametrize(("number", "says"), [(28, "No space left on device"), (30, "Read-only file system")])
@pytest.mark.parametrize("step", ["pathlib.Path.open", "os.fsync", "pathlib.Path.replace", "pathlib.Path.mkdir"])
def test_whichever_step_the_system_refuses_the_old_file_stays_and_no_part_of_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, says: str
) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(step, refuse)
    with pytest.raises(NotWritten, match=says):
        files.write(path, b"new")
    monkeypatch.undo()
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize("folder", ["file", "file/below", "/dev/null", "/proc/self/nothing"])
def test_a_folder_that_cannot_be_made_is_told_with_the_file_that_was_to_lie_there(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / folder / "result.json"
    with pytest.raises(NotWritten) as caught:
        files.write(path, b"new")
    assert str(caught.value).startswith(f"{path}: it could not be written (") and is_one_line(str(caught.value))


def test_a_table_that_a_read_only_folder_does_not_take_leaves_the_old_table(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.evidence(pd.DataFrame({"a": [1]}), "tiny", "smoke")

    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.open", read_only)
        with pytest.raises(NotWritten, match=r"tiny\.csv: it could not be written \(Read-only file system\)"):
            report.evidence(pd.DataFrame({"a": [2]}), "tiny", "smoke")
    kept = sealed.read(home / "results" / "smoke" / "evidence" / "tiny.csv")
    assert kept is not None and kept.to_dict("list") == {"a": [1]}


def test_a_full_disk_ends_a_command_in_one_line_and_the_next_one_trains_only_what_was_not_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "--teacher", "digits/teacher", "--student", "digits/student-5", "--recipe", "kd"]
    command += ["--epochs", "1", "--teacher-epochs", "1", "--batch", "500"]
    trained: list[str] = []
    real_train, real_write = training.train, files._write

    def train(network: Any, *rest: Any) -> Any:
        trained.append(network.name)
        return real_train(network, *rest)

    def full_after_the_teacher(path: Path, content: bytes) -> None:
        if len(trained) > 1 and path.name == "weights.safetensors":
            raise OSError(28, "No space left on device")
        real_write(path, content)

    monkeypatch.setattr(runs, "train", train)
    monkeypatch.setattr(files, "_write", full_after_the_teacher)
    assert commands.run(command) == 1
    said = capsys.readouterr()
    assert said.out == "" and is_one_line(said.err[:-1])
    assert "weights.safetensors: it could not be written (No space left on device)" in said.err
    monkeypatch.setattr(files, "_write", real_write)
    assert commands.run(command) == 0
    assert trained == ["digits teacher", "5-layer student", "5-layer student"]
    assert not list(home.rglob(".*"))
