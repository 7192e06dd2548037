"""Many runs at once: what is missing is trained in parallel processes, what is kept is read back.

A run that diverges is finished like any other, and its result says so. A run fails only if it could not be made, as on
a full disk.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from joblib import Parallel, delayed, parallel_config
from tqdm.auto import tqdm

from fitnets_lib import source
from fitnets_lib.errors import BadInput
from fitnets_lib.outcomes import Result
from fitnets_lib.runs import Run, Store, check, execute

PROGRESS_FILE = "FITNETS_PROGRESS"
"""Environment variable: a file to which progress is appended, line by line, in place of a progress bar."""


class RunsFailed(RuntimeError):
    """Some runs of a sweep failed. All others are finished and kept; the next sweep repeats only the failed ones."""

    def __init__(self, failed: Mapping[Run, str]) -> None:
        self.failed = dict(failed)
        lines = [f"{run} (run {run.name}): {why}" for run, why in failed.items()]
        super().__init__("\n  ".join([f"{len(lines)} of the runs failed; the others are kept", *lines]))

    def _render_traceback_(self) -> list[str]:  # what a notebook shows
        return [f"{type(self).__name__}: {self}"]


def sweep(
    runs: Sequence[Run],
    store: Store,
    processes: int | None = None,
    backend: str | None = None,
    finished: Callable[[Run], None] = lambda run: None,
) -> list[Result]:
    """The results of `runs`, in their order.

    Args:
        runs: any number of runs; the teachers they need are trained first, and no run is trained twice.
        store: where runs are kept; a sweep that was cut off goes on with what is missing.
        processes: how many runs at a time; by default as many as there are processors.
        backend: one of joblib's, "dask" or "ray", to train on a cluster that sees the same files; make its client
            beforehand. `processes` is then how many runs the cluster gets at a time, by default all.
        finished: called here, in the sweep's own process, with each run that is newly trained, as soon as it is kept.

    Raises:
        BadInput: before anything is trained: if joblib has no such backend, or no cluster for it, if a run cannot be
            made here (`runs.check`), or if FITNETS_PROGRESS cannot be written to.
        RunsFailed: with each run that failed and why, after all others have been trained.
    """
    everything = list({run.name: run for run in [*(run.teacher for run in runs if run.teacher), *runs]}.values())
    missing = [run for run in everything if store.result(run) is None]
    for run in missing:
        check(run)
    teachers = {run.teacher for run in runs}
    progress, failed = _Progress(len(missing)), dict[Run, str]()
    with _where(backend):
        for wave in ([run for run in missing if run in teachers], [run for run in missing if run not in teachers]):
            failed |= {run: f"its teacher failed: {failed[run.teacher]}" for run in wave if run.teacher in failed}
            for run, why in _train([run for run in wave if run not in failed], store, processes, backend):
                progress.step(run)
                if why is None:
                    finished(run)
                else:
                    failed[run] = why
    progress.close()
    if failed:
        raise RunsFailed(failed)
    return [execute(run, store) for run in runs]


def _where(backend: str | None) -> AbstractContextManager[object]:
    if backend is None:
        return nullcontext()
    try:
        found: AbstractContextManager[object] = parallel_config(backend=backend)
    except (ValueError, ImportError) as error:
        raise BadInput("backend", backend, f"one of joblib's that can be reached ({error})") from error
    return found


def _train(
    runs: Sequence[Run], store: Store, processes: int | None, backend: str | None
) -> Iterable[tuple[Run, str | None]]:
    """Trains `runs` and yields each when it is over, with what went wrong."""
    if backend is None:  # a sweep of one run, or of none, is not worth starting processes for
        processes = min(processes or os.cpu_count() or 1, max(len(runs), 1))
    found: Iterable[tuple[Run, str | None]] = Parallel(n_jobs=processes, return_as="generator_unordered")(
        delayed(_one)(run, store, source.fingerprint("runs")) for run in runs
    )
    return found


def _one(run: Run, store: Store, wanted: str) -> tuple[Run, str | None]:
    """Trains `run` if this process, which may have started after the sweep, has the source that names the run."""
    if source.fingerprint("runs") != wanted:
        return run, "the library was changed since the sweep began; begin it again"
    try:
        execute(run, store)
    except Exception as error:
        return run, f"{type(error).__name__}: {error}"
    return run, None


class _Progress:
    """How many runs are over and how long the rest will take: a bar for a reader, lines in a file for a build."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.begun = total, 0, time.monotonic()
        self.file = os.environ.get(PROGRESS_FILE)
        self.silent = False
        if self.file and total:
            try:
                self._write("")
            except OSError as error:
                raise BadInput(PROGRESS_FILE, self.file, f"a file that can be written to ({error.strerror})") from error
        self.bar = None if self.file or not total else tqdm(total=total, unit="run")

    def step(self, run: Run) -> None:
        self.done += 1
        if self.bar is not None:
            self.bar.update()
        if self.file and not self.silent:
            left = (time.monotonic() - self.begun) / self.done * (self.total - self.done)
            try:
                self._write(f"run {self.done} of {self.total} ({run}); about {left:.0f} s left\n")
            except OSError as error:  # a failure to show progress stops no training
                warnings.warn(f"{self.file}: progress is no longer shown ({error.strerror})", stacklevel=2)
                self.silent = True

    def _write(self, line: str) -> None:
        with Path(str(self.file)).open("a", encoding="utf-8") as file:
            file.write(line)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
