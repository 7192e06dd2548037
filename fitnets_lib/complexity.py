"""What a network costs: parameters and multiplications, counted as the paper counts and as everybody else does.

The paper's convention was found by asking what yields its Tables 3 to 5: weights without biases, and two pieces in each
hidden fully connected layer, although text and released configuration give that layer five. (The counting scripts of
the released code, too, count weights alone.) The full convention counts all that is there: biases too (or, where
there is a norm, its scale and shift). A norm multiplies nothing: once trained, it is part of the weights before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from fitnets_lib.networks import Conv, Dense, Network, shapes

Convention = Literal["paper", "full"]


@dataclass(frozen=True)
class Cost:
    """What one network costs under one convention.

    Attributes:
        layers: as the paper counts them: convolutions, the fully connected layer and the softmax.
        parameters: weights, and in the full convention biases and norms.
        multiplications: for one image; a multiplication with the addition after it counts once.
    """

    layers: int
    parameters: int
    multiplications: int


def cost(network: Network, convention: Convention = "paper", up_to: int | None = None) -> Cost:
    """Counts parameters and multiplications of `network` (Table 5), or of its layers 1 to `up_to`."""
    counted = as_counted(network) if convention == "paper" else network
    inputs = [counted.image, *shapes(counted)[:-1]]
    parameters = multiplications = 0
    for shape, layer in list(zip(inputs, counted.layers, strict=True))[:up_to]:
        weights, outputs, places = _layer(layer, shape)
        beside = 2 * outputs if layer.norm else outputs
        parameters += weights + (beside if convention == "full" else 0)
        multiplications += weights * places
    return Cost(len(counted.layers[:up_to]), parameters, multiplications)


def _layer(layer: Conv | Dense, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Weights, linear outputs (one bias each), and the places at which each weight multiplies."""
    if isinstance(layer, Dense):
        size = 1
        for side in shape:
            size *= side
        return size * layer.units * layer.pieces, layer.units * layer.pieces, 1
    outputs = layer.channels * layer.pieces
    height, width = (side + 2 * layer.padding - layer.kernel + 1 for side in shape[1:])  # before pooling
    return shape[0] * layer.kernel**2 * outputs, outputs, height * width


def as_counted(network: Network) -> Network:
    """`network` with two pieces wherever it has more: the one reading under which the paper's counts come out."""
    layers = tuple(replace(layer, pieces=min(layer.pieces, 2)) for layer in network.layers)
    return replace(network, layers=layers)
