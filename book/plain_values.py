"""Sphinx extension: in the docstring of a value a colon is a colon.

Napoleon takes what stands before the first colon of such a docstring's first line for a
type, so we put an empty comment there.
"""

from __future__ import annotations

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect(
        "autodoc-process-docstring", _begin_otherwise, priority=400
    )  # before napoleon
    return {"parallel_read_safe": True}


def _begin_otherwise(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    if what in ("attribute", "data", "property"):
        lines[:0] = ["..", ""]
