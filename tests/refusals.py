"""What the tests of bad input share: a refusal is one line that names the place, the value and what would be right."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from fitnets_lib.errors import BadInput


def is_one_line(text: str) -> bool:
    """Whether a terminal shows `text` in one line: nothing in it breaks lines, moves the cursor or changes colours."""
    return text.isprintable() and text == text.strip() != ""


def refusal(call: Callable[[], Any]) -> str:
    """The line by which `call` is refused; anything else that it does fails the test."""
    with pytest.raises(BadInput) as caught:
        call()
    line = str(caught.value)
    assert is_one_line(line)
    assert " = " in line and ": " in line
    return line


def refusal_if_any(call: Callable[[], Any]) -> str | None:
    """The line by which `call` is refused, or None if it is not; any other error fails the test."""
    line = None
    try:
        call()
    except BadInput as error:
        line = str(error)
    assert line is None or is_one_line(line)
    return line


def names(line: str, *parts: str) -> None:
    """Asserts that `line` has all of `parts`, in their order."""
    place = 0
    for part in parts:
        found = line.find(part, place)
        assert found >= 0, f"{part!r} is not in {line[place:]!r}"
        place = found + len(part)


def denied(*_: object, **__: object) -> Any:
    """What the system does with a file that may not be read; permissions would not stop everybody who runs tests."""
    raise PermissionError(13, "Permission denied")


def change_a_byte(path: Path, data: st.DataObject) -> None:
    """Changes one byte of the file, somewhere."""
    content = bytearray(path.read_bytes())
    content[_place(len(content), data)] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)


def cut_short(path: Path, data: st.DataObject) -> None:
    """Cuts the file off, somewhere before its end."""
    content = path.read_bytes()
    path.write_bytes(content[: _place(len(content), data)])


def _place(length: int, data: st.DataObject) -> int:
    """A place in a file whose length may depend on the time that is written into it, which hypothesis must not see."""
    return data.draw(st.integers(0, 2**20)) % length


def takes_no_files(monkeypatch: pytest.MonkeyPatch, number: int, folder: str) -> None:
    """From now on the system takes no new file in folders of this name, as on a disk that is full or read-only."""
    real = tempfile.TemporaryFile

    def file(*rest: Any, dir: Path, **named: Any) -> Any:
        if folder in dir.parts:
            raise OSError(number, os.strerror(number))
        return real(*rest, dir=dir, **named)

    monkeypatch.setattr("tempfile.TemporaryFile", file)
