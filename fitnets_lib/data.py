"""Data sets, split once and for all into training, validation and test images.

Training sees `load`: the training images and the validation images on which every choice is made. The test images
stand behind a function of their own, `load_test`, which only `runs` calls, once a run, when all choices are made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor

from fitnets_lib.errors import BadInput


@dataclass(frozen=True)
class Split:
    """Some images with their labels.

    Attributes:
        images: (n, channels, height, width), float32, with mean 0 and standard deviation 1 over the training images.
        labels: (n,), int64, class numbers from 0.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """What training may look at: `train` to learn from, `validation` to choose by."""

    train: Split
    validation: Split


@cache
def _digits() -> tuple[Split, Split, Split]:
    """scikit-learn's 1,797 handwritten digits, 8 x 8, grey: 1,000 to train, 297 to validate, 500 to test."""
    bunch = load_digits()
    images = (bunch.images / 16.0).astype(np.float32)[:, None]
    labels = bunch.target.astype(np.int64)
    if images.shape != (1797, 1, 8, 8) or np.bincount(labels).tolist() != [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]:
        raise BadInput(
            "scikit-learn's digits",
            images.shape,
            "1,797 images of 8 x 8 with the known class counts: reinstall scikit-learn",
        )
    rest, test = train_test_split(np.arange(len(labels)), test_size=500, random_state=0, stratify=labels)
    train, validation = train_test_split(rest, test_size=297, random_state=0, stratify=labels[rest])

    mean, deviation = images[train].mean(), images[train].std()

    def split(index: np.ndarray) -> Split:
        return Split(torch.from_numpy((images[index] - mean) / deviation), torch.from_numpy(labels[index]))

    return split(train), split(validation), split(test)


_LOADERS: dict[str, Callable[[], tuple[Split, Split, Split]]] = {"digits": _digits}

NAMES = tuple(_LOADERS)
"""The data sets there are."""


def _splits(name: str) -> tuple[Split, Split, Split]:
    if name not in _LOADERS:
        raise BadInput("data", name, f"one of {', '.join(NAMES)}")
    return _LOADERS[name]()


def load(name: str) -> Dataset:
    """The training and validation images of data set `name`.

    Raises:
        BadInput: if there is no such data set.
    """
    train, validation, _ = _splits(name)
    return Dataset(train, validation)


def load_test(name: str) -> Split:
    """The test images of data set `name`: for the last line of a finished run, and for nothing else."""
    return _splits(name)[2]


@cache
def fingerprint(name: str) -> str:
    """SHA-256 over all images and labels of `name`, to be written beside every result."""
    digest = hashlib.sha256()
    for split in _splits(name):
        digest.update(split.images.numpy().tobytes())
        digest.update(split.labels.numpy().tobytes())
    return digest.hexdigest()
