from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitnets_lib import recipes
from fitnets_lib.annealing import Linear
from fitnets_lib.errors import BadInput
from fitnets_lib.recipes import (
    BACKPROP,
    RECIPES,
    Recipe,
    Stage,
    classification,
    hint,
    hints_at_once,
    hints_in_turn,
    kd,
    label_hint,
    label_hints,
)
from fitnets_lib.terms import Classification, Distillation, Hint, LabelHint, Loss
from tests import helpers
from tests.helpers import STUDENT, TEACHER


def test_the_papers_method_is_the_guided_half_on_hints_and_then_everything_on_kd() -> None:
    assert recipes.HINT_THEN_KD.stages == (Stage(train="guided", loss=hint), Stage(train="all", loss=kd))


def test_the_variants_that_failed_are_those_of_section_3_1() -> None:
    stagewise, stagewise_kd = recipes.STAGEWISE_CLASSIFICATION.stages, recipes.STAGEWISE_KD.stages
    assert stagewise[0] == stagewise_kd[0] == Stage(train="guided", loss=label_hint)
    assert (stagewise[1].loss, stagewise_kd[1].loss) == (classification, kd)
    assert recipes.JOINT_LABEL_HINT_AND_CLASSIFICATION.stages == (Stage("all", label_hint + classification),)
    assert recipes.JOINT_LABEL_HINT_AND_KD.stages == (Stage("all", label_hint + kd),)
    assert recipes.DEEP_SUPERVISION.stages == (Stage("all", label_hints + classification),)


def test_recipes_have_names_that_tables_show_and_names_that_can_be_typed() -> None:
    assert {typed: recipe.name for typed, recipe in RECIPES.items()} == {
        "backprop": "backprop",
        "kd": "KD",
        "hint-then-kd": "hint then KD",
        "hint-then-labels": "hint then labels",
        "stage-wise-labels": "stage-wise labels",
        "stage-wise-kd": "stage-wise KD",
        "joint-label-hint-labels": "joint label hint + labels",
        "joint-label-hint-kd": "joint label hint + KD",
        "label-hints-everywhere": "label hints everywhere",
        "joint-hint-labels": "joint hint + labels",
        "joint-hint-kd": "joint hint + KD",
    }
    assert RECIPES["hint-then-kd"] == recipes.HINT_THEN_KD
    assert RECIPES["joint-label-hint-kd"] == recipes.JOINT_LABEL_HINT_AND_KD


def test_what_has_no_hint_in_its_middle_is_one_stage_of_all_layers() -> None:
    assert BACKPROP.stages == (Stage(train="all", loss=Loss.of(Classification()), share=1.0),)
    assert recipes.KD.stages == (Stage(train="all", loss=Loss.of(Distillation()), share=1.0),)


def test_the_hints_variants_end_on_labels_or_are_one_stage_with_what_follows() -> None:
    first, second = recipes.HINT_THEN_CLASSIFICATION.stages
    assert (first, second) == (Stage("guided", Loss.of(Hint())), Stage("all", Loss.of(Classification())))
    assert recipes.JOINT_HINT_AND_CLASSIFICATION.stages == (Stage("all", hint + classification),)
    assert recipes.JOINT_HINT_AND_KD.stages == (Stage("all", hint + kd),)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=5), st.integers(0, 500))
def test_all_epochs_are_shared_out_among_the_stages(shares: list[float], total: int) -> None:
    stages = tuple(Stage(train="all", loss=classification, share=share) for share in shares)
    fair = [total * share / sum(shares) for share in shares]
    try:
        epochs = Recipe("drawn", stages).epochs(total)
    except BadInput:
        assert min(fair) <= 1  # only where a stage would get none
        return
    assert sum(epochs) == total
    assert all(abs(own - wanted) <= 1 for own, wanted in zip(epochs, fair, strict=True))
    assert min(epochs) > 0


