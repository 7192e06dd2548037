"""Layers that no hint has trained: how many a student has, and with how many it learns (this book's own question).

A hint trains the layers up to the guided one. The layers above it still have their first weights when the stage on
labels or on the teacher's answers begins, and have to start as a net of that many layers would without hints.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

from fitnets_lib import records
from fitnets_lib.records import Row
from fitnets_lib.results import NEAR_CHANCE, percent_right
from fitnets_lib.runs import Run
from fitnets_lib.side_by_side import NONE, runs_of
from fitnets_lib.terms import Classification, Distillation, Hint


def layers(run: Run) -> int | None:
    """How many layers, those above the guided one, no hint has trained when the stage on labels or answers begins.

    In a recipe without hints, all; None for recipes that use labels in another way, or hints in more than one stage.
    """
    *before, last = run.recipe.stages
    kinds = [{type(term) for _, term in stage.loss.terms} for stage in run.recipe.stages]
    if len(before) > 1 or not kinds[-1] <= {Classification, Distillation} or any(kind != {Hint} for kind in kinds[:-1]):
        return None
    return last.layers(run.network) - (before[0].layers(run.network) if before else 0)


def _ends(rows: Iterable[Row]) -> dict[tuple[int, int, str], list[float]]:
    """Test accuracies of recorded runs of `rows` by layers left alone, all layers and recipe; NaN if a run diverged."""
    found: dict[tuple[int, int, str], list[float]] = {}
    for run, result in records.recorded(runs_of(rows)):
        if (left := layers(run)) is not None:
            key = (left, len(run.network.layers), run.recipe.name)
            found.setdefault(key, []).append(percent_right(result.test_error))
    return dict(sorted(found.items()))


def table(rows: Iterable[Row]) -> pd.DataFrame:
    """How the recorded runs of `rows` end, by the number of layers that no hint has trained, all layers, and recipe.

    A run that ends at `results.NEAR_CHANCE` or above has learned. If nothing is recorded, the one line says so.
    """
    made = []
    for (left, depth, recipe), ends in _ends(rows).items():
        accuracies = [accuracy for accuracy in ends if not math.isnan(accuracy)]
        learned = f"{sum(accuracy >= NEAR_CHANCE for accuracy in accuracies)} of {len(ends)}"
        if lost := len(ends) - len(accuracies):
            learned += f" ({lost} diverged)"
        span = f"{min(accuracies):.1f} to {max(accuracies):.1f}" if accuracies else "–"
        made.append([left, depth, recipe, learned, span])
    columns = ["layers left alone", "layers", "recipe", "learned", "accuracy (%)"]
    return pd.DataFrame(made or [["–", "–", "–", NONE, "–"]], columns=columns)


def where_learning_ends(rows: Iterable[Row]) -> tuple[int, int] | None:
    """The most layers left alone with which runs learn, and the fewest with which they do not; None if these overlap.

    None too if all runs learn, or none does. Runs that diverged count as neither.
    """
    ends = {True: set[int](), False: set[int]()}
    for (left, _, _), accuracies in _ends(rows).items():
        for accuracy in accuracies:
            if not math.isnan(accuracy):
                ends[accuracy >= NEAR_CHANCE].add(left)
    if not all(ends.values()) or max(ends[True]) >= min(ends[False]):
        return None
    return max(ends[True]), min(ends[False])
