from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fitnets_lib import losses, recipes
from fitnets_lib.networks import Conv, MaxoutConv
from fitnets_lib.recipes import BACKPROP, Hint, Linear, Recipe, Seen, Stage, classification, hint, kd
from tests.helpers import STUDENT, TEACHER

ALL = [
    recipes.BACKPROP,
    recipes.KD,
    recipes.HINT_THEN_KD,
    recipes.JOINT_HINT_AND_KD,
    recipes.JOINT_HINT_AND_CLASSIFICATION,
]


def seen(progress: float = 0.0) -> Seen:
    random = torch.Generator().manual_seed(0)
    return Seen(
        labels=torch.tensor([3, 7]),
        guided=torch.randn(2, *STUDENT.middle_shape, generator=random),
        logits=torch.randn(2, 10, generator=random),
        teacher_logits=torch.randn(2, 10, generator=random),
        hint=torch.randn(2, *TEACHER.middle_shape, generator=random),
        progress=progress,
    )


def test_the_papers_method_is_the_guided_half_on_hints_and_then_everything_on_kd() -> None:
    assert recipes.HINT_THEN_KD.stages == (Stage(train="guided", loss=hint), Stage(train="all", loss=kd))


def test_recipes_have_names_of_their_own() -> None:
    assert len({recipe.name for recipe in ALL}) == len(ALL)


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0, 1))
def test_a_linear_weight_goes_straight_from_start_to_end(start: float, end: float, progress: float) -> None:
    weight = Linear(start, end)
    assert weight(0) == start
    assert weight(1) == pytest.approx(end, abs=1e-12)
    assert weight(progress) == pytest.approx((1 - progress) * start + progress * end, abs=1e-9)


@pytest.mark.parametrize(("progress", "lam"), [(0.0, 4.0), (0.5, 2.5), (1.0, 1.0)])
def test_lambda_falls_from_4_to_1_at_temperature_3(progress: float, lam: float) -> None:
    batch = seen(progress)
    assert batch.logits is not None and batch.teacher_logits is not None
    by_hand = losses.kd_loss(batch.logits, batch.teacher_logits, batch.labels, temperature=3, lam=lam)
    assert torch.allclose(kd(batch, [None]), by_hand)


def test_losses_add_and_take_weights() -> None:
    batch = seen()
    loss = hint + 0.5 * (kd + classification)
    heads = loss.heads(STUDENT, TEACHER)
    parts = [part(batch, [head]).item() for part, head in zip((hint, kd, classification), heads, strict=True)]
    assert loss(batch, heads).item() == pytest.approx(parts[0] + 0.5 * parts[1] + 0.5 * parts[2], rel=1e-6)


def test_only_the_hint_brings_a_head_and_it_is_a_regressor_with_the_hint_layers_pieces() -> None:
    heads = (kd + hint + classification).heads(STUDENT, TEACHER)
    assert [head is None for head in heads] == [True, False, True]
    regressor = heads[1]
    assert isinstance(regressor, MaxoutConv)
    hint_layer = TEACHER.layers[TEACHER.middle - 1]
    assert isinstance(hint_layer, Conv)
    assert regressor.pieces == hint_layer.pieces
    assert regressor(torch.zeros(1, *STUDENT.middle_shape)).shape[1:] == TEACHER.middle_shape


def test_the_hint_term_is_equation_3_on_the_regressed_map() -> None:
    batch, head = seen(), Hint().head(STUDENT, TEACHER)
    assert batch.hint is not None
    by_hand = 0.5 * (batch.hint - head(batch.guided)).pow(2).sum() / 2
    assert torch.allclose(hint(batch, [head]), by_hand)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=5), st.integers(0, 500))
def test_all_epochs_are_shared_out_among_the_stages(shares: list[float], total: int) -> None:
    stages = tuple(Stage(train="all", loss=classification, share=share) for share in shares)
    epochs = Recipe("drawn", stages).epochs(total)
    assert sum(epochs) == total
    assert all(abs(own - total * share / sum(shares)) <= 1 for own, share in zip(epochs, shares, strict=True))


def test_equal_stages_get_half_each_and_a_single_stage_gets_all() -> None:
    assert recipes.HINT_THEN_KD.epochs(40) == (20, 20)
    assert BACKPROP.epochs(40) == (40,)
