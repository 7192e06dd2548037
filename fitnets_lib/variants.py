"""Later inventions, put into the description of a network (Ioffe and Szegedy, 2015; He et al., 2016)."""

from __future__ import annotations

from dataclasses import replace

from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Conv, Dense, Network


def with_norms(network: Network) -> Network:
    """`network` with batch normalisation in every layer but the last, which gives the logits."""
    layers = tuple(replace(layer, norm=True) for layer in network.layers[:-1])
    return replace(network, name=f"{network.name} with norms", layers=(*layers, network.layers[-1]))


def with_shortcuts(network: Network) -> Network:
    """`network` with a residual connection around every convolution but the first, which meets the image.

    Raises:
        BadInput: if one of these changes the size of its map before pooling, or has fewer channels than its input.
    """
    first, *rest = network.layers
    layers = [replace(layer, residual=True) if isinstance(layer, Conv) else layer for layer in rest]
    return replace(network, name=f"{network.name} with shortcuts", layers=(first, *layers))


def check_batches(network: Network, images: int, batch: int) -> None:
    """Refuses batches of one image, also the last, if a dense layer has a norm: a single number cannot be normalised.

    Raises:
        BadInput: naming the batch.
    """
    normed = any(isinstance(layer, Dense) and layer.norm for layer in network.layers)
    if normed and (batch == 1 or images % batch == 1):
        right = f"a number that leaves no single image over: {network.name} normalises over the batch"
        raise BadInput("batch", batch, f"{right}, and there are {images} images")
