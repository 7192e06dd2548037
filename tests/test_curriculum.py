from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fitnets_lib import curriculum
from fitnets_lib.curriculum import Pacing, easiest, entropy, first_k, geometric, is_curriculum, linear, root, self_paced
from fitnets_lib.errors import BadInput
from fitnets_lib.losses import distillation_loss, kd_loss

starts = st.floats(0.01, 1)
overs = st.floats(0, 1)
powers = st.floats(1, 8)
losses = st.lists(st.floats(0.001, 100), min_size=2, max_size=30).map(
    lambda some: torch.tensor(some, dtype=torch.float64)
)


@given(starts, powers, overs, overs)
def test_every_pacing_goes_from_start_to_1_and_never_back(start: float, power: float, one: float, other: float) -> None:
    early, late = sorted((one, other))
    paces: list[Pacing] = [linear(start), root(start, power), geometric(start)]
    for pace in paces:
        assert pace(0) == pytest.approx(start)
        assert pace(1) == pytest.approx(1)
        assert pace(early) <= pace(late) + 1e-12
        assert max(pace(early), pace(late)) <= 1


@given(starts, overs)
def test_the_root_of_power_1_is_the_straight_line(start: float, over: float) -> None:
    assert root(start, 1)(over) == pytest.approx(start + (1 - start) * over)


@pytest.mark.parametrize(("power", "half"), [(1, 0.625), (2, math.sqrt(0.53125)), (3, 0.5078125 ** (1 / 3))])
def test_the_power_of_a_root_is_the_one_asked_for(power: float, half: float) -> None:
    # Start 1/4, half way: ((1/4)^p + (1 - (1/4)^p) / 2)^(1/p), worked by hand.
    assert root(0.25, power)(0.5) == pytest.approx(half)


def test_linear_pacing_is_a_straight_line() -> None:
    assert [linear(0.25)(over) for over in (0, 1 / 3, 0.5, 1)] == pytest.approx([0.25, 0.5, 0.625, 1])


