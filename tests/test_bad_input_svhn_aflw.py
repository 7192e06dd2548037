"""Bad input, the files of SVHN and AFLW: cut short, of other sizes, foreign, hostile.

Small copies of the official files are broken in every way. Each is refused in one line with the file's name before
anything is made of it.
"""

from __future__ import annotations

import io
import pickle
import sqlite3
import struct
import tracemalloc
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from fitnets_lib import aflw, svhn
from tests.broken import pixels
from tests.refusals import change_a_byte, denied, names, refusal, refusal_if_any
from tests.test_aflw import write_aflw
from tests.test_svhn import COUNTS, write_svhn

in_one_folder = hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


# SVHN: MATLAB files.


def read_svhn(folder: Path) -> Any:
    return svhn.read_svhn(folder, COUNTS, 2, 1)


X, Y = pixels(32, 32, 3, 20), np.tile(np.arange(1, 11), 2)[:, None]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ({"X": X.astype(float), "y": Y}, ("type of X = 'double'", "uint8")),
        ({"X": X.astype(np.int8), "y": Y}, ("type of X = 'int8'", "uint8")),
        ({"X": X / 255, "y": Y}, ("type of X = 'double'", "uint8")),
        ({"X": X > 9, "y": Y}, ("type of X = 'logical'", "uint8")),
        ({"X": X, "y": Y + 0.5}, ("label = 1.5", "1 to 10, where 10 is the digit 0")),
        ({"X": X, "y": np.where(Y == 3, np.nan, Y)}, ("label = nan", "1 to 10")),
        ({"X": X, "y": np.where(Y == 3, np.inf, Y)}, ("label = inf", "1 to 10")),
        ({"X": X, "y": np.where(Y == 3, -3, Y)}, ("label = -3", "1 to 10")),
        ({"X": X, "y": np.where(Y == 3, 0, Y)}, ("label = 0", "1 to 10")),
        ({"X": X, "y": np.where(Y == 3, 2**31 - 1, Y)}, ("label = 2147483647", "1 to 10")),
        ({"X": X, "y": np.where(Y == 3, 4, Y)}, ("images of class 3 = 0", "2")),
        ({"X": X, "y": Y + 0j}, ("type of y = 'complex128'", "whole numbers")),
        ({"X": X, "y": Y.astype(object)}, ("type of y = 'object'", "whole numbers")),
        ({"X": X, "y": Y.T}, ("sizes = ", "y of (20, 1)")),
        ({"X": X, "y": {"a": 1}}, ("sizes = ", "y of (20, 1)")),
        ({"X": X, "Y": Y}, ("sizes = ", "y of (20, 1)")),
        ({"X": X[..., 0], "y": Y}, ("sizes = ", "X of (32, 32, 3, 20)")),
        ({"X": X.transpose(3, 0, 1, 2), "y": Y}, ("sizes = ", "X of (32, 32, 3, 20)")),
    ],
)
def test_an_array_of_another_kind_in_a_matlab_file_is_refused(
    tmp_path: Path, content: dict[str, Any], parts: tuple[str, ...]
) -> None:
    write_svhn(tmp_path)
    savemat(tmp_path / "test_32x32.mat", content)
    names(refusal(lambda: read_svhn(tmp_path)), "test_32x32.mat", *parts)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(128),
        b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400),
        b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + struct.pack("<II", 15, 2**31 - 1),
        b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + struct.pack("<II", 15, 8) + bytes(8),
        b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + struct.pack("<II", 99, 8) + bytes(8),
        pickle.dumps({"X": 1}),
    ],
)
def test_what_is_no_matlab_file_is_refused(tmp_path: Path, content: bytes) -> None:
    write_svhn(tmp_path)
    (tmp_path / "extra_32x32.mat").write_bytes(content)
    line = refusal(lambda: read_svhn(tmp_path))
    names(line, "extra_32x32.mat")
    assert "a whole MATLAB file of X and y: download it again" in line or "X of (32, 32, 3, 30)" in line


def test_what_else_a_matlab_file_holds_is_not_unpacked(tmp_path: Path) -> None:
    write_svhn(tmp_path)
    noise = pixels(3 * 10**6)
    savemat(tmp_path / "test_32x32.mat", {"A": noise, "X": X, "y": Y, "Z": noise}, do_compression=True)
    tracemalloc.start()
    found = svhn.read_file(tmp_path / "test_32x32.mat", COUNTS.test)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 20
    assert most < 2 * 10**6


