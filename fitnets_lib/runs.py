"""Runs: each is named by its whole specification, kept once and read back, and resumed if it was cut off.

A run's folder, `runs/<name>/`, holds `specification.json` for people, `weights.safetensors`, and `result.json`, which
is written last and without which the run counts as unfinished. A run under way has `checkpoint.safetensors` instead.
A run that diverged (its numbers were no longer finite) is finished too: its result says where. It keeps its last good
checkpoint in place of weights, which might be taken for those of a trained network.
"""

from __future__ import annotations

import platform
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from fitnets_lib import data, files, source
from fitnets_lib.augmentation import NONE, Augmentation
from fitnets_lib.checkpoints import Checkpoint
from fitnets_lib.divergence import Diverged
from fitnets_lib.errors import BadInput, whole
from fitnets_lib.fits import check_fits, error_rate
from fitnets_lib.networks import Network, build
from fitnets_lib.optimisation import Training
from fitnets_lib.outcomes import Result, result_as_json, result_from, validation_error, without_end
from fitnets_lib.recipes import Recipe
from fitnets_lib.specification import specification
from fitnets_lib.teacher_cache import Lesson, Live, keep, unmoved
from fitnets_lib.threads import processor, repeatable
from fitnets_lib.training import Lessons, train
from fitnets_lib.variants import check_batches

source.fingerprint("runs")  # read now and remembered: whoever edits a file later still runs what was imported


@dataclass(frozen=True)
class Run:
    """Everything that decides a run's outcome.

    Attributes:
        data: name of the data set.
        network: what is trained.
        recipe: how, stage by stage.
        training: how the stages are optimised.
        seed: fixes initial weights and the order of the images.
        teacher: the run that trained the teacher, if there is one.
        device: "cpu" or "cuda"; the same specification gives the same bits on the same machine.
    """

    data: str
    network: Network
    recipe: Recipe
    training: Training
    seed: int
    teacher: Run | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        kinds = {"network": Network, "recipe": Recipe, "training": Training, "teacher": Run | None}
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                raise BadInput(f"{name} of a run", getattr(self, name), getattr(kind, "__name__", "Run or None"))
        if not isinstance(self.data, str) or self.data not in data.LOADERS:
            raise BadInput("data", self.data, f"one of {', '.join(data.NAMES)}")
        whole(self.seed, "seed", 0, 2**63 - 1)
        if self.device not in ("cpu", "cuda"):
            raise BadInput("device", self.device, "cpu or cuda")
        if self.teacher is not None and self.teacher.data != self.data:
            raise BadInput("data of the teacher", self.teacher.data, f"{self.data}, the student's")
        for stage in self.recipe.stages:
            stage.fits(self.network, None if self.teacher is None else self.teacher.network)
        self.recipe.epochs_of_stages(self.training.epochs, self.training.each_stage)  # refuses too few

    @cached_property
    def name(self) -> str:
        """The first 20 hexadecimal digits of a hash over specification, data, library source and torch version."""
        whole = {
            "run": specification(self),
            "data": data.fingerprint(self.data),
            "source": source.fingerprint("runs"),
            "torch": torch.__version__,
        }
        return files.digest(files.canonical(whole).encode())[:20]

    def __str__(self) -> str:
        return f"{self.network.name}, {self.recipe.name}, seed {self.seed}"


KEPT = ("specification.json", "checkpoint.safetensors", "weights.safetensors", "result.json")
"""The files of a run that are written by the one process that trains it."""


@dataclass(frozen=True)
class Store:
    """Kept runs, in a folder of the reader's choice."""

    root: Path

    def folder(self, run: Run) -> Path:
        """Where `run` is kept."""
        return self.root / run.name

    @contextmanager
    def alone(self, run: Run) -> Iterator[None]:
        """Inside, no other process trains or records `run`. If a process dies, the system releases its lock."""
        with files.alone(self._guarded(run)):
            files.forget_halves(*(self.folder(run) / name for name in KEPT))
            yield
            self._forget_checkpoint(run)

    def tidy(self, run: Run) -> None:
        """Removes lock and checkpoint of a finished run, in case its process was killed before it could do so."""
        files.forget_lock(self._guarded(run))
        self._forget_checkpoint(run)

    def _forget_checkpoint(self, run: Run) -> None:
        folder = self.folder(run)
        if all((folder / name).is_file() for name in ("weights.safetensors", "result.json")):
            (folder / "checkpoint.safetensors").unlink(missing_ok=True)

    def _guarded(self, run: Run) -> Path:
        return self.root / "locks" / run.name

    def _read(self, run: Run) -> tuple[Result, str | None]:
        """The kept result of `run`, and the checksum of its weights, or of its last checkpoint if it diverged."""
        path = self.folder(run) / "result.json"
        kept = files.read_sealed(path)
        with files.understood(path):
            return result_from(kept["result"]), kept["weights"]

    def result(self, run: Run) -> Result | None:
        """What `run` found, or None if it was not finished, or if its files are damaged, which is reported."""
        try:
            found, checksum = self._read(run)
            if found.diverged is None:
                files.read_tensors(self.folder(run) / "weights.safetensors", checksum)
            elif checksum is not None:
                files.read_tensors(self.folder(run) / "checkpoint.safetensors", checksum)
        except FileNotFoundError:
            return None
        except files.Damaged as error:
            warnings.warn(f"{error}; the run is made again", stacklevel=2)
            return None
        return found

    def network(self, run: Run) -> nn.Sequential:
        """The trained network of a finished run, on the CPU, in eval mode.

        Raises:
            FileNotFoundError: if the run was not finished.
            files.Damaged: if its weights are not those that its result names.
            Diverged: if there is none, because the run diverged.
        """
        found, checksum = self._read(run)
        if found.diverged is not None:
            raise Diverged(f"{run} (run {run.name}) has no trained network: {found.diverged}")
        tensors, _ = files.read_tensors(self.folder(run) / "weights.safetensors", checksum)
        network = build(run.network)
        network.load_state_dict(tensors)
        return network.eval()

    def keep(self, run: Run, result: Result, network: nn.Sequential) -> None:
        """Writes a finished run, its result last, since the run counts as finished once it is there."""
        checksum = files.write_tensors(self.folder(run) / "weights.safetensors", network.state_dict())
        self._finish(run, result, checksum)

    def keep_diverged(self, run: Run, result: Result, checkpoint: str | None) -> None:
        """Writes a run that diverged; `checkpoint` is the checksum of its last good checkpoint, if it has one."""
        self._finish(run, result, checkpoint)

    def _finish(self, run: Run, result: Result, checksum: str | None) -> None:
        folder = self.folder(run)
        files.write(folder / "specification.json", (files.canonical(specification(run)) + "\n").encode())
        kept = {"result": result_as_json(result), "weights": checksum, "provenance": provenance(run)}
        files.write_sealed(folder / "result.json", kept)


