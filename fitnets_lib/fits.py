"""A network and a data set: whether the network was made for it, and how often the network errs on it."""

from __future__ import annotations

import torch
from torch import nn

from fitnets_lib import data
from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Network


def check_fits(network: Network, name: str) -> None:
    """Refuses a network that was made for other images or classes than those of data set `name`.

    Raises:
        BadInput: with both image shapes or both numbers of classes.
    """
    train = data.load(name).train
    image, classes = tuple(train.images.shape[1:]), int(train.labels.max()) + 1
    if network.image != image:
        raise BadInput(f"image of {network.name}", network.image, f"{image}, the shape of the images of {name}")
    if network.classes != classes:
        raise BadInput(f"classes of {network.name}", network.classes, f"{classes}, as many as {name} has")


def error_rate(network: nn.Sequential, split: data.Split) -> float:
    """Share of the images of `split` that `network` misclassifies."""
    with torch.no_grad():
        guesses = [network(some).argmax(dim=1) for some in split.images.split(1024)]
    return float((torch.cat(guesses) != split.labels).double().mean())
