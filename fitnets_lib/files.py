"""Files that are whole or absent: written under another name and renamed, sealed with a checksum, never unpickled."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
from pathlib import Path
from typing import Any

from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor


class Damaged(ValueError):
    """A file is cut short, was changed, or is not what its name says."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


def write(path: Path, content: bytes) -> None:
    """Writes `content` to `path` so that another process sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def canonical(value: Any) -> str:  # noqa: ANN401  JSON is Any
    """The one JSON text of `value`: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def write_sealed(path: Path, value: Any) -> None:  # noqa: ANN401
    """Writes `value` as readable JSON together with the checksum of its canonical text."""
    sealed = {"sha256": digest(canonical(value).encode()), "content": value}
    write(path, (json.dumps(sealed, indent=1, allow_nan=False) + "\n").encode())


def read_sealed(path: Path) -> Any:  # noqa: ANN401
    """Reads back what `write_sealed` wrote.

    Raises:
        FileNotFoundError: if there is no such file.
        Damaged: if the file is not JSON, or its content does not have the checksum written beside it.
    """
    try:
        sealed = json.loads(path.read_bytes())
        content, checksum = sealed["content"], sealed["sha256"]
        actual = digest(canonical(content).encode())
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(path, f"not a whole sealed JSON file ({error})") from error
    if actual != checksum:
        raise Damaged(path, "its content does not have the checksum it states")
    return content


def write_tensors(path: Path, tensors: dict[str, Tensor], note: Any = None) -> str:  # noqa: ANN401
    """Writes tensors as a safetensors file with `note` (JSON) in its header.

    Returns:
        The checksum of the whole file.
    """
    whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    content = tensors_to_bytes(whole, metadata={"note": canonical(note)})
    write(path, content)
    return digest(content)


def read_tensors(path: Path, checksum: str | None = None) -> tuple[dict[str, Tensor], Any]:
    """Reads back the tensors and the note that `write_tensors` wrote.

    Args:
        path: a safetensors file.
        checksum: of the whole file, if it is known.

    Raises:
        FileNotFoundError: if there is no such file.
        Damaged: if the file is not a whole safetensors file or its checksum is another.
    """
    content = path.read_bytes()
    if checksum is not None and digest(content) != checksum:
        raise Damaged(path, "it does not have the checksum recorded for it")
    try:
        (length,) = struct.unpack("<Q", content[:8])  # a safetensors file: header length, JSON header, numbers
        note = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["note"])
        return tensors_from_bytes(content), note
    except Exception as error:
        raise Damaged(path, f"not a whole safetensors file of ours ({error})") from error
