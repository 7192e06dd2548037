from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from fitnets_lib import aflw, cifar, data, idx, paths, svhn
from fitnets_lib.arrays import Arrays
from fitnets_lib.errors import BadInput
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.preprocessing import scaled, whitened
from tests.broken import flipped

SPLITS = [data.load("digits").train, data.load("digits").validation, data.load_test("digits")]


def test_the_digits_are_split_into_1000_297_and_500() -> None:
    assert [len(split) for split in SPLITS] == [1000, 297, 500]
    assert all(split.images.shape[1:] == (1, 8, 8) for split in SPLITS)


def test_no_digit_is_lost_and_none_is_in_two_splits() -> None:
    pixels = load_digits().images / 16
    ours = np.concatenate([split.images.numpy()[:, 0] for split in SPLITS]).reshape(1797, 64)
    labels = np.concatenate([split.labels.numpy() for split in SPLITS])
    # Standardising is one straight line for all pixels: it keeps the order of the images' sorted rows.
    line = np.polyfit(np.sort(pixels.ravel()), np.sort(ours.ravel()), 1)
    back = np.rint((ours - line[1]) / line[0] * 16).astype(int)
    theirs = np.rint(pixels * 16).astype(int).reshape(1797, 64)
    assert sorted(map(tuple, np.column_stack([back, labels]).tolist())) == sorted(
        map(tuple, np.column_stack([theirs, load_digits().target]).tolist())
    )


def test_every_split_has_the_classes_in_equal_shares() -> None:
    for split in SPLITS:
        shares = np.bincount(split.labels.numpy(), minlength=10) / len(split)
        assert np.abs(shares - np.bincount(load_digits().target) / 1797).max() < 0.003


def test_the_scale_comes_from_the_training_images_alone() -> None:
    assert SPLITS[0].images.mean().item() == pytest.approx(0, abs=1e-5)
    assert SPLITS[0].images.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    assert abs(SPLITS[1].images.mean().item()) > 1e-4


TRAINS = """
import sys
from pathlib import Path
from fitnets_lib import recipes, sweep
from tests.helpers import run
sweep.sweep([run(recipes.HINT_THEN_KD)], sweep.Store(Path(sys.argv[1])), processes=1)
print(*sys.modules)
"""


def test_a_process_that_trains_imports_no_library_that_only_readers_and_tables_need(tmp_path: Path) -> None:
    slow = {"sklearn", "skimage", "pandas", "matplotlib", "torchvision", "scipy.stats", "scipy.io", "torch._dynamo"}
    home, processes = {**os.environ, "FITNETS_HOME": str(tmp_path)}, []
    for store in ("one", "two"):
        command = [sys.executable, "-c", TRAINS, str(tmp_path / store)]
        processes.append(subprocess.run(command, cwd=CHECKOUT, env=home, capture_output=True, text=True, check=True))
        assert list((tmp_path / store).glob("*/weights.safetensors"))
    first, second = processes
    assert "sklearn" in first.stdout.split()  # it prepares the digits, and keeps them for the next
    assert slow.isdisjoint(second.stdout.split())


def test_a_wrong_name_is_refused_with_those_there_are() -> None:
    for call in (data.load, data.load_test, data.fingerprint):
        with pytest.raises(BadInput, match="data = 'mnits': one of digits, faces, mnist, cifar10"):
            call("mnits")


def test_the_fingerprint_is_stable_and_sees_a_changed_label(monkeypatch: pytest.MonkeyPatch) -> None:
    before = data.fingerprint("digits")
    assert data.fingerprint.__wrapped__("digits") == before
    train, validation, test = data._splits("digits")
    changed = data.Split(test.images, test.labels.flip(0))
    monkeypatch.setattr(data, "_splits", lambda name: (train, validation, changed))
    assert data.fingerprint.__wrapped__("digits") != before


def test_the_data_directory_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITNETS_DATA", str(tmp_path))
    assert paths.data() == tmp_path
    monkeypatch.delenv("FITNETS_DATA")
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    assert paths.data() == tmp_path / "data"


@pytest.mark.parametrize("name", [name for name in data.NAMES if name not in ("digits", "faces")])
def test_a_data_set_whose_files_are_absent_is_refused_before_anything_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITNETS_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    with pytest.raises(BadInput, match=r"data file = .*nowhere.*FITNETS_DATA names another folder"):
        data.load(name)
    assert list(tmp_path.iterdir()) == []


def test_whitened_images_are_kept_and_a_damaged_copy_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    made: list[str] = []

    def digits() -> Any:
        made.append("digits")
        return data.LOADERS["digits"]()

    monkeypatch.setitem(data.LOADERS, "slow", digits)
    first = data._kept("slow")
    again = data._kept("slow")
    assert made == ["digits"]
    assert all((a.images == b.images).all() and (a.labels == b.labels).all() for a, b in zip(first, again, strict=True))
    (weights,) = (tmp_path / "_build" / "data").glob("*.safetensors")
    flipped(weights)
    data._kept("slow")
    assert made == ["digits", "digits"]


def test_what_cannot_be_downloaded_is_refused_with_what_can() -> None:
    with pytest.raises(BadInput, match="data = 'aflw': one that can be downloaded: mnist, cifar10, cifar100, svhn"):
        data.download("aflw")


