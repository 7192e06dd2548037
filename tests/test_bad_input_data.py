"""Bad input, the data directory: absent, no folder, not to be read, and what every data set goes through.

The tests run as any user, also as one whom permissions do not stop, so a file that may not be read is one of which
`open` says so.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fitnets_lib import arrays, data, files
from fitnets_lib.arrays import Arrays
from tests.refusals import denied, names, refusal

FROM_FILES = [name for name in data.NAMES if name not in ("digits", "faces")]


# The folder.


@pytest.mark.parametrize("name", FROM_FILES)
def test_a_data_directory_that_is_a_file_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").touch()
    monkeypatch.setenv("FITNETS_DATA", str(tmp_path / "data"))
    names(refusal(lambda: data.load(name)), "FITNETS_DATA = ", "a folder, or one that can be made")


@pytest.mark.parametrize("name", FROM_FILES)
def test_a_data_directory_that_may_not_be_looked_into_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITNETS_DATA", str(tmp_path))
    is_file = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: denied() if tmp_path in path.parents else is_file(path))
    names(refusal(lambda: data.load(name)), "data file = ", "Permission denied")


def test_a_file_is_there_only_if_it_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").touch()
    assert arrays.there(tmp_path / "a", "ask") == tmp_path / "a"
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    for other in (tmp_path, tmp_path / "pipe", tmp_path / "a" / "b", tmp_path / ("x" * 300)):
        names(refusal(partial(arrays.there, other, "ask")), "data file = ", "a file")
    monkeypatch.setattr(Path, "open", denied)
    line = refusal(lambda: arrays.there(tmp_path / "a", "ask"))
    names(line, "data file = ", "a file that can be read (Permission denied", "FITNETS_DATA")


# What every data set goes through.


@pytest.mark.parametrize(
    ("labels", "parts"),
    [
        (np.array([0.0, 1.0, 1.0]), ("labels = '1 dimensions of float64'", "a whole number for each image")),
        (np.array([[0], [1], [1]]), ("labels = '2 dimensions of int64'", "a whole number for each image")),
        (np.array(["0", "1", "1"]), ("labels = '1 dimensions of <U1'", "a whole number for each image")),
        (np.array([0, 1, None]), ("labels = '1 dimensions of object'", "a whole number for each image")),
        (np.array([], np.int64), ("images and labels = (3, 0)", "3 of each")),
    ],
)
def test_labels_of_another_kind_are_refused(labels: Any, parts: tuple[str, ...]) -> None:
    names(refusal(lambda: arrays.checked("Small", Arrays(np.zeros((3, 1, 2, 2)), labels), (1, 2))), "Small, ", *parts)


def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A data set `slow` whose images are prepared once; returns where each preparation is noted."""
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    made: list[str] = []

    def prepare() -> Any:
        made.append("slow")
        return data.LOADERS["digits"]()

    monkeypatch.setitem(data.LOADERS, "slow", prepare)
    return made


def test_prepared_images_that_a_full_disk_does_not_take_are_used_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = kept(tmp_path, monkeypatch)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.warns(UserWarning, match=r"slow.*No space left on device.*are prepared again next time"):
        train, _, _ = data._kept("slow")
    assert (len(train), made) == (1000, ["slow"])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("seal", [None, 5, [], "", {"a": 1}])
def test_prepared_images_whose_checksum_is_none_are_prepared_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seal: Any
) -> None:
    made = kept(tmp_path, monkeypatch)
    data._kept("slow")
    (path,) = (tmp_path / "_build" / "data").glob("*.json")
    files.write_sealed(path, seal)
    data._kept("slow")
    assert made == ["slow", "slow"]


def test_prepared_images_of_another_layout_are_prepared_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = kept(tmp_path, monkeypatch)
    train, _, _ = data._kept("slow")
    (seal,) = (tmp_path / "_build" / "data").glob("*.json")
    files.write_sealed(seal, files.write_tensors(seal.with_suffix(".safetensors"), {"0.images": train.images}))
    again, _, _ = data._kept("slow")
    assert made == ["slow", "slow"]
    assert (again.images == train.images).all()


@pytest.mark.parametrize("error", [OSError("no network"), RuntimeError("File not found or corrupted.")])
def test_a_download_that_fails_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setenv("FITNETS_DATA", str(tmp_path))
    monkeypatch.setattr("torchvision.datasets.MNIST", fails)
    names(refusal(lambda: data.download("mnist")), "data = 'mnist'", "can be downloaded", str(error), "already stays")


@pytest.mark.parametrize(
    "name", ["", "MNIST", "../mnist", "mnist ", "faces/20", "faces/0", "faces/-1", None, 3, ("mnist",)]
)
def test_a_name_of_no_data_set_is_refused_with_those_there_are(name: Any) -> None:
    for call in (data.load, data.load_test, data.fingerprint):
        names(refusal(partial(call, name)), f"data = {name!r}", "one of digits, faces, mnist")
