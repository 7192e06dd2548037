"""Large tensors in files that are mapped into memory: written row by row, and read back without being loaded."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from fitnets_lib import files


def room(like: Tensor, rows: int, path: Path | None) -> Tensor:
    """A tensor of `rows` rows such as those of `like`, to be filled: in memory, or in the file `path`.bin."""
    shape = (rows, *like.shape[1:])
    if path is None:
        return torch.empty(shape, dtype=like.dtype, device=like.device)
    path.parent.mkdir(parents=True, exist_ok=True)
    (_seal(path)).unlink(missing_ok=True)
    return torch.from_file(str(_numbers(path)), shared=True, size=math.prod(shape), dtype=like.dtype).view(shape)


def close(path: Path, filled: Tensor) -> None:
    """Says that all rows of what `room` gave for `path` are there; without that they do not count."""
    files.write_sealed(_seal(path), {"shape": list(filled.shape), "dtype": str(filled.dtype).removeprefix("torch.")})


def read(path: Path) -> Tensor | None:
    """What was filled and closed under `path`, or None if nothing was or its file is not as large as it should be."""
    try:
        said = files.read_sealed(_seal(path))
    except (FileNotFoundError, files.Damaged):
        return None
    shape, dtype = said["shape"], getattr(torch, said["dtype"])
    count = math.prod(shape)
    if not _numbers(path).is_file() or _numbers(path).stat().st_size != count * dtype.itemsize:
        return None
    return torch.from_file(str(_numbers(path)), shared=True, size=count, dtype=dtype).view(shape)


def _numbers(path: Path) -> Path:
    return path.with_name(path.name + ".bin")


def _seal(path: Path) -> Path:
    return path.with_name(path.name + ".json")
