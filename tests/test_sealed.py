"""Evidence carries its own checksum, and whatever is changed in it is noticed."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitnets_lib import sealed
from fitnets_lib.files import Damaged
from fitnets_lib.paths import CHECKOUT
from tests.refusals import is_one_line

FRAME = pd.DataFrame({"recipe": ["KD", "hint, then KD"], "seed": [0, 1], "test accuracy": [97.5, math.nan]})
LINES = b'recipe,seed,test accuracy\nKD,0,97.5\n"hint, then KD",1,\n'
WHOLE = b"# SHA-256 of all lines below: " + hashlib.sha256(LINES).hexdigest().encode() + b"\n" + LINES


def test_the_file_is_csv_below_one_line_with_the_checksum(tmp_path: Path) -> None:
    assert sealed.write(tmp_path / "runs.csv", FRAME) == WHOLE == (tmp_path / "runs.csv").read_bytes()
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "runs.csv", skiprows=1), FRAME)


def test_what_was_written_is_read_back_and_what_was_not_is_none(tmp_path: Path) -> None:
    sealed.write(tmp_path / "runs.csv", FRAME)
    found = sealed.read(tmp_path / "runs.csv")
    assert found is not None
    pd.testing.assert_frame_equal(found, FRAME)
    assert sealed.read(tmp_path / "others.csv") is None


def refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Damaged, match=r"runs\.csv: it does not begin with the checksum of its lines") as caught:
        sealed.read(path)
    assert is_one_line(str(caught.value))


@given(place=st.integers(0, len(WHOLE) - 1), change=st.integers(1, 255))
def test_any_byte_that_is_changed_is_noticed(tmp_path_factory: pytest.TempPathFactory, place: int, change: int) -> None:
    content = bytearray(WHOLE)
    content[place] ^= change
    refused(tmp_path_factory.getbasetemp() / "runs.csv", bytes(content))


@given(length=st.integers(0, len(WHOLE) - 1))
def test_any_part_of_a_file_is_refused(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    refused(tmp_path_factory.getbasetemp() / "runs.csv", WHOLE[:length])


@pytest.mark.parametrize("content", [LINES, WHOLE + b"KD,2,99\n", WHOLE.replace(b"\n", b"\r\n")])
def test_lines_that_were_added_or_rewritten_are_refused(tmp_path: Path, content: bytes) -> None:
    refused(tmp_path / "runs.csv", content)


@pytest.mark.parametrize("path", sorted((CHECKOUT / "results").glob("*/evidence/*.csv")), ids=lambda path: path.stem)
def test_all_evidence_that_comes_with_the_book_is_whole(path: Path) -> None:
    found = sealed.read(path)
    assert found is not None and len(found)
