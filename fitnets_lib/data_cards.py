"""What each data set is: its images, its parts, under which terms it is given out, and what the paper did with it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Card:
    """A data set in short.

    Attributes:
        name: in `data.NAMES`.
        title: as people call it.
        content: what is on the images.
        classes: how many there are.
        image: channels, height and width.
        train: images that this book trains on.
        validation: images that choices are made by, held out of the official training images.
        test: images that are looked at once, at the end.
        terms: under which it is given out.
        stand_in: what takes its place in a build, which needs no download; empty if nothing does.
    """

    name: str
    title: str
    content: str
    classes: int
    image: tuple[int, int, int]
    train: int
    validation: int
    test: int
    terms: str
    stand_in: str = ""


CARDS = (
    Card(
        "mnist", "MNIST", "handwritten digits", 10, (1, 28, 28), 50_000, 10_000, 10_000,
        "CC BY-SA 3.0", stand_in="digits",
    ),
    Card(
        "cifar10", "CIFAR-10", "animals and vehicles", 10, (3, 32, 32), 40_000, 10_000, 10_000,
        "none stated; cite the report",
    ),
    Card(
        "cifar10-jpeg", "CIFAR-10 as JPEG", "the same, compressed with loss", 10, (3, 32, 32), 40_000, 10_000, 10_000,
        "not the official files; cite the report",
    ),
    Card(
        "cifar100", "CIFAR-100", "things, plants, animals, people", 100, (3, 32, 32), 40_000, 10_000, 10_000,
        "none stated; cite the report",
    ),
    Card(
        "cifar100-coarse", "CIFAR-100, superclasses", "the same images", 20, (3, 32, 32), 40_000, 10_000, 10_000,
        "none stated; cite the report",
    ),
    Card(
        "svhn", "SVHN", "digits of house numbers", 10, (3, 32, 32), 598_388, 6_000, 26_032,
        "non-commercial use only",
    ),
    Card(
        "aflw", "AFLW", "faces, and patches without", 2, (3, 16, 16), 45_000, 5_000, 5_000,
        "from its authors, to those who sign their licence", stand_in="faces",
    ),
    Card(
        "digits", "digits", "handwritten digits", 10, (1, 8, 8), 1_000, 297, 500,
        "comes with scikit-learn",
    ),
    Card(
        "faces", "faces", "faces, and patches without", 2, (1, 16, 16), 120, 40, 40,
        "comes with scikit-image",
    ),
)  # fmt: skip
"""The paper's data sets, with a copy of CIFAR-10 that can be had without it, and after them the two stand-ins.

AFLW's numbers are about those of the paper, which has no test images beside its validation images.
"""


def table() -> pd.DataFrame:
    """A row for each data set."""
    return pd.DataFrame(
        [
            {
                "data set": card.title,
                "name": card.name,
                "what": card.content,
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
