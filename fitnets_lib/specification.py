"""The specification of a run as JSON: the text from which its name is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from fitnets_lib import files
from fitnets_lib.errors import BadInput


def specification(part: Any) -> Any:  # noqa: ANN401  any part of a run, as JSON
    """A run, or any part of it, as JSON: each dataclass with its type and its fields, a function by its name.

    A field at its default is left out, so that a choice that is added later changes no older specification.

    Raises:
        BadInput: if a function or class from outside this library has no source by which to know it, or a source that
            does not say all about it.
    """
    if is_dataclass(part):
        chosen = {f.name: getattr(part, f.name) for f in fields(part) if getattr(part, f.name) != f.default}
        return {"type": _known(type(part)), **{name: specification(value) for name, value in chosen.items()}}
    if isinstance(part, list | tuple):
        return [specification(item) for item in part]
    return _known(part) if callable(part) else part


def _known(made: Callable[..., Any]) -> str:
    """A function or class by its name, and by its source if it is the reader's; the library's source has a fingerprint.

    Without the source, a regressor that is edited in a notebook would get the result of its earlier version. The source
    does not show what a function takes from a closure or a default. (Nor does it show what is global.)
    """
    if str(getattr(made, "__module__", "")).startswith(f"{__package__}."):
        return made.__qualname__
    if any(getattr(made, part, None) for part in ("__closure__", "__defaults__", "__kwdefaults__")):
        right = "one without closure and defaults, since a run is known by its source (a frozen dataclass has fields)"
        raise BadInput("function of a run", made, right)
    try:
        source = inspect.getsource(made)
    except (OSError, TypeError) as error:
        raise BadInput("function of a run", made, "one whose source can be read, since a run is known by it") from error
    return f"{made.__qualname__}, {files.digest(source.encode())[:20]}"
