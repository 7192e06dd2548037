from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fitnets_lib import shelf

ROWS = torch.arange(24, dtype=torch.float32).reshape(4, 2, 3)


def fill(path: Path | None) -> torch.Tensor:
    kept = shelf.room(ROWS[:2], 4, path)
    for start in (0, 2):
        kept[start : start + 2] = ROWS[start : start + 2]
    return kept


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_what_was_filled_and_closed_is_read_back(dtype: torch.dtype, tmp_path: Path) -> None:
    kept = shelf.room(ROWS[:1].to(dtype), 4, tmp_path / "deep" / "2")
    kept[:] = ROWS
    shelf.close(tmp_path / "deep" / "2", kept)
    found = shelf.read(tmp_path / "deep" / "2")
    assert found is not None
    assert torch.equal(found, ROWS.to(dtype)) and found.dtype == dtype


def test_without_a_file_it_is_memory() -> None:
    assert torch.equal(fill(None), ROWS)


def test_what_was_not_closed_does_not_count(tmp_path: Path) -> None:
    assert shelf.read(tmp_path / "2") is None
    fill(tmp_path / "2")
    assert shelf.read(tmp_path / "2") is None


def test_what_is_filled_anew_does_not_count_until_it_is_closed_again(tmp_path: Path) -> None:
    shelf.close(tmp_path / "2", fill(tmp_path / "2"))
    fill(tmp_path / "2")
    assert shelf.read(tmp_path / "2") is None


@pytest.mark.parametrize("damage", ["cut off", "longer", "gone", "seal cut off"])
def test_a_damaged_file_does_not_count(damage: str, tmp_path: Path) -> None:
    shelf.close(tmp_path / "2", fill(tmp_path / "2"))
    numbers, seal = tmp_path / "2.bin", tmp_path / "2.json"
    content = numbers.read_bytes()
    if damage == "gone":
        numbers.unlink()
    elif damage == "seal cut off":
        seal.write_bytes(seal.read_bytes()[:-5])
    else:
        numbers.write_bytes(content[:-1] if damage == "cut off" else content + b"x")
    assert shelf.read(tmp_path / "2") is None
