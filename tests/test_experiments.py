from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from fitnets_lib import cifar, data, paths, recipes, settings
from fitnets_lib.complexity import cost
from fitnets_lib.courses import course, stage_one
from fitnets_lib.errors import BadInput
from fitnets_lib.experiments import SCALES, student_runs, teacher_run
from fitnets_lib.networks import DIGITS_TEACHER, digits_student
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.preprocessing import standardised
from fitnets_lib.runs import Store, execute
from tests.helpers import same_bits
from tests.test_cifar import small_cifar

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


PAPER = yaml.safe_load((CHECKOUT / "book" / "presets" / "paper.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("depth", "multiplications", "parameters"), [(11, 30e6, 250e3), (13, 392e6, 1.6e6), (19, 382e6, 2.5e6)]
)
def test_the_papers_preset_trains_the_fitnets_of_table_5(depth: int, multiplications: float, parameters: float) -> None:
    student = SCALES[PAPER["data"]].student(depth)
    counted = cost(student)
    assert counted.layers == depth
    assert counted.multiplications == pytest.approx(multiplications, rel=0.05)
    assert counted.parameters == pytest.approx(parameters, rel=0.05)


@pytest.mark.parametrize("depth", [5, 7, 9, 11])
def test_up_to_eleven_layers_all_cost_what_the_depth_study_says(depth: int) -> None:
    assert cost(SCALES["cifar10"].student(depth)).multiplications == pytest.approx(30e6, rel=0.1)


@pytest.mark.parametrize("depth", [4, 6, 12, 20, 5.0, "5", [5], None])
def test_a_depth_that_the_paper_does_not_have_is_refused(depth: object) -> None:
    with pytest.raises(BadInput, match=r"depth = .*: one of the paper's on CIFAR-10: 5, 7, 9, 11, 13, 19 layers"):
        settings.check({"depth": depth, "data": "cifar10"})


def test_the_papers_preset_learns_as_appendix_a_1_says() -> None:
    names = {name: PAPER[name] for name in ("data", "seeds", "epochs", "device")}
    runs = student_runs([19], [recipes.HINT_THEN_KD, recipes.BACKPROP], **names)
    assert len(runs) == 2 * 5
    assert recipes.HINT_THEN_KD.epochs(runs[0].training.epochs) == (500, 500)
    for run in runs:
        assert run.teacher is not None
        assert run.teacher.network == NETWORKS["cifar10/teacher"]
        assert run.teacher.training.epochs == 500
        assert (run.training.patience, run.training.learning_rate, run.training.spread) == (100, 0.005, 0.005)
        assert run.training.augmentation.flip
        assert run.training.max_norm is not None


def test_the_papers_preset_is_refused_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInput, match="device = 'cuda': cpu, or cuda where torch finds a GPU"):
        settings.check(PAPER)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    settings.check(PAPER)


def test_hints_and_kd_on_cifar_in_its_official_format_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _ = small_cifar(tmp_path, classes=10, each=2)
    read = cifar.read_official(tmp_path, source, train=4, test=2)
    # Not whitened: that takes seconds, and is tested where it is done.
    monkeypatch.setitem(data.LOADERS, "cifar10", lambda: standardised(data._held_out(read, 10)))
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    for kept in (data._splits, data.fingerprint):
        kept.cache_clear()
    (run,) = student_runs([5], [recipes.HINT_THEN_KD], "cifar10", seeds=1, epochs=2, device="cpu")
    store = Store(paths.runs())
    result = execute(run, store)
    assert [row.stage for row in result.curve] == [1, 2]
    assert 0 <= result.test_error <= 1
    # Chapters follow it again, flips and all, and look at what there is of the images.
    followed = course(run, store)
    assert (followed.train.shape, followed.validation.shape) == ((1, 30, 10), (1, 10, 10))
    began, ended = stage_one(run, store)
    assert began(data.shown("cifar10").validation.images)[1].shape == (10, 192, 7, 7)
    assert not same_bits(began.layers, ended.layers)
    for kept in (data._splits, data.fingerprint):
        kept.cache_clear()
