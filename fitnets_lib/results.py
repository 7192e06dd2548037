"""From finished runs to tidy tables: one row a run or an epoch, then means, intervals and paired differences.

The row of a run that diverged has no accuracies (nan), and says in the column `diverged` where; this column is there
only if there is such a run. Leaving the seed out would flatter a method that fails now and then, and the accuracy of an
earlier epoch is not what was asked for. So a mean or a difference with such a seed has no value: tables show a dash,
count the seed and say that it diverged, and the verdict is "inconclusive".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import pandas as pd

from fitnets_lib import sealed
from fitnets_lib.outcomes import Result
from fitnets_lib.runs import Run
from fitnets_lib.statistics import Estimate, estimate, paired, verdict

EPOCHS = ("depth", "recipe", "seed", "stage", "epoch", "train loss", "validation loss", "validation accuracy")
"""Columns of learning curves."""
NEAR_CHANCE = 20.0
"""Test accuracy in per cent, for ten classes: a run that ends below it is next to guessing."""


def percent_right(error: float) -> float:
    """The accuracy in per cent that goes with a share of wrong answers, to the digits that a sealed table keeps.

    So a value that is rounded further for the reader comes out the same from memory and from the file.
    """
    return float(f"{100 * (1 - error):{sealed.DIGITS}}")


def tidy(runs: Sequence[Run], results: Sequence[Result]) -> pd.DataFrame:
    """One row a run: depth, recipe, seed, test and validation accuracy in per cent, seconds of training.

    A run that diverged has no accuracy; one more column says where it diverged.
    """
    rows = [
        {
            "depth": len(run.network.layers),
            "recipe": run.recipe.name,
            "seed": run.seed,
            "test accuracy": percent_right(result.test_error),
            "validation accuracy": percent_right(result.validation_error),
            "seconds": result.seconds,
        }
        for run, result in zip(runs, results, strict=True)
    ]
    frame = pd.DataFrame(rows)
    if any(result.diverged for result in results):
        frame["diverged"] = ["" if result.diverged is None else str(result.diverged) for result in results]
    return frame


def curves(runs: Sequence[Run], results: Sequence[Result]) -> pd.DataFrame:
    """One row an epoch: depth, recipe, seed, stage, epoch counted over all stages, losses, validation accuracy in %."""
    rows = [
        {
            "depth": len(run.network.layers),
            "recipe": run.recipe.name,
            "seed": run.seed,
            "stage": row.stage,
            "epoch": epoch,
            "train loss": row.train_loss,
            "validation loss": row.validation_loss,
            "validation accuracy": None if row.validation_error is None else percent_right(row.validation_error),
        }
        for run, result in zip(runs, results, strict=True)
        for epoch, row in enumerate(result.curve, start=1)
    ]
    return pd.DataFrame(rows, columns=list(EPOCHS))


def relative_loss(frame: pd.DataFrame) -> pd.DataFrame:
    """`curves` with the column "training loss": the train loss divided by that of the first epoch of its run's stage.

    The losses of different recipes and stages sum up different terms; divided like this, their fall can be compared.
    """
    stages = frame.groupby(["depth", "recipe", "seed", "stage"], sort=False)["train loss"]
    return frame.assign(**{"training loss": frame["train loss"] / stages.transform("first")})


def shared_epochs(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows of `curves` with a value in `column`, for epochs that every seed of their recipe and depth reached.

    Once some seeds have stopped or diverged, a mean over the others would jump, and flatter the recipe.
    """
    own = [name for name in ("depth", "recipe") if name in frame]
    seeds = frame.groupby(own)["seed"].transform("nunique")
    there = frame.groupby([*own, "epoch"])[column].transform("count")
    return frame[there == seeds]


def handed_on(result: Result, stage: int) -> float:
    """The validation loss of the weights that `stage` handed on: those of its best epoch.

    Raises:
        ValueError: if the run has no such stage, or no validation loss in it.
    """
    rows = [row for row in result.curve if row.stage == stage and row.validation_loss is not None]
    if not rows:
        raise ValueError(f"no validation loss in a stage {stage}")
    loss = min(rows, key=lambda row: row.score).validation_loss
    assert loss is not None
    return loss


def estimates(frame: pd.DataFrame, by: Sequence[str], column: str) -> dict[tuple[object, ...], Estimate]:
    """Mean and interval of `column` over the seeds, for each value of the columns `by`, in the order of `frame`."""
    groups = frame.groupby(list(by), sort=False)
    return {key: estimate(group[column].tolist()) for key, group in groups}


def next_to_guessing(frame: pd.DataFrame, by: str | list[str] = "recipe") -> dict[object, tuple[int, int]]:
    """How many runs end below `NEAR_CHANCE` on the test images, and of how many, for each value of the column(s) `by`.

    A run that diverged has no accuracy: it counts among the runs alone.
    """
    groups = frame.groupby(by, sort=False)["test accuracy"]
    return {key: (int((accuracies < NEAR_CHANCE).sum()), len(accuracies)) for key, accuracies in groups}


