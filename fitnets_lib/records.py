"""Records: runs on real data that take too long for a build, made in any number of sittings and kept with the book.

A record is one file, `results/<data>/records/<name>.json`: specification, result with its learning curve, where and
with what it was made, and the weights' checksum; small weights lie beside it. Its name is a hash of the specification
alone, so that a record is found by what was asked for; the record says which source and which torch gave the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fitnets_lib import diagnostics, files, gaps, paths, results, sealed
from fitnets_lib.outcomes import Result, result_as_json, result_from
from fitnets_lib.runs import Run, Store, execute
from fitnets_lib.specification import specification
from fitnets_lib.sweep import sweep

SMALL = 2**18
"""Weights of more bytes than this are not kept with the record, only their checksum."""
GRADIENTS, PROBES, GAPS = "-gradients", "-probes", "-gaps"
"""The endings of the names of a row's tables of first gradients, of probes, and of gaps at equal training loss."""


@dataclass(frozen=True)
class Row:
    """Some runs that are recorded together and make one table.

    Attributes:
        name: of the table, in lower case with hyphens.
        data: the data set, whose folder below `results/` holds the records.
        about: what the row compares, for people.
        runs: every run of it.
    """

    name: str
    data: str
    about: str
    runs: tuple[Run, ...]

    @property
    def on_gpu(self) -> bool:
        """Whether it takes a GPU to make."""
        return any(run.device == "cuda" for run in self.runs)

    def missing(self) -> list[Run]:
        """The runs of which there is no record yet."""
        return [run for run in self.runs if read(run) is None]


def name(run: Run) -> str:
    """The first 20 hexadecimal digits of a hash over the specification."""
    return files.digest(files.canonical(specification(run)).encode())[:20]


def path(run: Run) -> Path:
    """Where the record of `run` is, or would be."""
    return paths.results(run.data) / "records" / f"{name(run)}.json"


def read(run: Run) -> dict[str, Any] | None:
    """The record of `run`, or None if there is none.

    Raises:
        files.Damaged: if the file is not whole, or speaks of another run.
    """
    try:
        kept: dict[str, Any] = files.read_sealed(path(run))
    except FileNotFoundError:
        return None
    with files.understood(path(run)):
        asked, _ = kept["specification"], result_from(kept["result"])
    if asked != specification(run):
        raise files.Damaged(path(run), f"it is not the record of {run}")
    return kept


def result(run: Run) -> Result | None:
    """What the record of `run` found, or None if there is none."""
    kept = read(run)
    return None if kept is None else result_from(kept["result"])


def keep(run: Run, store: Store) -> None:
    """Writes the record of a finished run of `store`: the weights first, if they are small, then the record.

    The record of a run that diverged says where, and has no weights. The record of a student has the checksum of its
    teacher's weights too.

    Raises:
        ValueError: if the run is not finished.
    """
    kept, weights = content(run, store), store.folder(run) / "weights.safetensors"
    beside = path(run).with_suffix(".safetensors")
    with store.alone(run):
        files.forget_halves(path(run), beside)
        if "weights_sha256" in kept and weights.stat().st_size <= SMALL:
            files.write(beside, weights.read_bytes())
        files.write_sealed(path(run), kept)


def content(run: Run, store: Store) -> dict[str, Any]:
    """What the record of a finished run of `store` holds.

    Raises:
        ValueError: if the run is not finished.
    """
    found = store.result(run)
    if found is None:
        raise ValueError(f"{run} is not finished: only finished runs are recorded")
    made = files.read_sealed(store.folder(run) / "result.json")["provenance"]  # of when and where the run was trained
    kept = {"specification": specification(run), "result": result_as_json(found), "provenance": made}
    if run.teacher is not None:  # trained on another machine, its weights may differ in their last bits
        kept["teacher_weights_sha256"] = _checksum(run.teacher, store)
    if found.diverged is None:
        kept["weights_sha256"] = _checksum(run, store)
    return kept


def _checksum(run: Run, store: Store) -> str | None:
    """SHA-256 of the weights of a run in `store`; None if the run diverged and has none."""
    try:
        return files.digest((store.folder(run) / "weights.safetensors").read_bytes())
    except FileNotFoundError:
        return None