@pytest.mark.parametrize(
    ("name", "classes", "splits"),
    [
        ("mnist", "MNIST", [()]),
        ("cifar10", "CIFAR10", [()]),
        ("cifar100", "CIFAR100", [()]),
        ("svhn", "SVHN", [("train",), ("extra",), ("test",)]),
    ],
)
def test_each_data_set_is_downloaded_by_its_class_all_files_of_it(
    name: str, classes: str, splits: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision import datasets

    asked: list[tuple[object, ...]] = []
    for one in ("MNIST", "CIFAR10", "CIFAR100", "SVHN"):
        monkeypatch.setattr(datasets, one, lambda *rest, one=one, **named: asked.append((one, *rest, named)))
    monkeypatch.setenv("FITNETS_DATA", str(tmp_path))
    data.download(name)
    assert asked == [(classes, str(tmp_path), *split, {"download": True}) for split in splits]


def test_chapters_look_at_the_first_1000_and_300_images_of_a_large_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def numbered(start: int, count: int) -> data.Split:
        numbers = torch.arange(start, start + count)
        return data.Split(numbers.float().view(count, 1, 1, 1), numbers)

    whole = numbered(0, 1001), numbered(2000, 301), numbered(3000, 5)
    monkeypatch.setattr(data, "_splits", lambda name: whole)
    found = data.shown("cifar10")
    for part, start, count in ((found.train, 0, 1000), (found.validation, 2000, 300)):
        assert part.labels.tolist() == part.images.flatten().tolist() == list(range(start, start + count))


def test_the_small_copy_is_the_first_images_of_the_large_one_and_all_test_images() -> None:
    numbers = np.arange(12.0)[:, None]
    parts = [Arrays(numbers[a:b], np.arange(a, b)) for a, b in ((0, 6), (6, 10), (10, 12))]
    train, validation, test = data._first((parts[0], parts[1], parts[2]), train=3, validation=2)
    assert train.labels.tolist() == [0, 1, 2]
    assert validation.labels.tolist() == [6, 7]
    assert test.labels.tolist() == [10, 11]


def test_files_are_split_and_prepared_as_the_cards_say(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    train, test = (
        Arrays(random.integers(0, 256, (count, 3, 2, 2), dtype=np.uint8), np.arange(count) % 2) for count in (10_006, 5)
    )
    readers: dict[str, tuple[Any, str, Any]] = {
        "mnist": (idx, "read_mnist", scaled),
        "cifar10": (cifar, "read_cifar10", whitened),
        "cifar10-jpeg": (cifar, "read_jpeg", whitened),
        "cifar100": (cifar, "read_cifar100", whitened),
        "cifar100-coarse": (cifar, "read_cifar100_coarse", whitened),
    }
    assert readers.keys() | {"digits", "faces", "cifar10-jpeg-10000", "svhn", "aflw"} == set(data.NAMES)
    for name, (module, reader, prepared) in readers.items():
        with monkeypatch.context() as patch:
            for other, function, _ in readers.values():
                patch.setattr(other, function, None)
            patch.setattr(module, reader, lambda folder: (train, test))
            found = data.LOADERS[name]()
        expected = prepared((train.part(slice(6)), train.part(slice(6, None)), test))
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours.images, theirs.images)
            np.testing.assert_array_equal(ours.labels, theirs.labels)


def test_prepared_images_are_made_again_when_the_jpeg_files_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    monkeypatch.setenv("FITNETS_DATA", str(tmp_path))
    for part in ("train", "test"):
        (tmp_path / f"cifar10_jpeg_{part}.npz").write_bytes(part.encode())
    made: list[str] = []
    monkeypatch.setitem(data.LOADERS, "cifar10-jpeg", lambda: (made.append("made"), data.LOADERS["digits"]())[1])  # type: ignore[func-returns-value]
    data._kept("cifar10-jpeg")
    data._kept("cifar10-jpeg")
    assert len(made) == 1
    (tmp_path / "cifar10_jpeg_test.npz").write_bytes(b"another copy")
    data._kept("cifar10-jpeg")
    assert len(made) == 2


def test_the_small_copy_is_cut_to_10000_and_5000_images_before_it_is_whitened(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    train, test = (
        Arrays(random.integers(0, 256, (count, 3, 2, 2), dtype=np.uint8), np.arange(count)) for count in (20_003, 5)
    )
    monkeypatch.setattr(cifar, "read_jpeg", lambda folder: (train, test))
    found = data.LOADERS["cifar10-jpeg-10000"]()
    # Of 20,003 images the last 10,000 are for validation, so that 10,003 are left to train on.
    expected = whitened((train.part(slice(10_000)), train.part(slice(10_003, 15_003)), test))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.images, theirs.images)
        np.testing.assert_array_equal(ours.labels, theirs.labels)


@pytest.mark.parametrize(("name", "module", "reader"), [("svhn", svhn, "read_svhn"), ("aflw", aflw, "read_aflw")])
def test_svhn_and_aflw_come_in_three_parts_and_are_standardised(
    name: str, module: ModuleType, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    parts = tuple(
        Arrays(random.integers(0, 256, (count, 3, 2, 2), dtype=np.uint8), np.arange(count)) for count in (7, 4, 5)
    )
    monkeypatch.setattr(module, reader, lambda folder: parts)
    mean, deviation = parts[0].images.mean(dtype=float), parts[0].images.std(dtype=float)
    for ours, theirs in zip(data.LOADERS[name](), parts, strict=True):
        np.testing.assert_allclose(ours.images, (theirs.images - mean) / deviation, atol=1e-5)
        np.testing.assert_array_equal(ours.labels, theirs.labels)
