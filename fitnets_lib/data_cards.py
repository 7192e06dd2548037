"""What each data set is: its images, its parts, and the terms under which it is given out."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Card:
    """A data set in short.

    Attributes:
        name: in `data.NAMES`.
        classes: how many there are.
        image: channels, height and width.
        train: how many images this book trains on.
        validation: how many images choices are made on; they are held out of the official training images.
        test: how many images are looked at once, at the end.
        terms: the terms under which it is given out.
    """

    name: str
    classes: int
    image: tuple[int, int, int]
    train: int
    validation: int
    test: int
    terms: str


CARDS = (
    Card("mnist", 10, (1, 28, 28), 50_000, 10_000, 10_000, "CC BY-SA 3.0"),
    Card("cifar10", 10, (3, 32, 32), 40_000, 10_000, 10_000, "none stated; cite the report"),
    Card("cifar10-jpeg", 10, (3, 32, 32), 40_000, 10_000, 10_000, "not the official files; cite the report"),
    Card("cifar10-jpeg-10000", 10, (3, 32, 32), 10_000, 5_000, 10_000, "the first images of those"),
    Card("cifar100", 100, (3, 32, 32), 40_000, 10_000, 10_000, "none stated; cite the report"),
    Card("cifar100-coarse", 20, (3, 32, 32), 40_000, 10_000, 10_000, "none stated; cite the report"),
    Card("svhn", 10, (3, 32, 32), 598_388, 6_000, 26_032, "non-commercial use only"),
    Card("aflw", 2, (3, 16, 16), 45_000, 5_000, 5_000, "from its authors, to those who sign their licence"),
    Card("digits", 10, (1, 8, 8), 1_000, 297, 500, "comes with scikit-learn"),
    Card("faces", 2, (1, 16, 16), 120, 40, 40, "comes with scikit-image"),
)
"""The paper's data sets, together with a copy of CIFAR-10 and a part of that copy, and then the two stand-ins.

AFLW's numbers are roughly the paper's; the paper has no test images apart from its validation images.
"""


def table() -> pd.DataFrame:
    """A row for each data set."""
    return pd.DataFrame(
        [
            {
                "data set": card.name,
                "classes": card.classes,
                "image": " × ".join(map(str, card.image)),
                "training": f"{card.train:,}",
                "validation": f"{card.validation:,}",
                "test": f"{card.test:,}",
                "terms": card.terms,
            }
            for card in CARDS
        ]
    )
