from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from fitnets_lib import data, losses, recipes
from fitnets_lib.augmentation import Augmentation
from fitnets_lib.data import Split
from fitnets_lib.divergence import Diverged
from fitnets_lib.networks import build, initialise
from fitnets_lib.optimisation import MaxNorm, Training
from fitnets_lib.outcomes import Epoch, best_epochs
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, JOINT_HINT_AND_KD, KD, RECIPES, Recipe
from fitnets_lib.teacher_cache import Kept, Lesson, Live, keep, unmoved
from fitnets_lib.training import Lessons, Progress, StageRun, train
from tests.helpers import QUICK, STUDENT, TEACHER, lessons, same_bits

LESSONS = lessons()
BOTH = (LESSONS.train, LESSONS.validation)
# Pairs of (guided layer, hint layer) that fit: 4 x 4 maps of both networks, then 4 x 4 onto 3 x 3.
PAIRS = ((1, 1), (2, 2))
VARIANTS = [*RECIPES.values(), recipes.hints_in_turn(PAIRS), recipes.hints_at_once(PAIRS)]
TRAINS = {"guided": [True, True, False, False], "all": [True] * 4, 1: [True, False, False, False]}
TRAINS[2] = TRAINS["guided"]


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


@pytest.mark.parametrize("recipe", VARIANTS, ids=lambda r: r.name)
def test_each_stage_of_each_variant_changes_exactly_the_layers_it_names(recipe: Recipe) -> None:
    for number, stage in enumerate(recipe.stages, start=1):
        student = untrained()
        run = StageRun(number, stage, 2, QUICK, student, STUDENT, TEACHER, 0)
        run.to_the_end(Progress([], 0, {}), BOTH, lambda _: None)
        assert changed_layers(student) == TRAINS[stage.train]


@pytest.mark.parametrize("recipe", VARIANTS, ids=lambda r: r.name)
def test_each_variant_trains_on_digits_and_leaves_no_head(recipe: Recipe) -> None:
    student, curve = trained(recipe)
    assert changed_layers(student) == [True] * 4
    assert student.state_dict().keys() == untrained().state_dict().keys()
    assert {row.stage for row in curve} == set(range(1, len(recipe.stages) + 1))


@pytest.mark.parametrize("recipe", VARIANTS, ids=lambda r: r.name)
@pytest.mark.usefixtures("held_lambda")
def test_each_stage_of_each_variant_lowers_its_own_loss(recipe: Recipe) -> None:
    _, curve = trained(recipe, training=replace(QUICK, epochs=8 * len(recipe.stages)))
    for number in range(1, len(recipe.stages) + 1):
        course = [row.train_loss for row in curve if row.stage == number]
        assert course[-1] < course[0]


