from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from fitnets_lib.rmsprop import Group, RMSProp

SHAPES = [(3, 2), (4,), (2, 1, 3)]


def weights() -> list[nn.Parameter]:
    random = torch.Generator().manual_seed(3)
    return [nn.Parameter(torch.randn(shape, generator=random)) for shape in SHAPES]


def gradients(steps: int) -> list[list[Tensor]]:
    random = torch.Generator().manual_seed(4)
    return [[torch.randn(shape, generator=random) for shape in SHAPES] for _ in range(steps)]


def walk(optimiser: RMSProp | torch.optim.RMSprop, moved: Sequence[nn.Parameter], steps: list[list[Tensor]]) -> None:
    for given_now in steps:
        for weight, gradient in zip(moved, given_now, strict=True):
            weight.grad = gradient.clone()
        optimiser.step()


def same(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def ours(moved: Sequence[nn.Parameter], rates: tuple[float, float] = (0.01, 0.05), floor: float = 1e-8) -> RMSProp:
    return RMSProp([Group(tuple(moved[:1]), rates[0]), Group(tuple(moved[1:]), rates[1])], floor)


def test_two_steps_by_hand() -> None:
    # v = .1 * 2^2 = .4, then .9 * .4 + .1 * 1^2 = .46; w = 1 - .1 * 2 / (sqrt(.4) + .5), then + .1 / (sqrt(.46) + .5).
    weight = nn.Parameter(torch.ones(1))
    optimiser = RMSProp([Group((weight,), 0.1)], 0.5)
    walk(optimiser, [weight], [[torch.tensor([2.0])], [torch.tensor([-1.0])]])
    assert weight.item() == pytest.approx(1 - 0.2 / (0.4**0.5 + 0.5) + 0.1 / (0.46**0.5 + 0.5))
    assert optimiser.tensors()["0"].item() == pytest.approx(0.46)


@given(st.floats(1e-6, 1.0), st.floats(1e-6, 1.0), st.floats(1e-10, 1.0), st.integers(1, 6))
def test_all_bits_are_those_of_torchs_own_class(first: float, second: float, floor: float, steps: int) -> None:
    mine, theirs = weights(), weights()
    walk(ours(mine, (first, second), floor), mine, gradients(steps))
    groups = [{"params": theirs[:1], "lr": first}, {"params": theirs[1:], "lr": second}]
    walk(torch.optim.RMSprop(groups, alpha=0.9, eps=floor, foreach=True), theirs, gradients(steps))
    assert same(mine, theirs)
    assert not same(mine, weights())


def test_what_has_no_gradient_stays_and_its_mean_square_with_it() -> None:
    moved = weights()
    optimiser = ours(moved)
    walk(optimiser, moved, gradients(1))
    kept, mean_square = moved[1].detach().clone(), optimiser.tensors()["1"].clone()
    optimiser.zero_grad()
    assert all(weight.grad is None for weight in moved)
    moved[2].grad = torch.ones(SHAPES[2])
    before = [weight.detach().clone() for weight in moved]
    optimiser.step()
    assert torch.equal(moved[1], kept)
    assert torch.equal(optimiser.tensors()["1"], mean_square)
    assert torch.equal(moved[0], before[0])  # its whole group has none
    assert not torch.equal(moved[2], before[2])


def test_it_goes_on_from_kept_tensors_with_the_same_bits() -> None:
    steps = gradients(5)
    whole, cut = weights(), weights()
    walk(ours(whole), whole, steps)
    optimiser = ours(cut)
    walk(optimiser, cut, steps[:2])
    kept = {name: tensor.clone() for name, tensor in optimiser.tensors().items()}
    assert list(kept) == ["0", "1", "2"]
    again = ours(cut)
    again.restore(kept)
    walk(again, cut, steps[2:])
    assert same(whole, cut)
    walk(again, cut, steps[:1])
    assert not same(list(kept.values()), list(again.tensors().values()))  # a copy of what was kept was taken
