"""Data sets in their official formats, written here in small, read whole and then broken in every way."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from fitnets_lib import aflw, cifar, data, idx, paths, svhn
from fitnets_lib.arrays import Array
from fitnets_lib.errors import BadInput

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


def pixels(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


# -- MNIST ------------------------------------------------------------------------------------------------------------

TRAIN, TEST = (3, 2, 4), (1, 1, 2)


def write_idx(path: Path, content: Array, pack: bool) -> None:
    whole = bytes([0, 0, 8, content.ndim]) + struct.pack(f">{content.ndim}I", *content.shape) + content.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    if pack:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(whole))
    else:
        path.write_bytes(whole)


def labels_of(counts: tuple[int, ...]) -> Array:
    return np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.uint8)


def write_mnist(folder: Path, pack: bool = False) -> dict[str, Array]:
    raw, written = folder / "MNIST" / "raw", {}
    for prefix, counts in (("train", TRAIN), ("t10k", TEST)):
        written[f"{prefix}-images-idx3-ubyte"] = pixels(sum(counts), 5, 5)
        written[f"{prefix}-labels-idx1-ubyte"] = labels_of(counts)
    for name, content in written.items():
        write_idx(raw / name, content, pack)
    return written


def read_mnist(folder: Path) -> Any:
    return idx.read_mnist(folder, TRAIN, TEST, side=5)


@pytest.mark.parametrize("pack", [False, True])
def test_mnist_is_read_packed_or_not_and_nothing_is_written_beside_it(tmp_path: Path, pack: bool) -> None:
    written = write_mnist(tmp_path, pack)
    before = sorted(tmp_path.rglob("*"))
    train, test = read_mnist(tmp_path)
    np.testing.assert_array_equal(train.images[:, 0], written["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(test.labels, written["t10k-labels-idx1-ubyte"])
    assert sorted(tmp_path.rglob("*")) == before


def test_mnists_official_counts_are_60000_and_10000() -> None:
    assert (sum(idx.TRAIN_COUNTS), sum(idx.TEST_COUNTS)) == (60_000, 10_000)


def absent(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.write_bytes(b"not what it says")


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("name", "harm", "message"),
    [
        ("train-images-idx3-ubyte", absent, "data file = .*train-images-idx3-ubyte.gz.*: a file; download MNIST"),
        ("train-images-idx3-ubyte", cut, r"train-images-idx3-ubyte, sizes = .*: \(9, 5, 5\)"),
        ("train-images-idx3-ubyte", longer, "sizes"),
        ("t10k-labels-idx1-ubyte", empty, "t10k-labels-idx1-ubyte, first bytes = '': 00000801"),
        ("t10k-labels-idx1-ubyte", foreign, "first bytes = '6e6f7420': 00000801"),
    ],
)
def test_a_broken_mnist_file_is_refused_by_name(
    tmp_path: Path, name: str, harm: Callable[[Path], None], message: str
) -> None:
    write_mnist(tmp_path)
    harm(tmp_path / "MNIST" / "raw" / name)
    with pytest.raises(BadInput, match=message):
        read_mnist(tmp_path)


@pytest.mark.parametrize("harm", [cut, empty, foreign])
def test_a_broken_packed_mnist_file_is_refused(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    write_mnist(tmp_path, pack=True)
    harm(tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz")
    with pytest.raises(BadInput, match="train-labels-idx1-ubyte"):
        read_mnist(tmp_path)


def test_a_packed_file_that_would_grow_without_end_is_refused_and_not_unpacked(tmp_path: Path) -> None:
    write_mnist(tmp_path, pack=True)
    header = bytes([0, 0, 8, 1]) + struct.pack(">I", 9)
    bomb = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz"
    bomb.write_bytes(gzip.compress(header + bytes(10**7)))
    with pytest.raises(BadInput, match=r"sizes = \(9,\): \(9,\) and as many bytes"):
        read_mnist(tmp_path)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 0, 0, 1, 1, 2, 2, 2, 7], np.uint8), "MNIST, train, label = 7: 0 to 2"),
        (np.array([0, 0, 0, 0, 1, 2, 2, 2, 2], np.uint8), "MNIST, train, images of class 0 = 4: 3"),
    ],
)
def test_other_labels_than_mnists_are_refused(tmp_path: Path, labels: Array, message: str) -> None:
    write_mnist(tmp_path)
    write_idx(tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte", labels, pack=False)
    with pytest.raises(BadInput, match=message):
        read_mnist(tmp_path)


# -- CIFAR ------------------------------------------------------------------------------------------------------------


def write_batch(path: Path, key: str, labels: Array, images: Array) -> str:
    content = pickle.dumps({"data": images.reshape(len(images), -1), key: labels.tolist()})
    path.write_bytes(content)
    return hashlib.md5(content).hexdigest()


def small_cifar(folder: Path, hundred: bool = False) -> tuple[Any, Array]:
    """Two training files and a test file as the official ones are, and torchvision's class with their checksums."""
    from torchvision.datasets import CIFAR10
    from torchvision.datasets import CIFAR100 as OF_100

    base: Any = OF_100 if hundred else CIFAR10
    names, key = [f"class {n}" for n in range(3)], "fine_labels" if hundred else "labels"
    place = folder / base.base_folder
    place.mkdir(parents=True)
    images = pixels(9, 3, 32, 32)
    labels = np.array([0, 1, 2] * 3)
    parts = {"data_batch_1": slice(0, 3), "data_batch_2": slice(3, 6), "test_batch": slice(6, 9)}
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
    for read in (cifar.read_cifar10, cifar.read_cifar100, cifar.read_cifar100_coarse):
        with pytest.raises(BadInput, match=r"download cifar-10"):
            read(tmp_path)


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