def difference(
    frame: pd.DataFrame, ours: object, theirs: object, column: str = "test accuracy", among: str = "recipe"
) -> Estimate:
    """The mean of `column` where `among` is `ours` minus where it is `theirs`, paired by seed.

    Raises:
        ValueError: if the two were not run with the same seeds.
    """
    one, other = (frame[frame[among] == name].set_index("seed")[column].sort_index() for name in (ours, theirs))
    if one.index.tolist() != other.index.tolist() or not one.index.is_unique:
        raise ValueError(f"{ours} has seeds {one.index.tolist()}, {theirs} {other.index.tolist()}: pair equal seeds")
    return paired(one.tolist(), other.tolist())


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """A table to read: for each depth and recipe the mean test accuracy with its interval, seeds and spread."""
    rows = []
    for (depth, recipe), group in frame.groupby(["depth", "recipe"], sort=False):
        accuracy, lost = estimate(group["test accuracy"].tolist()), int(group["test accuracy"].isna().sum())
        rows.append(
            {
                "layers": depth,
                "recipe": recipe,
                "test accuracy (%)": "–" if lost else f"{accuracy.mean:.1f}",
                "95 % interval": interval(accuracy),
                "worst seed": "diverged" if lost else f"{group['test accuracy'].min():.1f}",
                "best seed": "diverged" if lost == accuracy.n else f"{group['test accuracy'].max():.1f}",
                "seeds": _seeds(accuracy.n, lost),
            }
        )
    return pd.DataFrame(rows)


def _seeds(count: int, lost: int) -> int | str:
    """How many seeds a line of a table rests on, and how many of them, or of their pairs, diverged."""
    return f"{count} ({lost} diverged)" if lost else count


def within(found: Estimate, low: float = 0.0, high: float = 100.0) -> Estimate:
    """`found` with its interval cut at `low` and `high`: no accuracy lies above 100 %."""
    if math.isnan(found.mean) or found.n == 1:  # a single seed has no interval that could be cut
        return found
    return replace(found, low=max(found.low, low), high=min(found.high, high))


def interval(accuracy: Estimate) -> str:
    """The interval of an accuracy in per cent, as text; a dash if a run diverged or there is only one."""
    if math.isnan(accuracy.mean) or accuracy.n == 1:
        return "–"
    possible = within(accuracy)
    return f"{possible.low:.1f} to {possible.high:.1f}"


def signed(value: float, digits: int = 1) -> str:
    """A difference with its sign, to `digits` decimals; one that rounds to 0 has no sign, and nan becomes a dash."""
    if math.isnan(value):
        return "–"
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}" if rounded else f"{0:.{digits}f}"


def in_points(found: Estimate, digits: int = 1) -> dict[str, str]:
    """A difference in per cent as the cells of a table: the points and their interval; dashes if a run diverged.

    A single seed has no interval.
    """
    if math.isnan(found.mean):
        return {"points": "–", "95 % interval": "–"}
    points, low, high = (signed(value, digits) for value in (found.mean, found.low, found.high))
    return {"points": points, "95 % interval": f"{low} to {high}" if found.n > 1 else "–"}


def in_words(found: Estimate) -> str:
    """A difference in per cent as prose has it: "+1.5 points, 95 % interval -0.5 to +3.5"."""
    if math.isnan(found.mean):
        return "no difference, since a run diverged"
    cells = in_points(found)
    interval = f"95 % interval {cells['95 % interval']}" if found.n > 1 else "from a single seed"
    return f"{cells['points']} points, {interval}"


ABOVE_0 = (
    "The last column: yes if the whole interval lies above 0, no if below, else inconclusive; with fewer than five "
    "seeds, too few."
)
"""How the column "above 0?" is decided, for the captions of such tables."""


def comparison(
    frame: pd.DataFrame,
    pairs: Sequence[tuple[object, object]],
    by: Mapping[str, str] = MappingProxyType({"depth": "layers"}),
    column: str = "test accuracy",
    among: str = "recipe",
) -> pd.DataFrame:
    """A table to read: for each group and pair (ours, theirs) the paired difference and whether it is above 0.

    Args:
        frame: a row a run.
        pairs: values of the column `among` that are compared.
        by: columns that make the groups, with the headings that the table gives them.
        column: what is compared.
        among: the column that tells ours and theirs apart.
    """
    rows = []
    for key, group in frame.groupby(list(by), sort=False):
        for ours, theirs in pairs:
            found = difference(group, ours, theirs, column, among)
            lost = group[group[among].isin([ours, theirs]) & group[column].isna()]["seed"].nunique()
            rows.append(
                {
                    **dict(zip(by.values(), key, strict=True)),
                    "difference": f"{ours} − {theirs}",
                    **in_points(found),
                    "seeds": _seeds(found.n, lost),
                    "above 0?": verdict(found),
                }
            )
    return pd.DataFrame(rows)
