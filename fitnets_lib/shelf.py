"""Large tensors in files that are mapped into memory: written row by row, and read back without being loaded."""

from __future__ import annotations

import math
import os
from pathlib import Path

import torch
from torch import Tensor

from fitnets_lib import files


def room(like: Tensor, rows: int, path: Path | None) -> Tensor:
    """A tensor that is still to be filled, of `rows` rows like those of `like`: in memory, or in the file `path`.bin.

    Raises:
        files.NotWritten: if there is no room for the file on the disk.
    """
    shape = (rows, *like.shape[1:])
    if path is None:
        return torch.empty(shape, dtype=like.dtype, device=like.device)
    count = math.prod(shape)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.forget_halves(_seal(path))
        _seal(path).unlink(missing_ok=True)
        if hasattr(os, "posix_fallocate") and count:  # a map over a full disk would kill the process
            with _numbers(path).open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, count * like.dtype.itemsize)
    except OSError as error:
        raise files.NotWritten(_numbers(path), error) from error
    return torch.from_file(str(_numbers(path)), shared=True, size=count, dtype=like.dtype).view(shape)


def close(path: Path, filled: Tensor) -> None:
    """Marks the tensor that `room` made for `path` as complete; without this mark `read` does not accept it."""
    dtype = str(filled.dtype).removeprefix("torch.")
    files.write_sealed(_seal(path), {"shape": list(filled.shape), "dtype": dtype, "numbers": _digest(filled)})


def read(path: Path) -> Tensor | None:
    """The tensor that was filled and closed under `path`, or None if there is none or its numbers have changed."""
    try:
        said = files.read_sealed(_seal(path))
        with files.understood(_seal(path)):
            shape, dtype, checksum = said["shape"], getattr(torch, said["dtype"]), said["numbers"]
            count = math.prod(shape)
            if _numbers(path).stat().st_size != count * dtype.itemsize:
                return None
            found = torch.from_file(str(_numbers(path)), shared=True, size=count, dtype=dtype).view(shape)
    except (OSError, files.Damaged):
        return None
    return found if _digest(found) == checksum else None


def _digest(numbers: Tensor) -> str:
    """SHA-256 of the numbers' bytes: about a second a gigabyte."""
    return files.digest(numbers.flatten().view(torch.uint8).numpy().data)


def _numbers(path: Path) -> Path:
    return path.with_name(path.name + ".bin")


def _seal(path: Path) -> Path:
    return path.with_name(path.name + ".json")
