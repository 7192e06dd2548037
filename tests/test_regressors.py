import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fitnets_lib.errors import BadInput
from fitnets_lib.networks import MaxoutConv
from fitnets_lib.regressors import convolutional_regressor, kernel_size


@given(st.integers(1, 9), st.integers(1, 9))
def test_the_kernel_turns_the_guided_side_into_the_hint_side(guided: int, hint: int) -> None:
    if hint > guided:
        with pytest.raises(BadInput, match=rf"hint side = {hint}: at most {guided}"):
            kernel_size(guided, hint)
    else:
        assert guided - kernel_size(guided, hint) + 1 == hint


@pytest.mark.parametrize(("guided", "hint", "k"), [(8, 7, 2), (4, 4, 1), (6, 2, 5)])
def test_the_papers_pairs_have_the_kernels_that_follow_from_their_maps(guided: int, hint: int, k: int) -> None:
    # CIFAR, MNIST, AFLW (paper.md, section 2).
    assert kernel_size(guided, hint) == k


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4), st.integers(1, 5), st.integers(1, 3))
def test_the_regressor_maps_guided_maps_to_the_shape_of_hint_maps(
    o_g: int, n_h: int, o_h: int, more: int, p: int
) -> None:
    n_g = n_h + more - 1
    regressor = convolutional_regressor((o_g, n_g, n_g), (o_h, n_h, n_h), pieces=p)
    assert regressor(torch.zeros(2, o_g, n_g, n_g)).shape == (2, o_h, n_h, n_h)
    assert isinstance(regressor, MaxoutConv)
    # Section 2.2: k1 k2 O_h O_g weights a piece.
    assert regressor.linear.weight.numel() == p * more * more * o_h * o_g


def test_the_same_size_regressor_is_a_padded_3_by_3_convolution() -> None:
    regressor = convolutional_regressor((2, 4, 4), (3, 4, 4), same=True)
    assert isinstance(regressor, MaxoutConv)
    assert regressor.linear.kernel_size == (3, 3)
    assert regressor(torch.zeros(1, 2, 4, 4)).shape == (1, 3, 4, 4)


@pytest.mark.parametrize(
    ("guided", "hint", "same", "message"),
    [
        ((2, 3, 3), (4, 5, 5), False, "hint side = 5: at most 3"),
        ((2, 5, 5), (4, 3, 3), True, r"guided \(5, 5\) and hint \(3, 3\) differ"),
        ((2, 5, 5), (4, 3, 4), False, r"hint shape = \(4, 3, 4\): as square as"),
        ((32,), (4, 3, 3), False, r"guided shape = \(32,\): a feature map"),
        ((2, 3, 3), (10,), False, r"hint shape = \(10,\): a feature map"),
    ],
)
def test_maps_that_no_regressor_joins_are_refused(
    guided: tuple[int, ...], hint: tuple[int, ...], same: bool, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        convolutional_regressor(guided, hint, same=same)
