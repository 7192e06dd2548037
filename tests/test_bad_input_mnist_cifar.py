"""Bad input, the files of MNIST and CIFAR: cut short, of other sizes, foreign, hostile.

Small copies of the official files are broken in every way. Each is refused in one line with the file's name before
anything is made of it.
"""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from fitnets_lib import cifar
from tests.refusals import change_a_byte, cut_short, denied, names, refusal, refusal_if_any
from tests.test_cifar import read_jpeg, small_cifar, write_jpeg
from tests.test_idx import read_mnist, write_mnist

in_one_folder = hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


# MNIST.


LABELS, IMAGES = "train-labels-idx1-ubyte", "train-images-idx3-ubyte"


def idx_bytes(*sizes: int, kind: int = 8, content: bytes = b"") -> bytes:
    return bytes([0, 0, kind, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + content


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        (LABELS, idx_bytes(9, kind=13, content=bytes(36)), ("first bytes = '00000d01'", "00000801")),
        (LABELS, idx_bytes(9, 1, 1, content=bytes(9)), ("first bytes = '00000803'", "00000801")),
        (LABELS, idx_bytes(9, content=bytes(9))[::-1], ("first bytes = ", "00000801")),
        (LABELS, gzip.compress(idx_bytes(9, content=bytes(9))), ("first bytes = '1f8b08", "00000801")),
        (LABELS, b"\x00\x00\x08\x01\x00", ("sizes = '00'", "(9,) and as many bytes")),
        (LABELS, idx_bytes(8, content=bytes(9)), ("sizes = (8,)", "(9,)")),
        (LABELS, idx_bytes(9, content=bytes(8)), ("sizes = (9,)", "as many bytes")),
        (LABELS, idx_bytes(9, content=bytes(10)), ("sizes = (9,)", "as many bytes")),
        (LABELS, idx_bytes(2**32 - 1, content=bytes(9)), ("sizes = (4294967295,)", "(9,)")),
        (LABELS, idx_bytes(9, content=b"\x00\x00\x00\x01\x01\x02\x02\x02\xff"), ("label = 255", "0 to 2")),
        (LABELS, idx_bytes(9, content=bytes(9)), ("images of class 0 = 9", "3")),
        (IMAGES, idx_bytes(9, 5, 5, content=bytes(224)), ("sizes = (9, 5, 5)", "as many bytes")),
        (IMAGES, idx_bytes(9, 25, content=bytes(225)), ("first bytes = '00000802'", "00000803")),
        (IMAGES, idx_bytes(0, 5, 5), ("sizes = (0, 5, 5)", "(9, 5, 5)")),
        (IMAGES, idx_bytes(9, 28, 28, content=bytes(7056)), ("sizes = (9, 28, 28)", "(9, 5, 5)")),
        (IMAGES, idx_bytes(5, 9, 5, content=bytes(225)), ("sizes = (5, 9, 5)", "(9, 5, 5)")),
    ],
)
def test_a_file_of_mnist_of_another_kind_or_size_is_refused(
    tmp_path: Path, name: str, content: bytes, parts: tuple[str, ...]
) -> None:
    write_mnist(tmp_path)
    (tmp_path / "MNIST" / "raw" / name).write_bytes(content)
    line = refusal(lambda: read_mnist(tmp_path))
    names(line, *parts)
    assert name in line or "MNIST, train" in line


@pytest.mark.parametrize("pack", [False, True])
def test_a_file_of_mnist_that_may_not_be_read_is_refused_by_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: bool
) -> None:
    write_mnist(tmp_path, pack)
    monkeypatch.setattr(Path, "open", denied)
    name = f"{IMAGES}.gz" if pack else IMAGES
    names(refusal(lambda: read_mnist(tmp_path)), "data file = ", f"{name}'", "that can be read", "Permission denied")


@pytest.mark.parametrize("pack", [False, True])
@in_one_folder
@given(st.data())
def test_a_changed_byte_of_mnist_is_refused_or_is_a_pixel(tmp_path: Path, pack: bool, data: st.DataObject) -> None:
    written = write_mnist(tmp_path, pack)
    name = data.draw(st.sampled_from(sorted(written)))
    path = tmp_path / "MNIST" / "raw" / (f"{name}.gz" if pack else name)
    change_a_byte(path, data)
    if refusal_if_any(lambda: read_mnist(tmp_path)) is None:
        assert pack or "images" in name
        train, test = read_mnist(tmp_path)
        assert (len(train), len(test)) == (9, 4)
        for part, own in ((train, IMAGES), (test, "t10k-images-idx3-ubyte")):
            assert (part.images[:, 0] != written[own]).sum() <= (not pack)  # a checksum is packed with them


