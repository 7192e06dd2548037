from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fitnets_lib import courses, data, initialisation, recipes, training
from fitnets_lib.augmentation import Augmentation
from fitnets_lib.errors import BadInput
from fitnets_lib.initialisation import LayerSequential
from fitnets_lib.losses import hint_loss
from fitnets_lib.optimisation import Training
from fitnets_lib.runs import Store, execute
from tests.helpers import TEACHER, run, same_bits

QUICK = Training(epochs=4, patience=4, batch=500, spread=None)
SPLITS = data.load("digits")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.mark.parametrize("recipe", [recipes.BACKPROP, recipes.KD, recipes.HINT_THEN_KD], ids=lambda r: r.name)
def test_the_course_has_the_errors_of_the_kept_curve_wherever_there_is_an_output(
    store: Store, recipe: recipes.Recipe
) -> None:
    followed = run(recipe, training=QUICK)
    found = courses.course(followed, store)
    errors = [row.validation_error for row in execute(followed, store).curve if row.validation_error is not None]
    wrong = found.validation.argmax(dim=2) != SPLITS.validation.labels
    assert wrong.double().mean(dim=1).tolist() == pytest.approx(errors)
    assert found.train.shape == (len(errors), len(SPLITS.train), 10)


def test_the_course_of_a_run_without_a_teacher_is_followed_too(store: Store) -> None:
    alone = replace(run(recipes.BACKPROP), teacher=None)
    assert len(courses.course(alone, store).train) == 2


def test_one_of_its_epochs_is_the_kept_network_and_a_second_look_reads_it_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = run(recipes.KD, training=QUICK)
    (found,) = courses.courses([followed], store)
    with torch.no_grad():
        kept = store.network(followed)(SPLITS.validation.images)
    assert any(torch.equal(kept, logits) for logits in found.validation)
    monkeypatch.setattr(courses, "train", None)
    (again,) = courses.courses([followed], store)
    assert torch.equal(again.train, found.train)


def test_a_damaged_course_is_followed_again(store: Store) -> None:
    followed = run(recipes.KD)
    found = courses.course(followed, store)
    (store.folder(followed) / "course.safetensors").write_bytes(b"cut short")
    with pytest.warns(UserWarning, match="followed again"):
        assert torch.equal(courses.course(followed, store).train, found.train)


def test_a_training_that_goes_another_way_is_no_course_of_the_run(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = run(recipes.KD)
    execute(followed, store)
    monkeypatch.setattr(courses, "_follow", lambda run, given: (None, []))
    with pytest.raises(courses.Strayed, match="KD, seed 0: trained again it took another course"):
        courses.course(followed, store)


@pytest.mark.parametrize(
    "training",
    [replace(QUICK, augmentation=Augmentation(flip=True)), replace(QUICK, retrain=True)],
    ids=["flips", "retrain"],
)
def test_random_views_and_retraining_are_followed_where_there_is_an_error_to_hold_it_against(
    store: Store, training: Training
) -> None:
    followed = run(recipes.KD, training=training)
    found = courses.course(followed, store)
    errors = [row.validation_error for row in execute(followed, store).curve if row.validation_error is not None]
    wrong = found.validation.argmax(dim=2) != SPLITS.validation.labels
    assert wrong.double().mean(dim=1).tolist() == pytest.approx(errors)


@pytest.mark.parametrize(
    "training",
    [QUICK, replace(QUICK, start=LayerSequential()), replace(QUICK, epochs=2, each_stage=True)],
    ids=["default", "LSUV", "each stage"],
)
def test_stage_one_ends_at_the_kept_runs_hint_loss_and_began_above_it(store: Store, training: Training) -> None:
    followed = run(recipes.HINT_THEN_KD, training=training)
    began, ended = courses.stage_one(followed, store)
    curve = [row for row in execute(followed, store).curve if row.stage == 1]
    assert followed.teacher is not None
    images = SPLITS.validation.images
    with torch.no_grad():
        hint = store.network(followed.teacher)[: TEACHER.middle](images)
        losses = [float(hint_loss(hint, moment(images)[1])) for moment in (began, ended)]
    assert losses[1] == pytest.approx(min(row.score for row in curve), rel=1e-5)
    assert losses[0] > losses[1]
    assert not same_bits(began.layers, ended.layers)
    assert not same_bits(began.regressor, ended.regressor)


def test_a_hint_without_a_teacher_is_refused(store: Store) -> None:
    alone = replace(run(recipes.BACKPROP), teacher=None)
    with pytest.raises(BadInput, match="a hint needs somebody who gives it"):
        courses.stage_one(alone, store)


def test_what_follows_a_run_computes_by_the_algorithms_that_repeat_their_bits(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def noting(done: Any) -> Any:
        def noted(*given: Any, **named: Any) -> Any:
            seen.append((torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32, torch.get_num_threads()))
            return done(*given, **named)

        return noted

    followed = run(recipes.HINT_THEN_KD)
    execute(followed, store)
    monkeypatch.setattr(courses, "train", noting(training.train))
    monkeypatch.setattr(courses, "begin", noting(initialisation.begin))
    monkeypatch.setattr(training.StageRun, "to_the_end", noting(training.StageRun.to_the_end))
    courses.course(followed, store)
    courses.stage_one(followed, store)
    assert len(seen) >= 3 and set(seen) == {(True, False, 1)}
