from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from fitnets_lib import checkpoints, files
from fitnets_lib.checkpoints import Checkpoint
from fitnets_lib.outcomes import Epoch
from fitnets_lib.training import Progress

PROGRESS = Progress([Epoch(1, 1, 0.5, 0.25, None)], 0, {"student.0.weight": torch.arange(6.0).view(2, 3)})


def test_what_is_saved_is_loaded_with_the_time_that_was_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "CHECKPOINT_EVERY", 0.0)
    clock = iter([100.0, 103.5, 500.0, 507.0])
    first = Checkpoint(tmp_path / "c.safetensors", lambda: next(clock))  # at 100
    first.save(PROGRESS)  # at 103.5
    later = Checkpoint(tmp_path / "c.safetensors", lambda: next(clock))  # at 500
    found = later.load()
    assert found is not None
    assert (found.curve, found.finished) == (PROGRESS.curve, 0)
    assert torch.equal(found.tensors["student.0.weight"], PROGRESS.tensors["student.0.weight"])
    assert later.seconds == pytest.approx(3.5 + 7.0)


def test_nothing_is_written_before_its_time(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "c.safetensors").save(PROGRESS)
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_nothing_a_run_begins_at_the_beginning(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path / "c.safetensors").load() is None


def test_a_damaged_checkpoint_is_reported(tmp_path: Path) -> None:
    (tmp_path / "c.safetensors").write_bytes(b"half a checkpo")
    with pytest.warns(UserWarning, match="the run begins at the beginning"):
        assert Checkpoint(tmp_path / "c.safetensors").load() is None


def test_a_checkpoint_that_was_copied_from_another_run_does_not_count(tmp_path: Path) -> None:
    theirs, ours = (Checkpoint(tmp_path / run / "checkpoint.safetensors") for run in ("theirs", "ours"))
    theirs.write(PROGRESS)
    files.write(ours.path, theirs.path.read_bytes())
    assert theirs.load() is not None
    with pytest.warns(UserWarning, match=r"ours.*the checkpoint of run theirs; the run begins at the beginning"):
        assert ours.load() is None


class Clock:
    """The time in seconds, as it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)


def test_a_checkpoint_is_written_when_the_last_one_is_five_seconds_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, written = Clock(monkeypatch), []
    monkeypatch.setattr(Checkpoint, "write", lambda self, progress: written.append(clock.now))
    checkpoint = Checkpoint(tmp_path / "c.safetensors")
    for clock.now in (1004.9, 1005.0, 1009.9, 1010.0, 1010.1):
        checkpoint.save(PROGRESS)
    assert written == [1005.0, 1010.0]


def test_a_full_disk_is_told_once_and_the_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    checkpoint = Checkpoint(tmp_path / "c.safetensors")

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        clock.now += 5
        with pytest.warns(UserWarning, match=r"No space left on device.*the training goes on"):
            checkpoint.save(PROGRESS)
        clock.now += 5
        checkpoint.save(PROGRESS)  # a second warning would be an error here
    assert list(tmp_path.iterdir()) == []
    clock.now += 5
    checkpoint.save(PROGRESS)  # there is room again
    assert checkpoint.load() is not None
