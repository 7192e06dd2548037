"""A record made again: its run is trained anew from the specification, and whatever is not as recorded is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from typing import Any

from fitnets_lib import files, paths, records
from fitnets_lib.errors import BadInput, OneLine
from fitnets_lib.records import Row
from fitnets_lib.runs import Run, Store, execute

COMPARED = {
    "the images": ("provenance", "data_sha256"),
    "the teacher’s weights": ("teacher_weights_sha256",),
    "the learning curve": ("result", "curve"),
    "the validation error": ("result", "validation_error"),
    "the test error": ("result", "test_error"),
    "where it diverged": ("result", "diverged"),
    "the weights": ("weights_sha256",),
}
"""What must be the same, by the keys of a record, causes first."""


class Otherwise(OneLine, RuntimeError):
    """A record that was made again and is not the same."""


def find(name: str, rows: Iterable[Row]) -> Run:
    """The run of one of `rows` whose record, `results/<data>/records/<name>.json`, is to be made again.

    Raises:
        BadInput: if no run of these rows has this name, or it has no record.
        files.Damaged: if the record is not whole.
    """
    found = next((run for row in rows for run in row.runs if records.name(run) == name), None)
    if found is None or records.read(found) is None:
        raise BadInput("record", name, "the name of a file in results/<data>/records/, without .json")
    return found


def differences(run: Run) -> list[str]:
    """Trains `run` again, its teacher first, and names what its record has otherwise: nothing, if all is the same.

    This happens apart from other runs, in `_build/again`, where an interrupted check goes on; teachers stay there.
    Time, date, machine and versions may differ. An older record without its teacher's checksum is not asked for it.

    Raises:
        BadInput: as `runs.check`.
    """
    kept = records.read(run)
    if kept is None:
        raise BadInput("record", str(run), "a run that is recorded")
    store = Store(paths.home() / "_build" / "again")
    execute(run, store)
    made = json.loads(files.canonical(records.content(run, store)))  # as if it had been read back
    asked = {what: keys for what, keys in COMPARED.items() if what != "the teacher’s weights" or keys[0] in kept}
    found = [what for what, keys in asked.items() if _at(kept, keys) != _at(made, keys)]
    shutil.rmtree(store.folder(run))
    return found


def check(run: Run) -> str:
    """A line that says that `run` was made again and is as recorded.

    Raises:
        Otherwise: naming what is not the same.
        BadInput: as `differences`.
    """
    if found := differences(run):
        raise Otherwise(f"{run} (record {records.name(run)}): made again, it differs in {', '.join(found)}")
    return f"{run} (record {records.name(run)}): made again, it is as recorded, to the bit of its weights"


def _at(record: Any, keys: tuple[str, ...]) -> Any:  # noqa: ANN401  as JSON gives it
    for key in keys:
        record = record.get(key)
    return record