def test_fewer_epochs_than_stages_are_refused_before_anything_runs() -> None:
    in_turn = hints_in_turn([(1, 1), (2, 2)])
    assert in_turn.epochs(3) == (1, 1, 1)
    with pytest.raises(BadInput, match=r"epochs.*2.*of the 3 stages of 2 hints in turn, then KD one would get none"):
        in_turn.epochs(2)
    with pytest.raises(BadInput, match="epochs"):
        helpers.run(in_turn, training=replace(helpers.QUICK, epochs=2))


def test_equal_stages_get_half_each_and_a_single_stage_gets_all() -> None:
    assert recipes.HINT_THEN_KD.epochs(40) == (20, 20)
    assert BACKPROP.epochs(40) == (40,)


def test_several_hints_in_turn_are_a_stage_each_from_the_bottom_up_and_kd_gets_half_of_the_epochs() -> None:
    recipe = hints_in_turn([(1, 1), (2, 2)])
    assert [stage.train for stage in recipe.stages] == [1, 2, "all"]
    assert [stage.loss for stage in recipe.stages] == [Loss.of(Hint(1, 1)), Loss.of(Hint(2, 2)), kd]
    assert recipe.name == "2 hints in turn, then KD"
    assert recipe.epochs(40) == (10, 10, 20)


def test_several_hints_at_once_are_one_stage_up_to_the_highest_guided_layer() -> None:
    recipe = hints_at_once([(2, 2), (1, 1)])
    first, second = recipe.stages
    assert recipe.name == "2 hints at once, then KD"
    assert first.train == 2
    assert first.loss == Loss.of(Hint(2, 2)) + Loss.of(Hint(1, 1))
    assert second == Stage("all", kd)


def test_a_stage_says_how_many_layers_it_trains() -> None:
    assert [Stage(train, kd).layers(STUDENT) for train in ("guided", "all", 3)] == [2, 4, 3]


def test_a_recipe_knows_the_hint_layers_that_its_stages_look_at() -> None:
    assert BACKPROP.hint_layers(TEACHER) == recipes.KD.hint_layers(TEACHER) == frozenset()
    assert recipes.HINT_THEN_KD.hint_layers(TEACHER) == {2}
    assert hints_in_turn([(1, 1), (2, 2)]).hint_layers(TEACHER) == {1, 2}


@pytest.mark.parametrize("stages", [(), (Stage("guided", hint),), (Stage("all", kd), Stage(2, hint))])
def test_a_recipe_that_does_not_end_with_all_layers_is_refused(stages: tuple[Stage, ...]) -> None:
    with pytest.raises(BadInput, match=r"drawn.stages = .*the last trains all layers"):
        Recipe("drawn", stages)