def provenance(run: Run) -> dict[str, str | int]:
    """Where and with what a run was made."""
    return {
        "run": run.name,
        "seed": run.seed,
        "data": run.data,
        "data_sha256": data.fingerprint(run.data),
        "source_sha256": source.fingerprint("runs"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name() if run.device == "cuda" else f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def check(run: Run) -> None:
    """Refuses a run, before anything is trained, if this machine or the data set does not suit it or its teacher.

    Raises:
        BadInput: if there is no such device, the data set is absent or damaged, a network does not fit its images, or a
            batch normalisation would get a single image.
    """
    for one in filter(None, (run, run.teacher)):
        if one.device == "cuda" and not torch.cuda.is_available():
            raise BadInput("device", one.device, "cpu: torch finds no GPU here")
        check_fits(one.network, one.data)
        images = data.load(one.data)
        check_batches(one.network, len(images.train), one.training.batch)
        if one.training.retrain:
            check_batches(one.network, len(images.train) + len(images.validation), one.training.batch)


def execute(run: Run, store: Store) -> Result:
    """Reads `run` back from the store, or trains it, its teacher first, and keeps it.

    Training uses one thread, so that a run gives the same bits alone and beside others. If several
    processes are asked for the same run, one trains it; the others wait and then read it. A run that diverges, or whose
    teacher diverged, is kept as well, and its result says so.

    Raises:
        BadInput: as `check`.
    """
    kept = store.result(run)
    if kept is not None:
        store.tidy(run)
        return kept
    check(run)
    taught = None if run.teacher is None else execute(run.teacher, store)
    with store.alone(run), repeatable():
        found = store.result(run)  # another process may have trained it meanwhile
        if found is None and taught is not None and taught.diverged is not None:
            found = without_end(replace(taught.diverged, whose="its teacher's"))
            store.keep_diverged(run, found, None)
        return found or _train(run, store)


def _train(run: Run, store: Store) -> Result:
    learnt_from = lessons(run, store)
    clock = time.process_time if run.device == "cpu" else time.monotonic
    checkpoint = Checkpoint(store.folder(run) / "checkpoint.safetensors", clock)
    taught_by = None if run.teacher is None else run.teacher.network
    try:
        network, curve = train(
            run.network, taught_by, run.recipe, run.training, learnt_from, run.seed, checkpoint.load(), checkpoint.save
        )
    except Diverged as error:
        found = without_end(error.found, error.progress.curve, round(checkpoint.seconds, 3))
        store.keep_diverged(run, found, checkpoint.write(error.progress))
        return found
    network = network.cpu().eval()
    seconds = round(checkpoint.seconds, 3)
    # All choices are made by now; this is the one place that looks at the test images.
    result = Result(
        test_error=error_rate(network, data.load_test(run.data)),
        validation_error=validation_error(run.recipe, curve),
        curve=tuple(curve),
        seconds=seconds,
    )
    store.keep(run, result, network)
    return result


def lessons(run: Run, store: Store) -> Lessons:
    """The images of the run on its device, with its teacher's answers, asked for only once where that is possible."""
    splits, random_views = data.load(run.data), run.training.augmentation
    train, validation = (split.to(run.device) for split in (splits.train, splits.validation))
    teacher = None if run.teacher is None else unmoved(store.network(run.teacher).to(run.device))
    layers = frozenset() if run.teacher is None else run.recipe.hint_layers(run.teacher.network)

    def lesson(part: str, split: data.Split, views: Augmentation) -> Lesson:
        if teacher is None or run.teacher is None:
            return Lesson(split, None, views)
        if not views.enumerable:
            return Lesson(split, Live(teacher, layers), views)
        folder = store.folder(run.teacher) / "answers" / part
        return Lesson(split, keep(teacher, layers, split.images, views, folder=folder), views)

    everything = lesson("everything", train.joined(validation), random_views) if run.training.retrain else None
    return Lessons(lesson("train", train, random_views), lesson("validation", validation, NONE), everything)


def with_seeds(run: Run, seeds: int) -> list[Run]:
    """`run` with seeds 0 to `seeds` - 1, each seed with a teacher of its own."""
    return [
        replace(run, seed=seed, teacher=None if run.teacher is None else replace(run.teacher, seed=seed))
        for seed in range(seeds)
    ]
