"""Where things are kept: below FITNETS_HOME if set, else the checkout, or, if there is none, the working folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from fitnets_lib.errors import BadInput

CHECKOUT = Path(__file__).resolve().parent.parent
VARIABLES = ("FITNETS_HOME", "FITNETS_DATA")
"""The environment variables that name folders."""


def home() -> Path:
    """The folder that holds `runs/`, `results/` and `_build/`.

    Raises:
        BadInput: if FITNETS_HOME names no folder, nor a place where one could be made.
    """
    return _named("FITNETS_HOME") or (CHECKOUT if (CHECKOUT / "_toc.yml").is_file() else Path.cwd())


def runs() -> Path:
    """Where kept runs are, by name."""
    return home() / "runs"


def results(preset: str) -> Path:
    """Where the tables of a build with this preset are."""
    return home() / "results" / preset


def evidence(folder: str) -> Path:
    """The folder of the runs and measurements by which claims are judged: a preset's, or a data set's records."""
    return results(folder) / "evidence"


def data() -> Path:
    """The folder of the data sets that come with no library: FITNETS_DATA, or `data` below the home.

    Raises:
        BadInput: if FITNETS_DATA names something that is no folder.
    """
    return _named("FITNETS_DATA") or home() / "data"


def fix() -> None:
    """Makes the paths in the environment variables absolute, since chapters are executed in another folder.

    Raises:
        BadInput: if one of them names no folder.
    """
    for variable in VARIABLES:
        if (folder := _named(variable)) is not None:
            os.environ[variable] = str(folder)


def check_writable(*folders: Path) -> None:
    """Makes the folders that are not there and tries to write into each, so that hours of training are not lost.

    Raises:
        BadInput: naming the folder and what the system says.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(bytes(4096))
        except OSError as error:
            right = f"one that can be written to ({error.strerror}); FITNETS_HOME names another"
            raise BadInput("folder", str(folder), right) from error


def _named(variable: str) -> Path | None:
    """The folder that an environment variable names, or None where it is not set."""
    said = os.environ.get(variable)
    if said is None:
        return None
    right = "a folder, or one that can be made; leave it unset for the usual place"
    if not said or said.startswith("~"):  # only a shell knows what ~ means
        raise BadInput(variable, said, right)
    try:
        folder = Path(said).resolve()
        there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
        if not there.is_dir():
            raise BadInput(variable, said, f"{right} ({there} is none)")
    except (OSError, RuntimeError, ValueError) as error:  # such as a circle of links
        if isinstance(error, BadInput):
            raise
        raise BadInput(variable, said, f"{right} ({error})") from error
    return folder
