from __future__ import annotations

import pytest

from fitnets_lib import records
from fitnets_lib.optimisation import PAPER_CIFAR
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.paper_runs import AFLW, NAMED, ROWS, SVHN
from fitnets_lib.printed_results import LINES
from fitnets_lib.real_runs import ROWS as REAL
from fitnets_lib.terms import Hint

BY_NAME = {row.name: row for row in ROWS}


def kinds(name: str) -> set[tuple[str, str]]:
    return {(run.network.name, run.recipe.name) for run in BY_NAME[name].runs}


@pytest.mark.parametrize(
    ("row", "source"),
    [("table1", "Table 1"), ("table2", "Table 2"), ("table3", "Table 3"), ("table5", "Table 5"), ("aflw", "3.4")],
)
def test_a_row_has_a_run_for_every_line_that_is_printed_of_the_papers_networks(row: str, source: str) -> None:
    assert kinds(row) == {(line.network, line.recipe) for line in LINES if line.source == source and line.network}


def test_every_run_has_five_seeds_a_teacher_of_its_own_seed_and_a_gpu() -> None:
    for row in ROWS:
        for network, recipe in kinds(row.name):
            runs = [run for run in row.runs if (run.network.name, run.recipe.name) == (network, recipe)]
            assert [run.seed for run in runs] == [0, 1, 2, 3, 4]
            assert all(run.device == "cuda" and run.data == row.data for run in runs)
            teachers = {run.teacher for run in runs if run.teacher}
            assert teachers <= set(row.runs)
            assert len(teachers) == (0 if network.endswith("teacher") else 5)


def test_every_row_has_a_name_to_type_and_tables_1_and_5_share_their_runs() -> None:
    assert len(NAMED) == len(REAL) + len(ROWS)
    assert list(NAMED.values()) == [*REAL, *ROWS]
    assert {"table4-paper-start", "cifar10/table1", "aflw/aflw"} <= NAMED.keys()
    one, five = ({records.name(run) for run in BY_NAME[name].runs} for name in ("table1", "table5"))
    assert one <= five


def test_the_depth_study_has_table_6s_networks_and_one_of_13_layers_by_backprop_kd_and_hints() -> None:
    compared = ("backprop", "KD", "hint then KD")
    for budget, more in (("30M", {"depth-30M-13 of this book"}), ("107M", set[str]())):
        found = kinds(f"depth-{budget.lower()}") - {("cifar10/teacher", "backprop")}
        students = more | {f"cifar10/depth-{budget}-{depth}" for depth in (5, 7, 9, 11)}
        assert found == {(student, recipe) for student in students for recipe in compared}


@pytest.mark.parametrize("row", ["depth-30m", "depth-107m"])
def test_in_the_depth_study_no_student_is_trained_again_on_all_images_and_the_teachers_are_those_of_table_1(
    row: str,
) -> None:
    students = [run for run in BY_NAME[row].runs if run.teacher]
    assert students and not any(run.training.retrain for run in students)
    assert {run.teacher for run in students} == {run for run in BY_NAME["table1"].runs if not run.teacher}


def test_svhn_is_hinted_by_the_third_layer_which_fits() -> None:
    (hint,) = {term for run in BY_NAME["table3"].runs if run.teacher for _, term in run.recipe.stages[0].loss.terms}
    assert hint == Hint(hint=3)
    head = hint.head(NETWORKS["svhn/fitnet-by-text"], NETWORKS["svhn/teacher"])
    assert next(tuple(p.shape) for p in head.parameters()) == (256, 80, 3, 3)  # 8 to 6 pixels, two pieces of 128


def test_the_choices_are_those_of_the_appendix() -> None:
    assert (SVHN.epochs, SVHN.patience, SVHN.learning_rate, SVHN.spread) == (500, 100, 0.005, 0.005)
    assert not SVHN.retrain and not SVHN.augmentation.flip
    assert PAPER_CIFAR.retrain and PAPER_CIFAR.augmentation.flip
    assert (AFLW.epochs, AFLW.learning_rate, AFLW.batch, AFLW.spread) == (500, 0.001, 128, 0.05)
