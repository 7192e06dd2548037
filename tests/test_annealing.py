"""How lambda changes over the epochs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitnets_lib.annealing import PAPER_LAMBDA, RELEASED_CIFAR, RELEASED_MNIST, Linear
from fitnets_lib.recipes import kd
from fitnets_lib.terms import Distillation


def test_the_papers_lambda_falls_from_4_to_1_over_the_stage_and_is_that_of_kd() -> None:
    assert [PAPER_LAMBDA(epoch, 7) for epoch in range(7)] == [4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.0]
    ((_, term),) = kd.terms
    assert isinstance(term, Distillation) and term.lam == PAPER_LAMBDA


@given(st.floats(0, 5), st.floats(0, 5), st.integers(2, 60), st.data())
def test_a_linear_weight_goes_straight_from_start_to_end(
    start: float, end: float, epochs: int, drawn: st.DataObject
) -> None:
    weight, epoch = Linear(start, end), drawn.draw(st.integers(0, epochs - 1))
    assert weight(0, epochs) == start
    assert weight(epochs - 1, epochs) == pytest.approx(end, abs=1e-12)
    share = epoch / (epochs - 1)
    assert weight(epoch, epochs) == pytest.approx((1 - share) * start + share * end, abs=1e-9)


def test_a_stage_of_one_epoch_has_the_start_weight() -> None:
    assert Linear(4, 1)(0, 1) == 4


def test_a_line_that_begins_and_ends_in_one_epoch_falls_after_it() -> None:
    assert [Linear(4, 1, first=3, last=3)(epoch, 9) for epoch in (2, 3, 4)] == [4, 4, 1]


@pytest.mark.parametrize(("lam", "end", "saturate"), [(RELEASED_CIFAR, 1.0, 400), (RELEASED_MNIST, 0.0, 150)])
def test_the_released_schedules_are_the_released_formula(lam: Linear, end: float, saturate: int) -> None:
    # TeacherDecayOverEpoch: from epoch 5, l(e) = l0 - step (e - start + 1), step = (l0 - lF) / (saturate - start + 1).
    # Its e is 1 in the first epoch: it is raised where pylearn2 monitors, which it does once before training begins.
    step = (4.0 - end) / (saturate - 5 + 1)
    for e in range(1, 501):
        by_hand = 4.0 if e < 5 else end if e >= saturate else 4.0 - step * (e - 5 + 1)
        assert lam(e - 1, 500) == pytest.approx(by_hand, abs=1e-9)
