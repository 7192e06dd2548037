"""Runs that leave the finite numbers: where they say it was, what they leave, and what tables make of them."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from fitnets_lib import checkpoints, files, paths, records, results, runs, sealed, sweep, training
from fitnets_lib.checkpoints import Checkpoint
from fitnets_lib.data import Split
from fitnets_lib.divergence import Diverged, Divergence, bad_value, first_bad
from fitnets_lib.optimisation import Training
from fitnets_lib.outcomes import Result, without_end
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, KD, Recipe
from fitnets_lib.records import Row
from fitnets_lib.runs import Run, Store, execute
from fitnets_lib.teacher_cache import Answers, Kept, Lesson
from fitnets_lib.training import Lessons, Progress, train
from tests.helpers import QUICK, STUDENT, TEACHER, lessons, run, same_bits

WILD = 1e30
"""A learning rate at which every network explodes in a step or two."""
LESSONS = lessons()


def wild(recipe: Recipe = KD, seed: int = 0) -> Run:
    ours = run(recipe, seed)
    return replace(ours, training=replace(ours.training, learning_rate=WILD, batch=100))


def taught_wildly(seed: int = 0) -> Run:
    """A student whose teacher diverges."""
    ours = run(KD, seed)
    assert ours.teacher is not None
    return replace(ours, teacher=replace(ours.teacher, training=replace(ours.teacher.training, learning_rate=WILD)))


def with_image(number: int, value: float) -> Lessons:
    """The digits with one image of which a pixel is `value`; no teacher."""
    images = LESSONS.train.split.images.clone()
    images[number, 0, 3, 3] = value
    lesson = Lesson(Split(images, LESSONS.train.split.labels), None)
    return Lessons(lesson, replace(LESSONS.validation, teaching=None))


def with_hints(scale: float, validation: bool = False) -> Lessons:
    """The digits with hint maps of `scale` in the second half of the images: those to train on, or to validate by."""

    def raised(lesson: Lesson) -> Lesson:
        assert isinstance(lesson.teaching, Kept)
        hints = {layer: maps.clone() for layer, maps in lesson.teaching.plain.hints.items()}
        for maps in hints.values():
            maps[len(maps) // 2 :] = scale
        return replace(lesson, teaching=Kept(Answers(lesson.teaching.plain.logits, hints)))

    if validation:
        return Lessons(LESSONS.train, raised(LESSONS.validation))
    return Lessons(raised(LESSONS.train), LESSONS.validation)


def diverges(given: Lessons, recipe: Recipe, quick: Training = QUICK) -> Diverged:
    with pytest.raises(Diverged) as caught:
        train(STUDENT, TEACHER, recipe, quick, given, seed=0)
    return caught.value


def step_of(number: int, images: int, batch: int) -> int:
    """The step, from 1, of the first epoch of stage 1, seed 0, in which image `number` comes."""
    order = torch.randperm(images, generator=generator(0, "shuffle", 1, 0)).tolist()
    return int(order.index(number)) // batch + 1


# Where.


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("number", [0, 17, 40])
def test_an_image_that_is_no_number_is_found_in_the_step_in_which_it_comes(number: int, value: float) -> None:
    found = diverges(with_image(number, value), BACKPROP).found
    assert (found.stage, found.epoch, found.step) == (1, 1, step_of(number, 48, QUICK.batch))
    assert (found.what, found.value) == ("the training loss (Classification)", "nan")


def test_hint_maps_whose_squares_overflow_stop_stage_1_in_the_first_step_that_sees_one() -> None:
    # Single precision ends at 3.4e38, so half the square of 1e38 is infinite whatever the regressor says.
    found = diverges(with_hints(1e38), HINT_THEN_KD).found
    first = min(step_of(number, 48, QUICK.batch) for number in range(24, 48))
    assert (found.stage, found.epoch, found.step) == (1, 1, first)
    assert (found.what, found.value) == ("the training loss (Hint)", "inf")


def test_hint_maps_that_overflow_on_the_validation_images_alone_are_seen_there() -> None:
    found = diverges(with_hints(1e38, validation=True), HINT_THEN_KD).found
    assert (found.stage, found.epoch, found.what) == (1, 1, "the validation loss after it (Hint)")
    assert found.value == "inf"


def test_an_exploding_regressor_stops_stage_1() -> None:
    found = diverges(LESSONS, HINT_THEN_KD, replace(QUICK, learning_rate=WILD)).found
    assert found.stage == 1 and found.what == "the training loss (Hint)"
    assert found.step > 1, "the first step's loss comes from first weights, which are fine"


def test_weights_that_explode_in_the_very_last_step_are_seen_without_a_further_loss() -> None:
    whole = replace(QUICK, epochs=1, batch=48, learning_rate=2e38)  # one step, of 2e38 times the root of 10
    found = diverges(LESSONS, BACKPROP, whole).found
    assert (found.stage, found.epoch, found.step, found.what) == (1, 1, 1, "a weight after it")
    assert found.value in ("inf", "-inf", "nan")


def test_a_validation_image_that_is_no_number_is_seen_after_the_first_epoch() -> None:
    images = LESSONS.validation.split.images.clone()
    images[3] = math.nan
    given = Lessons(LESSONS.train, replace(LESSONS.validation, split=Split(images, LESSONS.validation.split.labels)))
    found = diverges(given, BACKPROP).found
    assert (found.epoch, found.step, found.value) == (1, 3, "nan")
    assert found.what == "the validation loss after it (Classification)"


@pytest.mark.parametrize(
    ("losses", "step", "value"),
    [
        ([1.0, math.nan, math.inf, 1.0], 2, "nan"),
        ([math.inf, math.nan], 1, "inf"),
        ([1.0, 2.0, -math.inf], 3, "-inf"),
        ([3e38, 3e38, 1.0], 2, "inf"),  # each is finite, their sum is not
    ],
)
def test_the_first_step_that_spoils_the_mean_is_named(losses: list[float], step: int, value: str) -> None:
    found, there = first_bad(torch.tensor(losses))
    assert (found, str(there)) == (step, value)


def test_only_a_number_that_is_not_finite_is_a_bad_value() -> None:
    fine = torch.tensor([3e38, -3e38, 0.0])
    assert bad_value([fine, torch.tensor(2**40)]) is None
    assert bad_value([]) is None
    assert bad_value([fine, torch.tensor([1.0, -math.inf])]) == "-inf"


# What is left.


def test_an_error_has_the_state_before_the_bad_epoch_from_which_the_training_goes_on() -> None:
    kept: list[Progress] = []
    train(STUDENT, TEACHER, HINT_THEN_KD, QUICK, LESSONS, 0, save=lambda p: kept.append(copy.deepcopy(p)))
    spoiled = with_hints(1e38)
    with pytest.raises(Diverged) as caught:  # after one good epoch of stage 1 the hints are spoiled
        train(STUDENT, TEACHER, HINT_THEN_KD, QUICK, spoiled, 0, progress=copy.deepcopy(kept[0]))
    left = caught.value.progress
    assert caught.value.found.epoch == 2
    assert (left.curve, left.finished) == (kept[0].curve, 0)
    assert left.tensors.keys() == kept[0].tensors.keys()
    assert all(torch.equal(value, kept[0].tensors[name]) for name, value in left.tensors.items())


def spoil_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the loss is infinite after so many epochs of a student's run, whichever stage it is in."""
    judge = training.StageRun.judge

    def spoiled(self: training.StageRun, *batch: object) -> object:
        seen, loss = judge(self, *batch)  # type: ignore[arg-type]
        late = self.number > 1 and batch[-1] == epochs
        return seen, loss * math.inf if late else loss

    monkeypatch.setattr(training.StageRun, "judge", spoiled)