def test_stage_1_does_not_even_compute_the_back_half(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("the back half was computed")

    student = untrained()
    run = StageRun(1, HINT_THEN_KD.stages[0], 2, QUICK, student, STUDENT, TEACHER, 0)
    for layer in student[STUDENT.middle :]:
        monkeypatch.setattr(layer, "forward", forbidden)
    progress = run.to_the_end(Progress([], 0, {}), BOTH, lambda _: None)
    assert progress.finished == 1
    assert all(row.validation_error is None for row in progress.curve)


def test_stage_1_trains_the_regressor_along() -> None:
    run = StageRun(1, HINT_THEN_KD.stages[0], 1, QUICK, untrained(), STUDENT, TEACHER, 0)
    before = copy.deepcopy(run.heads[0])
    run.epoch(Progress([], 0, {}), *BOTH)
    assert not same_bits(before, run.heads[0])


def test_stage_2_starts_from_the_weights_of_stage_1() -> None:
    alone = untrained()
    stage = StageRun(1, HINT_THEN_KD.stages[0], 2, QUICK, alone, STUDENT, TEACHER, 0)
    stage.to_the_end(Progress([], 0, {}), BOTH, lambda _: None)
    kept: list[Progress] = []
    train(STUDENT, TEACHER, HINT_THEN_KD, QUICK, LESSONS, 0, save=lambda p: kept.append(copy.deepcopy(p)))
    still = replace(QUICK, learning_rate=0.0)  # a rate of 0 in stage 2 leaves what stage 1 found
    assert same_bits(alone, trained(HINT_THEN_KD, training=still, progress=kept[1])[0])


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
    validation = LESSONS.validation.split
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


def test_all_recipes_begin_with_the_same_weights() -> None:
    still = replace(QUICK, learning_rate=0.0)
    assert same_bits(trained(BACKPROP, training=still)[0], trained(HINT_THEN_KD, training=still)[0])


def test_kept_answers_ask_for_no_gradient() -> None:
    for lesson in BOTH:
        assert isinstance(lesson.teaching, Kept)
        assert not lesson.teaching.plain.logits.requires_grad
        assert not any(maps.requires_grad for maps in lesson.teaching.plain.hints.values())


def test_a_loss_that_is_no_number_stops_the_run_and_says_where() -> None:
    with pytest.raises(Diverged, match=r"stage 1, epoch \d+, step \d+: the training loss \(Hint\) is (nan|inf)"):
        trained(HINT_THEN_KD, training=replace(QUICK, learning_rate=1e30))


def test_the_optimiser_is_rmsprop_with_a_decay_of_nine_tenths() -> None:
    # One step by hand: v = .1 g^2, w -= lr g / (sqrt(v) + eps); the first step is lr / sqrt(.1) in each direction.
    student = untrained()
    run = StageRun(1, BACKPROP.stages[0], 1, replace(QUICK, batch=48), student, STUDENT, None, 0)
    run.epoch(Progress([], 0, {}), *BOTH)
    moved = torch.cat(
        [(a - b).abs().flatten() for a, b in zip(student.parameters(), untrained().parameters(), strict=True)]
    )
    moved = moved[moved > 1e-4]  # a weight that no image excites does not move
    assert moved.numel() > 100
    assert moved.max().item() == pytest.approx(1e-3 / 0.1**0.5, rel=1e-3)


def test_the_papers_epochs_are_for_each_stage() -> None:
    _, curve = trained(HINT_THEN_KD, training=replace(QUICK, epochs=3, each_stage=True))
    assert [row.stage for row in curve] == [1, 1, 1, 2, 2, 2]


RETRAINED = replace(QUICK, retrain=True, epochs=6, learning_rate=0.01)


def test_retraining_goes_over_all_images_for_the_epochs_that_were_best() -> None:
    student, curve = trained(HINT_THEN_KD, training=RETRAINED)
    found = best_epochs(curve, 2)
    again = [row for row in curve if row.stage > 2]
    assert [row.stage for row in again] == [3] * found[0] + [4] * found[1]
    assert all(row.validation_loss is None and row.validation_error is None for row in again)
    # By hand: the same weights to begin with, all images, the same number of epochs, nothing chosen.
    by_hand, everything = untrained(), LESSONS.everything
    assert everything is not None
    for number, (stage, epochs) in enumerate(zip(HINT_THEN_KD.stages, found, strict=True), start=3):
        run = StageRun(number, stage, epochs, RETRAINED, by_hand, STUDENT, TEACHER, 0)
        progress = Progress([], 0, {})
        for _ in range(epochs):
            progress = run.epoch(progress, everything, None)
    assert same_bits(student, by_hand)


def test_a_run_that_is_cut_off_at_any_epoch_of_any_pass_goes_on_to_the_same_bits() -> None:
    kept: list[Progress] = []
    student, curve = train(
        STUDENT, TEACHER, HINT_THEN_KD, RETRAINED, LESSONS, 0, save=lambda p: kept.append(copy.deepcopy(p))
    )
    assert len(kept) == len(curve)
    for progress in kept:
        resumed, resumed_curve = trained(HINT_THEN_KD, training=RETRAINED, progress=progress)
        assert same_bits(student, resumed)
        assert resumed_curve == curve


def test_no_weight_grows_beyond_the_norms_allowed() -> None:
    limits = MaxNorm(convolutions=0.01, hidden=0.02, output=0.03)
    student, _ = trained(JOINT_HINT_AND_KD, training=replace(QUICK, max_norm=limits))
    weights = [p for p in student.parameters() if p.dim() > 1]
    lengths = [weight.flatten(1).norm(dim=1).max().item() for weight in weights]
    assert lengths == pytest.approx([0.01, 0.01, 0.01, 0.03], rel=1e-5)


def test_max_norm_does_not_touch_layers_that_the_stage_does_not_train() -> None:
    student, limits = untrained(), MaxNorm(convolutions=0.01, hidden=0.01, output=0.01)
    run = StageRun(1, HINT_THEN_KD.stages[0], 1, replace(QUICK, max_norm=limits), student, STUDENT, TEACHER, 0)
    run.to_the_end(Progress([], 0, {}), BOTH, lambda _: None)
    assert changed_layers(student) == [True, True, False, False]


@pytest.mark.parametrize("views", [Augmentation(), Augmentation(flip=True)])
@pytest.mark.parametrize("recipe", [KD, HINT_THEN_KD, JOINT_HINT_AND_KD], ids=lambda r: r.name)
def test_training_with_and_without_the_cache_gives_the_same_bits(recipe: Recipe, views: Augmentation) -> None:
    teacher = build(TEACHER)
    initialise(teacher, None, generator(0, "teacher"))
    teacher = unmoved(teacher)
    layers, training = recipe.hint_layers(TEACHER), replace(QUICK, augmentation=views)
    found = []
    for cached in (True, False):
        first, second = (
            Lesson(split, keep(teacher, layers, split.images, own) if cached else Live(teacher, layers), own)
            for split, own in ((LESSONS.train.split, views), (LESSONS.validation.split, Augmentation()))
        )
        found.append(train(STUDENT, TEACHER, recipe, training, Lessons(first, second), 0))
    assert found[0][1] == found[1][1]
    assert same_bits(found[0][0], found[1][0])


def test_random_views_are_the_same_for_the_same_seed_and_change_the_course() -> None:
    random_views = replace(QUICK, augmentation=Augmentation(flip=True))
    lesson = replace(LESSONS.train, augmentation=random_views.augmentation, teaching=None)
    drawn = [train(STUDENT, None, BACKPROP, random_views, Lessons(lesson, LESSONS.validation), 0) for _ in range(2)]
    assert same_bits(drawn[0][0], drawn[1][0])
    plain = train(STUDENT, None, BACKPROP, QUICK, replace(LESSONS, train=replace(LESSONS.train, teaching=None)), 0)
    assert drawn[0][1] != plain[1]


def test_lambda_falls_from_4_to_1_within_the_stage_that_has_kd_and_not_over_the_whole_recipe() -> None:
    run = StageRun(2, HINT_THEN_KD.stages[1], 3, replace(QUICK, epochs=9), untrained(), STUDENT, TEACHER, 0)
    images, labels, answers = next(iter(LESSONS.train.batches(16, torch.arange(48), generator(0, "unused"))))
    assert answers is not None
    for epoch, lam in enumerate((4.0, 2.5, 1.0)):
        seen, loss = run.judge(images, labels, answers, epoch)
        assert seen.logits is not None
        by_hand = losses.kd_loss(seen.logits, answers.logits, labels, temperature=3.0, lam=lam)
        assert loss.item() == pytest.approx(by_hand.item(), rel=1e-6)


def test_order_and_views_are_other_ones_in_every_epoch_and_the_same_for_every_recipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[torch.Tensor] = []

    def look(self: StageRun, images: torch.Tensor, *_: object) -> tuple[None, torch.Tensor]:
        shown.append(images)
        return None, 0.0 * torch.stack([p.sum() for p in self.trained.parameters()]).sum()

    monkeypatch.setattr(StageRun, "judge", look)
    numbered = Split(torch.arange(48 * 64.0).view(48, 1, 8, 8), LESSONS.train.split.labels)
    lesson, found = Lesson(numbered, None, Augmentation(flip=True)), []
    for recipe in (BACKPROP, HINT_THEN_KD, JOINT_HINT_AND_KD):
        run = StageRun(1, recipe.stages[0], 2, replace(QUICK, batch=48), untrained(), STUDENT, TEACHER, 0)
        progress = Progress([], 0, {})
        for _ in range(2):
            progress = run.epoch(progress, lesson, None)
        found.append([[(int(i.min()) // 64, bool(i[0, 0, 0] > i.min())) for i in images] for images in shown])
        shown.clear()
    assert found == [found[0]] * 3
    orders = [[number for number, _ in epoch] for epoch in found[0]]
    turned = [{number for number, flipped in epoch if flipped} for epoch in found[0]]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(48))
    assert orders[0] != orders[1] and turned[0] != turned[1]


def test_validation_counts_all_images_however_many_batches_they_take() -> None:
    digits, student = data.load("digits"), untrained()
    split = digits.train.joined(digits.validation)
    loss, error = StageRun(1, BACKPROP.stages[0], 1, QUICK, student, STUDENT, None, 0).validate(Lesson(split, None), 0)
    with torch.no_grad():
        logits = student.eval()(split.images)
    assert len(split) > 1024  # images that are judged at a time
    assert loss == pytest.approx(torch.nn.functional.cross_entropy(logits, split.labels).item(), rel=1e-5)
    assert error == pytest.approx((logits.argmax(1) != split.labels).double().mean().item())


@pytest.mark.parametrize(("stage", "limit"), [(HINT_THEN_KD.stages[0], 0.01), (recipes.STAGEWISE_KD.stages[0], 0.02)])
def test_regressors_and_classifiers_keep_to_the_norms_too(stage: recipes.Stage, limit: float) -> None:
    limits = MaxNorm(convolutions=0.01, hidden=0.02, output=0.03)
    run = StageRun(1, stage, 1, replace(QUICK, max_norm=limits), untrained(), STUDENT, TEACHER, 0)
    run.epoch(Progress([], 0, {}), LESSONS.train, None)
    (weight,) = (p for p in run.heads.parameters() if p.dim() > 1)
    assert weight.flatten(1).norm(dim=1).max().item() == pytest.approx(limit, rel=1e-5)
