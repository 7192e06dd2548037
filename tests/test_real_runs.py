from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest

from fitnets_lib.complexity import cost
from fitnets_lib.initialisation import HE
from fitnets_lib.real_runs import ROWS, SEEDS
from fitnets_lib.records import Row
from fitnets_lib.runs import Run

BY_NAME = {row.name: row for row in ROWS}


@pytest.fixture(params=ROWS, ids=lambda row: row.name)
def row(request: pytest.FixtureRequest) -> Row:
    found: Row = request.param
    return found


def students(row: Row) -> list[Run]:
    return [run for run in row.runs if run.teacher is not None]


def test_a_row_has_every_comparison_on_the_same_five_seeds(row: Row) -> None:
    assert SEEDS == 5
    seeds: dict[tuple[object, ...], list[int]] = {}
    for run in row.runs:
        seeds.setdefault((run.network.name, run.recipe, run.training), []).append(run.seed)
    assert all(found == list(range(SEEDS)) for found in seeds.values())


def test_each_student_has_the_teacher_of_its_seed(row: Row) -> None:
    assert all(run.teacher is not None and run.teacher.seed == run.seed for run in students(row))


def test_no_run_is_in_a_row_twice_and_all_are_of_the_rows_data(row: Row) -> None:
    assert max(Counter(row.runs).values()) == 1
    assert {run.data for run in row.runs} == {row.data}


def test_names_can_be_typed_and_name_files(row: Row) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", row.name)
    assert list(BY_NAME) == [row.name for row in ROWS]


def test_table_4_has_the_papers_networks_recipes_and_optimiser() -> None:
    row = BY_NAME["table4-paper-start"]
    sizes = {run.network.name: cost(run.network).parameters for run in row.runs}
    assert sizes == {"mnist/teacher": 360_816, "mnist/fitnet": 29_944}  # printed: 361K and 30K
    assert {run.recipe.name for run in students(row)} == {"backprop", "KD", "hint then KD"}
    for run in students(row):
        assert (run.training.spread, run.training.learning_rate, run.training.batch) == (0.005, 0.0005, 128)
        assert run.training.each_stage


def test_the_two_starts_differ_in_nothing_else() -> None:
    one, other = (students(BY_NAME[f"table4-{start}-start"]) for start in ("paper", "he"))
    for a, b in zip(one, other, strict=True):
        assert (a.network, a.recipe, a.seed, a.teacher) == (b.network, b.recipe, b.seed, b.teacher)
        assert (a.training.spread, a.training.start) == (0.005, None)
        assert b.training == replace(a.training, start=HE)