def test_a_diverged_run_keeps_its_last_good_checkpoint_and_no_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = run(HINT_THEN_KD, training=replace(run(KD).training, epochs=4))
    whole, store = Store(tmp_path / "whole"), Store(tmp_path / "runs")
    expected = execute(ours, whole)
    spoil_after(1, monkeypatch)
    found = execute(ours, store)
    assert found.diverged == Divergence(2, 2, 1, "the training loss (Distillation)", "inf")
    assert found.curve == expected.curve[:3]
    folder = store.folder(ours)
    assert {path.name for path in folder.iterdir()} == {"specification.json", "checkpoint.safetensors", "result.json"}
    monkeypatch.undo()
    left = Checkpoint(folder / "checkpoint.safetensors").load()
    assert left is not None and (tuple(left.curve), left.finished) == (expected.curve[:3], 1)
    network, curve = train(
        ours.network, TEACHER, ours.recipe, ours.training, runs.lessons(ours, whole), 0, progress=left
    )
    assert tuple(curve) == expected.curve
    assert same_bits(network, whole.network(ours))


def test_a_diverged_run_is_found_again_and_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = execute(wild(), Store(tmp_path))
    monkeypatch.setattr(runs, "train", lambda *_: pytest.fail("trained again"))
    again = execute(wild(), Store(tmp_path))
    assert again.diverged is not None and str(again) == str(first)
    assert math.isnan(again.test_error) and math.isnan(again.validation_error)


def test_a_diverged_run_has_no_network_that_could_be_taken_for_a_trained_one(tmp_path: Path) -> None:
    execute(wild(), store := Store(tmp_path))
    with pytest.raises(Diverged, match=r"tiny student, KD, seed 0 .* has no trained network: stage 1, epoch 1, step"):
        store.network(wild())


def test_a_run_that_is_cut_off_before_it_diverges_diverges_at_the_same_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "CHECKPOINT_EVERY", 0.0)
    ours = run(KD, training=replace(run(KD).training, epochs=4, patience=4))
    spoil = training.StageRun.judge
    whole, cut = Store(tmp_path / "whole"), Store(tmp_path / "cut")

    def spoiled(self: training.StageRun, *batch: object) -> object:
        seen, loss = spoil(self, *batch)  # type: ignore[arg-type]
        return seen, loss * math.nan if batch[-1] == 2 else loss

    monkeypatch.setattr(training.StageRun, "judge", spoiled)
    expected = execute(ours, whole)
    save = Checkpoint.save

    def save_and_die(self: Checkpoint, progress: Progress) -> None:
        save(self, progress)
        if len(progress.curve) == 1 and "checkpoint" in self.path.name and self.path.parent.name == ours.name:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        execute(ours, cut)
    monkeypatch.setattr(Checkpoint, "save", save)
    found = execute(ours, cut)
    assert found.diverged == expected.diverged == Divergence(1, 3, 1, "the training loss (Distillation)", "nan")
    assert found.curve == expected.curve


