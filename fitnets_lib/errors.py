"""Errors whose whole text is one line; above all the one that a reader can cause, a value that cannot be used."""

from __future__ import annotations

import reprlib
import sys

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 3, 400, 400, 60
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxset = _SHORT.maxfrozenset = _SHORT.maxdict = 20


class OneLine(Exception):
    """An error whose text is one line. A notebook shows that line alone, since there is nothing to debug."""

    def __init__(self, text: str) -> None:
        line = " ".join(part.strip() for part in text.splitlines() if part.strip())
        super().__init__("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line))

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]

    def __reduce__(self) -> tuple[object, ...]:
        # An exception is handed to another process as its arguments; ours has one, the finished line.
        return (_rebuild, (type(self), str(self)))


def _rebuild(kind: type[OneLine], line: str) -> OneLine:
    error = kind.__new__(kind)
    error.args = (line,)
    return error


class BadInput(OneLine, ValueError):
    """A value that cannot be used: one line that names the value, the place and what would be right."""

    def __init__(self, what: object, value: object, right: str) -> None:
        place = str(what) if str(what).strip() else _shown(what)  # what a reader types may be blank
        super().__init__(f"{place} = {_shown(value)}: {right}")


def _shown(value: object) -> str:
    """A value as Python writes it, cut short where that would fill a page."""
    try:
        return _SHORT.repr(value)
    except Exception:  # such as a whole number of too many digits to be written
        return f"<{type(value).__name__}>"


def whole(value: object, place: str, least: int = 1, most: int = 2**16) -> int:
    """`value`, if it is a whole number from `least` to `most`.

    Raises:
        BadInput: naming `place`.
    """
    if type(value) is not int or not least <= value <= most:
        raise BadInput(place, value, f"a whole number of at least {least} and at most {most:,}")
    return value


def number(value: object, place: str, least: float = 0.0, above: bool = False) -> float:
    """`value`, if it is a finite number of at least `least` or, where `above` is set, greater than it.

    Raises:
        BadInput: naming `place`.
    """
    fits = type(value) in (int, float) and least <= value <= sys.float_info.max  # type: ignore[operator]
    if not fits or (above and value == least):
        raise BadInput(place, value, f"a finite number {'above' if above else 'of at least'} {least:g}")
    return float(value)  # type: ignore[arg-type]


def flag(value: object, place: str) -> bool:
    """`value`, if it is True or False itself, and not something that only counts as one of them.

    Raises:
        BadInput: naming `place`.
    """
    if not isinstance(value, bool):
        raise BadInput(place, value, "True or False")
    return value
