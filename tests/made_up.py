"""Records of runs on digits that were never made, for the tests of code that reads records."""

from __future__ import annotations

import pandas as pd

from fitnets_lib import files, records
from fitnets_lib.divergence import Divergence
from fitnets_lib.outcomes import Epoch, Result, result_as_json, without_end
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD
from fitnets_lib.records import Row
from fitnets_lib.runs import Run
from fitnets_lib.specification import specification
from tests.helpers import run

TAUGHT = tuple(run(HINT_THEN_KD, seed) for seed in range(5))
ALONE = tuple(run(BACKPROP, seed) for seed in range(5))
ROW = Row("tiny-row", "digits", "a row to test with", (*TAUGHT, *ALONE))


def record(wanted: Run, error: float, epochs: int = 2, seconds: float = 60.0, day: int = 3) -> None:
    """A record of a run that was never made."""
    curve = tuple(Epoch(1, epoch, 1.0, 1.0, error) for epoch in range(1, epochs + 1))
    _write(wanted, Result(error, error, curve, seconds), day)


def record_diverged(wanted: Run) -> None:
    """A record of a run that was never made, in which the training loss became NaN."""
    _write(wanted, without_end(Divergence(1, 1, 1, "the training loss", "nan")))


def _write(wanted: Run, result: Result, day: int = 3) -> None:
    kept = {
        "specification": specification(wanted),
        "result": result_as_json(result),
        "provenance": {"device": "Linux x86_64", "torch": "2.9", "finished": f"2026-05-0{day}T10:00:00+00:00"},
    }
    files.write_sealed(records.path(wanted), kept)


def rows(frame: pd.DataFrame) -> list[dict[str, str]]:
    return [{str(key): str(value) for key, value in line.items()} for line in frame.to_dict("records")]
