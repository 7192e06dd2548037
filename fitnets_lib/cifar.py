"""CIFAR-10 and CIFAR-100 from the official files, and the copy of CIFAR-10 that went through JPEG.

The Python version of the official files is pickled. torchvision compares each file with its official checksum before
unpickling it, and refuses a file that differs, so torchvision's classes do the reading.
"""

from __future__ import annotations

import io
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fitnets_lib.arrays import Array, Arrays, checked, decoding, there
from fitnets_lib.errors import BadInput

SIDE = 32

# The 20 superclasses of the 100 fine classes, in the order of the fine classes' numbers.
COARSE = np.array(
    [4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3, 15,
     0, 11, 1, 10, 12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17,
     10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19,
     18, 1, 2, 15, 6, 0, 17, 8, 14, 13]
)  # fmt: skip


def read_official(folder: Path, source: Any, train: int, test: int) -> tuple[Arrays, Arrays]:  # noqa: ANN401
    """Training and test images as torchvision's class `source` reads them.

    Args:
        folder: the data directory, which holds `cifar-10-batches-py` or `cifar-100-python`.
        source: `torchvision.datasets.CIFAR10`, or a class modelled on it; the class knows the checksums.
        train: training images of each class.
        test: test images of each class.

    Raises:
        BadInput: if a file is absent, damaged or not the official one.
    """
    there(folder / source.base_folder / source.meta["filename"], f"download {source.base_folder}")
    found = []
    for part, count in ((True, train), (False, test)):
        try:
            read = source(str(folder), train=part, download=False)
        except (RuntimeError, OSError) as error:
            right = "the official files, by their checksums: download them again"
            raise BadInput("data folder", str(folder / source.base_folder), right) from error
        images, labels = read.data.transpose(0, 3, 1, 2), np.array(read.targets, np.int64)
        found.append(checked(source.__name__, Arrays(images, labels), [count] * len(read.classes)))
    return found[0], found[1]


def read_cifar10(folder: Path, train: int = 5000, test: int = 1000) -> tuple[Arrays, Arrays]:
    """Training and test images of CIFAR-10."""
    from torchvision.datasets import CIFAR10  # takes two seconds to import

    return read_official(folder, CIFAR10, train, test)


def read_cifar100(folder: Path, train: int = 500, test: int = 100) -> tuple[Arrays, Arrays]:
    """Training and test images of CIFAR-100 with the numbers of their 100 classes."""
    from torchvision.datasets import CIFAR100

    return read_official(folder, CIFAR100, train, test)


def read_cifar100_coarse(folder: Path, train: int = 500, test: int = 100) -> tuple[Arrays, Arrays]:
    """Training and test images of CIFAR-100 with the numbers of their 20 superclasses."""
    first, second = read_cifar100(folder, train, test)
    return Arrays(first.images, COARSE[first.labels]), Arrays(second.images, COARSE[second.labels])


def jpeg_files(folder: Path) -> tuple[Path, ...]:
    """The file of the training and that of the test images; no checksum is fixed for them.

    Raises:
        BadInput: if one is absent.
    """
    names = ("cifar10_jpeg_train.npz", "cifar10_jpeg_test.npz")
    return tuple(there(folder / name, "it is not to be downloaded, only copied") for name in names)


def read_jpeg(folder: Path, train: int = 5000, test: int = 1000, classes: int = 10) -> tuple[Arrays, Arrays]:
    """Training and test images of CIFAR-10 as JPEG, from `cifar10_jpeg_train.npz` and `cifar10_jpeg_test.npz`.

    Args:
        folder: the data directory.
        train: training images of each class.
        test: test images of each class.
        classes: how many there are.

    Raises:
        BadInput: if a file is absent or damaged, holds Python objects, or would unpack to more than such images need.
    """
    found = []
    for path, count in zip(jpeg_files(folder), (train, test), strict=True):
        jpeg, offsets, labels = _npz(path, count * classes)
        if (
            len(offsets) != len(labels) + 1
            or offsets[0] != 0
            or offsets[-1] != len(jpeg)
            or (np.diff(offsets) < 1).any()
        ):
            raise BadInput(
                f"{path}, offsets", offsets[-1:].tolist(), f"rising from 0 to {len(jpeg)}, one more than labels"
            )
        images = np.stack([_decoded(path, jpeg[a:b]) for a, b in pairwise(offsets)])
        found.append(checked(str(path), Arrays(images, labels.astype(np.int64)), [count] * classes))
    return found[0], found[1]


def _npz(path: Path, count: int) -> tuple[Array, Array, Array]:
    most = 8192 * count + 2**16  # bytes; a JPEG of 32 x 32 has about one thousand
    with decoding("data file", path, "a whole npz file of jpeg, offsets and labels"):
        with zipfile.ZipFile(path) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size > most:
            raise BadInput(f"{path}, unpacked bytes", size, f"at most {most:,}")
        with np.load(path, allow_pickle=False) as arrays:
            jpeg, offsets, labels = arrays["jpeg"], arrays["offsets"], arrays["labels"]
    for name, found in (("jpeg", jpeg), ("offsets", offsets), ("labels", labels)):
        right = "1 dimension of bytes" if name == "jpeg" else "1 dimension of whole numbers"
        if not isinstance(found, np.ndarray):
            raise BadInput(f"{path}, {name}", type(found).__name__, right)
        if found.ndim != 1 or found.dtype.kind not in "ui" or (name == "jpeg" and found.dtype != np.uint8):
            raise BadInput(f"{path}, {name}", f"{found.ndim} dimensions of {found.dtype}", right)
    return jpeg, offsets.astype(np.int64), labels


def _decoded(path: Path, jpeg: Array) -> Array:
    with decoding("image", path, "a whole JPEG"), Image.open(io.BytesIO(jpeg.tobytes()), formats=["JPEG"]) as image:
        if image.size != (SIDE, SIDE):
            raise BadInput(f"{path}, image size", image.size, f"{SIDE} x {SIDE}")
        return np.asarray(image.convert("RGB")).transpose(2, 0, 1)
