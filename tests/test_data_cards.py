from __future__ import annotations

import pytest

from fitnets_lib import data, idx, svhn
from fitnets_lib.cifar_classes import CIFAR100, SUPERCLASSES
from fitnets_lib.data_cards import CARDS, Card, table
from fitnets_lib.paper_networks import NETWORKS

BY_NAME = {card.name: card for card in CARDS}


def parts(card: Card) -> tuple[int, int, int]:
    return card.train, card.validation, card.test


@pytest.mark.parametrize("name", ["digits", "faces"])
def test_what_is_said_of_a_stand_in_is_what_is_loaded(name: str) -> None:
    card, found, test = BY_NAME[name], data.load(name), data.load_test(name)
    assert parts(card) == (len(found.train), len(found.validation), len(test))
    assert tuple(found.train.images.shape[1:]) == card.image
    assert len(found.train.labels.unique()) == card.classes


def test_there_is_a_card_for_every_data_set() -> None:
    assert set(data.NAMES) <= set(BY_NAME)


def test_the_parts_add_up_to_the_official_files() -> None:
    mnist, digits = BY_NAME["mnist"], svhn.OFFICIAL
    assert (mnist.train + mnist.validation, mnist.test) == (sum(idx.TRAIN_COUNTS), sum(idx.TEST_COUNTS))
    assert isinstance(digits.extra, int)
    house = BY_NAME["svhn"]
    assert house.train + house.validation == sum(digits.train) + digits.extra == 73_257 + 531_131
    assert house.test == sum(digits.test) == 26_032
    for name in ("cifar10", "cifar10-jpeg", "cifar100", "cifar100-coarse"):
        assert parts(BY_NAME[name]) == (40_000, 10_000, 10_000)
    assert parts(BY_NAME["cifar10-jpeg-10000"]) == (10_000, 5_000, 10_000)
    assert parts(BY_NAME["aflw"]) == (45_000, 5_000, 5_000)  # 90 % of 25K faces and 25K other patches


def test_classes_and_images_are_those_of_the_names_and_of_the_networks() -> None:
    assert BY_NAME["cifar100"].classes == len(CIFAR100)
    assert BY_NAME["cifar100-coarse"].classes == len(SUPERCLASSES)
    for network in NETWORKS.values():
        card = BY_NAME[network.name.split("/")[0]]
        assert (network.image, network.classes) == (card.image, card.classes)


def test_the_table_has_a_row_a_data_set() -> None:
    rows = {row["data set"]: row for row in table().to_dict("records")}
    assert len(rows) == len(CARDS)
    house = rows["svhn"]
    found = (house["image"], house["training"], house["terms"])
    assert found == ("3 × 32 × 32", "598,388", "non-commercial use only")
