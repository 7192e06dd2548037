from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fitnets_lib import checkpoints, data, runs
from fitnets_lib.complexity import cost
from fitnets_lib.errors import BadInput
from fitnets_lib.fits import error_rate
from fitnets_lib.networks import DIGITS_TEACHER, Conv, Dense, Network, build, digits_student, initialise
from fitnets_lib.optimisation import Training
from fitnets_lib.outcomes import best_epochs
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.precision import Precision
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, RECIPES, Recipe
from fitnets_lib.runs import Run, Store, execute
from fitnets_lib.training import Progress, StageRun, train
from fitnets_lib.variants import check_batches, with_norms, with_shortcuts
from tests.helpers import QUICK, STUDENT, TEACHER, lessons, run, same_bits

NET = digits_student(11)
LESSONS = lessons()
BOTH = (LESSONS.train, LESSONS.validation)
RETRAINED = replace(QUICK, retrain=True, epochs=6, learning_rate=0.01)


def test_every_layer_but_the_logits_is_normed() -> None:
    assert [layer.norm for layer in with_norms(NET).layers] == [True] * 10 + [False]


def test_every_convolution_but_the_first_has_a_shortcut_around_it() -> None:
    found = [isinstance(layer, Conv) and layer.residual for layer in with_shortcuts(NET).layers]
    assert found == [False] + [True] * 8 + [False] * 2


def test_a_variant_is_the_same_network_in_all_else() -> None:
    both = with_shortcuts(with_norms(NET))
    assert both.name == "11-layer student with norms with shortcuts"
    assert (both.image, both.middle, both.middle_shape) == (NET.image, NET.middle, NET.middle_shape)
    plain = [replace(layer, norm=False) for layer in both.layers]
    assert tuple(replace(layer, residual=False) if isinstance(layer, Conv) else layer for layer in plain) == NET.layers


def test_neither_costs_anything_in_the_papers_counting() -> None:
    net = NETWORKS["cifar10/fitnet4"]
    assert cost(with_norms(net)) == cost(with_shortcuts(net)) == cost(net)


def test_a_layer_that_changes_the_size_of_its_map_takes_no_shortcut() -> None:
    with pytest.raises(BadInput, match=r"digits teacher with shortcuts, layer 2, residual = .*keeps the map's size"):
        with_shortcuts(DIGITS_TEACHER)


def test_a_layer_with_fewer_channels_than_its_input_takes_no_shortcut() -> None:
    narrow = replace(STUDENT, layers=(Conv(3), Conv(2), *STUDENT.layers[2:]))
    with pytest.raises(BadInput, match=r"layer 2, residual = .*at least the 3 channels of its input"):
        with_shortcuts(narrow)


@pytest.mark.parametrize(("images", "batch"), [(48, 1), (33, 16), (49, 16)])
def test_a_batch_of_one_image_is_refused_where_a_dense_layer_is_normed(images: int, batch: int) -> None:
    with pytest.raises(BadInput, match=rf"batch = {batch}: .*and there are {images} images"):
        check_batches(with_norms(NET), images, batch)
    check_batches(NET, images, batch)
    check_batches(with_norms(STUDENT), images, batch)  # whose only dense layer gives the logits: maps have many places
    check_batches(with_norms(NET), 48, 16)


def test_a_normed_convolution_that_covers_its_whole_input_is_of_one_place_too() -> None:
    covers = Network("covers", (1, 8, 8), (Conv(4, kernel=8, padding=0, norm=True), Dense(3)), 1)
    padded = replace(covers, layers=(Conv(4, kernel=8, padding=1, norm=True), Dense(3)))  # 3 x 3 places
    with pytest.raises(BadInput, match=r"batch = 32: .*and there are 33 images"):
        check_batches(covers, 33, 32)
    check_batches(covers, 34, 32)
    check_batches(padded, 33, 32)


def test_such_a_run_is_refused_before_its_teacher_is_trained(tmp_path: Path) -> None:
    teacher = Run("digits", TEACHER, BACKPROP, QUICK, 0)
    student = Run("digits", with_norms(NET), BACKPROP, replace(QUICK, batch=27), 0, teacher)  # 1000 = 37 x 27 + 1
    with pytest.raises(BadInput, match=r"batch = 27: .*and there are 1000 images"):
        execute(student, Store(tmp_path))
    assert Store(tmp_path).result(teacher) is None


def test_training_refuses_such_batches_before_it_begins() -> None:
    with pytest.raises(BadInput, match="batch = 47"):
        train(with_norms(NET), None, BACKPROP, replace(QUICK, batch=47), lessons(48), 0)
    with pytest.raises(BadInput, match=r"batch = 71: .*and there are 72 images"):  # training and validation images
        train(with_norms(NET), None, BACKPROP, replace(QUICK, batch=71, retrain=True), lessons(48), 0)


# --------------------------------------------------------------------------------------------------------------------
# Batch normalisation: a student with state that no gradient changes.

NORMED = with_norms(replace(STUDENT, layers=(*STUDENT.layers[:-1], Dense(6, pieces=2), Dense(10))))


def normed_run(recipe: Recipe, training: Training, progress: Progress | None = None) -> tuple[Any, Any, list[Progress]]:
    kept: list[Progress] = []
    student, curve = train(
        NORMED, TEACHER, recipe, training, LESSONS, 0, progress, lambda p: kept.append(copy.deepcopy(p))
    )
    return student, curve, kept


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_normed_run_cut_off_at_any_epoch_of_any_pass_goes_on_to_the_same_bits(precision: Precision) -> None:
    training = replace(RETRAINED, precision=precision)
    student, curve, kept = normed_run(HINT_THEN_KD, training)
    assert len(kept) == len(curve) > 6
    for progress in kept:
        resumed, resumed_curve, _ = normed_run(HINT_THEN_KD, training, progress)
        assert same_bits(student, resumed)
        assert resumed_curve == curve


