from __future__ import annotations

from fitnets_lib import recipes
from fitnets_lib.experiments import student_runs, teacher_run
from fitnets_lib.networks import DIGITS_TEACHER, digits_student

RUNS = student_runs([5, 11], [recipes.BACKPROP, recipes.KD], "digits", seeds=3, epochs=40, device="cpu")


def test_there_is_a_run_for_each_depth_recipe_and_seed() -> None:
    found = {(len(run.network.layers), run.recipe.name, run.seed) for run in RUNS}
    assert len(RUNS) == len(found) == 12
    assert found == {(d, r, s) for d in (5, 11) for r in ("backprop", "KD") for s in (0, 1, 2)}


def test_runs_of_one_seed_share_a_teacher_and_seeds_do_not() -> None:
    teachers = {run.seed: {r.teacher for r in RUNS if r.seed == run.seed} for run in RUNS}
    assert all(len(shared) == 1 for shared in teachers.values())
    assert teachers[0] == {teacher_run("digits", 40, "cpu")}
    assert {run.teacher.seed for run in RUNS if run.teacher} == {0, 1, 2}


def test_students_start_as_the_paper_says_and_teachers_as_torch_does() -> None:
    assert {run.training.spread for run in RUNS} == {0.005}
    assert {run.teacher.training.spread for run in RUNS if run.teacher} == {None}
    assert {(run.training.epochs, run.teacher.training.epochs) for run in RUNS if run.teacher} == {(40, 20)}
    assert {run.network for run in RUNS} == {digits_student(5), digits_student(11)}
    assert {run.teacher.network for run in RUNS if run.teacher} == {DIGITS_TEACHER}
