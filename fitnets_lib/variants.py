"""Later inventions, put into the description of a network (Ioffe and Szegedy, 2015; He et al., 2016)."""

from __future__ import annotations

from dataclasses import replace

from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Conv, Dense, Network, shapes


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
    """Refuses batches of one image, also the last, if a layer of one place has a norm: one number has no spread.

    Raises:
        BadInput: naming the batch.
    """
    inputs = [network.image, *shapes(network)[:-1]]
    normed = any(layer.norm and _one_place(layer, given) for layer, given in zip(network.layers, inputs, strict=True))
    if normed and (batch == 1 or images % batch == 1):
        right = f"a number that leaves no single image over: {network.name} normalises over the batch"
        raise BadInput("batch", batch, f"{right}, and there are {images} images")


def _one_place(layer: Conv | Dense, given: tuple[int, ...]) -> bool:
    """Whether each unit of `layer` gives a single number for an image of shape `given`, before any pooling."""
    if isinstance(layer, Dense):
        return True
    return all(side + 2 * layer.padding - layer.kernel + 1 == 1 for side in given[1:])
