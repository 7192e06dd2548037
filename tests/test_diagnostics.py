from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fitnets_lib import data
from fitnets_lib.diagnostics import first_gradients, gradient_norms, probes, signals
from fitnets_lib.features import probe
from fitnets_lib.initialisation import HE, LayerSequential, Uniform
from fitnets_lib.networks import build, initialise
from fitnets_lib.randomness import generator
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, JOINT_HINT_AND_KD, KD, classification, hint, kd
from fitnets_lib.runs import Store, execute
from fitnets_lib.teacher_cache import Lesson, keep, unmoved
from fitnets_lib.terms import Loss
from fitnets_lib.variants import with_norms
from tests.helpers import QUICK, STUDENT, TEACHER, lessons, run

LESSON = lessons().train


def norms(loss: Loss, seed: int = 0, spread: float | None = None) -> list[float]:
    return gradient_norms(STUDENT, TEACHER, loss, LESSON, seed, Uniform(spread))


def test_backprops_gradients_are_those_of_cross_entropy() -> None:
    module = build(STUDENT)
    initialise(module, None, generator(0, "student"))
    split = LESSON.split
    torch.nn.functional.cross_entropy(module(split.images), split.labels).backward()
    expected = []
    for layer in module:
        squares = [p.grad.pow(2).sum() for p in layer.parameters() if p.grad is not None and p.dim() > 1]
        expected.append(float(torch.stack(squares).sum().sqrt()))
    torch.testing.assert_close(torch.tensor(norms(classification)), torch.tensor(expected), rtol=1e-4, atol=1e-6)
    assert min(expected) > 0


def test_a_target_in_the_middle_reaches_the_lower_layers_from_small_weights_better_than_the_output_does() -> None:
    below = slice(0, STUDENT.middle)
    hinted, labelled = (norms(loss, spread=0.005)[below] for loss in (hint + kd, classification))
    assert all(with_hint > without for with_hint, without in zip(hinted, labelled, strict=True))


def test_one_length_a_layer_and_another_seed_gives_others() -> None:
    assert len(norms(kd)) == len(STUDENT.layers)
    assert norms(kd, seed=0) == norms(kd, seed=0) != norms(kd, seed=1)


def test_the_first_gradients_of_runs_are_those_of_their_recipes_with_their_trained_teachers(tmp_path: Path) -> None:
    runs, store = [run(recipe, seed) for recipe in (BACKPROP, JOINT_HINT_AND_KD) for seed in (0, 1)], Store(tmp_path)
    runs[3] = replace(runs[3], training=replace(runs[3].training, start=HE))
    images = data.shown("digits").validation
    for one in runs:
        assert one.teacher is not None
        execute(one.teacher, store)
    found = first_gradients(runs, store)
    assert found["layer"].tolist() == [1, 2, 3, 4] * 4
    for one, loss in zip(runs, [classification] * 2 + [hint + kd] * 2, strict=True):
        assert one.teacher is not None
        asked = Lesson(images, keep(unmoved(store.network(one.teacher)), frozenset({1, 2}), images.images))
        own = found[(found["recipe"] == one.recipe.name) & (found["seed"] == one.seed)]
        expected = gradient_norms(STUDENT, TEACHER, loss, asked, one.seed, one.training.first_weights)
        assert own["gradient"].tolist() == pytest.approx(expected, rel=1e-5)


def test_of_runs_in_stages_or_without_a_teacher_no_first_gradient_is_measured(tmp_path: Path) -> None:
    runs = [run(HINT_THEN_KD), replace(run(BACKPROP), teacher=None)]
    assert len(first_gradients(runs, Store(tmp_path))) == 0
    with pytest.raises(FileNotFoundError):
        first_gradients([run(KD)], Store(tmp_path))


def test_the_signal_is_the_root_mean_square_of_what_each_layer_gives_and_of_what_in_it_differs_between_images() -> None:
    module, maps = build(STUDENT), LESSON.split.images
    initialise(module, None, generator(2, "student"))
    sizes, between = [], []
    for layer in module:
        maps = layer(maps)
        values = maps.detach().numpy().astype("float64")
        sizes.append((values**2).mean() ** 0.5)
        between.append(values.var(axis=0).mean() ** 0.5)
    found = signals(STUDENT, QUICK, LESSON.split, seed=2)
    assert [one.size for one in found] == pytest.approx(sizes, rel=1e-5)
    assert [one.between for one in found] == pytest.approx(between, rel=1e-4)


def test_norms_and_fitted_weights_give_layers_a_signal_that_small_weights_do_not() -> None:
    small = replace(QUICK, spread=0.005)
    found = [
        signals(network, training, LESSON.split, seed=0)[-2].size
        for network, training in (
            (STUDENT, small),
            (with_norms(STUDENT), small),
            (STUDENT, replace(small, start=LayerSequential())),
        )
    ]
    assert found[0] < 1e-3
    assert found[1:] == pytest.approx([1.0, 1.0], abs=0.5)


def test_probes_read_the_pixels_the_teachers_hint_layer_and_the_students_first_guided_layer(tmp_path: Path) -> None:
    runs, store = [run(recipe, seed) for recipe in (BACKPROP, KD) for seed in (1, 0)], Store(tmp_path)
    for one in runs:
        assert one.teacher is not None
        execute(one.teacher, store)
    found = probes([*runs, replace(run(BACKPROP, seed=2), teacher=None)], store)
    assert found["seed"].tolist() == [0, 0, 0, 1, 1, 1]
    shown = data.shown("digits")
    for seed, of_seed in found.groupby("seed"):
        teacher = runs[1 - int(str(seed))].teacher
        assert teacher is not None
        untrained = build(STUDENT)
        initialise(untrained, None, generator(int(str(seed)), "student"))
        layers: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
            "raw pixels": lambda images: images,
            "the teacher’s hint layer": store.network(teacher)[:2],
            "an untrained guided layer": untrained[:2],
        }
        with torch.no_grad():
            for name, below in layers.items():
                train, held_out = (below(part.images) for part in (shown.train, shown.validation))
                right = probe(train, shown.train.labels, held_out, shown.validation.labels)
                assert of_seed.set_index("features").loc[name, "accuracy"] == pytest.approx(right, abs=0.5)
    with pytest.raises(FileNotFoundError):
        probes([run(KD, seed=5)], store)
