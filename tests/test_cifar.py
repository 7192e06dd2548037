"""CIFAR in its official format, written here in small, read whole and then broken in every way."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fitnets_lib import cifar
from fitnets_lib.arrays import Array, Arrays
from fitnets_lib.errors import BadInput
from tests.broken import absent, cut, empty, flipped, foreign, pixels

CIFAR100 = """aquatic mammals: beaver dolphin otter seal whale
fish: aquarium_fish flatfish ray shark trout
flowers: orchid poppy rose sunflower tulip
food containers: bottle bowl can cup plate
fruit and vegetables: apple mushroom orange pear sweet_pepper
household electrical devices: clock keyboard lamp telephone television
household furniture: bed chair couch table wardrobe
insects: bee beetle butterfly caterpillar cockroach
large carnivores: bear leopard lion tiger wolf
large man-made outdoor things: bridge castle house road skyscraper
large natural outdoor scenes: cloud forest mountain plain sea
large omnivores and herbivores: camel cattle chimpanzee elephant kangaroo
medium-sized mammals: fox porcupine possum raccoon skunk
non-insect invertebrates: crab lobster snail spider worm
people: baby boy girl man woman
reptiles: crocodile dinosaur lizard snake turtle
small mammals: hamster mouse rabbit shrew squirrel
trees: maple_tree oak_tree palm_tree pine_tree willow_tree
vehicles 1: bicycle bus motorcycle pickup_truck train
vehicles 2: lawn_mower rocket streetcar tank tractor"""


def write_batch(path: Path, key: str, labels: Array, images: Array) -> str:
    content = pickle.dumps({"data": images.reshape(len(images), -1), key: labels.tolist()})
    path.write_bytes(content)
    return hashlib.md5(content).hexdigest()


def small_cifar(folder: Path, hundred: bool = False, classes: int = 3, each: int = 1) -> tuple[Any, Array]:
    """Two training files and a test file as the official ones are, and torchvision's class with their checksums.

    Each file has `each` images of every class.
    """
    from torchvision.datasets import CIFAR10
    from torchvision.datasets import CIFAR100 as OF_100

    base: Any = OF_100 if hundred else CIFAR10
    names, key = [f"class {n}" for n in range(classes)], "fine_labels" if hundred else "labels"
    place = folder / base.base_folder
    place.mkdir(parents=True)
    count = classes * each
    images = pixels(3 * count, 3, 32, 32)
    labels = np.tile(np.arange(classes), 3 * each)
    files = ("data_batch_1", "data_batch_2", "test_batch")
    parts = {name: slice(start, start + count) for name, start in zip(files, range(0, 3 * count, count), strict=True)}
    sums = {name: write_batch(place / name, key, labels[part], images[part]) for name, part in parts.items()}
    meta = pickle.dumps({base.meta["key"]: names})
    (place / base.meta["filename"]).write_bytes(meta)

    class Small(base):  # type: ignore[misc]
        train_list = [["data_batch_1", sums["data_batch_1"]], ["data_batch_2", sums["data_batch_2"]]]  # noqa: RUF012
        test_list = [["test_batch", sums["test_batch"]]]  # noqa: RUF012
        meta = {**base.meta, "md5": hashlib.md5(pickle.dumps({base.meta["key"]: names})).hexdigest()}  # noqa: RUF012

    return Small, images


@pytest.mark.parametrize("hundred", [False, True])
def test_cifar_is_read_channel_by_channel_from_all_training_files(tmp_path: Path, hundred: bool) -> None:
    source, images = small_cifar(tmp_path, hundred)
    train, test = cifar.read_official(tmp_path, source, train=2, test=1)
    np.testing.assert_array_equal(train.images, images[:6])
    np.testing.assert_array_equal(test.images, images[6:])
    assert train.labels.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("name", "harm", "message"),
    [
        ("batches.meta", absent, "data file = .*batches.meta.*: a file; download cifar-10-batches-py"),
        ("data_batch_2", absent, "data folder = .*cifar-10-batches-py.*: the official files, by their checksums"),
        ("data_batch_1", cut, "by their checksums"),
        ("data_batch_1", flipped, "by their checksums"),
        ("test_batch", foreign, "by their checksums"),
    ],
)
def test_a_broken_cifar_file_is_refused_before_it_is_unpickled(
    tmp_path: Path, name: str, harm: Callable[[Path], None], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _ = small_cifar(tmp_path)
    harm(tmp_path / "cifar-10-batches-py" / name)
    monkeypatch.setattr(pickle, "load", lambda *_, **__: pytest.fail("a foreign file was unpickled"))
    with pytest.raises(BadInput, match=message):
        cifar.read_official(tmp_path, source, train=2, test=1)


def test_other_counts_than_cifars_are_refused(tmp_path: Path) -> None:
    source, _ = small_cifar(tmp_path)
    with pytest.raises(BadInput, match=r"Small, images and labels = \(6, 6\): 9 of each"):
        cifar.read_official(tmp_path, source, train=3, test=1)


def test_the_official_classes_are_refused_without_their_files(tmp_path: Path) -> None:
    ten, hundred = "cifar-10-batches-py", "cifar-100-python"
    for read, name in (
        (cifar.read_cifar10, ten),
        (cifar.read_cifar100, hundred),
        (cifar.read_cifar100_coarse, hundred),
    ):
        with pytest.raises(BadInput, match=rf"data file = .*/{name}/.*download {name}"):
            read(tmp_path)


def test_each_of_the_two_is_read_by_its_own_class_with_its_published_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision import datasets

    asked: list[tuple[Any, ...]] = []
    nothing = Arrays(np.zeros((0, 3, 32, 32), np.uint8), np.zeros(0, np.int64))

    def read_official(folder: Path, source: Any, train: int, test: int) -> tuple[Arrays, Arrays]:
        asked.append((folder, source, train, test))
        return nothing, nothing

    monkeypatch.setattr(cifar, "read_official", read_official)
    cifar.read_cifar10(tmp_path)
    cifar.read_cifar100(tmp_path)
    cifar.read_cifar100_coarse(tmp_path)
    ten, hundred = (
        (tmp_path, source, 50_000 // classes, 10_000 // classes)
        for source, classes in ((datasets.CIFAR10, 10), (datasets.CIFAR100, 100))
    )
    assert asked == [ten, hundred, hundred]


def test_the_superclasses_are_the_published_ones() -> None:
    # The fine classes are numbered in the order of their names.
    groups = [line.split(": ")[1].split() for line in CIFAR100.splitlines()]
    fine = sorted(name for group in groups for name in group)
    by_hand = [next(number for number, group in enumerate(groups) if name in group) for name in fine]
    assert cifar.COARSE.tolist() == by_hand


def test_coarse_labels_are_the_superclasses_of_the_fine_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, _ = small_cifar(tmp_path, hundred=True)
    monkeypatch.setattr(cifar, "read_cifar100", lambda folder, *_: cifar.read_official(folder, source, 2, 1))
    train, test = cifar.read_cifar100_coarse(tmp_path)
    assert train.labels.tolist() == [4, 1, 14, 4, 1, 14]  # apple, aquarium_fish, baby
    assert test.labels.tolist() == [4, 1, 14]


def packed_jpegs(images: Array) -> tuple[Array, Array]:
    parts = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "JPEG", quality=95)
        parts.append(np.frombuffer(buffer.getvalue(), np.uint8))
    return np.concatenate(parts), np.cumsum([0, *map(len, parts)])


def write_jpeg(folder: Path, side: int = 32, other: dict[str, Array] | None = None) -> Array:
    smooth = np.linspace(0, 255, 6 * side * side).reshape(6, 1, side, side).repeat(3, 1).astype(np.uint8)
    for part, images, labels in (("train", smooth[:4], [0, 1, 0, 1]), ("test", smooth[4:], [0, 1])):
        jpeg, offsets = packed_jpegs(images)
        content: dict[str, Any] = {
            "jpeg": jpeg,
            "offsets": offsets,
            "labels": np.array(labels, np.uint8),
            **(other or {}),
        }
        np.savez(folder / f"cifar10_jpeg_{part}.npz", **content)
    return smooth


def read_jpeg(folder: Path) -> Any:
    return cifar.read_jpeg(folder, train=2, test=1, classes=2)


def test_the_jpeg_copy_is_decoded(tmp_path: Path) -> None:
    smooth = write_jpeg(tmp_path)
    train, test = read_jpeg(tmp_path)
    assert np.abs(train.images.astype(int) - smooth[:4]).max() <= 3  # lossy
    assert (train.labels.tolist(), test.labels.tolist()) == ([0, 1, 0, 1], [0, 1])


@pytest.mark.parametrize("harm", [absent, cut, empty, foreign])
def test_a_broken_npz_file_is_refused(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    write_jpeg(tmp_path)
    harm(tmp_path / "cifar10_jpeg_test.npz")
    with pytest.raises(BadInput, match=r"data file = .*cifar10_jpeg_test.npz.*: a (whole npz )?file"):
        read_jpeg(tmp_path)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"labels": np.array([{}, {}, {}, {}], object)}, "a whole npz file of jpeg, offsets and labels .*allow_pickle"),
        ({"labels": np.array([0, 1, 0, 9], np.uint8)}, "label = 9: 0 to 1"),
        ({"labels": np.array([0, 0, 0, 1], np.uint8)}, "images of class 0 = 3: 2"),
        ({"offsets": np.array([0, 5])}, "offsets"),
        ({"offsets": np.array([0, 1, 2, 3, 4])}, "offsets"),
        ({"bomb": np.zeros(10**6, np.uint8)}, r"unpacked bytes = \d+: at most"),
    ],
)
def test_foreign_content_in_an_npz_file_is_refused(tmp_path: Path, other: dict[str, Array], message: str) -> None:
    write_jpeg(tmp_path, other=other)
    with pytest.raises(BadInput, match=message):
        read_jpeg(tmp_path)


def test_an_npz_file_that_would_unpack_to_far_more_is_refused_unread(tmp_path: Path) -> None:
    write_jpeg(tmp_path)
    with zipfile.ZipFile(tmp_path / "cifar10_jpeg_train.npz", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("jpeg.npy", bytes(10**7))
    with pytest.raises(BadInput, match="unpacked bytes = 10000000: at most"):
        read_jpeg(tmp_path)


def test_an_image_of_another_size_or_of_no_format_is_refused(tmp_path: Path) -> None:
    write_jpeg(tmp_path, side=16)
    with pytest.raises(BadInput, match=r"image size = \(16, 16\): 32 x 32"):
        read_jpeg(tmp_path)
    smooth = write_jpeg(tmp_path)
    jpeg, _ = packed_jpegs(smooth[:4])
    write_jpeg(tmp_path, other={"jpeg": np.zeros_like(jpeg)})
    with pytest.raises(BadInput, match=r"image = .*a whole JPEG"):
        read_jpeg(tmp_path)
