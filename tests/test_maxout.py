from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fitnets_lib.maxout import maxout, sorted_by_piece


def test_maxout_takes_the_largest_of_neighbouring_pieces() -> None:
    z = torch.tensor([[1.0, 5.0, -2.0, -3.0]])
    assert maxout(z, 2).tolist() == [[5.0, -2.0]]
    assert maxout(z, 4).tolist() == [[5.0]]
    assert maxout(z, 1) is z


@pytest.mark.parametrize("pieces", [2, 4])
def test_of_equal_pieces_the_first_takes_the_gradient(pieces: int) -> None:
    z = torch.zeros(1, 4, requires_grad=True)
    maxout(z, pieces).sum().backward()
    assert z.grad is not None
    assert z.grad.tolist() == [[1.0 if place % pieces == 0 else 0.0 for place in range(4)]]


@given(st.integers(0, 3), st.integers(1, 3), st.integers(1, 5), st.integers(0, 4), st.integers(0, 10**6))
def test_maxout_and_its_gradient_are_those_of_numpy(batch: int, units: int, pieces: int, side: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    z = random.integers(-2, 3, (batch, units * pieces, side, 2)).astype(np.float32)  # small integers: many ties
    weight = random.normal(size=(batch, units, side, 2)).astype(np.float32)
    tensor = torch.from_numpy(z).requires_grad_()
    found = maxout(tensor, pieces)
    grouped = z.reshape(batch, units, pieces, side, 2)
    np.testing.assert_array_equal(found.detach().numpy(), grouped.max(axis=2))
    (found * torch.from_numpy(weight)).sum().backward()
    by_hand = np.zeros_like(grouped)
    np.put_along_axis(by_hand, grouped.argmax(axis=2)[:, :, None], weight[:, :, None], axis=2)
    assert tensor.grad is not None
    np.testing.assert_array_equal(tensor.grad.numpy(), by_hand.reshape(z.shape))


def test_the_gradient_agrees_with_finite_differences() -> None:
    z = torch.randn(2, 6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: maxout(x, 3), (z,))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_piece_that_is_no_number_makes_its_unit_none_and_no_other(place: int) -> None:
    z = torch.zeros(1, 6)
    z[0, place] = torch.nan
    assert torch.isnan(maxout(z, 3)).tolist() == [[True, False]]


def test_infinite_pieces_are_compared_like_others() -> None:
    z = torch.tensor([[-torch.inf, torch.inf, -torch.inf, -torch.inf]], requires_grad=True)
    maxout(z, 2).sum().backward()
    assert maxout(z, 2).tolist() == [[torch.inf, -torch.inf]]
    assert z.grad is not None
    assert z.grad.tolist() == [[0.0, 1.0, 1.0, 0.0]]


def test_memory_format_and_strides_of_the_input_do_not_matter() -> None:
    z = torch.randn(2, 6, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = maxout(z, 3)
    assert torch.equal(maxout(z.to(memory_format=torch.channels_last), 3), expected)
    assert torch.equal(maxout(z.transpose(2, 3), 3), expected.transpose(2, 3))


@pytest.mark.parametrize("pieces", [2, 3])
def test_one_number_an_output_is_kept_for_each_piece_but_the_first(pieces: int) -> None:
    kept: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = maxout(torch.zeros(2, 6, 3, requires_grad=True), pieces)
    assert [(tensor.dtype, tensor.shape) for tensor in kept] == [(torch.float32, out.shape)] * (pieces - 1)


@pytest.mark.parametrize("pieces", [2, 3])
def test_pieces_may_come_piece_by_piece(pieces: int) -> None:
    z = torch.randn(6 * pieces, 4, generator=torch.Generator().manual_seed(0))
    weights = torch.arange(24.0).view(4, 6)
    one, other = z.T.clone().requires_grad_(), sorted_by_piece(z, pieces).T.clone().requires_grad_()
    beside, apart = maxout(one, pieces), maxout(other, pieces, by_piece=True)
    assert torch.equal(beside, apart)
    for found in (beside, apart):
        (found * weights).sum().backward()
    assert one.grad is not None and other.grad is not None
    assert torch.equal(sorted_by_piece(one.grad.T, pieces), other.grad.T)


def test_sorted_by_piece_has_all_first_pieces_first() -> None:
    assert sorted_by_piece(torch.tensor([10, 11, 20, 21, 30, 31]), 2).tolist() == [10, 20, 30, 11, 21, 31]
