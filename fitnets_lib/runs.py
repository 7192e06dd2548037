"""Runs, named by their whole specification, kept once and read back, resumed when cut off.

A run's folder, `runs/<name>/`, holds `specification.json` for people, `weights.safetensors`, and `result.json`, which
is written last and without which the run counts as unfinished. A run under way has `checkpoint.safetensors` instead.
"""

from __future__ import annotations

import platform
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from torch import nn

from fitnets_lib import data, files, source
from fitnets_lib.augmentation import NONE, Augmentation
from fitnets_lib.checkpoints import Checkpoint
from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Network, build
from fitnets_lib.optimisation import Training
from fitnets_lib.recipes import Recipe
from fitnets_lib.teacher_cache import Lesson, Live, keep, unmoved
from fitnets_lib.threads import one_thread
from fitnets_lib.training import Epoch, Lessons, train


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
        for stage in self.recipe.stages:
            stage.loss.fits(self.network, None if self.teacher is None else self.teacher.network)
        if not self.training.each_stage:
            self.recipe.epochs(self.training.epochs)  # refuses too few

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


def specification(part: Any) -> Any:  # noqa: ANN401  any part of a run, as JSON
    """A run, or any part of it, as JSON: each dataclass with its type and its fields, a function by its name.

    A field at its default is left out, so that a choice that is added later changes no older specification.
    """
    if is_dataclass(part):
        chosen = {f.name: getattr(part, f.name) for f in fields(part) if getattr(part, f.name) != f.default}
        return {"type": type(part).__name__, **{name: specification(value) for name, value in chosen.items()}}
    if isinstance(part, list | tuple):
        return [specification(item) for item in part]
    return part.__qualname__ if callable(part) else part


@dataclass(frozen=True)
class Result:
    """What a finished run found.

    Attributes:
        test_error: share of the test images misclassified, by the weights that validation chose.
        validation_error: the same weights' error on the validation images.
        curve: every epoch of every stage.
        seconds: time spent in training, over all sittings: on a CPU the processor's, else what the clock showed.
    """

    test_error: float
    validation_error: float
    curve: tuple[Epoch, ...]
    seconds: float


def result_from(kept: dict[str, Any]) -> Result:
    """The result that `asdict` made `kept` of."""
    return Result(**{**kept, "curve": tuple(Epoch(**row) for row in kept["curve"])})


@dataclass(frozen=True)
class Store:
    """Kept runs, in a folder of the reader's choice."""

    root: Path

    def folder(self, run: Run) -> Path:
        """Where `run` is kept."""
        return self.root / run.name

    @contextmanager
    def alone(self, run: Run) -> Iterator[None]:
        """No other process trains `run` inside. A process that dies lets go of it; the system sees to that."""
        path = self.root / "locks" / f"{run.name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path):
            yield
            with suppress(OSError):  # where files that are open cannot be removed
                path.unlink(missing_ok=True)

    def result(self, run: Run) -> Result | None:
        """What `run` found, or None if it was not finished, or if its files are damaged, which is reported."""
        try:
            kept = files.read_sealed(self.folder(run) / "result.json")
            files.read_tensors(self.folder(run) / "weights.safetensors", kept["weights"])
        except FileNotFoundError:
            return None
        except files.Damaged as error:
            warnings.warn(f"{error}; the run is made again", stacklevel=2)
            return None
        return result_from(kept["result"])

    def network(self, run: Run) -> nn.Sequential:
        """The trained network of a finished run, on the CPU, in eval mode.

        Raises:
            FileNotFoundError: if the run was not finished.
            files.Damaged: if its weights are not the ones its result speaks of.
        """
        kept = files.read_sealed(self.folder(run) / "result.json")
        tensors, _ = files.read_tensors(self.folder(run) / "weights.safetensors", kept["weights"])
        network = build(run.network)
        network.load_state_dict(tensors)
        return network.eval()

    def keep(self, run: Run, result: Result, network: nn.Sequential) -> None:
        """Writes a finished run; its result last, since that is what makes it count."""
        folder = self.folder(run)
        files.write(folder / "specification.json", (files.canonical(specification(run)) + "\n").encode())
        checksum = files.write_tensors(folder / "weights.safetensors", network.state_dict())
        kept = {"result": asdict(result), "weights": checksum, "provenance": provenance(run)}
        files.write_sealed(folder / "result.json", kept)
        (folder / "checkpoint.safetensors").unlink(missing_ok=True)


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
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def error_rate(network: nn.Sequential, split: data.Split) -> float:
    """Share of the images of `split` that `network` misclassifies."""
    with torch.no_grad():
        guesses = [network(some).argmax(dim=1) for some in split.images.split(1024)]
    return float((torch.cat(guesses) != split.labels).double().mean())


def check_images(network: Network, name: str) -> None:
    """Refuses a network that was made for other images or classes than those of data set `name`.

    Raises:
        BadInput: with both shapes or both numbers.
    """
    train = data.load(name).train
    image, classes = tuple(train.images.shape[1:]), int(train.labels.max()) + 1
    if network.image != image:
        raise BadInput(f"image of {network.name}", network.image, f"{image}, the shape of the images of {name}")
    if network.classes != classes:
        raise BadInput(f"classes of {network.name}", network.classes, f"{classes}, as many as {name} has")


def execute(run: Run, store: Store) -> Result:
    """Reads `run` back from the store, or trains it, its teacher first, and keeps it.

    Training uses one thread, so that a run gives the same bits alone and beside others. Of several processes that are
    asked for the same run one trains it, and the others wait and read it.

    Raises:
        BadInput: if the data set is absent or damaged, or a network does not fit its images.
    """
    kept = store.result(run)
    if kept is not None:
        return kept
    check_images(run.network, run.data)
    if run.teacher is not None:
        execute(run.teacher, store)
    with store.alone(run), one_thread():
        return store.result(run) or _train(run, store)  # another process may have trained it meanwhile


def _train(run: Run, store: Store) -> Result:
    lessons = _lessons(run, store)
    clock = time.process_time if run.device == "cpu" else time.monotonic
    checkpoint = Checkpoint(store.folder(run) / "checkpoint.safetensors", clock)
    taught_by = None if run.teacher is None else run.teacher.network
    network, curve = train(
        run.network, taught_by, run.recipe, run.training, lessons, run.seed, checkpoint.load(), checkpoint.save
    )
    network = network.cpu().eval()
    seconds = round(checkpoint.seconds, 3)
    # Every choice is made; this is the one place that looks at the test images.
    result = Result(
        test_error=error_rate(network, data.load_test(run.data)),
        validation_error=validation_error(run.recipe, curve),
        curve=tuple(curve),
        seconds=seconds,
    )
    store.keep(run, result, network)
    return result


def validation_error(recipe: Recipe, curve: list[Epoch]) -> float:
    """The best epoch's validation error in the last stage, before any retraining: what choices may be made by."""
    last = len(recipe.stages)
    errors = [row.validation_error for row in curve if row.stage == last and row.validation_error is not None]
    return min(errors)


def _lessons(run: Run, store: Store) -> Lessons:
    """The images of the run on its device, with what its teacher says of them, asked once where that can be."""
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
