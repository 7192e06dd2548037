"""What every data set goes through after its file was read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fitnets_lib import arrays
from fitnets_lib.arrays import Arrays
from fitnets_lib.errors import BadInput


def some(labels: list[int]) -> Arrays:
    return Arrays(np.arange(len(labels) * 4).reshape(-1, 1, 2, 2), np.array(labels, np.int64))


def test_parts_joined_again_are_the_whole() -> None:
    whole = some([0, 1, 2, 1, 0])
    first, last = whole.without_last(2)
    assert (first.labels.tolist(), last.labels.tolist()) == ([0, 1, 2], [1, 0])
    both = arrays.joined([first, last])
    np.testing.assert_array_equal(both.images, whole.images)
    np.testing.assert_array_equal(both.labels, whole.labels)


def test_the_official_counts_pass() -> None:
    whole = some([0, 1, 1])
    assert arrays.checked("Small", whole, (1, 2)) is whole


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], r"Small, images and labels = \(2, 2\): 3 of each"),
        ([0, 1, 2], "Small, label = 2: 0 to 1"),
        ([0, 1, -1], "Small, label = -1: 0 to 1"),
        ([0, 0, 1], "Small, images of class 0 = 2: 1"),
    ],
)
def test_other_counts_or_labels_are_refused(labels: list[int], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        arrays.checked("Small", some(labels), (1, 2))


def test_images_without_labels_are_refused() -> None:
    with pytest.raises(BadInput, match=r"Small, images and labels = \(3, 2\)"):
        arrays.checked("Small", Arrays(np.zeros((3, 1, 2, 2)), np.array([0, 1])), (1, 2))


def test_an_absent_file_is_refused_with_the_way_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"data file = .*absent.bin.*: a file; ask for it"):
        arrays.there(tmp_path / "absent.bin", "ask for it")