@given(starts, overs, powers, powers)
def test_a_larger_power_brings_hard_examples_in_sooner(start: float, over: float, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert root(start, small)(over) <= root(start, large)(over) + 1e-9


def test_geometric_pacing_multiplies_by_equal_factors() -> None:
    assert [geometric(1 / 16)(over) for over in (0, 0.25, 0.5, 0.75, 1)] == [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1]


@pytest.mark.parametrize("start", [0, -0.1, 1.1, math.nan])
def test_a_start_that_is_no_share_is_refused(start: float) -> None:
    for pacing in (linear, geometric, lambda s: root(s, 2)):
        with pytest.raises(BadInput, match=r"start = .*: a share above 0 and at most 1$"):
            pacing(start)


def test_other_values_that_cannot_be_are_refused() -> None:
    with pytest.raises(BadInput, match=r"power = 0\.5: a number of at least 1"):
        root(0.5, 0.5)
    with pytest.raises(BadInput, match="power = inf: a number of at least 1"):
        root(0.5, math.inf)
    for pacing in (linear(0.5), geometric(0.5)):
        for over in (1.5, -0.5):
            with pytest.raises(BadInput, match=rf"^over = {over}: the share of the curriculum that is over, 0 to 1$"):
                pacing(over)
    for weights in ([0.0, 0.0], [1.0, -1.0]):
        right = rf"^weights = \[{weights[0]}, {weights[1]}\]: none negative and at least one above 0$"
        with pytest.raises(BadInput, match=right):
            entropy(torch.tensor(weights))
    with pytest.raises(BadInput, match=r"^weights = \[0.0, 0.0, 0.0, 0.0, 0.0\]: "):
        entropy(torch.zeros(7))  # as many as tell what is wrong
    for nothing in (0, 1.5):
        with pytest.raises(BadInput, match=f"^start = {nothing}: a share above 0 and at most 1$"):
            easiest(torch.arange(4.0), nothing)
        with pytest.raises(BadInput, match=f"^start = {nothing}: a share above 0 and at most 1$"):
            first_k(torch.arange(4.0), nothing)


@given(losses, starts)
def test_the_easiest_are_easier_than_the_rest_and_as_many_as_asked(difficulty: torch.Tensor, share: float) -> None:
    chosen = easiest(difficulty, share).bool()
    assert int(chosen.sum()) == max(1, round(share * len(difficulty)))
    if not chosen.all():
        assert difficulty[chosen].max() <= difficulty[~chosen].min()


@given(losses, starts, powers)
def test_easiest_first_with_any_pacing_is_a_curriculum_in_bengios_sense(
    difficulty: torch.Tensor, start: float, power: float
) -> None:
    for pace in (linear(start), root(start, power), geometric(start)):
        assert is_curriculum(torch.stack([easiest(difficulty, pace(step / 5)) for step in range(6)]))


@pytest.mark.parametrize(
    "weights",
    [
        [[1.0, 0, 0], [0, 1, 1], [1, 1, 1]],  # the first example is taken back
        [[1.0, 0, 0], [1, 1, 0]],  # the last is never shown
        [[1.0, 1, 1], [1, 1, 2]],  # a weight above 1
        [[0.4, 0.4, 0.4], [1, 0.4, 0.4], [1, 1, 1]],  # entropy falls
        [[-0.5, 1, 1], [1, 1, 1]],  # a weight under 0
        [[0.0, 0, 0], [1, 1, 1]],  # nothing is shown
        [[1.0, 2, 2], [1, 1, 1]],  # a weight above 1 that is taken back
        [[0.0, 1], [0.8, 1], [0.5, 1], [1, 1]],  # a weight falls half way, though never under its first value
        [
            [0.0, 0.5],
            [0.5, 1],
            [0.5, 0.6],
            [1, 1],
        ],  # one falls while entropy grows, never under its start
    ],
)
def test_what_breaks_one_of_the_conditions_is_no_curriculum(weights: list[list[float]]) -> None:
    assert not is_curriculum(torch.tensor(weights))


def test_entropy_is_that_of_the_examples_shown() -> None:
    assert entropy(torch.tensor([1.0, 1, 0, 0])) == pytest.approx(math.log(2))
    assert entropy(torch.tensor([0.5, 0.25, 0.25])) == pytest.approx(1.5 * math.log(2))


def test_a_self_paced_student_takes_the_losses_under_1_over_k() -> None:
    assert self_paced(torch.tensor([0.1, 0.5, 0.6]), k=2).tolist() == [1, 0, 0]


@given(losses, st.floats(0.1, 10), st.floats(1.01, 3))
def test_lowering_k_only_adds_examples(some: torch.Tensor, k: float, factor: float) -> None:
    assert (self_paced(some, k / factor) >= self_paced(some, k)).all()


@given(losses, starts)
def test_the_first_k_selects_the_share_with_the_smallest_losses(some: torch.Tensor, share: float) -> None:
    chosen = self_paced(some, first_k(some, share)).bool()
    wanted = max(1, round(share * len(some)))
    border = some.sort().values[wanted - 1]
    assert (chosen[some <= border]).all()
    assert not chosen[some > border * (1 + 2e-6)].any()


def test_of_equally_hard_examples_the_first_count_as_easier() -> None:
    assert easiest(torch.tensor([1.0, 2, 1, 2, 2]), 0.6).tolist() == [1, 1, 1, 0, 0]


def test_however_small_a_share_is_one_example_is_shown_and_one_sets_k() -> None:
    some = torch.tensor([4.0, 2, 8])
    assert easiest(some, 0.01).tolist() == [0, 1, 0]
    assert first_k(some, 0.01) == pytest.approx(1 / 2)
    assert first_k(some) == pytest.approx(1 / 4)  # a half of three examples is rounded to two
    assert first_k(torch.zeros(3)) == pytest.approx(1e12)  # losses of 0 leave no K that is a number


def test_weights_that_grow_in_steps_to_one_are_a_curriculum_though_entropy_stands_still() -> None:
    assert is_curriculum(torch.tensor([[0.5, 0.5], [1.0, 1.0]]))
    assert is_curriculum(torch.tensor([[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]]))


def test_a_softer_teacher_is_less_confident() -> None:
    logits = torch.tensor([[2 * math.log(3), 0.0]])
    assert curriculum.confidence(logits, temperature=2).tolist() == pytest.approx([0.75])


def test_confidence_is_the_probability_of_the_teachers_guess() -> None:
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])
    assert curriculum.confidence(logits).tolist() == pytest.approx([0.5, 0.75])


@pytest.mark.parametrize("lam", [0.0, 1.0, 4.0])
def test_the_pull_of_an_example_is_the_length_of_equation_2s_gradient_by_autograd(lam: float) -> None:
    random = torch.Generator().manual_seed(0)
    a_s, a_t = torch.randn(2, 6, 10, generator=random, dtype=torch.float64)
    labels = torch.arange(6)
    a_s.requires_grad_()
    kd_loss(a_s, a_t, labels, 3.0, lam).mul(6).backward()  # the loss is a mean over the batch
    assert a_s.grad is not None
    torch.testing.assert_close(curriculum.pull(a_s.detach(), a_t, labels, 3.0, lam), a_s.grad.norm(dim=1))


def test_the_teachers_pull_is_the_gradient_of_its_term_alone_and_nothing_once_it_is_matched() -> None:
    random = torch.Generator().manual_seed(1)
    a_s, a_t = torch.randn(2, 6, 10, generator=random, dtype=torch.float64)
    a_s.requires_grad_()
    distillation_loss(a_s, a_t, 3.0).mul(6).backward()
    assert a_s.grad is not None
    torch.testing.assert_close(curriculum.teacher_pull(a_s.detach(), a_t, 3.0), a_s.grad.norm(dim=1))
    assert curriculum.teacher_pull(a_t + 5, a_t, 3.0).max() < 1e-12
