"""Bad input, what is put together in code: networks, regressors, recipes, how a stage is optimised, random views.

Every case is refused when the description is made, before any weight exists, in one line with the layer or field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fitnets_lib import preprocessing, recipes
from fitnets_lib.annealing import Linear
from fitnets_lib.arrays import Arrays
from fitnets_lib.augmentation import Augmentation
from fitnets_lib.losses import classification_loss
from fitnets_lib.maxout import MOST_PIECES
from fitnets_lib.networks import Conv, Dense, Network, Pool, build, digits_student
from fitnets_lib.optimisation import MaxNorm, Training
from fitnets_lib.recipes import Recipe, Stage, classification, hint, hints_at_once, hints_in_turn, kd, label_hint
from fitnets_lib.regressors import (
    Regressor,
    convolutional_parameters,
    convolutional_regressor,
    fully_connected_parameters,
    fully_connected_regressor,
    kernel_size,
    linear_regressor,
    pointwise_regressor,
    same_size_regressor,
)
from fitnets_lib.terms import Classification, Distillation, Hint, LabelHint, Loss
from tests.helpers import STUDENT, TEACHER
from tests.refusals import names, refusal, refusal_if_any

NAN, INF = float("nan"), float("inf")
NO_RATE: list[Any] = [-1e-3, NAN, INF, None, "1e-3", True, [1e-3], 10**400]
"""What is no finite number of at least 0."""
NO_LAMBDA: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"start": NAN}, ("lambda at the start = nan", "a finite number")),
    ({"end": -1}, ("lambda at the end = -1", "a finite number")),
    ({"end": INF}, ("lambda at the end = inf", "a finite number")),
    ({"first": -1}, ("first epoch of lambda = -1", "a whole number")),
    ({"last": "x"}, ("last epoch of lambda = 'x'", "a whole number")),
    ({"first": 10, "last": 5}, ("last epoch of lambda = 5", "at least 10")),
]
NO_COUNT: list[Any] = [0, -1, 2.0, True, None, "3", NAN, [3], 10**12]
"""What is no number of channels, of pixels or of layers."""
AT_LEAST_1 = "a whole number of at least 1 and at most 65,536"


def network(*layers: Any, image: Any = (1, 8, 8), middle: Any = 1, name: Any = "net") -> Network:
    return Network(name, image, layers or (Conv(2), Dense(3)), middle)


@pytest.mark.parametrize("value", NO_COUNT, ids=repr)
@pytest.mark.parametrize(
    ("place", "made"),
    [
        ("net, layer 1, channels", lambda value: network(Conv(value), Dense(3))),
        ("net, layer 1, kernel", lambda value: network(Conv(2, kernel=value), Dense(3))),
        ("net, layer 1, pool", lambda value: network(Conv(2, pool=Pool(value, 1)), Dense(3))),
        ("net, layer 2, units", lambda value: network(Conv(2), Dense(value))),
        ("net.image", lambda value: network(image=(value, 8, 8))),
        ("net.image", lambda value: network(image=(1, 8, value))),
    ],
)
def test_a_size_that_is_none_is_refused_with_its_layer(place: str, made: Callable[[Any], Any], value: Any) -> None:
    names(refusal(partial(made, value)), f"{place} = ", AT_LEAST_1)


@pytest.mark.parametrize("value", [*NO_COUNT, 257, 2**16], ids=repr)
def test_pieces_that_no_unit_has_are_refused_with_their_layer(value: Any) -> None:
    right = "a whole number of at least 1 and at most 256"
    names(refusal(lambda: network(Conv(2, pieces=value), Dense(3))), f"net, layer 1, pieces = {value!r}", right)
    names(refusal(lambda: network(Conv(2), Dense(3, pieces=value))), f"net, layer 2, pieces = {value!r}", right)


def test_a_unit_may_have_as_many_pieces_as_maxout_takes() -> None:
    most = network(Conv(1, pieces=MOST_PIECES), Dense(3, pieces=MOST_PIECES))
    assert build(most)(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


@pytest.mark.parametrize(
    ("made", "parts"),
    [
        (partial(network, Conv(2, padding=-1), Dense(3)), ("layer 1, padding = -1", "at least 0")),
        (partial(network, Conv(2, padding=0.5), Dense(3)), ("layer 1, padding = 0.5", "at least 0")),  # type: ignore[arg-type]
        (partial(network, Conv(2, pool=(2, 2)), Dense(3)), ("layer 1, pool = (2, 2)", "a Pool")),  # type: ignore[arg-type]
        (partial(network, Conv(2, pool=Pool(2, 0)), Dense(3)), ("pool stride = 0", "1 to 2")),
        (partial(network, Conv(2, pool=Pool(2, 1.0)), Dense(3)), ("pool stride = 1.0", "1 to 2")),  # type: ignore[arg-type]
        (partial(network, Conv(2, relu="no"), Dense(3)), ("layer 1, relu = 'no'", "True or False")),  # type: ignore[arg-type]
        (partial(network, Conv(2, norm=1), Dense(3)), ("layer 1, norm = 1", "True or False")),  # type: ignore[arg-type]
        (partial(network, Conv(2, residual=None), Dense(3)), ("layer 1, residual = None", "True")),  # type: ignore[arg-type]
        (partial(network, Conv(2), Dense(1, sigmoid=1)), ("layer 2, sigmoid = 1", "True or False")),  # type: ignore[arg-type]
        (partial(network, "conv", Dense(3)), ("net, layer 1 = 'conv'", "a Conv or a Dense")),
        (partial(network, None, Dense(3)), ("net, layer 1 = None", "a Conv or a Dense")),
        (partial(network, Conv, Dense(3)), ("net, layer 1 = <class", "a Conv or a Dense")),
        (partial(network, image=(8, 8)), ("net.image = (8, 8)", "channels, height and width")),
        (partial(network, image=[1, 8, 8]), ("net.image = [1, 8, 8]", "channels, height and width")),
        (partial(network, image=None), ("net.image = None", "channels, height and width")),
        (partial(network, name=7), ("name of a network = 7", "text")),
        (partial(network, name=None), ("name of a network = None", "text")),
        (partial(network, middle=1.0), ("net.middle = 1.0", "the number of a hidden layer, 1 to 1")),
        (partial(network, middle=True), ("net.middle = True", "the number of a hidden layer, 1 to 1")),
        (partial(network, middle="1"), ("net.middle = '1'", "the number of a hidden layer, 1 to 1")),
        (partial(network, middle=None), ("net.middle = None", "the number of a hidden layer, 1 to 1")),
        (partial(Network, "net", (1, 8, 8), [Conv(2), Dense(3)], 1), ("net.layers = [Conv", "a tuple")),  # type: ignore[arg-type]
        (partial(Network, "net", (1, 8, 8), None, 1), ("net.layers = None", "a tuple")),  # type: ignore[arg-type]
        (partial(digits_student, 201), ("depth = 201", "at most 200")),
        (partial(digits_student, 10**9), ("depth = 1000000000", "at most 200")),
        (partial(digits_student, NAN), ("depth = nan", "at least 5 layers")),  # type: ignore[arg-type]
        (partial(digits_student, None), ("depth = None", "at least 5 layers")),  # type: ignore[arg-type]
    ],
)
def test_a_network_that_is_none_is_refused_with_its_layer(made: Callable[[], Any], parts: tuple[str, ...]) -> None:
    names(refusal(made), *parts)


ODD = st.integers(-2, 9) | st.sampled_from([None, True, 1.5, NAN, "2", 10**9])


@hypothesis_settings(max_examples=150)
@given(st.lists(st.tuples(st.booleans(), ODD, ODD, ODD, ODD, ODD), min_size=1, max_size=3), ODD, ODD)
def test_a_network_that_is_not_refused_can_be_built_and_computes(
    drawn: list[tuple[bool, Any, Any, Any, Any, Any]], side: Any, middle: Any
) -> None:
    layers = [
        Conv(a, b, c, pool=None if d is None else Pool(d, e)) if convolution else Dense(a, pieces=b)
        for convolution, a, b, c, d, e in drawn
    ]
    made = partial(network, *layers, Dense(3), image=(1, side, side), middle=middle)
    if refusal_if_any(made) is None:
        assert build(made())(torch.zeros(2, 1, side, side)).shape == (2, 3)


FIELDS = ("channels", "kernel", "padding", "pool", "stride", "units", "side", "middle")
USUAL = {"channels": 2, "kernel": 3, "padding": 1, "pool": 2, "stride": 2, "units": 4, "side": 6, "middle": 1}


@pytest.mark.parametrize("field", FIELDS)
def test_a_network_with_one_odd_value_is_refused_or_can_be_built_and_computes(field: str) -> None:
    taken = []
    for odd in (*range(-2, 10), None, True, 1.5, NAN, "2", 10**9):
        a = {**USUAL, field: odd}
        made = partial(
            network,
            Conv(a["channels"], a["kernel"], a["padding"], pool=Pool(a["pool"], a["stride"])),
            Dense(a["units"]),
            Dense(3),
            image=(1, a["side"], a["side"]),
            middle=a["middle"],
        )
        if refusal_if_any(made) is None:
            side = made().image[1]
            assert build(made())(torch.zeros(2, 1, side, side)).shape == (2, 3)
            taken.append(odd)
    assert USUAL[field] in taken and len(taken) < 18


# Regressors: from the guided map (channels, height, width) to the hint map.

REGRESSORS: list[Regressor] = [
    convolutional_regressor,
    linear_regressor,
    same_size_regressor,
    pointwise_regressor,
    fully_connected_regressor,
]
MAP = (2, 3, 3)
NO_MAP: list[Any] = [None, 3, "233", (), (3,), (3, 3), (2, 3, 3, 3), [2, 3, 3], (0, 3, 3), (2, 0, 0), (2, -3, -3),
                     (2, 3.0, 3.0), (2, True, True), (2, None, 3), (NAN, 3, 3)]  # fmt: skip


@pytest.mark.parametrize("shape", NO_MAP, ids=repr)
@pytest.mark.parametrize("make", REGRESSORS, ids=lambda make: make.__name__)
def test_what_is_no_feature_map_is_refused_by_every_regressor(make: Regressor, shape: Any) -> None:
    for guided, hint_map, place in ((shape, MAP, "guided"), (MAP, shape, "hint")):
        line = refusal(partial(make, guided, hint_map, Conv(2)))
        names(line, place, "shape")
        assert repr(shape)[1:-1] in line
        assert re.search(r"feature maps? \(channels, height, width\)", line) or AT_LEAST_1 in line


@pytest.mark.parametrize("shape", NO_MAP, ids=repr)
@pytest.mark.parametrize("count", [convolutional_parameters, fully_connected_parameters])
def test_the_weights_between_maps_that_are_none_are_not_counted(count: Callable[..., int], shape: Any) -> None:
    names(refusal(partial(count, shape, MAP)), "guided shape", ": a")
    names(refusal(partial(count, MAP, shape)), "hint shape", ": a")


@pytest.mark.parametrize("sides", [(0, 0), (3, 0), (-1, -2), (3.0, 3), (3, None), ("3", 3), (True, True), (NAN, 3)])
def test_a_kernel_between_sides_that_are_none_is_refused(sides: tuple[Any, Any]) -> None:
    names(refusal(partial(kernel_size, *sides)), " side = ", AT_LEAST_1)


@pytest.mark.parametrize("make", REGRESSORS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("layer", [Dense(3), None, "conv", Conv(2, pieces=0), Conv(2, pieces=1.5)], ids=repr)  # type: ignore[arg-type]
def test_a_hint_layer_that_is_no_convolution_is_refused_by_every_regressor(make: Regressor, layer: Any) -> None:
    names(refusal(partial(make, MAP, MAP, layer)), "hint layer = ", ": a")


SIDE = st.integers(-1, 5)


@given(st.sampled_from(REGRESSORS), st.tuples(SIDE, SIDE, SIDE), st.tuples(SIDE, SIDE, SIDE))
def test_a_regressor_that_is_not_refused_gives_the_shape_of_the_hint(
    make: Regressor, guided: tuple[int, int, int], hint_map: tuple[int, int, int]
) -> None:
    if refusal_if_any(partial(make, guided, hint_map, Conv(2))) is None:
        regressor = make(guided, hint_map, Conv(2))
        assert regressor(torch.zeros(2, *guided)).shape == (2, *hint_map)


# Recipes.


def stage(**changed: Any) -> Stage:
    return Stage(**{"train": "all", "loss": classification, **changed})


@pytest.mark.parametrize(
    ("made", "parts"),
    [
        *[
            (partial(stage, train=train), (f"train = {train!r}", "guided, all or the number of a layer"))
            for train in ("some", "", None, 0, -1, True, 1.0, ["all"])
        ],
        *[
            (partial(stage, share=share), (f"share = {share!r}", "a finite number above 0"))
            for share in (0, -1, NAN, INF, None, "1", True)
        ],
        *[
            (partial(stage, loss=loss), ("loss = ", "a Loss of one term or more"))
            for loss in (None, "kd", Loss(()), Distillation(), classification_loss, [kd])
        ],
        *[
            (
                partial(stage, loss=Loss(((weight, Classification()),))),
                ("weight of Classification = ", "a finite number"),
            )
            for weight in NO_RATE
        ],
        (partial(stage, loss=Loss(((1.0, None),))), ("loss = None", "made of terms")),  # type: ignore[arg-type]
        *[(partial(Distillation, tau), ("temperature = ", "a finite number above 0")) for tau in (0, *NO_RATE)],
        *[(partial(Linear, **{"start": 4, "end": 1, **lam}), parts) for lam, parts in NO_LAMBDA],
        (lambda: Distillation(lam=4.0), ("lam = 4.0", "a Linear")),  # type: ignore[arg-type]
        (lambda: Distillation(lam=None), ("lam = None", "a Linear")),  # type: ignore[arg-type]
        (lambda: Distillation(fidelity="official"), ("fidelity = 'official'", "a Fidelity")),  # type: ignore[arg-type]
        (lambda: Hint(regressor="fc"), ("regressor of a hint = 'fc'", "a function")),  # type: ignore[arg-type]
        (lambda: Hint(loss="x"), ("loss of a hint = 'x'", "a function")),  # type: ignore[arg-type]
    ],
)
def test_a_stage_that_is_none_is_refused(made: Callable[[], Any], parts: tuple[str, ...]) -> None:
    names(refusal(made), *parts)


@pytest.mark.parametrize(
    ("made", "parts"),
    [
        (partial(Recipe, b"KD", (stage(),)), ("name of a recipe = b'KD'", "text")),  # type: ignore[arg-type]
        (partial(Recipe, None, (stage(),)), ("name of a recipe = None", "text")),  # type: ignore[arg-type]
        (partial(Recipe, "mine", [stage()]), ("mine.stages = [Stage", "a tuple of Stage")),  # type: ignore[arg-type]
        (partial(Recipe, "mine", None), ("mine.stages = None", "a tuple of Stage")),  # type: ignore[arg-type]
        (partial(Recipe, "mine", ("all",)), ("mine.stages = ('all',)", "a tuple of Stage")),  # type: ignore[arg-type]
        (partial(hints_in_turn, []), ("pairs = []", "one or more of (guided layer, hint layer)")),
        (partial(hints_at_once, []), ("pairs = []", "one or more of (guided layer, hint layer)")),
        (partial(hints_in_turn, [(1, 2, 3)]), ("pairs = [(1, 2, 3)]", "one or more of")),  # type: ignore[list-item]
        (partial(hints_at_once, [1]), ("pairs = [1]", "one or more of")),  # type: ignore[list-item]
        (partial(hints_in_turn, [(0, 1)]), ("layer in the pair (0, 1) = 0", AT_LEAST_1)),
        (partial(hints_at_once, [(1, None)]), ("layer in the pair (1, None) = None", AT_LEAST_1)),  # type: ignore[list-item]
        (partial(hints_in_turn, [(2, 2), (1, 1)]), ("guided layers = [2, 1]", "rising")),
        (partial(hints_in_turn, [(1, 1), (1, 2)]), ("guided layers = [1, 1]", "rising")),
    ],
)
def test_a_recipe_that_is_none_is_refused(made: Callable[[], Any], parts: tuple[str, ...]) -> None:
    names(refusal(made), *parts)


@pytest.mark.parametrize("total", [0, -4, 2.0, True, None, "4", NAN, 10**12])
def test_a_number_of_epochs_that_is_none_is_not_shared_out(total: Any) -> None:
    names(refusal(partial(recipes.HINT_THEN_KD.epochs, total)), f"epochs = {total!r}", "a whole number of at least 1")


@pytest.mark.parametrize(
    ("one", "parts"),
    [
        (Stage(5, hint), ("layers of tiny student that are trained = 5", "at most 4")),
        (Stage("guided", kd), ("that are trained = 2", "4 layers or more", "Distillation looks at what layer 4 gives")),
        (Stage("guided", classification), ("that are trained = 2", "Classification looks at what layer 4 gives")),
        (Stage("guided", hint + kd), ("that are trained = 2", "Distillation looks at what layer 4 gives")),
        (Stage(1, hint), ("that are trained = 1", "2 layers or more", "Hint looks at what layer 2 gives")),
        (Stage(1, label_hint), ("that are trained = 1", "LabelHint looks at what layer 2 gives")),
        (Stage(2, Loss.of(LabelHint(3))), ("that are trained = 2", "LabelHint looks at what layer 3 gives")),
        (Stage("guided", Loss.of(Hint(3, 2))), ("that are trained = 2", "Hint looks at what layer 3 gives")),
        (Stage("all", Loss.of(Hint(9))), ("layer of tiny student = 9", "1 to 3")),
        (Stage("all", Loss.of(Hint(2, 0))), ("layer of tiny teacher = 0", "1 to 2")),
    ],
)
def test_a_stage_that_looks_at_layers_which_it_does_not_compute_is_refused(one: Stage, parts: tuple[str, ...]) -> None:
    names(refusal(lambda: one.fits(STUDENT, TEACHER)), *parts)


def test_the_recipes_of_the_book_fit_the_networks_that_they_are_for() -> None:
    for recipe in (*recipes.RECIPES.values(), hints_in_turn([(1, 1), (2, 2)]), hints_at_once([(2, 2), (1, 1)])):
        for one in recipe.stages:
            one.fits(STUDENT, TEACHER)


# How a stage is optimised.

GOOD = Training(epochs=4, patience=4)


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        *[
            (name, value, "a whole number of at least 1")
            for name in ("epochs", "patience", "batch")
            for value in NO_COUNT
        ],
        *[
            (name, value, "a finite number of at least 0")
            for name in ("learning_rate", "convolution_scale", "spread")
            for value in NO_RATE
            if (name, value) != ("spread", None)
        ],
        *[("floor", value, "a finite number above 0") for value in (*NO_RATE, 0)],
        *[(name, value, "True or False") for name in ("each_stage", "retrain") for value in (0, None, "yes")],
        *[("max_norm", value, "MaxNorm or None") for value in (0.9, True, "0.9")],
        *[("augmentation", value, "Augmentation") for value in (None, True, "flip")],
        *[("start", value, "Start or None") for value in ("He", 0.005, Training)],
        *[("precision", value, "float32 or bfloat16") for value in ("float16", None, 32, torch.float32, ["float32"])],
    ],
    ids=repr,
)
def test_a_training_with_a_field_that_is_none_is_refused_by_its_name(name: str, value: Any, right: str) -> None:
    names(refusal(lambda: replace(GOOD, **{name: value})), f"{name} = ", f": {right}")


def test_every_field_of_a_training_is_checked() -> None:
    for field in fields(Training):
        names(refusal(partial(replace, GOOD, **{field.name: object()})), f"{field.name} = <object")


@pytest.mark.parametrize("name", ["convolutions", "hidden", "output"])
@pytest.mark.parametrize("value", [0, *NO_RATE], ids=repr)
def test_a_largest_norm_that_is_none_is_refused(name: str, value: Any) -> None:
    names(refusal(lambda: MaxNorm(**{name: value})), f"largest norm, {name} = ", "a finite number above 0")


@pytest.mark.parametrize("pad", [-1, 65, 10**9, 1.0, True, None, "2", NAN])
def test_a_padding_that_is_none_is_refused(pad: Any) -> None:
    names(refusal(lambda: Augmentation(pad=pad)), f"pad = {pad!r}", "at least 0 and at most 64")


@pytest.mark.parametrize("flip", [0, 1, None, "yes"])
def test_a_flip_that_is_neither_true_nor_false_is_refused(flip: Any) -> None:
    names(refusal(lambda: Augmentation(flip=flip)), f"flip = {flip!r}", "True or False")


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # numpy says so too
@pytest.mark.parametrize("pixel", [0.0, 7.0, NAN, INF])
def test_images_without_a_spread_are_not_divided_by_it(pixel: float) -> None:
    parts = Arrays(np.full((3, 1, 2, 2), pixel), np.zeros(3, np.int64))
    line = refusal(lambda: preprocessing.standardised((parts, parts, parts)))
    names(line, "deviation of the training pixels = ", "a finite number above 0")
