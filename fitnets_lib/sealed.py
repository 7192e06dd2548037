"""Tables that carry the checksum of their own lines: so the evidence for claims cannot change unnoticed.

The first line of the file states the checksum, the rest is CSV: `pandas.read_csv(path, skiprows=1)` reads it anywhere.
"""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from fitnets_lib import files

DIGITS = ".8g"
"""The format of a number in such a table: eight significant digits."""


def write(path: Path, frame: pd.DataFrame) -> bytes:
    """Writes `frame` with its seal, numbers to eight digits, and returns the content of the file.

    Raises:
        files.NotWritten: if the system refuses, as on a full disk.
    """
    lines = frame.to_csv(index=False, lineterminator="\n", float_format=f"%{DIGITS}").encode()
    content = _seal(lines) + b"\n" + lines
    files.write(path, content)
    return content


def read(path: Path) -> pd.DataFrame | None:
    """The table that `write` wrote, or None if there is no such file.

    Raises:
        files.Damaged: if the lines are not those that were written.
    """
    try:
        stated, _, lines = files.read(path).partition(b"\n")
    except FileNotFoundError:
        return None
    if stated != _seal(lines):
        raise files.Damaged(
            path, "it does not begin with the checksum of its lines: they were changed, or nothing of ours wrote them"
        )
    return pd.read_csv(io.BytesIO(lines))


def _seal(lines: bytes) -> bytes:
    return f"# SHA-256 of all lines below: {files.digest(lines)}".encode()
