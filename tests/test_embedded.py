from __future__ import annotations

import numpy as np
import pytest
from skimage.data import lfw_subset
from skimage.transform import resize
from sklearn.datasets import load_digits

from fitnets_lib import data, embedded
from fitnets_lib.errors import BadInput


def test_a_changed_copy_of_the_digits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bunch = load_digits()
    bunch.target[0] = 5
    monkeypatch.setattr("sklearn.datasets.load_digits", lambda: bunch)
    with pytest.raises(BadInput, match="scikit-learn's digits, images of class 0 = 177: 178"):
        embedded.digits()


def test_half_of_the_patches_are_faces_and_every_split_has_both_in_equal_shares() -> None:
    for split in (0, 7, 19):
        parts = embedded.faces(split)
        assert [len(part) for part in parts] == [120, 40, 40]
        assert [np.bincount(part.labels).tolist() for part in parts] == [[60, 60], [20, 20], [20, 20]]
        assert parts[0].images.shape[1:] == (1, 16, 16)


def images(split: int, part: int) -> set[bytes]:
    return {image.tobytes() for image in embedded.faces(split)[part].images}


def test_in_five_splits_every_patch_is_tested_once_and_never_trained_on_at_the_same_time() -> None:
    tested = [images(split, 2) for split in range(5)]
    assert len(set().union(*tested)) == sum(map(len, tested)) == 200
    for split in range(5):
        assert not images(split, 0) & (images(split, 1) | images(split, 2))
        assert not images(split, 1) & images(split, 2)


def test_each_repetition_has_other_folds() -> None:
    assert images(0, 2) != images(5, 2)


def test_a_resized_patch_keeps_its_mean_grey() -> None:
    patches = lfw_subset()
    means = sorted(float(patch.mean()) for patch in patches)
    found = sorted(float(i.mean()) for part in embedded.faces(0) for i in part.images)
    assert np.abs(np.array(means) - np.array(found)).max() < 0.02
    assert all(part.images.dtype == np.float32 for part in embedded.faces(0))


def test_the_first_hundred_patches_are_the_faces() -> None:
    labels = {
        image.tobytes(): int(label)
        for part in embedded.faces(0)
        for image, label in zip(part.images, part.labels, strict=True)
    }
    for number in (0, 50, 99, 100, 150, 199):
        small = resize(lfw_subset()[number], (16, 16), anti_aliasing=True).astype(np.float32)
        assert labels[small[None].tobytes()] == int(number < 100)


@pytest.mark.parametrize("split", [-1, 20])
def test_a_split_of_faces_that_is_not_there_is_refused(split: int) -> None:
    with pytest.raises(BadInput, match=rf"split of faces = {split}: 0 to 19"):
        embedded.faces(split)


def test_the_splits_of_faces_are_data_sets() -> None:
    assert len(data.load("faces/3").train) == 120
    assert data.fingerprint("faces/3") != data.fingerprint("faces")
    with pytest.raises(BadInput, match="data = 'faces/20'"):
        data.load("faces/20")
