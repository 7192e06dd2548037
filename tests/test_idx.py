"""MNIST in its official format, written here in small, read whole and then broken in every way."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fitnets_lib import idx
from fitnets_lib.arrays import Array
from fitnets_lib.errors import BadInput
from tests.broken import absent, cut, empty, foreign, longer, pixels

TRAIN, TEST = (3, 2, 4), (1, 1, 2)


def write_idx(path: Path, content: Array, pack: bool) -> None:
    whole = bytes([0, 0, 8, content.ndim]) + struct.pack(f">{content.ndim}I", *content.shape) + content.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    if pack:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(whole))
    else:
        path.write_bytes(whole)


def labels_of(counts: tuple[int, ...]) -> Array:
    return np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.uint8)


def write_mnist(folder: Path, pack: bool = False) -> dict[str, Array]:
    raw, written = folder / "MNIST" / "raw", {}
    for prefix, counts in (("train", TRAIN), ("t10k", TEST)):
        written[f"{prefix}-images-idx3-ubyte"] = pixels(sum(counts), 5, 5)
        written[f"{prefix}-labels-idx1-ubyte"] = labels_of(counts)
    for name, content in written.items():
        write_idx(raw / name, content, pack)
    return written


def read_mnist(folder: Path) -> Any:
    return idx.read_mnist(folder, TRAIN, TEST, side=5)


@pytest.mark.parametrize("pack", [False, True])
def test_mnist_is_read_packed_or_not_and_nothing_is_written_beside_it(tmp_path: Path, pack: bool) -> None:
    written = write_mnist(tmp_path, pack)
    before = sorted(tmp_path.rglob("*"))
    train, test = read_mnist(tmp_path)
    np.testing.assert_array_equal(train.images[:, 0], written["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(test.labels, written["t10k-labels-idx1-ubyte"])
    assert sorted(tmp_path.rglob("*")) == before


def test_mnists_official_counts_are_60000_and_10000() -> None:
    assert (sum(idx.TRAIN_COUNTS), sum(idx.TEST_COUNTS)) == (60_000, 10_000)


@pytest.mark.parametrize(
    ("name", "harm", "message"),
    [
        ("train-images-idx3-ubyte", absent, "data file = .*train-images-idx3-ubyte.gz.*: a file; download MNIST"),
        ("train-images-idx3-ubyte", cut, r"train-images-idx3-ubyte, sizes = .*: \(9, 5, 5\)"),
        ("train-images-idx3-ubyte", longer, "sizes"),
        ("t10k-labels-idx1-ubyte", empty, "t10k-labels-idx1-ubyte, first bytes = '': 00000801"),
        ("t10k-labels-idx1-ubyte", foreign, "first bytes = '6e6f7420': 00000801"),
    ],
)
def test_a_broken_mnist_file_is_refused_by_name(
    tmp_path: Path, name: str, harm: Callable[[Path], None], message: str
) -> None:
    write_mnist(tmp_path)
    harm(tmp_path / "MNIST" / "raw" / name)
    with pytest.raises(BadInput, match=message):
        read_mnist(tmp_path)


@pytest.mark.parametrize("harm", [cut, empty, foreign])
def test_a_broken_packed_mnist_file_is_refused(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    write_mnist(tmp_path, pack=True)
    harm(tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz")
    with pytest.raises(BadInput, match=r"train-labels-idx1-ubyte\.gz"):
        read_mnist(tmp_path)


def test_a_packed_file_that_would_grow_without_end_is_refused_and_not_unpacked(tmp_path: Path) -> None:
    write_mnist(tmp_path, pack=True)
    header = bytes([0, 0, 8, 1]) + struct.pack(">I", 9)
    bomb = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz"
    bomb.write_bytes(gzip.compress(header + bytes(10**7)))
    tracemalloc.start()
    with pytest.raises(BadInput, match=r"sizes = \(9,\): \(9,\) and as many bytes"):
        read_mnist(tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10**6


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 0, 0, 1, 1, 2, 2, 2, 7], np.uint8), "MNIST, train, label = 7: 0 to 2"),
        (np.array([0, 0, 0, 0, 1, 2, 2, 2, 2], np.uint8), "MNIST, train, images of class 0 = 4: 3"),
    ],
)
def test_other_labels_than_mnists_are_refused(tmp_path: Path, labels: Array, message: str) -> None:
    write_mnist(tmp_path)
    write_idx(tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte", labels, pack=False)
    with pytest.raises(BadInput, match=message):
        read_mnist(tmp_path)
