"""What is done to images before training: standardising, contrast normalisation, ZCA whitening (A.1.2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import eigh
from threadpoolctl import threadpool_limits

from fitnets_lib.arrays import Array, Arrays
from fitnets_lib.errors import BadInput

Splits = tuple[Arrays, Arrays, Arrays]
"""Training, validation and test images."""


def standardised(splits: Splits) -> Splits:
    """Images with mean 0 and standard deviation 1 over all pixels of the training images.

    Raises:
        BadInput: if all pixels are equal, or one is not a number.
    """
    if splits[0].images.dtype.kind != "f":
        splits = _each(splits, lambda images: images.astype(np.float32))  # bytes would become doubles
    train = splits[0].images
    mean, deviation = train.mean(), train.std()
    if not 0 < deviation < np.inf:
        raise BadInput("deviation of the training pixels", float(deviation), "a finite number above 0: other images")
    return _each(splits, lambda images: (images - mean) / deviation)


def scaled(splits: Splits) -> Splits:
    """Bytes scaled to the range 0 to 1. Nothing else is done to MNIST, and the paper states nothing else (A.2)."""
    return _each(splits, lambda images: images.astype(np.float32) / np.float32(255))


def whitened(splits: Splits) -> Splits:
    """Global contrast normalisation, then ZCA fitted on the training images: CIFAR's preprocessing (A.1.2).

    The same images give the same bits however many processors there are.
    """
    normalised = _each(splits, contrast_normalised)
    with threadpool_limits(1, "blas"):  # more threads would sum in another order, and give other bits
        mean, matrix = zca(normalised[0].images)
        return _each(normalised, lambda images: ((_flat(images) - mean) @ matrix).reshape(images.shape))


def contrast_normalised(images: Array, scale: float = 55.0) -> Array:
    """Each image without its mean and with length `scale` (pylearn2's constant); an image of equal pixels becomes 0."""
    flat = _flat(images.astype(np.float32))
    flat = flat - flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True) / scale
    normalised: Array = flat / np.where(lengths < 1e-8, 1, lengths)
    return normalised.reshape(images.shape)


def zca(images: Array, bias: float = 0.1) -> tuple[Array, Array]:
    """Mean and matrix that whiten: (x - mean) @ matrix, with matrix = V (D + bias)^(-1/2) V^T.

    Args:
        images: (n, ...), on which both are fitted.
        bias: added to the variances D, so that directions of little variance are not magnified (pylearn2's constant).
    """
    flat = _flat(images)
    mean = flat.mean(axis=0)
    centred = flat - mean
    variances, directions = eigh(centred.T @ centred / len(flat))
    return mean, (directions / np.sqrt(variances + bias)) @ directions.T


def _flat(images: Array) -> Array:
    return images.reshape(len(images), -1)


def _each(splits: Splits, change: Callable[[Array], Array]) -> Splits:
    train, validation, test = (Arrays(change(part.images), part.labels) for part in splits)
    return train, validation, test