@in_one_folder
@given(st.data())
def test_a_changed_byte_of_a_packed_matlab_file_is_refused_or_changes_nothing(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "test_32x32.mat"
    savemat(path, {"X": X, "y": Y}, do_compression=True)
    change_a_byte(path, data)
    if refusal_if_any(lambda: svhn.read_file(path, COUNTS.test)) is None:
        found = svhn.read_file(path, COUNTS.test)
        np.testing.assert_array_equal(found.images, X.transpose(3, 2, 0, 1))
        np.testing.assert_array_equal(found.labels, Y[:, 0] % 10)


# AFLW: a database of paths and boxes, and photographs.


def with_database(folder: Path, *commands: str, name: str = "flickr/0/photo.png") -> Path:
    home = write_aflw(folder, name)
    with closing(sqlite3.connect(home / "aflw.sqlite")) as database, database:
        for command in commands:
            database.execute(command)
    return home


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        ("UPDATE FaceImages SET filepath = NULL", ("face = (None, 0, 0, 20, 20)", "the path of a photograph")),
        ("UPDATE FaceImages SET filepath = x'00ff'", (r"face = (b'\x00\xff', 0", "the path of a photograph")),
        ("UPDATE FaceImages SET filepath = CAST(x'ff' AS TEXT)", ("aflw.sqlite", "AFLW's database", "UTF-8")),
        ("UPDATE FaceImages SET filepath = 'a' || char(0) || 'b'", (r"= 'a\x00b'", "a")),
        ("UPDATE FaceImages SET filepath = ''", ("data file = ", "a file; ask the authors")),
        ("UPDATE FaceImages SET filepath = '.'", ("data file = ", "a file; ask the authors")),
        ("UPDATE FaceImages SET filepath = 'nobody.png'", ("data file = ", "nobody.png'", "a file; ask the authors")),
        ("UPDATE FaceRect SET w = 'wide'", ("face = ('flickr/0/photo.png', 0, 0, 'wide', 20)", "four whole numbers")),
        ("UPDATE FaceRect SET w = 20.5", ("face = ('flickr/0/photo.png', 0, 0, 20.5, 20)", "four whole numbers")),
        ("UPDATE FaceRect SET h = NULL", ("face = ('flickr/0/photo.png', 0, 0, 20, None)", "four whole numbers")),
        ("UPDATE FaceRect SET h = -20", ("face = (0, 0, 20, -20)", "a box of at least one pixel")),
        ("UPDATE FaceRect SET x = 400", ("face = (400, 0, 20, 20)", "a box that meets the photograph, 400 x 20")),
        ("UPDATE FaceRect SET y = -20", ("face = (0, -20, 20, 20)", "a box that meets the photograph")),
        ("UPDATE FaceRect SET w = 4611686018427387904", ("face = (0, 0, 4611686018427387904, 20)", "at most")),
        ("UPDATE FaceRect SET w = 100000, h = 100000", ("face = (0, 0, 100000, 100000)", "at most 33,554,432 pixels")),
        ("DELETE FROM Faces WHERE face_id > 8", ("faces and patches without = (9, 20)", "10 or more")),
        ("DROP TABLE FaceRect", ("aflw.sqlite", "AFLW's database", "no such table")),
        ("ALTER TABLE FaceRect RENAME COLUMN w TO width", ("aflw.sqlite", "AFLW's database", "no such column")),
    ],
)
def test_a_face_that_is_none_in_aflws_database_is_refused(tmp_path: Path, command: str, parts: tuple[str, ...]) -> None:
    with_database(tmp_path, command)
    names(refusal(lambda: aflw.read_aflw(tmp_path)), *parts)


def test_a_picture_without_a_face_that_is_too_large_is_not_called_a_face(tmp_path: Path) -> None:
    home = with_database(tmp_path)
    Image.new("1", (6000, 6000)).save(home / "nonfaces" / "big.png")
    said = refusal(lambda: aflw.read_aflw(tmp_path))
    names(said, "big.png, image = (6000, 6000): at most 33,554,432 pixels")


def test_a_link_that_leads_out_of_aflws_folder_or_in_a_circle_is_refused(tmp_path: Path) -> None:
    home = with_database(tmp_path, name="flickr/0/link.png")
    Image.new("RGB", (400, 20)).save(tmp_path / "secret.png")
    link = home / "flickr" / "0" / "link.png"
    link.symlink_to(tmp_path / "secret.png")
    names(refusal(lambda: aflw.read_aflw(tmp_path)), "path in aflw.sqlite = 'flickr/0/link.png'", "a path inside")
    link.unlink()
    link.symlink_to(link)
    names(refusal(lambda: aflw.read_aflw(tmp_path)), "link.png'", ": a")


def picture(kind: str, size: tuple[int, int] = (32, 32)) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size).save(content, kind)
    return content.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims to be huge: the first chunk of a small one with another size and the checksum to go with it."""
    chunk = b"IHDR" + struct.pack(">II", width, height) + b"\x08\x02\x00\x00\x00"
    small = picture("PNG")
    return small[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + small[33:]


@pytest.mark.parametrize("name", ["flickr/0/photo.png", "nonfaces/03.png"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        picture("PNG")[:-20],
        picture("PNG")[:60],
        png_header(2**30, 2**30),
        png_header(30_000, 30_000),
        b"<svg/>",
        b"%!PS-Adobe",
        pickle.dumps(1),
    ],
)
def test_a_photograph_that_is_none_or_a_bomb_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    home = write_aflw(tmp_path)
    (home / name).write_bytes(content)
    names(refusal(lambda: aflw.read_aflw(tmp_path)), "image = ", name, "a whole image")


def test_a_photograph_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_aflw(tmp_path)
    monkeypatch.setattr(Image, "open", denied)
    names(refusal(lambda: aflw.read_aflw(tmp_path)), "image = ", "Permission denied")
