"""The one error a reader can cause: a value that cannot be used."""

from __future__ import annotations


class BadInput(ValueError):
    """A value that cannot be used: one line that names the value, the place and what would be right.

    A notebook shows that line alone, without a traceback, since there is nothing to debug.
    """

    def __init__(self, what: str, value: object, right: str) -> None:
        super().__init__(f"{what} = {value!r}: {right}")

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders by their arguments; ours has one finished line.
        return (_rebuild, (str(self),))


def _rebuild(line: str) -> BadInput:
    error = BadInput.__new__(BadInput)
    ValueError.__init__(error, line)
    return error
