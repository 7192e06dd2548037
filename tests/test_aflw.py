"""AFLW in its official format, written here in small, read whole and then broken in every way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fitnets_lib import aflw
from fitnets_lib.errors import BadInput
from tests.broken import absent, cut, empty, foreign


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


def test_what_hangs_over_the_border_of_a_photograph_is_black(tmp_path: Path) -> None:
    home = write_aflw(tmp_path)
    with sqlite3.connect(home / "aflw.sqlite") as database:
        database.execute("UPDATE FaceRect SET x = -10 WHERE face_id = 0")
        database.execute("UPDATE FaceRect SET x = 390 WHERE face_id = 19")
    database.close()
    train, validation, _ = aflw.read_aflw(tmp_path)
    faces = [part.images[n, 0] for part in (train, validation) for n in np.flatnonzero(part.labels == 1)]
    halves = sorted((int(face[8, 2]), int(face[8, 13])) for face in faces)  # a pixel of the left and of the right
    assert halves == [(0, 100), *((grey, grey) for grey in range(101, 119)), (119, 0)]


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
