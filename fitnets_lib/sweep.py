"""Many runs at once: what is missing is trained in parallel processes, what is kept is read back."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from joblib import Parallel, delayed
from tqdm.auto import tqdm

from fitnets_lib.runs import Result, Run, Store, execute

PROGRESS_FILE = "FITNETS_PROGRESS"
"""Environment variable: a file to which progress is appended, line by line, in place of a progress bar."""


def sweep(runs: Sequence[Run], store: Store, processes: int | None = None) -> list[Result]:
    """The results of `runs`, in their order.

    Args:
        runs: any number of runs; the teachers they need are trained first, and no run is trained twice.
        store: where runs are kept; a sweep that was cut off goes on with what is missing.
        processes: how many runs at a time; as many as there are processors unless said otherwise.
    """
    processes = processes or os.cpu_count() or 1
    everything = list(dict.fromkeys([*(run.teacher for run in runs if run.teacher), *runs]))
    missing = [run for run in everything if store.result(run) is None]
    teachers = {run.teacher for run in runs}
    progress = _Progress(len(missing))
    for wave in ([run for run in missing if run in teachers], [run for run in missing if run not in teachers]):
        # A sweep of one run, or of none, is not worth starting processes for.
        workers = Parallel(n_jobs=min(processes, max(len(wave), 1)), return_as="generator_unordered")
        for done in workers(delayed(_one)(run, store) for run in wave):
            progress.step(done)
    progress.close()
    return [execute(run, store) for run in runs]


def _one(run: Run, store: Store) -> Run:
    execute(run, store)
    return run


class _Progress:
    """How many runs are over and how long the rest will take: a bar for a reader, lines in a file for a build."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.begun = total, 0, time.monotonic()
        self.file = os.environ.get(PROGRESS_FILE)
        self.bar = None if self.file or not total else tqdm(total=total, unit="run")

    def step(self, run: Run) -> None:
        self.done += 1
        if self.bar is not None:
            self.bar.update()
        if self.file:
            left = (time.monotonic() - self.begun) / self.done * (self.total - self.done)
            with Path(self.file).open("a", encoding="utf-8") as file:
                file.write(f"run {self.done} of {self.total} ({run}); about {left:.0f} s left\n")

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
