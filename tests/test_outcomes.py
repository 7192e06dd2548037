"""Learning curves and results: the best epochs, and what is written is what is read."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from fitnets_lib.divergence import Divergence
from fitnets_lib.outcomes import Epoch, Result, best_epochs, result_as_json, result_from, validation_error, without_end
from fitnets_lib.recipes import HINT_THEN_KD

CURVE = (Epoch(1, 1, 2.0, 1.5, None), Epoch(2, 1, 1.0, 0.5, 0.25), Epoch(2, 2, 0.5, 0.75, 0.125))


def test_the_best_epoch_of_a_stage_is_the_first_of_the_lowest_score() -> None:
    curve = [Epoch(1, n, 9.0, loss, None) for n, loss in enumerate([3.0, 1.0, 2.0, 1.0], start=1)]
    curve += [Epoch(2, n, 9.0, 5.0, error) for n, error in enumerate([0.4, 0.5, 0.3], start=1)]
    assert best_epochs(curve, 2) == (2, 3)


def test_where_nothing_can_be_judged_by_the_last_epoch_is_the_best() -> None:
    assert best_epochs([Epoch(1, n, 1.0, None, None) for n in (1, 2, 3)], 1) == (3,)


def test_choices_are_made_by_the_best_epoch_of_the_last_stage() -> None:
    assert validation_error(HINT_THEN_KD, list(CURVE)) == 0.125
    retrained = [*CURVE, replace(CURVE[-1], stage=4, validation_error=0.0)]
    assert validation_error(HINT_THEN_KD, retrained) == 0.125


def test_a_result_is_read_back_as_it_was_written() -> None:
    found = Result(0.25, 0.125, CURVE, 12.5)
    kept = json.loads(json.dumps(result_as_json(found), allow_nan=False))
    assert sorted(kept) == ["curve", "seconds", "test_error", "validation_error"]
    assert result_from(kept) == found


def test_a_diverged_result_is_plain_json_and_has_no_errors_when_read_back() -> None:
    where = Divergence(2, 3, 17, "the training loss (Distillation)", "nan")
    kept = json.loads(json.dumps(result_as_json(without_end(where, CURVE, 12.5)), allow_nan=False))
    found = result_from(kept)
    assert math.isnan(found.test_error) and math.isnan(found.validation_error)
    assert (found.curve, found.seconds, found.diverged) == (CURVE, 12.5, where)
