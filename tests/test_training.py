from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from fitnets_lib import recipes
from fitnets_lib.networks import build, initialise
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, JOINT_HINT_AND_KD, KD, Recipe, Stage
from fitnets_lib.training import Diverged, Epoch, Progress, StageRun, Training, train
from tests.helpers import QUICK, STUDENT, TEACHER, lessons, same_bits

LESSONS = lessons()
HINTS_ONLY = Recipe("hints only", (Stage(train="guided", loss=recipes.hint),))


def trained(
    recipe: Recipe, seed: int = 0, training: Training = QUICK, progress: Progress | None = None
) -> tuple[torch.nn.Sequential, list[Epoch]]:
    return train(STUDENT, TEACHER, recipe, training, LESSONS, seed, progress)


def untrained(seed: int = 0) -> torch.nn.Sequential:
    student = build(STUDENT)
    initialise(student, QUICK.spread, generator(seed, "student"))
    return student


def changed_layers(student: torch.nn.Sequential) -> list[bool]:
    return [not same_bits(before, after) for before, after in zip(untrained(), student, strict=True)]


def test_hint_training_changes_exactly_the_layers_up_to_the_guided_one() -> None:
    assert changed_layers(trained(HINTS_ONLY)[0]) == [True, True, False, False]


@pytest.mark.parametrize("recipe", [BACKPROP, KD, HINT_THEN_KD, JOINT_HINT_AND_KD], ids=lambda r: r.name)
def test_a_recipe_that_ends_with_everything_changes_all_layers_and_leaves_no_regressor(recipe: Recipe) -> None:
    student, _ = trained(recipe)
    assert changed_layers(student) == [True] * 4
    assert student.state_dict().keys() == untrained().state_dict().keys()


def test_stage_1_does_not_even_compute_the_back_half(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("the back half was computed")

    student = untrained()
    run = StageRun(1, HINT_THEN_KD.stages[0], 2, QUICK, student, STUDENT, TEACHER, 0)
    for layer in student[STUDENT.middle :]:
        monkeypatch.setattr(layer, "forward", forbidden)
    progress = run.to_the_end(Progress([], 0, {}), LESSONS, lambda _: None)
    assert progress.finished == 1
    assert all(row.validation_error is None for row in progress.curve)


def test_stage_1_trains_the_regressor_along() -> None:
    run = StageRun(1, HINT_THEN_KD.stages[0], 1, QUICK, untrained(), STUDENT, TEACHER, 0)
    before = copy.deepcopy(run.heads[0])
    run.epoch(Progress([], 0, {}), LESSONS)
    assert before is not None and run.heads[0] is not None
    assert not same_bits(before, run.heads[0])


def test_stage_2_starts_from_the_weights_of_stage_1() -> None:
    alone, _ = trained(HINTS_ONLY, training=replace(QUICK, epochs=2))
    both = Recipe("two", (Stage("guided", recipes.hint), Stage("all", recipes.kd)))
    kept: list[Progress] = []
    train(STUDENT, TEACHER, both, QUICK, LESSONS, 0, save=lambda p: kept.append(copy.deepcopy(p)))
    first = train(STUDENT, TEACHER, both, replace(QUICK, learning_rate=0.0), LESSONS, 0, kept[1])[0]
    assert same_bits(alone[:2], first[:2])  # a rate of 0 in stage 2 leaves what stage 1 found


def test_the_weights_of_the_best_validation_epoch_are_returned() -> None:
    kept: list[Progress] = []
    student, curve = train(
        STUDENT, TEACHER, BACKPROP, replace(QUICK, epochs=12, learning_rate=0.02), LESSONS, 0,
        save=lambda p: kept.append(copy.deepcopy(p)),
    )  # fmt: skip
    errors = [row.validation_error for row in curve]
    assert None not in errors
    best = errors.index(min(errors, key=lambda e: 1.0 if e is None else e))
    assert best < len(errors) - 1, "the case must be one in which the last epoch is not the best"
    for name, value in student.state_dict().items():
        assert torch.equal(value, kept[best].tensors[f"student.{name}"])


def test_the_validation_error_is_the_share_of_misclassified_images() -> None:
    student, curve = trained(BACKPROP)
    validation = LESSONS[1].split
    with torch.no_grad():
        wrong = (student(validation.images).argmax(1) != validation.labels).float().mean().item()
    assert min(row.score for row in curve) == pytest.approx(wrong)


def test_patience_ends_a_stage_without_gain() -> None:
    still = Training(epochs=20, patience=3, batch=16, learning_rate=0.0, spread=None)
    assert len(trained(BACKPROP, training=still)[1]) == 4  # the first epoch is the best, then three without gain


def test_the_curve_counts_stages_and_epochs() -> None:
    _, curve = trained(HINT_THEN_KD)
    assert [(row.stage, row.epoch) for row in curve] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert [row.validation_error is None for row in curve] == [True, True, False, False]


@pytest.mark.parametrize("recipe", [HINT_THEN_KD, JOINT_HINT_AND_KD], ids=lambda r: r.name)
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_an_interrupted_run_goes_on_to_the_same_bits(recipe: Recipe, cut: int) -> None:
    kept: list[Progress] = []
    whole, curve = train(STUDENT, TEACHER, recipe, QUICK, LESSONS, 0, save=lambda p: kept.append(copy.deepcopy(p)))
    resumed, resumed_curve = trained(recipe, progress=kept[cut])
    assert same_bits(whole, resumed)
    assert curve == resumed_curve


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    torch.manual_seed(1)
    one, curve = trained(HINT_THEN_KD, seed=5)
    torch.manual_seed(2)
    again, curve_again = trained(HINT_THEN_KD, seed=5)
    other, _ = trained(HINT_THEN_KD, seed=6)
    assert same_bits(one, again)
    assert curve == curve_again
    assert not same_bits(one, other)


def test_all_recipes_begin_with_the_same_weights_and_the_same_order_of_images() -> None:
    still = replace(QUICK, learning_rate=0.0)
    assert same_bits(trained(BACKPROP, training=still)[0], trained(HINT_THEN_KD, training=still)[0])


def test_no_gradient_reaches_what_the_teacher_said() -> None:
    for lesson in LESSONS:
        assert lesson.answers is not None
        assert not lesson.answers.logits.requires_grad
        assert not lesson.answers.hint.requires_grad


def test_a_loss_that_is_no_number_stops_the_run_and_says_where() -> None:
    with pytest.raises(Diverged, match=r"stage 1, epoch \d+: the training loss is (nan|inf)"):
        trained(HINTS_ONLY, training=replace(QUICK, learning_rate=1e30))


def test_the_optimiser_is_rmsprop_with_a_decay_of_nine_tenths() -> None:
    # One step by hand: v = .1 g^2, w -= lr g / (sqrt(v) + eps); the first step is lr / sqrt(.1) in each direction.
    student = untrained()
    run = StageRun(1, BACKPROP.stages[0], 1, replace(QUICK, batch=48), student, STUDENT, None, 0)
    run.epoch(Progress([], 0, {}), LESSONS)
    moved = torch.cat(
        [(a - b).abs().flatten() for a, b in zip(student.parameters(), untrained().parameters(), strict=True)]
    )
    moved = moved[moved > 1e-4]  # a weight that no image excites does not move
    assert moved.numel() > 100
    assert moved.max().item() == pytest.approx(1e-3 / 0.1**0.5, rel=1e-3)
