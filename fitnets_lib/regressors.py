"""Regressors: what maps the student's guided layer onto the teacher's hint layer (section 2.2 of the paper)."""

from __future__ import annotations

from torch import nn

from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Conv, MaxoutConv


def kernel_size(guided_side: int, hint_side: int) -> int:
    """Side k of the valid convolution that turns N_guided pixels into N_hint: N_guided - k + 1 = N_hint.

    Raises:
        BadInput: if the hint map is the larger one; no valid convolution enlarges a map.
    """
    if hint_side > guided_side:
        raise BadInput(
            "hint side",
            hint_side,
            f"at most {guided_side}, the side of the guided map: hint a smaller map or guide a larger",
        )
    return guided_side - hint_side + 1


def convolutional_regressor(
    guided: tuple[int, ...], hint: tuple[int, ...], pieces: int = 2, same: bool = False
) -> nn.Module:
    """A maxout convolution from the guided map to the hint map; it is trained in stage 1 and then thrown away.

    Args:
        guided: (channels, height, width) of the student's guided layer.
        hint: (channels, height, width) of the teacher's hint layer.
        pieces: linear pieces, as many as the hint layer has, so that both sides have the same non-linearity.
        same: for maps of one size, a zero-padded 3 x 3 convolution instead of the valid one, which would be 1 x 1.

    Raises:
        BadInput: if a side is not a feature map, the hint map is larger than the guided map, or `same` is asked of
            maps whose sizes differ.
    """
    for what, shape in (("guided", guided), ("hint", hint)):
        if len(shape) != 3:
            raise BadInput(
                f"{what} shape", shape, "a feature map (channels, height, width): choose a convolutional layer"
            )
    if same:
        if guided[1:] != hint[1:]:
            raise BadInput(
                "same", same, f"guided {guided[1:]} and hint {hint[1:]} differ in size: only the valid convolution fits"
            )
        return MaxoutConv(guided[0], Conv(hint[0], kernel=3, padding=1, pieces=pieces))
    sides = {kernel_size(g, h) for g, h in zip(guided[1:], hint[1:], strict=True)}
    if len(sides) > 1:
        raise BadInput("hint shape", hint, f"as square as the guided map {guided}: the kernel is k x k")
    return MaxoutConv(guided[0], Conv(hint[0], kernel=sides.pop(), padding=0, pieces=pieces))
