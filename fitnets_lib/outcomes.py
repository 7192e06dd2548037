"""What training leaves behind: its learning curve, and the result of a finished run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from fitnets_lib.divergence import Divergence
from fitnets_lib.recipes import Recipe


@dataclass(frozen=True)
class Epoch:
    """One row of the learning curve.

    Attributes:
        stage: its number, from 1; retraining goes through all stages again, under the numbers that follow.
        epoch: within the stage, from 1.
        train_loss: the stage's own loss, averaged over the epoch's batches while the weights were changing.
        validation_loss: the stage's own loss after the epoch; absent when the validation images are trained on.
        validation_error: share of the validation images misclassified; absent while only lower layers are trained.
    """

    stage: int
    epoch: int
    train_loss: float
    validation_loss: float | None
    validation_error: float | None

    @property
    def score(self) -> float:
        """What the stage is judged by, the lower the better: the validation error, or the loss if there is no output.

        Where there is neither, the later epoch counts as the better one.
        """
        if self.validation_error is not None:
            return self.validation_error
        return -self.epoch if self.validation_loss is None else self.validation_loss


def best_epochs(curve: list[Epoch], stages: int) -> tuple[int, ...]:
    """For each of the first `stages` stages, the number of its epoch with the best score; of equal ones the first."""
    rows = [[row for row in curve if row.stage == stage] for stage in range(1, stages + 1)]
    return tuple(min(own, key=lambda row: row.score).epoch for own in rows)


@dataclass(frozen=True)
class Result:
    """What a finished run found.

    Attributes:
        test_error: share of the test images misclassified, by the weights that validation chose; no number (nan) if the
            run diverged, so that no table can show the error of an earlier epoch in its place.
        validation_error: the error on the validation images, before any retraining; no number if the run diverged.
        curve: every epoch of every stage, up to the one in which the run diverged, if it did.
        seconds: time spent in training, over all sittings: processor time on a CPU, else the time that passed.
        diverged: where numbers of the run, or of its teacher, were no longer finite; None if it ended normally.
    """

    test_error: float
    validation_error: float
    curve: tuple[Epoch, ...]
    seconds: float
    diverged: Divergence | None = None


def without_end(where: Divergence, curve: Iterable[Epoch] = (), seconds: float = 0.0) -> Result:
    """The result of a run that diverged at `where`, after the epochs of `curve`."""
    return Result(math.nan, math.nan, tuple(curve), seconds, where)


def result_as_json(result: Result) -> dict[str, Any]:
    """A result as JSON, to be kept: an error that is nan becomes None; `diverged` is left out where it is None."""
    found = asdict(result)
    if result.diverged is None:
        return {name: value for name, value in found.items() if name != "diverged"}
    return {**found, "test_error": None, "validation_error": None}


def result_from(kept: dict[str, Any]) -> Result:
    """The result from which `result_as_json` made `kept`."""
    curve = tuple(Epoch(**row) for row in kept["curve"])
    if kept.get("diverged") is not None:
        return without_end(Divergence(**kept["diverged"]), curve, kept["seconds"])
    return Result(**{**kept, "curve": curve})


def validation_error(recipe: Recipe, curve: list[Epoch]) -> float:
    """The best epoch's validation error in the last stage, before any retraining: choices may be based on it."""
    last = len(recipe.stages)
    errors = [row.validation_error for row in curve if row.stage == last and row.validation_error is not None]
    return min(errors)
