from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fitnets_lib import shelf
from fitnets_lib.files import NotWritten
from tests.broken import flipped
from tests.refusals import is_one_line
from tests.test_bad_input_disk import room_for

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


@pytest.mark.parametrize("damage", ["cut off", "longer", "one byte changed", "gone", "seal cut off"])
def test_a_damaged_file_does_not_count(damage: str, tmp_path: Path) -> None:
    shelf.close(tmp_path / "2", fill(tmp_path / "2"))
    numbers, seal = tmp_path / "2.bin", tmp_path / "2.json"
    content = numbers.read_bytes()
    if damage == "gone":
        numbers.unlink()
    elif damage == "one byte changed":
        flipped(numbers)  # as long as before: only the checksum can tell
    elif damage == "seal cut off":
        seal.write_bytes(seal.read_bytes()[:-5])
    else:
        numbers.write_bytes(content[:-1] if damage == "cut off" else content + b"x")
    assert shelf.read(tmp_path / "2") is None


def test_on_a_full_disk_there_is_no_room_which_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotWritten) as caught, room_for(1000):
        shelf.room(ROWS, 1000, tmp_path / "2")  # 1,000 rows of 6 numbers of 4 bytes
    assert is_one_line(str(caught.value))
    assert str(caught.value).startswith(f"{tmp_path / '2.bin'}: it could not be written (File too large)")
    assert shelf.read(tmp_path / "2") is None
