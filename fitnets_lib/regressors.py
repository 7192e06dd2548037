"""Regressors: what maps the student's guided layer onto the teacher's hint layer (section 2.2 of the paper).

Each is made by a function of both shapes and of the hint layer, whose pieces and non-linearity it shares. A regressor
is trained in stage 1 and then thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import nn

from fitnets_lib.errors import BadInput, whole
from fitnets_lib.maxout import MOST_PIECES
from fitnets_lib.networks import Conv, Convolution, Dense, FullyConnected

Shape = tuple[int, ...]
"""(channels, height, width) of a feature map."""

Regressor = Callable[[Shape, Shape, Conv], nn.Module]
"""Makes a regressor from the guided map's shape, the hint map's shape and the hint layer."""


def kernel_size(guided_side: int, hint_side: int) -> int:
    """Side k of the valid convolution that turns N_guided pixels into N_hint: N_guided - k + 1 = N_hint.

    Raises:
        BadInput: if the hint map is the larger one; no valid convolution enlarges a map.
    """
    whole(guided_side, "guided side")
    whole(hint_side, "hint side")
    if hint_side > guided_side:
        raise BadInput(
            "hint side",
            hint_side,
            f"at most {guided_side}, the side of the guided map: hint a smaller map or guide a larger",
        )
    return guided_side - hint_side + 1


def _check_maps(guided: Shape, hint: Shape) -> None:
    for what, shape in (("guided", guided), ("hint", hint)):
        if not isinstance(shape, tuple) or len(shape) != 3:
            raise BadInput(
                f"{what} shape", shape, "a feature map (channels, height, width): choose a convolutional layer"
            )
        for size in shape:
            whole(size, f"size in the {what} shape {shape}")


def _kernel(guided: Shape, hint: Shape) -> int:
    """The one side of a square kernel that fits both shapes."""
    _check_maps(guided, hint)
    sides = {kernel_size(g, h) for g, h in zip(guided[1:], hint[1:], strict=True)}
    if len(sides) > 1:
        raise BadInput("hint shape", hint, f"as square as the guided map {guided}: the kernel is k x k")
    return sides.pop()


def convolutional_regressor(guided: Shape, hint: Shape, layer: Conv) -> nn.Module:
    """A valid k x k convolution with k = N_guided - N_hint + 1 and the hint layer's pieces: the paper's choice.

    Raises:
        BadInput: if a shape is not that of a feature map, or the hint map is larger than the guided map.
    """
    kernel = _kernel(guided, hint)
    return Convolution(guided[0], replace(_bare(layer), channels=hint[0], kernel=kernel, padding=0))


def _bare(layer: Conv) -> Conv:
    """`layer` with its pieces and non-linearity and nothing else."""
    if not isinstance(layer, Conv):
        raise BadInput("hint layer", layer, "a Conv, whose pieces and non-linearity a regressor shares")
    whole(layer.pieces, "pieces of the hint layer", most=MOST_PIECES)
    return replace(layer, pool=None, norm=False, residual=False)


def linear_regressor(guided: Shape, hint: Shape, layer: Conv) -> nn.Module:
    """`convolutional_regressor` without a non-linearity: one piece, which is what the formula of section 2.2 counts."""
    return convolutional_regressor(guided, hint, replace(_bare(layer), pieces=1, relu=False))


def same_size_regressor(guided: Shape, hint: Shape, layer: Conv) -> nn.Module:
    """For maps of equal size: a zero-padded 3 x 3 convolution in place of the valid one, which would be 1 x 1.

    Raises:
        BadInput: if the maps differ in size.
    """
    _same_size(guided, hint)
    return Convolution(guided[0], replace(_bare(layer), channels=hint[0], kernel=3, padding=1))


def pointwise_regressor(guided: Shape, hint: Shape, layer: Conv) -> nn.Module:
    """For maps of equal size: a 1 x 1 convolution, as most libraries have it.

    Raises:
        BadInput: if the maps differ in size.
    """
    _same_size(guided, hint)
    return convolutional_regressor(guided, hint, layer)


def _same_size(guided: Shape, hint: Shape) -> None:
    if _kernel(guided, hint) != 1:
        raise BadInput("hint shape", hint, f"the size of the guided map {guided}; for others a valid convolution fits")


def fully_connected_regressor(guided: Shape, hint: Shape, layer: Conv) -> nn.Module:
    """Each hint value computed from all guided values, by a matrix: what the paper argues against (section 2.2).

    Raises:
        BadInput: if a shape is not that of a feature map. Any two sizes fit.
    """
    if any(not isinstance(shape, tuple) or len(shape) != 3 for shape in (guided, hint)):
        raise BadInput("guided and hint shape", (guided, hint), "two feature maps (channels, height, width)")
    _check_maps(guided, hint)
    inputs, outputs = guided[0] * guided[1] * guided[2], hint[0] * hint[1] * hint[2]
    shared = _bare(layer)
    dense = FullyConnected(inputs, Dense(outputs, pieces=shared.pieces, relu=shared.relu))
    return nn.Sequential(dense, nn.Unflatten(1, hint))


def convolutional_parameters(guided: Shape, hint: Shape) -> int:
    """k_1 k_2 O_h O_g, the weights of one piece (section 2.2).

    Raises:
        BadInput: as `convolutional_regressor`.
    """
    return _kernel(guided, hint) ** 2 * hint[0] * guided[0]


def fully_connected_parameters(guided: Shape, hint: Shape) -> int:
    """N_h1 N_h2 O_h N_g1 N_g2 O_g, the weights of one piece (section 2.2).

    Raises:
        BadInput: as `fully_connected_regressor`.
    """
    _check_maps(guided, hint)
    (g_channels, g_height, g_width), (h_channels, h_height, h_width) = guided, hint
    return h_height * h_width * h_channels * g_height * g_width * g_channels
