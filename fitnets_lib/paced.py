"""Training in which the examples of each epoch are chosen: by a curriculum, or by the student's own losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitnets_lib.curriculum import first_k, self_paced
from fitnets_lib.data import Split
from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Network, build, initialise
from fitnets_lib.randomness import generator
from fitnets_lib.threads import repeatable

Choice = Callable[[int, Tensor], Tensor]
"""Takes an epoch's number, from 0, and the losses (n,) of all training examples; gives their weights (n,), 0 or 1."""


def everything(epoch: int, losses: Tensor) -> Tensor:
    """All examples in every epoch."""
    return torch.ones_like(losses)


@dataclass(frozen=True)
class Switch:
    """The first `easy` examples until epoch `at`, the others from then on (Bengio et al., 2009, section 5)."""

    easy: int
    at: int

    def __call__(self, epoch: int, losses: Tensor) -> Tensor:
        """The weights."""
        first = torch.arange(len(losses)) < self.easy
        return (first if epoch < self.at else ~first).to(losses.dtype)


class SelfPaced:
    """v_i = 1 iff the loss f_i < 1/K. K first lets half of the examples in, and is divided by `factor` every epoch."""

    def __init__(self, factor: float = 1.3, share: float = 0.5) -> None:
        if not factor > 1:
            raise BadInput("factor", factor, "a number above 1, so that all examples come in at last")
        self.factor, self.share, self.k = factor, share, 0.0

    def __call__(self, epoch: int, losses: Tensor) -> Tensor:
        """The weights."""
        self.k = first_k(losses, self.share) if epoch == 0 else self.k / self.factor
        return self_paced(losses, self.k)


def train(
    network: Network, split: Split, choice: Choice, epochs: int, seed: int, rate: float = 0.05, batch: int = 32
) -> tuple[nn.Sequential, list[int]]:
    """Stochastic gradient descent on labels over the chosen examples, from torch's default weights, on one thread.

    Args:
        network: what is trained.
        split: the training images.
        choice: which of the images count in an epoch.
        epochs: how many.
        seed: of the first weights and of the order of the images.
        rate: learning rate.
        batch: images a step.

    Returns:
        The network, and how many examples were chosen in each epoch.
    """
    with repeatable():
        return _train(network, split, choice, epochs, seed, rate, batch)


def _train(
    network: Network, split: Split, choice: Choice, epochs: int, seed: int, rate: float, batch: int
) -> tuple[nn.Sequential, list[int]]:
    module = build(network)
    initialise(module, None, generator(seed, "student"))
    optimiser = torch.optim.SGD(module.parameters(), rate)
    chosen_numbers = []
    for epoch in range(epochs):
        chosen = choice(epoch, losses(module, split)).nonzero().flatten()
        chosen_numbers.append(len(chosen))
        order = torch.randperm(len(chosen), generator=generator(seed, "shuffle", epoch))
        for index in chosen[order].split(batch):
            optimiser.zero_grad()
            F.cross_entropy(module(split.images[index]), split.labels[index]).backward()
            optimiser.step()
    return module.eval(), chosen_numbers


@torch.no_grad()
def losses(module: nn.Module, split: Split) -> Tensor:
    """Cross-entropy of every example, (n,), in nats."""
    found = [
        F.cross_entropy(module(images), labels, reduction="none")
        for images, labels in zip(split.images.split(1024), split.labels.split(1024), strict=True)
    ]
    return torch.cat(found)
