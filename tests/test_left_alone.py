"""What a student has to start by itself, by made-up records of runs on digits."""

from __future__ import annotations

from pathlib import Path

import pytest

from fitnets_lib import left_alone
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, KD, RECIPES, Recipe, hints_at_once, hints_in_turn
from tests.helpers import QUICK, run
from tests.made_up import ALONE, ROW, TAUGHT, record, record_diverged, rows


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("recipe", "left"),
    [
        (BACKPROP, 4),  # the student has four layers
        (KD, 4),
        (HINT_THEN_KD, 2),  # and is guided at the second
        (hints_at_once([(1, 1), (2, 2)]), 2),
        (hints_in_turn([(1, 1), (2, 2)]), None),
        *((RECIPES[name], None) for name in ("joint-hint-kd", "stage-wise-labels", "label-hints-everywhere")),
    ],
    ids=lambda value: value.name if isinstance(value, Recipe) else str(value),
)
def test_what_no_hint_has_trained_is_what_lies_above_it(recipe: Recipe, left: int | None) -> None:
    assert left_alone.layers(run(recipe, training=QUICK)) == left


def test_runs_are_counted_as_learned_above_twice_chance_by_what_no_hint_has_trained() -> None:
    (nothing,) = rows(left_alone.table([ROW]))
    assert list(nothing.values()) == ["–", "–", "–", "not run", "–"]
    for wanted, error in zip(TAUGHT[:3], (0.4, 0.79, 0.81), strict=True):
        record(wanted, error)
    for wanted in ALONE[:2]:
        record(wanted, 0.9)
    hinted, alone = rows(left_alone.table([ROW]))
    assert list(hinted.values()) == ["2", "4", "hint then KD", "2 of 3", "19.0 to 60.0"]
    assert list(alone.values()) == ["4", "4", "backprop", "0 of 2", "10.0 to 10.0"]


def test_where_learning_ends_is_a_number_only_if_all_runs_agree_on_it() -> None:
    assert left_alone.where_learning_ends([ROW]) is None  # nothing is recorded
    for wanted in TAUGHT:  # two layers left alone
        record(wanted, 0.4)
    assert left_alone.where_learning_ends([ROW]) is None  # nobody failed
    for wanted in ALONE[:4]:  # four
        record(wanted, 0.9)
    assert left_alone.where_learning_ends([ROW]) == (2, 4)
    record(ALONE[4], 0.4)
    assert left_alone.where_learning_ends([ROW]) is None  # with four some learn


def test_a_run_that_diverged_neither_learned_nor_stayed_at_chance() -> None:
    record_diverged(TAUGHT[0])
    (lost,) = rows(left_alone.table([ROW]))
    assert (lost["learned"], lost["accuracy (%)"]) == ("0 of 1 (1 diverged)", "–")
    record(TAUGHT[1], 0.4)
    (both,) = rows(left_alone.table([ROW]))
    assert (both["learned"], both["accuracy (%)"]) == ("1 of 2 (1 diverged)", "60.0 to 60.0")
    record(ALONE[0], 0.9)
    assert left_alone.where_learning_ends([ROW]) == (2, 4)
