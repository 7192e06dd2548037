"""The data sets that come with libraries and need no download: scikit-learn's digits and scikit-image's faces."""

from __future__ import annotations

import numpy as np

from fitnets_lib.arrays import Arrays, checked
from fitnets_lib.errors import BadInput

DIGIT_COUNTS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
FOLDS = 5
REPETITIONS = 4


def digits() -> tuple[Arrays, Arrays, Arrays]:
    """1,797 handwritten digits, 8 x 8, grey, 0 to 1: 1,000 to train, 297 to validate, 500 to test."""
    from sklearn.datasets import load_digits  # takes more than a second to import: `data` keeps the images
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    images = (bunch.images / 16.0).astype(np.float32)[:, None]
    whole = checked("scikit-learn's digits", Arrays(images, bunch.target.astype(np.int64)), DIGIT_COUNTS)
    labels = whole.labels
    rest, test = train_test_split(np.arange(len(labels)), test_size=500, random_state=0, stratify=labels)
    train, validation = train_test_split(rest, test_size=297, random_state=0, stratify=labels[rest])
    return whole.part(train), whole.part(validation), whole.part(test)


def faces(split: int = 0) -> tuple[Arrays, Arrays, Arrays]:
    """200 grey patches of 16 x 16, half of them faces (Labeled Faces in the Wild): the stand-in for AFLW.

    They are resized from 25 x 25 with anti-aliasing. Since they are so few, they need repeated cross-validation.

    Args:
        split: 0 to 19, five folds four times: a fold of 40 to test, the next to validate, the other 120 to train.

    Raises:
        BadInput: if there is no such split, or scikit-image's file is not the expected one.
    """
    from skimage.data import lfw_subset
    from skimage.transform import resize
    from sklearn.model_selection import StratifiedKFold

    if not 0 <= split < FOLDS * REPETITIONS:
        raise BadInput("split of faces", split, f"0 to {FOLDS * REPETITIONS - 1}")
    patches = lfw_subset()
    images = np.stack([resize(patch, (16, 16), anti_aliasing=True) for patch in patches]).astype(np.float32)[:, None]
    labels = np.repeat([1, 0], len(patches) // 2).astype(np.int64)
    whole = checked("scikit-image's faces", Arrays(images, labels), (100, 100))
    repetition, fold = divmod(split, FOLDS)
    cut = StratifiedKFold(FOLDS, shuffle=True, random_state=repetition).split(images, labels)
    folds = [test for _, test in cut]
    test, validation = folds[fold], folds[(fold + 1) % FOLDS]
    train = np.setdiff1d(np.arange(len(labels)), np.concatenate([test, validation]))
    return whole.part(train), whole.part(validation), whole.part(test)
