"""What a training leaves: its learning curve, and what a finished run found."""

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
        stage: from 1; retraining goes through all stages once more, under numbers of their own.
        epoch: within the stage, from 1.
        train_loss: mean over the epoch's batches as the weights moved, in the stage's own loss.
        validation_loss: after the epoch, in the stage's own loss; absent when the validation images are trained on.
        validation_error: share of the validation images misclassified; absent while only lower layers are trained.
    """

    stage: int
    epoch: int
    train_loss: float
    validation_loss: float | None
    validation_error: float | None

    @property
    def score(self) -> float:
        """What the stage is judged by, the lower the better: the error, or the loss where there is no output.

        Where nothing can be judged by, the later epoch is the better one.
        """
        if self.validation_error is not None:
            return self.validation_error
        return -self.epoch if self.validation_loss is None else self.validation_loss


def best_epochs(curve: list[Epoch], stages: int) -> tuple[int, ...]:
    """For each of the first `stages` stages, the number of its epoch with the best score; of equals the first."""
    rows = [[row for row in curve if row.stage == stage] for stage in range(1, stages + 1)]
    return tuple(min(own, key=lambda row: row.score).epoch for own in rows)


@dataclass(frozen=True)
class Result:
    """What a finished run found.

    Attributes:
        test_error: share of the test images misclassified, by the weights that validation chose; no number (nan) if the
            run diverged, so that no table can take an earlier epoch's for it.
        validation_error: the same weights' error on the validation images; no number if the run diverged.
        curve: every epoch of every stage, up to the one in which the run diverged, if it did.
        seconds: time spent in training, over all sittings: on a CPU the processor's, else what the clock showed.
        diverged: where the run, or its teacher, left the finite numbers; None is an ordinary end.
    """

    test_error: float
    validation_error: float
    curve: tuple[Epoch, ...]
    seconds: float
    diverged: Divergence | None = None


def without_end(where: Divergence, curve: Iterable[Epoch] = (), seconds: float = 0.0) -> Result:
    """The result of a run that left the finite numbers at `where`, after the epochs of `curve`."""
    return Result(math.nan, math.nan, tuple(curve), seconds, where)


def result_as_json(result: Result) -> dict[str, Any]:
    """A result to be kept; JSON has no nan, and a run that did not diverge says nothing of it."""
    found = asdict(result)
    if result.diverged is None:
        return {name: value for name, value in found.items() if name != "diverged"}
    return {**found, "test_error": None, "validation_error": None}


def result_from(kept: dict[str, Any]) -> Result:
    """The result that `result_as_json` made `kept` of."""
    curve = tuple(Epoch(**row) for row in kept["curve"])
    if kept.get("diverged") is not None:
        return without_end(Divergence(**kept["diverged"]), curve, kept["seconds"])
    return Result(**{**kept, "curve": curve})


def validation_error(recipe: Recipe, curve: list[Epoch]) -> float:
    """The best epoch's validation error in the last stage, before any retraining: what choices may be made by."""
    last = len(recipe.stages)
    errors = [row.validation_error for row in curve if row.stage == last and row.validation_error is not None]
    return min(errors)
