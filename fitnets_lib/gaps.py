"""The gap between training and held-out accuracy, compared at equal training loss (section 4.1: hints regularise).

A method that fits the training images better is mostly better on others as well. So the runs of one seed are compared
at the epochs in which they fit equally well: those whose training loss is nearest to a level that all of them reach.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from torch.nn.functional import cross_entropy

from fitnets_lib import data
from fitnets_lib.courses import Course, courses
from fitnets_lib.outcomes import Result
from fitnets_lib.runs import Run, Store, execute

ACCURACIES = ("training accuracy", "validation accuracy")
COLUMNS = ("depth", "recipe", "seed", "epoch", "training loss", *ACCURACIES)
"""Columns of `by_epoch`; `at_equal_loss` adds the gap."""


def by_epoch(runs: Sequence[Run], store: Store) -> pd.DataFrame:
    """A row for each epoch of `runs` in which the whole student was trained.

    Loss (cross-entropy in nats) and training accuracy (per cent) are those after the epoch, on the training images
    that chapters look at (`data.shown`); the validation accuracy is that of the learning curve.

    Raises:
        BadInput: as `runs.execute`.
        Diverged: if a run did.
    """
    followed = zip(runs, courses(runs, store), strict=True)
    rows = [row for run, course in followed for row in _rows(run, execute(run, store), course)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(run: Run, found: Result, course: Course) -> list[tuple[object, ...]]:
    labels = data.shown(run.data).train.labels
    judged = [epoch.validation_error for epoch in found.curve if epoch.validation_error is not None]
    rows: list[tuple[object, ...]] = []
    for number, (logits, error) in enumerate(zip(course.train, judged, strict=True), start=1):
        right = (logits.argmax(dim=1) == labels).double().mean()
        fit = (float(cross_entropy(logits, labels)), 100 * float(right))
        rows.append((len(run.network.layers), run.recipe.name, run.seed, number, *fit, 100 * (1 - error)))
    return rows


def at_equal_loss(frame: pd.DataFrame) -> pd.DataFrame:
    """For each run the epoch whose training loss is nearest to the lowest that all runs of its seed reach.

    Args:
        frame: rows as `by_epoch` gives them, of one depth.

    Returns:
        One row a run, with the gap: training accuracy minus validation accuracy, in points.
    """
    lowest = frame.groupby(["seed", "recipe"])["training loss"].min()
    level = lowest.groupby("seed").max()  # of the method that fits worst
    away = (frame["training loss"] - frame["seed"].map(level)).abs()
    nearest = away.groupby([frame["recipe"], frame["seed"]]).idxmin()
    matched = frame.loc[nearest]
    fitted, held_out = ACCURACIES
    return matched.assign(gap=matched[fitted] - matched[held_out]).reset_index(drop=True)