def of(term: Any, weight: float = 1.0) -> Loss:
    return Loss(((weight, term),))


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Stage("half", kd), "train = 'half': guided, all or the number of a layer"),  # type: ignore[arg-type]
        (lambda: Stage(0, kd), "train = 0: guided, all or the number of a layer"),
        (lambda: Stage(True, kd), "train = True: guided, all or the number of a layer"),
        (lambda: Stage("all", kd, 0), "share = 0: a finite number above 0"),
        (lambda: Stage("all", None), "loss = None: a Loss of one term or more, such as hint + kd"),  # type: ignore[arg-type]
        (lambda: Stage("all", Loss(())), "loss = Loss(terms=()): a Loss of one term or more, such as hint + kd"),
        (lambda: Stage("all", of("hint")), "loss = 'hint': made of terms, such as Hint()"),
        (lambda: Stage("all", of(Hint(), -1.0)), "weight of Hint = -1.0: a finite number of at least 0"),
        (lambda: Stage("all", of(Distillation(0.0))), "temperature = 0.0: a finite number above 0"),
        (
            lambda: Stage("all", of(Distillation(lam=Linear(-1.0, 1.0)))),
            "lambda at the start = -1.0: a finite number of at least 0",
        ),
        (
            lambda: Stage("all", of(Distillation(lam=Linear(4.0, -1.0)))),
            "lambda at the end = -1.0: a finite number of at least 0",
        ),
        (lambda: Recipe(3, (Stage("all", kd),)), "name of a recipe = 3: text: tables and figures call it by that"),  # type: ignore[arg-type]
        (lambda: Recipe("x", [Stage("all", kd)]), "x.stages = [Stage("),  # type: ignore[arg-type]
        (lambda: Recipe("x", ("all",)), "x.stages = ('all',): a tuple of Stage"),  # type: ignore[arg-type]
        (lambda: Recipe("x", ()), "x.stages = (): stages of which the last trains all layers"),
        (
            lambda: Recipe("x", (Stage("all", kd), Stage("guided", classification), Stage(1, classification))),
            f"x.stages = {(Stage(1, classification),)}: stages of which the last trains all layers",
        ),
        (lambda: BACKPROP.epochs(0), "epochs = 0: a whole number of at least 1"),
        (
            lambda: Stage(5, kd).layers(STUDENT),
            "layers of tiny student that are trained = 5: a whole number of at least 1 and at most 4",
        ),
        (
            lambda: Stage("guided", kd).fits(STUDENT, TEACHER),
            "layers of tiny student that are trained = 2: 4 layers or more: "
            "Distillation looks at what layer 4 gives",
        ),
        (
            lambda: Stage(3, classification).fits(STUDENT, None),
            "layers of tiny student that are trained = 3: 4 layers or more: "
            "Classification looks at what layer 4 gives",
        ),
        (
            lambda: Stage(1, hint).fits(STUDENT, TEACHER),
            "layers of tiny student that are trained = 1: 2 layers or more: Hint looks at what layer 2 gives",
        ),
        (
            lambda: Stage(2, of(LabelHint(guided=3))).fits(STUDENT, None),
            "layers of tiny student that are trained = 2: 3 layers or more: LabelHint looks at what layer 3 gives",
        ),
    ],
)  # fmt: skip
def test_a_stage_or_recipe_that_cannot_be_is_refused_in_one_line(make: Callable[[], object], line: str) -> None:
    with pytest.raises(BadInput) as refused:
        make()
    assert str(refused.value).startswith(line)


def test_the_least_and_the_most_that_a_stage_can_be_are_taken() -> None:
    assert Stage(1, of(Hint(), 0.0)).train == 1
    assert Stage(4, kd).layers(STUDENT) == 4
    Stage("all", kd).fits(STUDENT, TEACHER)
    Stage(4, hint + kd).fits(STUDENT, TEACHER)
    Stage(2, hint).fits(STUDENT, TEACHER)
    Stage(1, of(Hint(guided=1, hint=1))).fits(STUDENT, TEACHER)
    Stage(1, label_hints).fits(STUDENT, None)  # of whatever hidden layers are computed
    with pytest.raises(BadInput, match=r"^teacher = None: a teacher of the 10 classes of tiny student$"):
        Stage("all", kd).fits(STUDENT, None)
    assert BACKPROP.epochs(2**20) == (2**20,)
    with pytest.raises(BadInput, match="epochs = 1048577: "):
        BACKPROP.epochs(2**20 + 1)


def test_stages_and_recipes_cannot_be_changed_afterwards() -> None:
    for fixed, name in ((BACKPROP, "stages"), (BACKPROP.stages[0], "share")):
        with pytest.raises(FrozenInstanceError):
            setattr(fixed, name, None)


def test_hints_in_turn_that_fall_anywhere_are_refused() -> None:
    with pytest.raises(BadInput, match=r"^guided layers = \[1, 3, 2\]: rising: hints are learned from the bottom up$"):
        hints_in_turn([(1, 1), (3, 1), (2, 2)])


@pytest.mark.parametrize("make", [hints_in_turn, hints_at_once])
def test_one_pair_that_is_none_among_good_ones_is_refused(make: Callable[[Any], Recipe]) -> None:
    with pytest.raises(BadInput, match=r"pairs = .*: one or more of \(guided layer, hint layer\)"):
        make([(1, 1), (2,)])