def buffers(student: torch.nn.Module, layers: range) -> dict[str, torch.Tensor]:
    state = student.state_dict()
    return {name: state[name].clone() for name in state if "running" in name and int(name.split(".")[0]) in layers}


def test_the_hint_stage_leaves_the_norms_above_the_guided_layer_as_they_were() -> None:
    student = build(NORMED)
    stage = StageRun(1, HINT_THEN_KD.stages[0], 2, QUICK, student, NORMED, TEACHER, 0)
    below, above = range(NORMED.middle), range(NORMED.middle, len(NORMED.layers))
    before = buffers(student, below), buffers(student, above)
    assert all(before)
    stage.to_the_end(Progress([], 0, {}), BOTH, lambda _: None)
    assert not any(torch.equal(value, before[0][name]) for name, value in buffers(student, below).items())
    assert all(torch.equal(value, before[1][name]) for name, value in buffers(student, above).items())


def test_validation_looks_at_a_normed_student_in_eval_mode_and_changes_nothing() -> None:
    student = build(NORMED)
    stage = StageRun(1, BACKPROP.stages[0], 2, QUICK, student, NORMED, None, 0)
    stage.epoch(Progress([], 0, {}), *BOTH)
    state = {name: value.clone() for name, value in student.state_dict().items()}
    loss, error = stage.validate(LESSONS.validation, 0)
    assert all(torch.equal(value, state[name]) for name, value in student.state_dict().items())
    split = LESSONS.validation.split
    with torch.no_grad():
        logits = student.eval()(split.images)
    assert error == pytest.approx((logits.argmax(1) != split.labels).float().mean().item())
    assert loss == pytest.approx(torch.nn.functional.cross_entropy(logits, split.labels).item(), rel=1e-5)


def test_training_normalises_by_the_batch_in_every_epoch() -> None:
    student = build(NORMED)
    stage = StageRun(1, BACKPROP.stages[0], 3, QUICK, student, NORMED, None, 0)
    progress = Progress([], 0, {})
    for _ in range(3):
        progress = stage.epoch(progress, *BOTH)
    counts = [value for name, value in student.state_dict().items() if name.endswith("num_batches_tracked")]
    assert [int(count) for count in counts] == [3 * 48 // 16] * len(counts) != []


def test_the_running_means_are_part_of_the_best_weights() -> None:
    student, curve, kept = normed_run(BACKPROP, replace(QUICK, epochs=12, learning_rate=0.02))
    errors = [row.validation_error for row in curve]
    best = errors.index(min(errors))
    assert best < len(errors) - 1, "the case must be one in which the last epoch is not the best"
    for name, value in student.state_dict().items():
        assert torch.equal(value, kept[best].tensors[f"student.{name}"])


def test_retraining_begins_with_norms_in_their_first_state() -> None:
    student, curve, _ = normed_run(BACKPROP, RETRAINED)
    (epochs,) = best_epochs(curve, 1)
    by_hand, everything = build(NORMED), LESSONS.everything
    assert everything is not None
    initialise(by_hand, RETRAINED.spread, generator(0, "student"))
    stage, progress = StageRun(2, BACKPROP.stages[0], epochs, RETRAINED, by_hand, NORMED, None, 0), Progress([], 0, {})
    for _ in range(epochs):
        progress = stage.epoch(progress, everything, None)
    assert same_bits(student, by_hand)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda r: r.name)
@pytest.mark.usefixtures("held_lambda")
def test_each_variant_trains_a_student_with_norms_and_shortcuts_in_bfloat16(recipe: Recipe) -> None:
    network = with_shortcuts(NORMED)
    training = replace(QUICK, precision="bfloat16", epochs=8 * len(recipe.stages))
    student, curve = train(network, TEACHER, recipe, training, LESSONS, 0)
    for number in range(1, len(recipe.stages) + 1):
        losses = [row.train_loss for row in curve if row.stage == number]
        assert losses[-1] < losses[0]
    assert {p.dtype for p in student.parameters()} == {torch.float32}


class Killed(BaseException):
    pass


def test_a_normed_run_that_was_cut_off_is_resumed_from_its_file_and_read_back_with_its_running_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "CHECKPOINT_EVERY", 0.0)
    quick = Training(epochs=4, patience=4, batch=500, spread=None)
    ours = replace(run(HINT_THEN_KD, training=quick), network=NORMED)
    whole, cut = runs.Store(tmp_path / "whole"), runs.Store(tmp_path / "cut")
    expected = runs.execute(ours, whole)
    assert ours.teacher is not None
    runs.execute(ours.teacher, cut)
    saved, calls = checkpoints.Checkpoint.save, 0

    def save_and_die(self: checkpoints.Checkpoint, progress: Progress) -> None:
        nonlocal calls
        saved(self, progress)
        calls += 1
        if calls == 3:  # in the second stage
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.Checkpoint, "save", save_and_die)
        with pytest.raises(Killed):
            runs.execute(ours, cut)
    found = runs.execute(ours, cut)
    assert (found.test_error, found.curve) == (expected.test_error, expected.curve)
    network = cut.network(ours)
    assert same_bits(network, whole.network(ours))
    assert any("running_mean" in name and value.abs().max() > 0 for name, value in network.state_dict().items())
    assert error_rate(network, data.load_test("digits")) == expected.test_error
