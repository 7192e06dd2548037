"""MNIST's file format, idx: a magic number, the sizes, then one byte a pixel or label (LeCun, Cortes and Burges)."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fitnets_lib.arrays import Array, Arrays, checked, there
from fitnets_lib.errors import BadInput

TRAIN_COUNTS = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
TEST_COUNTS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
"""MNIST's images of each digit."""


def read_idx(path: Path, shape: tuple[int, ...]) -> Array:
    """The bytes of an idx file of the given shape; if there is no file `path`, the file `<path>.gz` is read.

    Raises:
        BadInput: if there is no such file, or it is not an idx file of bytes of exactly this shape.
    """
    packed = path.with_name(path.name + ".gz")
    whole = 4 + 4 * len(shape) + int(np.prod(shape))
    place, right = path, "a file that can be read"
    try:
        if not path.is_file():
            place, right = there(packed, "download MNIST"), "a whole gzip file"
        with path.open("rb") if place == path else gzip.open(place) as file:
            content = file.read(whole + 1)  # never more, however large a packed file becomes
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput("data file", str(place), f"{right} ({error}): download it again") from error
    header = content[: 4 + 4 * len(shape)]
    if header[:4] != bytes([0, 0, 8, len(shape)]):
        raise BadInput(f"{place}, first bytes", header[:4].hex(), f"{bytes([0, 0, 8, len(shape)]).hex()}, an idx file")
    if len(content) != whole or struct.unpack(f">{len(shape)}I", header[4:]) != shape:
        sizes = struct.unpack(f">{len(shape)}I", header[4:]) if len(header) == 4 + 4 * len(shape) else header[4:].hex()
        raise BadInput(f"{place}, sizes", sizes, f"{shape} and as many bytes: download it again")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)


def read_mnist(
    folder: Path, train: Sequence[int] = TRAIN_COUNTS, test: Sequence[int] = TEST_COUNTS, side: int = 28
) -> tuple[Arrays, Arrays]:
    """Training and test images from the four files in `folder`/MNIST/raw, where torchvision puts them.

    Args:
        folder: the data directory.
        train: images of each class in the training file.
        test: images of each class in the test file.
        side: of an image.

    Raises:
        BadInput: if a file is absent, damaged or not the expected one.
    """
    found = []
    for prefix, counts in (("train", train), ("t10k", test)):
        place = folder / "MNIST" / "raw"
        images = read_idx(place / f"{prefix}-images-idx3-ubyte", (sum(counts), side, side))
        labels = read_idx(place / f"{prefix}-labels-idx1-ubyte", (sum(counts),))
        found.append(checked(f"MNIST, {prefix}", Arrays(images[:, None], labels.astype(np.int64)), counts))
    return found[0], found[1]
