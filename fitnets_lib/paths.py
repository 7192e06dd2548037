"""Where things are kept: below the checkout, or FITNETS_HOME, or, for an installed copy, the working folder."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The folder that holds `runs/`, `results/` and `_build/`."""
    if "FITNETS_HOME" in os.environ:
        return Path(os.environ["FITNETS_HOME"]).resolve()
    return CHECKOUT if (CHECKOUT / "_toc.yml").is_file() else Path.cwd()


def runs() -> Path:
    """Where kept runs are, by name."""
    return home() / "runs"


def results(preset: str) -> Path:
    """Where the tables of a build with this preset are."""
    return home() / "results" / preset


def evidence(folder: str) -> Path:
    """Where the runs and measurements are that claims are judged by: of a preset, or of a data set's records."""
    return results(folder) / "evidence"


def data() -> Path:
    """Where data sets that do not come with a library are: FITNETS_DATA, or `data` below the home."""
    return Path(os.environ["FITNETS_DATA"]).resolve() if "FITNETS_DATA" in os.environ else home() / "data"
