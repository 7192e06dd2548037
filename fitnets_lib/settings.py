"""The parameters of the chapters: what each may be, checked by name before anything runs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from fitnets_lib.errors import BadInput
from fitnets_lib.experiments import DIGITS, SCALES

PRESETS = ("smoke", "embedded", "paper")
"""The presets there are, from seconds on two cores to days on a GPU."""

STARTS = ("paper", "torch", "He", "LSUV", "batch norm", "residual")
"""What training can begin with in the chapter on what came after the paper."""

DATA = tuple(SCALES)
"""The data sets that chapters have networks for."""

COUNT, EPOCHS = 1_000, 100_000
"""The most seeds or turns, and the most epochs, that are accepted: nobody means more."""
COLDEST, HOTTEST = 0.01, 1_000.0
"""The least and the largest temperature: beyond them single precision does not give a softened output any more."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a chapter: what it means, which values are right, and how to say so."""

    meaning: str
    right: str
    accepts: Callable[[Any], bool]


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _different(accepts: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A list, not empty, whose items are accepted and differ: two alike could not be told apart in a table."""

    def fits(value: object) -> bool:
        return isinstance(value, list) and len(value) > 0 and all(map(accepts, value)) and len({*value}) == len(value)

    return fits


def _compared_starts(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 1
        and value[0] == STARTS[0]
        and len(value) == len({*map(str, value)} & {*STARTS})
    )


def _temperature(value: object) -> bool:
    return type(value) in (int, float) and COLDEST <= value <= HOTTEST  # type: ignore[operator]


PARAMETERS: dict[str, Parameter] = {
    "preset": Parameter(
        "which preset the values come from; results are kept under its name",
        f"one of {', '.join(PRESETS)}",
        lambda value: value in PRESETS,
    ),
    "data": Parameter(
        "the data set",
        f"one of {', '.join(DATA)}, for which chapters have networks; `python -m fitnets_lib` knows others",
        lambda value: value in DATA,
    ),
    "seeds": Parameter(
        "runs of each method, with seeds 0, 1, 2, ...",
        f"a whole number of at least 2 (5 or more for a verdict) and at most {COUNT:,}",
        _whole(2, COUNT),
    ),
    "epochs": Parameter(
        "epochs of training in all, shared out among the stages of a recipe",
        f"a whole number of at least 2 and at most {EPOCHS:,}",
        _whole(2, EPOCHS),
    ),
    "device": Parameter(
        "where training runs",
        "cpu, or cuda where torch finds a GPU",
        lambda value: value == "cpu" or (value == "cuda" and torch.cuda.is_available()),
    ),
    "depths": Parameter(
        "layers of the students",
        "a list of different whole numbers of at least 5, such as [5, 11]",
        _different(_whole(5, COUNT)),
    ),
    "depth": Parameter("layers of the student", "a whole number of at least 5, such as 11", _whole(5, COUNT)),
    "starts": Parameter(
        "first weights and kinds of layers to compare",
        f"a list of {STARTS[0]} and then one or more of {', '.join(STARTS[1:])}",
        _compared_starts,
    ),
    "repeats": Parameter(
        "how many times the timing is repeated",
        f"a whole number of at least 1 and at most {COUNT:,}",
        _whole(1, COUNT),
    ),
    "temperatures": Parameter(
        "temperatures tau to compare",
        f"a list of different numbers above 0, from {COLDEST:g} to {HOTTEST:g}, such as [1, 3, 10]",
        _different(_temperature),
    ),
}
"""Every parameter that some chapter takes."""


def check(values: Mapping[str, Any]) -> None:
    """Refuses the first of `values` that a chapter cannot run with.

    Raises:
        BadInput: naming the parameter, its value and what would be right.
    """
    data = values.get("data")
    scale = SCALES[data] if data in DATA else DIGITS
    for name, value in values.items():
        if name not in PARAMETERS:
            raise BadInput(name, value, f"no such parameter; there are {', '.join(PARAMETERS)}")
        for depth in value if name == "depths" and isinstance(value, list) else [value] if name == "depth" else []:
            scale.student(depth)  # its error says which depth is missing, and why
        if not PARAMETERS[name].accepts(value):
            raise BadInput(name, value, PARAMETERS[name].right)


def check_declared(values: Mapping[str, Any], declared: Mapping[str, Any], chapter: str) -> None:
    """Refuses values for parameters that `chapter` does not declare, which papermill alone would only warn about.

    Raises:
        BadInput: naming the parameter and listing those that the chapter takes.
    """
    for name, value in values.items():
        if name not in declared:
            raise BadInput(name, value, f"{chapter} has no such parameter; it takes {', '.join(declared)}")


def check_chapter(**declared: Any) -> None:  # noqa: ANN401  whatever the reader wrote
    """Checks a chapter's own parameters, the first thing that its first cell does.

    Under papermill this also finds parameters that the chapter does not declare, in the cell that papermill injected.

    Raises:
        BadInput: naming the first parameter that is unknown or has a value that cannot be used.
    """
    check_declared(_injected(), declared, "this chapter")
    check(declared)


def _injected() -> dict[str, Any]:
    """What papermill put into the running notebook, read from the source of the cell it injected."""
    try:
        from IPython import get_ipython
    except ImportError:
        return {}
    shell = get_ipython()
    cells = [] if shell is None else shell.user_ns.get("In", [])
    found: dict[str, Any] = {}
    for cell in cells:
        if cell.startswith("# Parameters\n"):
            for node in _statements(cell):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    found[node.targets[0].id] = _literal(node.value)
    return found


def _statements(cell: str) -> list[ast.stmt]:
    try:
        return ast.parse(cell).body
    except (SyntaxError, ValueError):  # a cell of the reader's, which did not run
        return []


def _literal(node: ast.expr) -> Any:  # noqa: ANN401
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):  # papermill writes float('nan'), which is no literal
        return ast.unparse(node)
