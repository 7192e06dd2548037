from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Conv, Convolution, Dense, Pool
from fitnets_lib.regressors import (
    Regressor,
    Shape,
    convolutional_parameters,
    convolutional_regressor,
    fully_connected_parameters,
    fully_connected_regressor,
    kernel_size,
    linear_regressor,
    pointwise_regressor,
    same_size_regressor,
)

sides = st.integers(1, 5)
channels = st.integers(1, 4)


def weights(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.dim() > 1)


@given(st.integers(1, 9), st.integers(1, 9))
def test_the_kernel_turns_the_guided_side_into_the_hint_side(guided: int, hint: int) -> None:
    if hint > guided:
        with pytest.raises(BadInput, match=rf"hint side = {hint}: at most {guided}"):
            kernel_size(guided, hint)
    else:
        assert guided - kernel_size(guided, hint) + 1 == hint


@pytest.mark.parametrize(("guided", "hint", "k"), [(8, 7, 2), (4, 4, 1), (6, 2, 5)])
def test_the_papers_pairs_have_the_kernels_that_follow_from_their_maps(guided: int, hint: int, k: int) -> None:
    # CIFAR, MNIST, AFLW.
    assert kernel_size(guided, hint) == k


@given(channels, sides, channels, sides, st.integers(1, 3))
def test_the_regressor_maps_guided_maps_to_the_shape_of_hint_maps(
    o_g: int, n_h: int, o_h: int, more: int, p: int
) -> None:
    n_g = n_h + more - 1
    regressor = convolutional_regressor((o_g, n_g, n_g), (o_h, n_h, n_h), Conv(o_h, pieces=p))
    assert regressor(torch.zeros(2, o_g, n_g, n_g)).shape == (2, o_h, n_h, n_h)
    # Section 2.2: k1 k2 O_h O_g weights a piece.
    assert weights(regressor) == p * more * more * o_h * o_g


@given(channels, sides, channels, sides)
def test_the_formulas_of_section_2_2_are_what_the_linear_regressors_have(o_g: int, n_h: int, o_h: int, k: int) -> None:
    n_g = n_h + k - 1
    guided, hint, one_piece = (o_g, n_g, n_g), (o_h, n_h, n_h), Conv(o_h, pieces=1)
    assert (
        convolutional_parameters(guided, hint) == weights(linear_regressor(guided, hint, Conv(o_h))) == k**2 * o_h * o_g
    )
    connected = fully_connected_regressor(guided, hint, one_piece)
    assert fully_connected_parameters(guided, hint) == weights(connected) == n_h**2 * o_h * n_g**2 * o_g
    assert connected(torch.zeros(2, *guided)).shape == (2, *hint)


def test_the_papers_cifar_pair_has_the_counts_worked_out_by_hand() -> None:
    # FitNet 4: 80 maps of 8 x 8 onto 192 of 7 x 7: 2 * 2 * 192 * 80, and 49 * 192 * 64 * 80.
    assert convolutional_parameters((80, 8, 8), (192, 7, 7)) == 61_440
    assert fully_connected_parameters((80, 8, 8), (192, 7, 7)) == 48_168_960
    # MNIST: 16 maps of 4 x 4 onto 48 of 4 x 4.
    assert convolutional_parameters((16, 4, 4), (48, 4, 4)) == 768
    assert fully_connected_parameters((16, 4, 4), (48, 4, 4)) == 196_608


