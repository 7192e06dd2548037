"""Files that are whole or absent: written under another name and renamed, sealed with a checksum, never unpickled."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

from filelock import FileLock
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from fitnets_lib.errors import OneLine


class Damaged(OneLine, ValueError):
    """A file is cut short, was changed, or is not what its name says."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


class NotWritten(OneLine, OSError):
    """A file could not be written, as on a full disk; what was there before is there still."""

    def __init__(self, path: Path, error: OSError) -> None:
        why = error.strerror or str(error)
        super().__init__(f"{path}: it could not be written ({why}); what was finished before is kept, as it was")


def write(path: Path, content: bytes) -> None:
    """Writes `content` to `path` so that another process sees the old file or the new one, never a part.

    Raises:
        NotWritten: if the system refuses, as on a full disk.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)
    except OSError as error:
        raise NotWritten(path, error) from error


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Lets one process at a time inside for the same `path`; while the lock is held, it lies as a file beside `path`.

    When a process dies, the system releases its lock. A process that waited finds what the other has written.
    """
    lock = path.with_name(path.name + ".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        try:
            yield
        finally:
            with suppress(OSError):  # where files that are open cannot be removed
                lock.unlink(missing_ok=True)


def forget_lock(path: Path) -> None:
    """Removes the lock file that a killed process has left beside `path`; one that is held stays."""
    lock = path.with_name(path.name + ".lock")
    if lock.exists():
        with suppress(OSError), FileLock(lock, timeout=0):  # filelock.Timeout is an OSError
            lock.unlink(missing_ok=True)


def forget_halves(*wanted: Path) -> None:
    """Removes unfinished copies of these files, under other names, that killed processes left; nothing ever reads them.

    To be called only by a process that knows that no other is writing these files.
    """
    for path in wanted:
        for half in path.parent.glob(f".{path.name}.*"):
            half.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{uuid4().hex}")  # open() gives it the permissions of any new file
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def read(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        FileNotFoundError: if there is no such file.
        Damaged: if it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(path, f"it cannot be read ({error.strerror})") from error


def canonical(value: Any) -> str:  # noqa: ANN401  JSON is Any
    """The one JSON text of `value`: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content: bytes | memoryview) -> str:
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
        sealed = json.loads(read(path))
        content, checksum = sealed["content"], sealed["sha256"]
        actual = digest(canonical(content).encode())
    except Damaged:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged(path, f"not a whole sealed JSON file ({error})") from error
    if actual != checksum:
        raise Damaged(path, "its content does not have the checksum it states")
    return content


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Guards code that reads the content of a whole file: if something is missing, another version wrote it.

    Raises:
        Damaged: in place of the error that a missing or unknown field causes.
    """
    try:
        yield
    except (Damaged, FileNotFoundError):
        raise
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise Damaged(path, f"its content is not what this version writes ({type(error).__name__}: {error})") from error


def write_tensors(path: Path, tensors: dict[str, Tensor], note: Any = None) -> str:  # noqa: ANN401
    """Writes tensors as a safetensors file; its header has `note` (JSON) and a checksum of all the rest.

    Returns:
        The checksum of the whole file.

    Raises:
        NotWritten: if the system refuses, as on a full disk.
    """
    whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    header, numbers = _parts(tensors_to_bytes(whole, metadata={"note": canonical(note)}))
    header["__metadata__"]["sha256"] = _seal(header, numbers)
    head = canonical(header).encode()
    head += b" " * (-len(head) % 8)  # numbers begin at a multiple of eight bytes
    content = b"".join((struct.pack("<Q", len(head)), head, numbers))
    write(path, content)
    return digest(content)


def read_tensors(path: Path, checksum: str | None = None) -> tuple[dict[str, Tensor], Any]:
    """Reads back the tensors and the note that `write_tensors` wrote.

    Args:
        path: a safetensors file.
        checksum: of the whole file, if it is known.

    Raises:
        FileNotFoundError: if there is no such file.
        Damaged: if the file is not a whole safetensors file or its checksum differs.
    """
    content = read(path)
    if checksum is not None and digest(content) != checksum:
        raise Damaged(path, "it does not have the checksum recorded for it")
    try:
        header, numbers = _parts(content)
        stated = header["__metadata__"].pop("sha256", None)
        note = json.loads(header["__metadata__"]["note"], parse_constant=_no_number)
        tensors = tensors_from_bytes(content)
        sealed = stated == _seal(header, numbers)
    except Exception as error:
        raise Damaged(path, f"not a whole safetensors file of ours ({error})") from error
    if not sealed and (checksum is None or stated is not None):  # files from before there was a seal have none
        raise Damaged(path, "its content does not have the checksum it states")
    return tensors, note


def _parts(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """A safetensors file is the length of its header, the header as JSON, and the numbers."""
    (length,) = struct.unpack("<Q", content[:8])
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    return header, memoryview(content)[8 + length :]


def _seal(header: dict[str, Any], numbers: memoryview) -> str:
    """The checksum of a file's numbers and of its header, as it is before the checksum is put into it."""
    return digest(digest(canonical(header).encode()).encode() + digest(numbers).encode())


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