@pytest.mark.parametrize("pack", [False, True])
@in_one_folder
@given(st.data())
def test_a_file_of_mnist_that_is_cut_anywhere_is_refused(tmp_path: Path, pack: bool, data: st.DataObject) -> None:
    written = write_mnist(tmp_path, pack)
    name = data.draw(st.sampled_from(sorted(written)))
    path = tmp_path / "MNIST" / "raw" / (f"{name}.gz" if pack else name)
    cut_short(path, data)
    names(refusal(lambda: read_mnist(tmp_path)), name)


def test_a_folder_in_the_place_of_a_file_of_mnist_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    path = tmp_path / "MNIST" / "raw" / LABELS
    path.unlink()
    path.mkdir()
    path.with_name(f"{LABELS}.gz").mkdir()
    names(refusal(lambda: read_mnist(tmp_path)), "data file = ", f"{LABELS}.gz'", "a file; download MNIST")


# CIFAR: the official files are pickled, so whoever can change one could run code.


class Trap:
    """Leaves a trace where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.trace,))


@pytest.mark.parametrize("name", ["batches.meta", "data_batch_1", "data_batch_2", "test_batch"])
@pytest.mark.parametrize("pickled", [pickle.dumps, lambda trap: pickle.dumps({"data": trap, "labels": [0, 1, 2]})])
def test_a_foreign_pickle_is_never_opened(tmp_path: Path, name: str, pickled: Callable[[Any], bytes]) -> None:
    source, _ = small_cifar(tmp_path)
    (tmp_path / "cifar-10-batches-py" / name).write_bytes(pickled(Trap(tmp_path / "trace")))
    line = refusal(lambda: cifar.read_official(tmp_path, source, 2, 1))
    names(line, "data folder = ", "cifar-10-batches-py", "the official files, by their checksums")
    assert not (tmp_path / "trace").exists()
    pickle.loads(pickle.dumps(Trap(tmp_path / "trace")))  # the trap is a real one
    assert (tmp_path / "trace").exists()


@pytest.mark.parametrize("name", ["batches.meta", "data_batch_1", "data_batch_2", "test_batch"])
def test_a_file_of_cifar_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source, _ = small_cifar(tmp_path)
    real = open

    def guarded(path: Any, *rest: Any, **named: Any) -> Any:
        return denied() if str(path).endswith(name) else real(path, *rest, **named)

    monkeypatch.setattr("builtins.open", guarded)
    monkeypatch.setattr("io.open", guarded)
    line = refusal(lambda: cifar.read_official(tmp_path, source, 2, 1))
    names(line, " = ", "cifar-10-batches-py", ": ")


def test_a_folder_in_the_place_of_a_file_of_cifar_is_refused(tmp_path: Path) -> None:
    source, _ = small_cifar(tmp_path)
    batch = tmp_path / "cifar-10-batches-py" / "data_batch_1"
    batch.unlink()
    batch.mkdir()
    names(refusal(lambda: cifar.read_official(tmp_path, source, 2, 1)), "data folder = ", "by their checksums")


# CIFAR as JPEG: an npz file.


WHOLE_NPZ = "a whole npz file of jpeg, offsets and labels"


@pytest.mark.parametrize(
    ("other", "parts"),
    [
        ({"labels": np.array([0.0, 1.0, 0.5, 1.0])}, ("labels = '1 dimensions of float64'", "whole numbers")),
        ({"labels": np.array([0.0, 1.0, np.nan, 1.0])}, ("labels = '1 dimensions of float64'", "whole numbers")),
        ({"labels": np.array([[0, 1], [0, 1]])}, ("labels = '2 dimensions of int64'", "whole numbers")),
        ({"labels": np.array(3)}, ("labels = '0 dimensions of int64'", "whole numbers")),
        ({"labels": np.array(["0", "1", "0", "1"])}, ("labels = '1 dimensions of <U1'", "whole numbers")),
        ({"labels": np.array([True, False, True, False])}, ("labels = '1 dimensions of bool'", "whole numbers")),
        ({"labels": np.array([0, 1, 0, -1])}, ("label = -1", "0 to 1")),
        ({"labels": np.array([], np.uint8)}, ("offsets = ", "one more than labels")),
        ({"labels": np.array([0, 1, 0, 1, 0], np.uint8)}, ("offsets = ", "one more than labels")),
        ({"offsets": np.array([0.0, 1.0, 2.0, 3.0, 4.0])}, ("offsets = '1 dimensions of float64'", "whole numbers")),
        ({"offsets": np.array(0)}, ("offsets = '0 dimensions of int64'", "whole numbers")),
        ({"offsets": np.array([], np.int64)}, ("offsets = []", "one more than labels")),
        ({"offsets": np.array([0, 3, 2, 1, 4], np.uint64)}, ("offsets = ", "rising from 0")),
        ({"offsets": np.array([2**63, 1, 2, 3, 4], np.uint64)}, ("offsets = ", "rising from 0")),
        ({"jpeg": np.zeros(9, np.int64)}, ("jpeg = '1 dimensions of int64'", "bytes")),
        ({"jpeg": np.zeros((3, 3), np.uint8)}, ("jpeg = '2 dimensions of uint8'", "bytes")),
        ({"jpeg": np.array([], np.uint8)}, ("offsets = ", "rising from 0 to 0")),
        ({"jpeg": np.array([{}], object)}, (WHOLE_NPZ, "allow_pickle")),
    ],
)
def test_an_array_of_another_kind_in_an_npz_file_is_refused(
    tmp_path: Path, other: dict[str, Any], parts: tuple[str, ...]
) -> None:
    write_jpeg(tmp_path, other=other)
    names(refusal(lambda: read_jpeg(tmp_path)), "cifar10_jpeg_train.npz", *parts)


def npy(header: str, content: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


def with_jpeg(path: Path, jpeg: bytes) -> None:
    """Puts `jpeg` in the place of the entry of that name in an npz file."""
    with np.load(path) as whole, zipfile.ZipFile(path.with_name("other.npz"), "w") as packed:
        packed.writestr("jpeg.npy", jpeg)
        for name in ("offsets", "labels"):
            content = io.BytesIO()
            np.save(content, whole[name])
            packed.writestr(f"{name}.npy", content.getvalue())
    path.with_name("other.npz").replace(path)


@pytest.mark.parametrize(
    "jpeg",
    [
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000,)}\n"),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}\n"),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': ('a',)}\n"),
        npy("{'descr': '|u1'}\n"),
        npy("__import__('os').mkdir('trace')\n"),
        npy("{" * 200 + "\n"),
        npy("("),
        b"\x93NUMPY\x09\x09",
        b"\x93NUMPY",
    ],
)
def test_an_array_whose_header_is_a_lie_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jpeg: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    write_jpeg(tmp_path)
    path = tmp_path / "cifar10_jpeg_train.npz"
    with_jpeg(path, jpeg)
    names(refusal(lambda: read_jpeg(tmp_path)), "data file = ", "cifar10_jpeg_train.npz", WHOLE_NPZ)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("jpeg", [b"", b"no array", pickle.dumps([1, 2])])
def test_an_entry_of_an_npz_file_that_is_no_array_is_refused(tmp_path: Path, jpeg: bytes) -> None:
    write_jpeg(tmp_path)
    path = tmp_path / "cifar10_jpeg_test.npz"
    with_jpeg(path, jpeg)
    names(refusal(lambda: read_jpeg(tmp_path)), "cifar10_jpeg_test.npz, jpeg = 'bytes'", "1 dimension of bytes")


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as packed:
        for name, inside in entries:
            packed.writestr(name, inside)
    return content.getvalue()


def locked(content: bytes) -> bytes:
    """A zip file that says it needs a password: bit 0 of the flags, beside the entry and in the directory."""
    changed = bytearray(content)
    changed[6] |= 1
    changed[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


OUTSIDE = zipped(("../jpeg.npy", npy("")), ("/etc/offsets.npy", b""), ("..\\labels.npy", b""))


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ("data file = ", WHOLE_NPZ)),
        (b"PK\x05\x06" + bytes(18), ("data file = ", WHOLE_NPZ)),
        (npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}\n", b"x"), ("data file = ", WHOLE_NPZ)),
        (pickle.dumps({"jpeg": 1}), ("data file = ", WHOLE_NPZ)),
        (locked(zipped(("jpeg.npy", npy("{}")))), ("data file = ", WHOLE_NPZ, "password")),
        (OUTSIDE, ("data file = ", WHOLE_NPZ)),
        (zipped(("jpeg.npy", bytes(10**7)), method=zipfile.ZIP_DEFLATED), ("unpacked bytes = 10000000", "at most")),
        (zipped(("x", bytes(10**7)), method=zipfile.ZIP_LZMA), ("unpacked bytes = 10000000", "at most")),
        (zipped(("x", bytes(10**7)), method=zipfile.ZIP_BZIP2), ("unpacked bytes = 10000000", "at most")),
        (zipped(*[(f"{n}", bytes(1000)) for n in range(500)]), ("unpacked bytes = 500000", "at most")),
    ],
)
def test_a_zip_file_that_is_empty_locked_hostile_or_a_bomb_is_refused(
    tmp_path: Path, content: bytes, parts: tuple[str, ...]
) -> None:
    write_jpeg(tmp_path)
    (tmp_path / "cifar10_jpeg_train.npz").write_bytes(content)
    before = sorted(tmp_path.rglob("*"))
    names(refusal(lambda: read_jpeg(tmp_path)), *parts)
    assert sorted(tmp_path.rglob("*")) == before


@in_one_folder
@given(st.data())
def test_a_changed_byte_of_an_npz_file_is_refused_or_changes_nothing(tmp_path: Path, data: st.DataObject) -> None:
    write_jpeg(tmp_path)
    before = read_jpeg(tmp_path)
    path = tmp_path / data.draw(st.sampled_from(["cifar10_jpeg_train.npz", "cifar10_jpeg_test.npz"]))
    change_a_byte(path, data)
    if refusal_if_any(lambda: read_jpeg(tmp_path)) is None:
        for one, other in zip(before, read_jpeg(tmp_path), strict=True):
            np.testing.assert_array_equal(one.images, other.images)
            np.testing.assert_array_equal(one.labels, other.labels)


def picture(kind: str, size: tuple[int, int] = (32, 32)) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size).save(content, kind)
    return content.getvalue()


def claims(width: int, height: int) -> bytes:
    """A JPEG whose header claims another size than its content has."""
    content = bytearray(picture("JPEG"))
    start = content.index(b"\xff\xc0") + 5
    content[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(content)


TRAIN_NPZ = "cifar10_jpeg_train.npz"


@pytest.mark.parametrize(
    ("jpeg", "parts"),
    [
        (picture("PNG"), ("image = ", TRAIN_NPZ, "a whole JPEG")),
        (picture("GIF"), ("image = ", TRAIN_NPZ, "a whole JPEG")),
        (picture("JPEG")[:100], ("image = ", TRAIN_NPZ, "a whole JPEG")),
        (picture("JPEG")[:-200], ("image = ", TRAIN_NPZ, "a whole JPEG")),
        (b"\xff\xd8\xff\xd9", ("image = ", TRAIN_NPZ, "a whole JPEG")),
        (b"\xff\xd8" + b"\xff" * 100, ("image = ", TRAIN_NPZ, "a whole JPEG")),
        (picture("JPEG", (33, 32)), (TRAIN_NPZ, "image size = (33, 32)", "32 x 32")),
        (claims(65_500, 65_500), ("image = ", TRAIN_NPZ, "a whole JPEG (DecompressionBomb")),
        (claims(64, 64), (TRAIN_NPZ, "image size = (64, 64)", "32 x 32")),
    ],
)
def test_a_picture_that_is_no_small_jpeg_is_refused(tmp_path: Path, jpeg: bytes, parts: tuple[str, ...]) -> None:
    four = np.frombuffer(jpeg * 4, np.uint8)
    write_jpeg(tmp_path, other={"jpeg": four, "offsets": np.arange(5) * len(jpeg)})
    names(refusal(lambda: read_jpeg(tmp_path)), *parts)
