"""Images with labels as they come out of a file, and the checks that every data set goes through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitnets_lib.errors import BadInput

Array = NDArray[Any]


@dataclass(frozen=True)
class Arrays:
    """Some images with their labels.

    Attributes:
        images: (n, channels, height, width), as the file has them.
        labels: (n,), int64, class numbers from 0.
    """

    images: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, index: Array | slice) -> Arrays:
        """The images with these numbers, and their labels."""
        return Arrays(self.images[index], self.labels[index])

    def without_last(self, count: int) -> tuple[Arrays, Arrays]:
        """Two parts: all but the last `count` images, and the last `count`."""
        return self.part(slice(None, -count)), self.part(slice(-count, None))


def joined(parts: Sequence[Arrays]) -> Arrays:
    """The parts one after the other."""
    return Arrays(np.concatenate([part.images for part in parts]), np.concatenate([part.labels for part in parts]))


def checked(what: str, arrays: Arrays, counts: Sequence[int]) -> Arrays:
    """`arrays`, if they have as many images of each class as `counts` says.

    Raises:
        BadInput: naming the file, and the first count or label that is wrong.
    """
    if arrays.labels.ndim != 1 or arrays.labels.dtype.kind not in "iu":
        kind = f"{arrays.labels.ndim} dimensions of {arrays.labels.dtype}"
        raise BadInput(f"{what}, labels", kind, "a whole number for each image")
    if len(arrays.images) != len(arrays.labels) or len(arrays) != sum(counts):
        found = (len(arrays.images), len(arrays.labels))
        raise BadInput(f"{what}, images and labels", found, f"{sum(counts):,} of each: get the official file")
    if arrays.labels.min(initial=0) < 0 or arrays.labels.max(initial=0) >= len(counts):
        wrong = int(arrays.labels.max()) if arrays.labels.max() >= len(counts) else int(arrays.labels.min())
        raise BadInput(f"{what}, label", wrong, f"0 to {len(counts) - 1}")
    for number, (found_count, count) in enumerate(zip(np.bincount(arrays.labels), counts, strict=False)):
        if found_count != count:
            raise BadInput(f"{what}, images of class {number}", int(found_count), f"{count:,}: get the official file")
    return arrays


def there(path: Path, hint: str) -> Path:
    """`path`, if it is a file that can be read.

    Raises:
        BadInput: naming the path and saying how to get it.
    """
    try:
        if path.is_file():
            with path.open("rb"):
                return path
    except OSError as error:
        right = f"a file that can be read ({error.strerror}; FITNETS_DATA names another folder)"
        raise BadInput("data file", str(path), right) from error
    raise BadInput("data file", str(path), f"a file; {hint} (FITNETS_DATA names another folder)")


@contextmanager
def decoding(what: str, path: Path, right: str) -> Iterator[None]:
    """Turns any error that a decoder inside raises over a file that is not what it should be into an error of one line.

    Decoders of foreign formats fail in many ways of their own, from a wrong index to too little memory.

    Raises:
        BadInput: naming the file, and what it should be.
    """
    try:
        yield
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(what, str(path), f"{right} ({type(error).__name__}: {error})") from error
