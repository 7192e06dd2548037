"""The saved state of a run under way: written now and then, so that a run cut off goes on and ends in the same bits."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from fitnets_lib import files
from fitnets_lib.outcomes import Epoch
from fitnets_lib.training import Progress

CHECKPOINT_EVERY = 5.0
"""The least number of seconds between two checkpoints of a run under way."""


@dataclass
class Checkpoint:
    """The saved state of one run under way, and the clock that adds up the time of all its sittings.

    The file lies in its run's folder, and is valid for no other run. On a CPU the clock counts processor time, which
    stands still while other processes are served.
    """

    path: Path
    clock: Callable[[], float] = time.monotonic
    earlier_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.begun, self.saved, self.refused = self.clock(), time.monotonic(), False

    @property
    def seconds(self) -> float:
        """Training time so far, with all earlier sittings that the checkpoint recorded."""
        return self.earlier_seconds + self.clock() - self.begun

    def load(self) -> Progress | None:
        """Where the run stood, or None if it has to begin at the beginning."""
        try:
            tensors, note = files.read_tensors(self.path)
            with files.understood(self.path):
                found = Progress([Epoch(**row) for row in note["curve"]], int(note["finished"]), tensors)
                seconds, run = float(note["seconds"]), note["run"]
            if run != self.path.parent.name:
                raise files.Damaged(self.path, f"it is the checkpoint of run {run}")
        except FileNotFoundError:
            return None
        except files.Damaged as error:
            warnings.warn(f"{error}; the run begins at the beginning", stacklevel=2)
            return None
        self.earlier_seconds = seconds
        return found

    def save(self, progress: Progress) -> None:
        """Writes where the run stands, if the last checkpoint is old enough; a full disk does not stop the training."""
        if time.monotonic() - self.saved < CHECKPOINT_EVERY:
            return
        try:
            self.write(progress)
        except files.NotWritten as error:
            if not self.refused:
                warnings.warn(f"{error}; the training goes on without a new checkpoint", stacklevel=2)
            self.refused = True
        self.saved = time.monotonic()

    def write(self, progress: Progress) -> str:
        """Writes where the run stands, and returns the file's checksum.

        Raises:
            files.NotWritten: if the system refuses.
        """
        note = {
            "run": self.path.parent.name,
            "curve": [asdict(row) for row in progress.curve],
            "finished": progress.finished,
            "seconds": self.seconds,
        }
        return files.write_tensors(self.path, progress.tensors, note)
