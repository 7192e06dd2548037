from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fitnets_lib import checkpoints
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