def test_a_damaged_checkpoint_of_a_diverged_run_is_reported_and_the_run_made_again(tmp_path: Path) -> None:
    first = execute(wild(), store := Store(tmp_path))
    (store.folder(wild()) / "checkpoint.safetensors").write_bytes(b"half a checkpo")
    with (
        pytest.warns(UserWarning, match=r"checkpoint\.safetensors: .*the run is made again"),
        pytest.warns(UserWarning, match=r"checkpoint\.safetensors: .*begins at the beginning"),
    ):
        again = execute(wild(), store)
    assert again.diverged == first.diverged


# Sweeps and records.


@pytest.mark.parametrize("processes", [1, 2])
def test_a_sweep_gives_diverged_runs_back_beside_all_others(processes: int, tmp_path: Path) -> None:
    asked = [run(KD, 0), wild(KD, 1), taught_wildly(2), run(BACKPROP, 0)]
    found = sweep.sweep(asked, Store(tmp_path), processes=processes)
    assert [result.diverged is not None for result in found] == [False, True, True, False]
    taught = found[2].diverged
    assert taught is not None and str(taught).startswith("its teacher's stage 1, epoch")
    assert found[2].curve == () and math.isnan(found[2].test_error)
    assert list((tmp_path / "locks").iterdir()) == []


def test_a_diverged_run_has_a_record_that_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    row = Row("row", "digits", "about", (run(KD, 0), wild(KD, 1), taught_wildly(2)))
    records.make(row, Store(paths.runs()), processes=1)
    assert not row.missing()
    found = [records.result(one) for one in row.runs]
    assert [one is not None and one.diverged is not None for one in found] == [False, True, True]
    assert not records.path(row.runs[1]).with_suffix(".safetensors").exists()
    table = sealed.read(paths.evidence("digits") / "row.csv")
    assert table is not None
    assert ["stage 1, epoch 1" in said for said in table["diverged"].fillna("")] == [False, True, True]


def test_an_ordinary_result_is_kept_as_it_always_was(tmp_path: Path) -> None:
    execute(run(KD), store := Store(tmp_path))
    kept = files.read_sealed(store.folder(run(KD)) / "result.json")["result"]
    assert kept.keys() == {"test_error", "validation_error", "curve", "seconds"}


# Tables.

LOST = without_end(Divergence(2, 3, 17, "the training loss (Distillation)", "nan"))


def table(diverged: int, seeds: int = 6) -> pd.DataFrame:
    """KD at 50 %, hints at 60 to 65 %; of the latter the first so many runs diverged."""
    both = [run(recipe, seed) for recipe in (KD, HINT_THEN_KD) for seed in range(seeds)]
    plain = [Result(0.5, 0.5, (), 1.0)] * seeds
    hinted = [LOST if seed < diverged else Result(0.4 - seed / 100, 0.4, (), 1.0) for seed in range(seeds)]
    return results.tidy(both, plain + hinted)


def test_a_diverged_run_has_a_row_without_accuracy_that_says_where() -> None:
    lost = table(1).iloc[6]
    assert math.isnan(lost["test accuracy"]) and math.isnan(lost["validation accuracy"])
    assert lost["diverged"] == "stage 2, epoch 3, step 17: the training loss (Distillation) is nan"
    assert "diverged" not in table(0).columns


@pytest.mark.parametrize(("diverged", "best"), [(1, "65.0"), (6, "diverged")])
def test_a_summary_shows_no_mean_of_the_seeds_that_are_left(diverged: int, best: str) -> None:
    plain, hinted = results.summary(table(diverged)).to_dict("records")
    assert (plain["test accuracy (%)"], plain["seeds"]) == ("50.0", 6)
    assert (hinted["test accuracy (%)"], hinted["95 % interval"]) == ("–", "–")
    assert (hinted["worst seed"], hinted["best seed"]) == ("diverged", best)
    assert hinted["seeds"] == f"6 ({diverged} diverged)"


def test_a_comparison_with_a_diverged_seed_is_inconclusive_however_good_the_others_are() -> None:
    (fine,) = results.comparison(table(0), [("hint then KD", "KD")]).to_dict("records")
    (lost,) = results.comparison(table(1), [("hint then KD", "KD")]).to_dict("records")
    assert (fine["above 0?"], fine["seeds"]) == ("yes", 6)
    assert (lost["above 0?"], lost["seeds"]) == ("inconclusive", "6 (1 diverged)")
    assert (lost["points"], lost["95 % interval"]) == ("–", "–")
    found = results.difference(table(1), "hint then KD", "KD")
    assert results.in_words(found) == "no difference, since a run diverged"