# -- SVHN -------------------------------------------------------------------------------------------------------------

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


# -- AFLW -------------------------------------------------------------------------------------------------------------


def write_aflw(folder: Path, name: str = "flickr/0/photo.png") -> Path:
    """A photograph with twenty faces, each a square of its own grey, and twenty patches without."""
    home = folder / "aflw"
    (home / "flickr" / "0").mkdir(parents=True)
    (home / "nonfaces").mkdir()
    photo = np.zeros((20, 400, 3), np.uint8)
    for number in range(20):
        photo[:, 20 * number : 20 * number + 20] = 100 + number
        Image.new("RGB", (30, 30), (number, 0, 0)).save(home / "nonfaces" / f"{number:02}.png")
    Image.fromarray(photo).save(home / "flickr/0/photo.png")
    with sqlite3.connect(home / "aflw.sqlite") as database:
        database.execute("CREATE TABLE Faces (face_id INTEGER, file_id TEXT)")
        database.execute("CREATE TABLE FaceImages (file_id TEXT, filepath TEXT)")
        database.execute("CREATE TABLE FaceRect (face_id INTEGER, x INTEGER, y INTEGER, w INTEGER, h INTEGER)")
        database.execute("INSERT INTO FaceImages VALUES ('a', ?)", [name])
        for number in range(20):
            database.execute("INSERT INTO Faces VALUES (?, 'a')", [number])
            database.execute("INSERT INTO FaceRect VALUES (?, ?, 0, 20, 20)", [number, 20 * number])
    database.close()
    return home


def test_aflws_faces_are_cut_out_of_their_photographs(tmp_path: Path) -> None:
    write_aflw(tmp_path)
    train, validation, test = aflw.read_aflw(tmp_path)
    assert (train.images.shape, validation.images.shape) == ((36, 3, 16, 16), (4, 3, 16, 16))
    assert np.bincount(train.labels).tolist() == [18, 18]
    np.testing.assert_array_equal(test.images, validation.images)
    greys = [int(part.images[n, 0, 8, 8]) for part in (train, validation) for n in np.flatnonzero(part.labels == 1)]
    assert sorted(greys) == list(range(100, 120))
    reds = [int(part.images[n, 0, 8, 8]) for part in (train, validation) for n in np.flatnonzero(part.labels == 0)]
    assert sorted(reds) == list(range(20))


def test_an_absent_copy_of_aflw_is_refused_with_directions(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"aflw.sqlite.*: a file; ask the authors of AFLW for a licensed copy"):
        aflw.read_aflw(tmp_path)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/hostname", "flickr/../../secret.png"])
def test_a_path_that_leads_out_of_aflws_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.png").write_bytes(b"")
    write_aflw(tmp_path, name)
    with pytest.raises(BadInput, match=r"path in aflw.sqlite = .*: a path inside"):
        aflw.read_aflw(tmp_path)


@pytest.mark.parametrize(
    ("name", "harm", "message"),
    [
        ("aflw.sqlite", foreign, "AFLW's database"),
        ("aflw.sqlite", empty, "AFLW's database .*no such table"),
        ("flickr/0/photo.png", absent, "photo.png.*ask the authors"),
        ("flickr/0/photo.png", cut, "image = .*photo.png.*: a whole image"),
        ("nonfaces/03.png", foreign, "image = .*03.png.*: a whole image"),
    ],
)
def test_a_broken_copy_of_aflw_is_refused(
    tmp_path: Path, name: str, harm: Callable[[Path], None], message: str
) -> None:
    harm(write_aflw(tmp_path) / name)
    with pytest.raises(BadInput, match=message):
        aflw.read_aflw(tmp_path)


def test_too_few_patches_without_faces_and_boxes_of_no_size_are_refused(tmp_path: Path) -> None:
    home = write_aflw(tmp_path)
    with sqlite3.connect(home / "aflw.sqlite") as database:
        database.execute("UPDATE FaceRect SET w = 0 WHERE face_id = 3")
    database.close()
    with pytest.raises(BadInput, match=r"face = .*: a box of at least one pixel"):
        aflw.read_aflw(tmp_path)
    with sqlite3.connect(home / "aflw.sqlite") as database:
        database.execute("UPDATE FaceRect SET w = 20")
    database.close()
    for number in range(15):
        (home / "nonfaces" / f"{number:02}.png").unlink()
    with pytest.raises(BadInput, match=r"faces and patches without = \(20, 5\)"):
        aflw.read_aflw(tmp_path)


# -- What data.py makes of them ---------------------------------------------------------------------------------------


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
