from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitnets_lib import recipes
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
from fitnets_lib.terms import Hint, Loss
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


def test_recipes_have_names_of_their_own_that_can_be_typed() -> None:
    assert len({recipe.name for recipe in RECIPES.values()}) == len(RECIPES) == 11
    assert RECIPES["hint-then-kd"] == recipes.HINT_THEN_KD
    assert RECIPES["joint-label-hint-kd"] == recipes.JOINT_LABEL_HINT_AND_KD


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
    assert recipe.epochs(40) == (10, 10, 20)


def test_several_hints_at_once_are_one_stage_up_to_the_highest_guided_layer() -> None:
    first, second = hints_at_once([(2, 2), (1, 1)]).stages
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
