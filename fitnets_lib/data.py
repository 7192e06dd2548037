"""Data sets, split once and for all into training, validation and test images.

Training uses `load`: it gives the training images, and the validation images on which every choice is made. The test
images have a function of their own, `load_test`, which only `runs` calls, once a run, when all choices are made.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor

from fitnets_lib import aflw, cifar, embedded, files, idx, paths, source, svhn
from fitnets_lib.arrays import Arrays
from fitnets_lib.errors import BadInput
from fitnets_lib.preprocessing import Splits, scaled, standardised, whitened


@dataclass(frozen=True)
class Split:
    """Some images with their labels.

    Attributes:
        images: (n, channels, height, width), float32, preprocessed.
        labels: (n,), int64, class numbers from 0.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: str) -> Split:
        """The same images and labels on another device."""
        return Split(self.images.to(device), self.labels.to(device))

    def first(self, most: int) -> Split:
        """The first `most` images, or all if there are fewer."""
        return Split(self.images[:most], self.labels[:most])

    def joined(self, other: Split) -> Split:
        """These images, then those of `other`."""
        return Split(torch.cat((self.images, other.images)), torch.cat((self.labels, other.labels)))


@dataclass(frozen=True)
class Dataset:
    """What training may look at: `train` to learn from, `validation` to choose by."""

    train: Split
    validation: Split


def _held_out(read: tuple[Arrays, Arrays], validation: int = 10_000) -> Splits:
    """Holds out the last `validation` training images: 50,000 become 40,000 + 10,000; 60,000 become 50,000 + 10,000."""
    train, test = read
    return (*train.without_last(validation), test)


def _first(splits: Splits, train: int, validation: int) -> Splits:
    """The first `train` training and `validation` validation images, and all test images."""
    return splits[0].part(slice(train)), splits[1].part(slice(validation)), splits[2]


LOADERS: dict[str, Callable[[], Splits]] = {
    "digits": lambda: standardised(embedded.digits()),
    "faces": lambda: standardised(embedded.faces()),
    "mnist": lambda: scaled(_held_out(idx.read_mnist(paths.data()))),
    "cifar10": lambda: whitened(_held_out(cifar.read_cifar10(paths.data()))),
    "cifar10-jpeg": lambda: whitened(_held_out(cifar.read_jpeg(paths.data()))),
    "cifar10-jpeg-10000": lambda: whitened(_first(_held_out(cifar.read_jpeg(paths.data())), 10_000, 5_000)),
    "cifar100": lambda: whitened(_held_out(cifar.read_cifar100(paths.data()))),
    "cifar100-coarse": lambda: whitened(_held_out(cifar.read_cifar100_coarse(paths.data()))),
    "svhn": lambda: standardised(svhn.read_svhn(paths.data())),
    "aflw": lambda: standardised(aflw.read_aflw(paths.data())),
}
"""How each data set is read, split and preprocessed."""

NAMES = tuple(LOADERS)
"""The names of all data sets; `faces/1` to `faces/19`, other splits of `faces`, are not counted among them."""

LOADERS |= {
    f"faces/{split}": partial(lambda split: standardised(embedded.faces(split)), split)
    for split in range(1, embedded.FOLDS * embedded.REPETITIONS)
}

SLOW = ("digits", "cifar10", "cifar10-jpeg", "cifar10-jpeg-10000", "cifar100", "cifar100-coarse")
"""Kept in `_build/data` once prepared: that takes minutes or, for digits, needs a library that is slow to import."""


@cache
def _splits(name: str) -> tuple[Split, Split, Split]:
    if name not in LOADERS:
        raise BadInput("data", name, f"one of {', '.join(NAMES)}")
    return _kept(name) if name in SLOW else _made(name)


def _made(name: str) -> tuple[Split, Split, Split]:
    train, validation, test = (
        Split(torch.from_numpy(part.images.astype(np.float32, copy=False)), torch.from_numpy(part.labels))
        for part in LOADERS[name]()
    )
    return train, validation, test


def _kept(name: str) -> tuple[Split, Split, Split]:
    """The preprocessed images: read back if they were kept, else made, and kept for the next process."""
    behind = hashlib.sha256(source.fingerprint("data").encode())
    for file in cifar.jpeg_files(paths.data()) if name.startswith("cifar10-jpeg") else ():
        behind.update(file.read_bytes())  # the official files have checksums instead
    place = paths.home() / "_build" / "data" / f"{name}-{behind.hexdigest()[:12]}"
    weights, seal = place.with_suffix(".safetensors"), place.with_suffix(".json")
    try:
        tensors, _ = files.read_tensors(weights, str(files.read_sealed(seal)))
        train, validation, test = (Split(tensors[f"{n}.images"], tensors[f"{n}.labels"]) for n in range(3))
        return train, validation, test
    except (FileNotFoundError, KeyError, files.Damaged):
        made = _made(name)
    tensors = {f"{n}.{what}": getattr(made[n], what) for n in range(3) for what in ("images", "labels")}
    try:
        files.write_sealed(seal, files.write_tensors(weights, tensors))
    except files.NotWritten as error:
        warnings.warn(f"{error}; the images are prepared again next time", stacklevel=2)
    return made


def load(name: str) -> Dataset:
    """The training and validation images of data set `name`.

    Raises:
        BadInput: if there is no such data set, or its files are absent or damaged.
    """
    train, validation, _ = _splits(name)
    return Dataset(train, validation)


def shown(name: str) -> Dataset:
    """What chapters draw, probe and follow: the first 1,000 training and 300 validation images (for digits, all)."""
    whole = load(name)
    return Dataset(whole.train.first(1_000), whole.validation.first(300))


def load_test(name: str) -> Split:
    """The test images of data set `name`: for the test error of a finished run, and for nothing else."""
    return _splits(name)[2]


@cache
def fingerprint(name: str) -> str:
    """SHA-256 over all images and labels of `name`, to be written beside every result."""
    digest = hashlib.sha256()
    for split in _splits(name):
        digest.update(split.images.numpy().tobytes())
        digest.update(split.labels.numpy().tobytes())
    return digest.hexdigest()


def download(name: str) -> None:
    """Downloads a data set into the data directory, through torchvision.

    Raises:
        BadInput: if `name` is not one that can be downloaded, or the download fails.
    """
    from torchvision import datasets  # takes two seconds to import

    folder = str(paths.data())
    sources: dict[str, list[Callable[[], object]]] = {
        "mnist": [partial(datasets.MNIST, folder, download=True)],
        "cifar10": [partial(datasets.CIFAR10, folder, download=True)],
        "cifar100": [partial(datasets.CIFAR100, folder, download=True)],
        "svhn": [partial(datasets.SVHN, folder, split, download=True) for split in ("train", "extra", "test")],
    }
    if name not in sources:
        raise BadInput("data", name, f"one that can be downloaded: {', '.join(sources)}")
    for get in sources[name]:
        try:
            get()
        except (OSError, RuntimeError) as error:
            right = f"one that can be downloaded to {folder} from here ({error}); what is there already stays"
            raise BadInput("data", name, right) from error
