"""SVHN, cropped digits: three MATLAB files (Netzer et al., 2011), split as the paper's predecessors split them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from fitnets_lib.arrays import Array, Arrays, checked, decoding, joined, there
from fitnets_lib.errors import BadInput


class Counts(NamedTuple):
    """Images of the digits 0 to 9 in each file."""

    train: tuple[int, ...] = (4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659)
    extra: tuple[int, ...] | int = 531_131
    test: tuple[int, ...] = (1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595)


OFFICIAL = Counts()


def read_file(path: Path, counts: tuple[int, ...] | int) -> Arrays:
    """The images of one file; the label 10 means the digit 0.

    Args:
        path: a `*_32x32.mat`.
        counts: images of each digit, or their number in all.

    Raises:
        BadInput: if the file is absent, damaged or another one; its sizes are read before its content.
    """
    from scipy.io import loadmat, whosmat  # imported here, since few processes need it

    there(path, "download SVHN, format 2, cropped digits")
    total = counts if isinstance(counts, int) else sum(counts)
    with decoding("data file", path, "a whole MATLAB file of X and y: download it again"):
        said = {name: (shape, kind) for name, shape, kind in whosmat(path)}
        shapes = {name: shape for name, (shape, _) in said.items()}
        if shapes.get("X") != (32, 32, 3, total) or shapes.get("y") != (total, 1):
            raise BadInput(f"{path}, sizes", shapes, f"X of (32, 32, 3, {total}) and y of ({total}, 1)")
        if said["X"][1] != "uint8":
            raise BadInput(f"{path}, type of X", said["X"][1], "uint8: a byte a pixel")
        content = loadmat(path, variable_names=["X", "y"])  # nothing else is unpacked
    found = Arrays(content["X"].transpose(3, 2, 0, 1), _digits(path, content["y"]))
    return found if isinstance(counts, int) else checked(str(path), found, counts)


def _digits(path: Path, labels: Array) -> Array:
    if labels.dtype.kind not in "uif":
        raise BadInput(f"{path}, type of y", str(labels.dtype), "whole numbers")
    flat = labels[:, 0]
    if len(wrong := flat[~np.isin(flat, np.arange(1, 11))]):  # neither a fraction nor NaN is a label
        label = float(wrong[0])
        shown = int(label) if label.is_integer() else label
        raise BadInput(f"{path}, label", shown, "1 to 10, where 10 is the digit 0")
    return flat.astype(np.int64) % 10


def read_svhn(
    folder: Path, counts: Counts = OFFICIAL, from_train: int = 400, from_extra: int = 200
) -> tuple[Arrays, Arrays, Arrays]:
    """Training, validation and test images.

    Args:
        folder: the data directory.
        counts: images of each digit in each file.
        from_train: validation images of each digit out of the training file (Sermanet et al., 2012; A.3).
        from_extra: the same out of the extra file.

    Returns:
        Training images, 598,388 in the official files; validation, 6,000; test, 26,032.

    Raises:
        BadInput: if a file is absent, damaged or another one.
    """
    train, extra, test = (
        read_file(folder / f"{name}_32x32.mat", own) for name, own in zip(counts._fields, counts, strict=True)
    )
    chosen = [(part, _first_of_each(part, n)) for part, n in ((train, from_train), (extra, from_extra))]
    validation = joined([part.part(taken) for part, taken in chosen])
    return joined([part.part(~taken) for part, taken in chosen]), validation, test


def _first_of_each(arrays: Arrays, count: int) -> np.ndarray:
    """True for the first `count` images of each class."""
    taken = np.zeros(len(arrays), bool)
    for digit in range(10):
        taken[np.flatnonzero(arrays.labels == digit)[:count]] = True
    return taken