def test_a_fully_connected_regressor_is_a_matrix_times_the_flattened_map() -> None:
    regressor = fully_connected_regressor((2, 3, 3), (4, 2, 2), Conv(4, pieces=1))
    (matrix,) = [p for p in regressor.parameters() if p.dim() == 2]
    (bias,) = [p for p in regressor.parameters() if p.dim() == 1]
    x = torch.randn(5, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    by_hand = (x.reshape(5, 18) @ matrix.T + bias).reshape(5, 4, 2, 2)
    assert torch.allclose(regressor(x), by_hand, atol=1e-6)


@pytest.mark.parametrize("regressor", [convolutional_regressor, fully_connected_regressor, same_size_regressor])
def test_a_regressor_has_the_hint_layers_non_linearity(regressor: Regressor) -> None:
    x = torch.randn(50, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    assert regressor((2, 3, 3), (4, 3, 3), Conv(4, pieces=1, relu=True))(x).min() == 0
    assert regressor((2, 3, 3), (4, 3, 3), Conv(4, pieces=1))(x).min() < 0
    assert weights(regressor((2, 3, 3), (4, 3, 3), Conv(4, pieces=5))) == 5 * weights(
        regressor((2, 3, 3), (4, 3, 3), Conv(4, pieces=1))
    )


def test_the_linear_regressor_has_one_piece_whatever_the_hint_layer_has() -> None:
    x = torch.randn(3, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    regressor = linear_regressor((2, 3, 3), (4, 2, 2), Conv(4, pieces=3, relu=True))
    zero = regressor(torch.zeros_like(x))
    assert torch.allclose(regressor(2 * x) - zero, 2 * (regressor(x) - zero), atol=1e-5)


@pytest.mark.parametrize(("make", "kernel"), [(same_size_regressor, 3), (pointwise_regressor, 1)])
def test_between_maps_of_one_size_there_are_a_3_by_3_and_a_1_by_1_convolution(make: Regressor, kernel: int) -> None:
    regressor = make((2, 4, 4), (3, 4, 4), Conv(3))
    assert isinstance(regressor, Convolution)
    assert regressor.linear.kernel_size == (kernel, kernel)
    assert regressor(torch.zeros(1, 2, 4, 4)).shape == (1, 3, 4, 4)


@pytest.mark.parametrize(
    ("make", "guided", "hint", "message"),
    [
        (
            convolutional_regressor,
            (2, 3, 3),
            (4, 5, 5),
            "^hint side = 5: at most 3, the side of the guided map: hint a smaller map or guide a larger$",
        ),
        (
            convolutional_regressor,
            (2, 5, 5),
            (4, 3, 4),
            r"^hint shape = \(4, 3, 4\): as square as the guided map \(2, 5, 5\): the kernel is k x k$",
        ),
        (convolutional_regressor, (32,), (4, 3, 3), r"guided shape = \(32,\): a feature map"),
        (convolutional_regressor, (2, 3, 3), (10,), r"hint shape = \(10,\): a feature map"),
        (
            same_size_regressor,
            (2, 5, 5),
            (4, 3, 3),
            r"hint shape = \(4, 3, 3\): the size of the guided map \(2, 5, 5\); for others a valid convolution fits$",
        ),
        (
            pointwise_regressor,
            (2, 5, 5),
            (4, 3, 3),
            r"hint shape = \(4, 3, 3\): the size of the guided map \(2, 5, 5\); for others a valid convolution fits$",
        ),
        (
            fully_connected_regressor,
            (32,),
            (4, 3, 3),
            r"^guided and hint shape = \(\(32,\), \(4, 3, 3\)\): two feature maps \(channels, height, width\)$",
        ),
        (convolutional_regressor, (2, 5, 5), (0, 3, 3), r"^size in the hint shape \(0, 3, 3\) = 0: a whole number"),
        (fully_connected_regressor, (2, 5, 5), (4, 0, 3), r"^size in the hint shape \(4, 0, 3\) = 0: a whole number"),
    ],
)
def test_maps_that_no_regressor_joins_are_refused_with_both_shapes(
    make: Regressor, guided: Shape, hint: Shape, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        make(guided, hint, Conv(4))


def test_a_regressor_shares_the_hint_layers_pieces_and_neither_its_norm_nor_its_shortcut() -> None:
    hint = Conv(3, norm=True, residual=True, pool=Pool(2, 2))
    for make, shape in ((convolutional_regressor, (3, 3, 3)), (same_size_regressor, (3, 4, 4))):
        regressor = make((12, 4, 4), shape, hint)
        assert isinstance(regressor, Convolution) and regressor.is_maxout
        assert regressor.pieces == hint.pieces
        assert {name for name, _ in regressor.named_parameters()} == {"linear.weight", "linear.bias"}


@pytest.mark.parametrize(("guided", "hint", "place"), [(0, 1, "guided side = 0"), (3, 0, "hint side = 0")])
def test_a_side_of_no_pixels_has_no_kernel(guided: int, hint: int, place: str) -> None:
    with pytest.raises(BadInput, match=f"^{place}: a whole number of at least 1"):
        kernel_size(guided, hint)


@pytest.mark.parametrize("make", [convolutional_regressor, fully_connected_regressor])
def test_a_hint_layer_without_pieces_to_share_is_refused(make: Regressor) -> None:
    with pytest.raises(BadInput, match=r"^pieces of the hint layer = 0: a whole number of at least 1"):
        make((2, 3, 3), (4, 3, 3), Conv(4, pieces=0))
    with pytest.raises(
        BadInput, match=r"^hint layer = Dense\(.*: a Conv, whose pieces and non-linearity a regressor shares$"
    ):
        make((2, 3, 3), (4, 3, 3), Dense(4))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make", [convolutional_regressor, same_size_regressor, pointwise_regressor, fully_connected_regressor]
)
def test_a_regressor_has_the_channels_of_the_hint_map_whatever_its_layer_has(make: Regressor) -> None:
    # The map of a layer with a shortcut may have more channels than the layer's own convolution.
    assert make((2, 4, 4), (5, 4, 4), Conv(3))(torch.zeros(1, 2, 4, 4)).shape == (1, 5, 4, 4)


def test_maps_that_are_no_squares_are_joined_by_a_matrix_of_all_their_pixels() -> None:
    guided, hint = (2, 3, 5), (4, 2, 7)
    connected = fully_connected_regressor(guided, hint, Conv(4, pieces=1))
    assert connected(torch.zeros(1, *guided)).shape == (1, *hint)
    assert weights(connected) == fully_connected_parameters(guided, hint) == 2 * 3 * 5 * 4 * 2 * 7
    with pytest.raises(BadInput, match=r"^guided shape = \(32,\): a feature map \(channels, height, width\): "):
        fully_connected_parameters((32,), hint)


def test_a_convolution_keeps_what_is_square_where_height_and_width_shrink_alike() -> None:
    regressor = convolutional_regressor((2, 6, 4), (3, 5, 3), Conv(3))
    assert regressor(torch.zeros(1, 2, 6, 4)).shape == (1, 3, 5, 3)
