from __future__ import annotations

from fitnets_lib.cifar import COARSE
from fitnets_lib.cifar_classes import CIFAR10, CIFAR100, SUPERCLASSES, table


def test_there_are_ten_a_hundred_and_twenty_names_all_different() -> None:
    assert len(set(CIFAR10)) == 10
    assert len(set(CIFAR100)) == 100
    assert len(SUPERCLASSES) == 20
    assert all(len(names) == 5 for names in SUPERCLASSES.values())


def test_the_names_agree_with_the_numbers_by_which_labels_are_made_coarse() -> None:
    """Two sources: the list of names, and the list of numbers in `cifar.COARSE`."""
    superclass = {name: number for number, names in enumerate(SUPERCLASSES.values()) for name in names}
    assert [superclass[name] for name in CIFAR100] == COARSE.tolist()


def test_some_classes_are_where_the_official_files_have_them() -> None:
    assert [CIFAR100.index(name) for name in ("apple", "aquarium_fish", "baby", "worm")] == [0, 1, 2, 99]
    assert [list(SUPERCLASSES).index(name) for name in ("aquatic mammals", "people", "vehicles 2")] == [0, 14, 19]


def test_the_table_has_a_row_a_superclass_to_be_read() -> None:
    rows = table()
    assert len(rows) == 20
    assert rows.loc[17, "classes"] == "maple tree, oak tree, palm tree, pine tree, willow tree"
