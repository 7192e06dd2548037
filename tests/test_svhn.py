"""SVHN in its official format, written here in small, read whole and then broken in every way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from fitnets_lib import svhn
from fitnets_lib.arrays import Array
from fitnets_lib.errors import BadInput
from tests.broken import absent, cut, empty, foreign, pixels

COUNTS = svhn.Counts(train=(4,) * 10, extra=30, test=(2,) * 10)


def write_svhn(folder: Path) -> dict[str, Array]:
    written = {}
    for name, count in (("train", 40), ("extra", 30), ("test", 20)):
        x, digits = pixels(32, 32, 3, count, seed=count), np.arange(count) % 10
        savemat(
            folder / f"{name}_32x32.mat", {"X": x, "y": np.where(digits == 0, 10, digits)[:, None]}, do_compression=True
        )
        written[name] = x
    return written


def test_svhn_keeps_some_images_of_each_digit_of_both_files_for_validation(tmp_path: Path) -> None:
    written = write_svhn(tmp_path)
    train, validation, test = svhn.read_svhn(tmp_path, COUNTS, from_train=2, from_extra=1)
    assert np.bincount(validation.labels).tolist() == [3] * 10
    assert (len(train), len(validation), len(test)) == (40 + 30 - 30, 30, 20)
    # The first twenty of the training file are two of each digit, and the first ten of the extra file one of each.
    np.testing.assert_array_equal(validation.images[0], written["train"][:, :, :, 0].transpose(2, 0, 1))
    np.testing.assert_array_equal(validation.images[20], written["extra"][:, :, :, 0].transpose(2, 0, 1))
    np.testing.assert_array_equal(train.images[0], written["train"][:, :, :, 20].transpose(2, 0, 1))
    assert test.labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] * 2  # the label 10 is the digit 0


def test_svhns_official_split_has_598388_6000_and_26032_images() -> None:
    official = svhn.OFFICIAL
    assert isinstance(official.extra, int)
    assert sum(official.train) + official.extra - 10 * (400 + 200) == 598_388
    assert (sum(official.train), sum(official.test)) == (73_257, 26_032)


@pytest.mark.parametrize("harm", [absent, cut, empty, foreign])
def test_a_broken_svhn_file_is_refused(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    write_svhn(tmp_path)
    harm(tmp_path / "extra_32x32.mat")
    with pytest.raises(BadInput, match=r"extra_32x32.mat"):
        svhn.read_svhn(tmp_path, COUNTS, 2, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"X": pixels(32, 32, 3, 5), "y": np.ones((5, 1))}, r"test_32x32.mat, sizes = .*: X of \(32, 32, 3, 20\)"),
        ({"Z": np.zeros(3)}, "sizes"),
        ({"X": pixels(32, 32, 3, 20), "y": np.full((20, 1), 11)}, "label = 11: 1 to 10"),
        ({"X": pixels(32, 32, 3, 20), "y": np.zeros((20, 1))}, "label = 0: 1 to 10"),
        ({"X": pixels(32, 32, 3, 20), "y": np.ones((20, 1))}, "images of class 0 = 0: 2"),
    ],
)
def test_foreign_content_in_an_svhn_file_is_refused(tmp_path: Path, content: dict[str, Array], message: str) -> None:
    write_svhn(tmp_path)
    savemat(tmp_path / "test_32x32.mat", content)
    with pytest.raises(BadInput, match=message):
        svhn.read_svhn(tmp_path, COUNTS, 2, 1)
