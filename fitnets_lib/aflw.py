"""AFLW: faces from a reader's licensed copy, and patches without a face (section 3.4, A.4).

The data set is given out by its authors to those who sign their licence. A copy is a database, `aflw.sqlite`, and
folders of photographs. The patches without faces, which the paper took from ImageNet, are a folder of images.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
from PIL import Image

from fitnets_lib.arrays import Array, Arrays, decoding, there
from fitnets_lib.errors import BadInput

SIDE = 16
MOST_PIXELS = 2**25
"""The largest area of a face's box, in pixels; a box may reach over the border of its photograph."""
_GET = "ask the authors of AFLW for a licensed copy and put aflw.sqlite and its images there"


def read_aflw(folder: Path) -> tuple[Arrays, Arrays, Arrays]:
    """Colour patches of 16 x 16: 0 is no face, 1 a face.

    Args:
        folder: the data directory. Its folder `aflw/` holds `aflw.sqlite`, the photographs, at the paths that the
            database names, and in `nonfaces/` the patches without faces.

    Returns:
        Training images, 90 % of each class; validation images, the rest; and the validation images once more as test
        images, since the paper reports validation errors and has no third part.

    Raises:
        BadInput: if the copy is absent or damaged, a photograph is missing, or a path leads out of the folder.
    """
    from sklearn.model_selection import train_test_split  # takes more than a second to import

    home = folder / "aflw"
    faces = [_patch(_inside(home, name), box) for name, box in _boxes(there(home / "aflw.sqlite", _GET))]
    others = [_patch(path, None) for path in sorted((home / "nonfaces").glob("*")) if path.is_file()]
    if len(faces) < 10 or len(others) < 10:
        found = (len(faces), len(others))
        raise BadInput(f"{home}, faces and patches without", found, "10 or more of each: the paper has 25,000")
    images, labels = np.stack([*others, *faces]), np.repeat([0, 1], [len(others), len(faces)])
    train, rest = train_test_split(np.arange(len(labels)), test_size=0.1, random_state=0, stratify=labels)
    whole = Arrays(images, labels.astype(np.int64))
    return whole.part(train), whole.part(rest), whole.part(rest)


def _boxes(database: Path) -> list[tuple[str, tuple[int, int, int, int]]]:
    """For each face its photograph's path and its box: left, top, width, height."""
    query = (
        "SELECT filepath, x, y, w, h FROM Faces JOIN FaceImages USING (file_id) JOIN FaceRect USING (face_id) "
        "ORDER BY Faces.face_id"
    )
    try:
        connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)
        try:
            rows = connection.execute(query).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise BadInput("data file", str(database), f"AFLW's database ({error})") from error
    for name, *box in rows:  # a column of sqlite holds values of any type
        if not isinstance(name, str) or any(type(side) is not int for side in box):
            raise BadInput(f"{database}, face", (name, *box), "the path of a photograph and four whole numbers")
    return [(name, (x, y, w, h)) for name, x, y, w, h in rows]


def _inside(home: Path, name: str) -> Path:
    try:
        path = (home / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # such as a circle of links
        raise BadInput("path in aflw.sqlite", name, f"a path inside {home} ({error})") from error
    if not path.is_relative_to(home.resolve()):
        raise BadInput("path in aflw.sqlite", name, f"a path inside {home}")
    return there(path, _GET)


def _patch(path: Path, box: tuple[int, int, int, int] | None) -> Array:
    with decoding("image", path, "a whole image"), Image.open(path) as image:
        left, top, width, height = box or (0, 0, *image.size)
        if width < 1 or height < 1:
            raise BadInput(f"{path}, face", box, "a box of at least one pixel")
        if left + width <= 0 or top + height <= 0 or left >= image.width or top >= image.height:
            raise BadInput(f"{path}, face", box, f"a box that meets the photograph, {image.width} x {image.height}")
        if width * height > MOST_PIXELS:
            what = "image" if box is None else "face"
            raise BadInput(f"{path}, {what}", box or image.size, f"at most {MOST_PIXELS:,} pixels")
        cut = image.convert("RGB").crop((left, top, left + width, top + height))
        return np.asarray(cut.resize((SIDE, SIDE), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