def make(row: Row, store: Store, processes: int | None = None) -> None:
    """Makes the records of `row` that are missing, each as soon as its run is over, and then its tables.

    Raises:
        BadInput: if the data set is absent.
        sweep.RunsFailed: naming the runs that failed, after all others were recorded.
    """
    missing = row.missing()

    def over(run: Run) -> None:
        if run in missing:
            keep(run, store)
            write_tables(row)

    for run in row.runs:
        if store.result(run) is not None:
            over(run)
            store.tidy(run)  # a process killed just after it had written the record left its lock
    if left := row.missing():
        sweep(left, store, processes, finished=over)
    write_tables(row)


def write_tables(row: Row) -> None:
    """Writes the row's runs and learning curves, as far as they are recorded, to `results/<data>/evidence/`."""
    with files.alone(paths.evidence(row.data) / row.name):
        found = recorded(row.runs)  # inside, so that no older state is written over a newer one
        for kind, frame in {"": tidy(found), "-curves": curves(found)}.items():
            _write(row, kind, frame)


def write_gradients(row: Row, store: Store) -> None:
    """Writes what `diagnostics.first_gradients` finds of the row, beside the row's other tables.

    Teachers that are not in `store` are trained first.

    Raises:
        BadInput: if the data set is absent.
        Diverged: if a teacher did.
    """
    _train_teachers(row.runs, store)
    with files.alone(paths.evidence(row.data) / row.name):
        _write(row, GRADIENTS, diagnostics.first_gradients(row.runs, store))


def write_probes(row: Row, store: Store, seeds: int) -> None:
    """Writes what `diagnostics.probes` finds of the first `seeds` seeds of the row, beside the row's other tables.

    Teachers that are not in `store` are trained first.

    Raises:
        BadInput: if the data set is absent.
        Diverged: if a teacher did.
    """
    runs = [run for run in row.runs if run.seed < seeds]
    _train_teachers(runs, store)
    with files.alone(paths.evidence(row.data) / row.name):
        _write(row, PROBES, diagnostics.probes(runs, store))


def _train_teachers(runs: Iterable[Run], store: Store) -> None:
    for teacher in dict.fromkeys(run.teacher for run in runs if run.teacher is not None):
        execute(teacher, store)


def write_gaps(row: Row, store: Store) -> None:
    """Writes what `gaps` finds of the row's runs at equal training loss, beside the row's other tables.

    Every run is trained where it is not in `store`, and then once more, to be watched.

    Raises:
        BadInput: if the data set is absent.
        Diverged: if a run did.
    """
    found = gaps.at_equal_loss(gaps.by_epoch(row.runs, store))
    with files.alone(paths.evidence(row.data) / row.name):
        _write(row, GAPS, found)


def read_measured(row: Row, ending: str) -> pd.DataFrame | None:
    """The row's table with this ending (`GRADIENTS`, `PROBES`, `GAPS`), or None if that was not measured yet.

    Raises:
        files.Damaged: if the table is not as it was written.
    """
    return sealed.read(_evidence(row, ending))


def _evidence(row: Row, kind: str) -> Path:
    return paths.evidence(row.data) / f"{row.name}{kind}.csv"


def _write(row: Row, kind: str, frame: pd.DataFrame) -> None:
    files.forget_halves(_evidence(row, kind))
    sealed.write(_evidence(row, kind), frame)


def recorded(runs: Iterable[Run]) -> list[tuple[Run, Result]]:
    """Those of `runs` that have a record, each with its result."""
    pairs = [(run, result(run)) for run in runs]
    return [(run, found) for run, found in pairs if found is not None]


def tidy(found: Sequence[tuple[Run, Result]]) -> pd.DataFrame:
    """One row a run: network, start, depth, recipe, seed, epochs, accuracies in per cent, seconds."""
    frame = _tidied(results.tidy, found)
    return frame.assign(
        network=[run.network.name for run, _ in found],
        start=[start(run) for run, _ in found],
        epochs=[len(outcome.curve) for _, outcome in found],
    )


def curves(found: Sequence[tuple[Run, Result]]) -> pd.DataFrame:
    """One row an epoch, as `results.curves` has it."""
    return _tidied(results.curves, found)


def _tidied(
    table: Callable[[Sequence[Run], Sequence[Result]], pd.DataFrame], found: Sequence[tuple[Run, Result]]
) -> pd.DataFrame:
    return table([run for run, _ in found], [outcome for _, outcome in found])


def start(run: Run) -> str:
    """How the run's first weights were drawn, in words."""
    if run.training.start is not None:
        return str(run.training.start)
    spread = run.training.spread
    return "torch’s default" if spread is None else f"U(−{spread:g}, {spread:g})"
