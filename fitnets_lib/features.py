"""Measures of a feature map: how much of a hint it explains, how like another it is, how well classes are read off it.

Features are (n, ...), one row for each image; all dimensions after the first are flattened.
"""

from __future__ import annotations

import torch
from torch import Tensor


def linear_cka(one: Tensor, other: Tensor) -> float:
    """Likeness of two sets of features of the same images, 0 to 1 (Kornblith et al., 2019).

    ||Y' X||^2 / (||X' X|| ||Y' Y||) of the centred features; rotations, or a factor on all features, do not change it.

    Raises:
        ValueError: if the two are not of equally many images, or one set is the same for all images.
    """
    if len(one) != len(other):
        raise ValueError(f"features of {len(one)} and of {len(other)} images: both have to be of the same images")
    x, y = _centred(one), _centred(other)
    grams = [x @ x.T, y @ y.T]  # by images, which are fewer than features
    lengths = [gram.norm() for gram in grams]
    if 0 in lengths:
        raise ValueError("features that are the same for all images have no likeness to others")
    return float((grams[0] * grams[1]).sum() / (lengths[0] * lengths[1]))


def unexplained(hint: Tensor, regressed: Tensor) -> float:
    """The hint loss over that of predicting the mean hint: 0 is a perfect regressor, 1 one no better than the mean."""
    error = (hint.double() - regressed.double()).square().sum()
    return float(error / _centred(hint).square().sum())


def probe(train: Tensor, labels: Tensor, held_out: Tensor, held_out_labels: Tensor, ridge: float = 1e-3) -> float:
    """Accuracy in per cent, on held-out images, of a linear classifier, by least squares on one-hot labels.

    Args:
        train: features of the training images.
        labels: (n,), their classes.
        held_out: features of other images.
        held_out_labels: (m,), their classes.
        ridge: weight of its squared weights, relative to the mean squared feature, so that scale does not matter.
    """
    mean = train.double().flatten(1).mean(dim=0)
    x, z = (features.double().flatten(1) - mean for features in (train, held_out))
    targets = torch.nn.functional.one_hot(labels).double()
    gram = x @ x.T  # the dual form, since features may be many
    strength = ridge * gram.diagonal().mean()
    weights = torch.linalg.solve(gram + strength * torch.eye(len(x), dtype=gram.dtype), targets - targets.mean(dim=0))
    guesses = (z @ (x.T @ weights) + targets.mean(dim=0)).argmax(dim=1)
    return 100 * float((guesses == held_out_labels).double().mean())


def _centred(features: Tensor) -> Tensor:
    flat = features.double().flatten(1)
    return flat - flat.mean(dim=0)
