"""Chapters: which there are, what executing one depends on, and executing it."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import nbformat
import papermill
import torch
import yaml
from jupyter_client.manager import AsyncKernelManager
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from fitnets_lib import files, paths, source
from fitnets_lib.sweep import PROGRESS_FILE

THREADS = "OMP_NUM_THREADS"
"""Environment variable: with how many threads torch and NumPy compute."""


class Failed(RuntimeError):
    """The build cannot go on; the message says where and why."""


def listed(root: Path) -> list[str]:
    """The pages that `_toc.yml` lists, in order, without suffix: `book/intro` ..."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))

    def below(entry: dict[str, Any]) -> list[str]:
        own = [entry["file"]] if "file" in entry else []
        nested = [
            deeper
            for kind in ("parts", "chapters", "sections")
            for deeper in entry.get(kind, [])
        ]
        return own + [name for deeper in nested for name in below(deeper)]

    return [toc["root"], *below(toc)]


def chapters(root: Path) -> list[Path]:
    """The notebooks among the listed pages."""
    return [path for name in listed(root) if (path := root / f"{name}.ipynb").is_file()]


def key(chapter: Path, parameters: dict[str, Any]) -> str:
    """A hash over all that decides what executing `chapter` gives."""
    digest = hashlib.sha256(chapter.read_bytes())
    library = [p for kind in ("*.py", "*.yml") for p in source.PACKAGE.rglob(kind)]
    for path in sorted(library) + _read_by(chapter):
        digest.update(path.name.encode() + path.read_bytes())
    digest.update(
        files.canonical([parameters, torch.__version__, sys.version_info[:2]]).encode()
    )
    return digest.hexdigest()


def says(chapter: Path) -> dict[str, Any]:
    """What a chapter's metadata tell the builder, under `fitnets`."""
    said: dict[str, Any] = json.loads(chapter.read_bytes())["metadata"].get(
        "fitnets", {}
    )
    return said


READ: dict[str, tuple[Callable[[], Path], list[str]]] = {
    "evidence": (lambda: paths.home() / "results", ["*/evidence/*.csv"]),
    "records": (
        lambda: paths.home() / "results",
        [
            "*/records/*.json",
            "*/evidence/*-gradients.csv",
            "*/evidence/*-gaps.csv",
        ],
    ),
    "measured": (lambda: paths.CHECKOUT / "benchmarks", ["records/*.json"]),
}
"""What a chapter may say that it reads: the folder, and which of its files."""


def _read_by(chapter: Path) -> list[Path]:
    """What `chapter` reads of other chapters, of earlier sittings, and of benchmarks.

    It says so in its metadata, as in `{"fitnets": {"reads": ["records"]}}`.
    """
    places = [READ[kind] for kind in says(chapter).get("reads", [])]
    return sorted(
        path for root, globs in places for glob in globs for path in root().glob(glob)
    )


def execute(
    chapter: Path, parameters: dict[str, Any], executed: Path, made_with: dict[str, str]
) -> float | None:
    """Executes `chapter` into `executed`, unless that copy still holds.

    It holds if it was made with the same key and the tables and evidence it wrote still
    stand. The copy's metadata keep what the status page says of it: `key`, `seconds`,
    `at` (UTC), `parameters`, `made_with`.

    Returns:
        The seconds it took, or None if the copy holds.

    Raises:
        Failed: naming the chapter and the error, if a cell fails.
    """
    fresh = key(chapter, parameters)
    if executed.is_file() and _still_holds(executed, fresh):
        return None
    begun = time.monotonic()
    executed.parent.mkdir(parents=True, exist_ok=True)
    partial = executed.with_suffix(".partial.ipynb")
    with _Progress(chapter.stem) as file, tempfile.TemporaryDirectory() as sockets:
        try:
            papermill.execute_notebook(
                chapter,
                partial,
                parameters,
                kernel_name="python3",
                progress_bar=False,
                config=_kernel(sockets),
                kernel_manager_class=_manager(
                    chapter.parent, {**_threads(chapter), PROGRESS_FILE: str(file)}
                ),
            )
        except PapermillExecutionError as error:
            place = (
                f"{chapter.parent.name}/{chapter.name}, code cell {error.exec_count}"
            )
            raise Failed(f"{place}: {error.ename}: {error.evalue}") from error
    seconds = round(time.monotonic() - begun, 1)
    notebook = nbformat.read(partial, as_version=4)
    _tidy(notebook)
    notebook.metadata["fitnets"] = {
        "key": fresh,
        "seconds": seconds,
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "parameters": parameters,
        "made_with": made_with,
    }
    files.write(executed, nbformat.writes(notebook).encode())
    partial.unlink()
    return seconds


def _kernel(sockets: str) -> Config:
    """A kernel that listens on no network port, where the system has the means."""
    if os.name != "posix":
        return Config()
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}})


def _threads(chapter: Path) -> dict[str, str]:
    """One thread for the sums of a chapter that shares the processors with others.

    Where other processes are busy, threads mostly wait for one another. Runs are
    trained with one thread in any case.
    """
    asked_for_more = THREADS in os.environ
    return {} if asked_for_more or says(chapter).get("alone") else {THREADS: "1"}


def _manager(folder: Path, environment: dict[str, str]) -> type[AsyncKernelManager]:
    """Starts kernels in `folder` with more in their environment than this process has.

    Papermill would change the folder of this process, in which other chapters may be
    under way.
    """

    class Manager(AsyncKernelManager):
        async def start_kernel(self, **options: object) -> None:  # type: ignore[override]
            given = {"cwd": str(folder), "env": {**os.environ, **environment}}
            await super().start_kernel(**{**options, **given})

    return Manager


def _still_holds(executed: Path, fresh: str) -> bool:
    try:
        notebook = nbformat.read(executed, as_version=4)
    except Exception:
        print(f"  {executed.name} is damaged and is executed again")
        return False
    written = [
        output["metadata"]["fitnets"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "fitnets" in output.get("metadata", {})
    ]
    tables = [
        (paths.home() / "results" / table["file"], table["sha256"]) for table in written
    ]
    return notebook.metadata.get("fitnets", {}).get("key") == fresh and all(
        path.is_file() and files.digest(path.read_bytes()) == checksum
        for path, checksum in tables
    )


def _tidy(notebook: nbformat.NotebookNode) -> None:
    """Hides the cell that papermill injected and drops what it says of this machine."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [*cell.metadata["tags"], "hide-cell"]


class _Progress:
    """Shows what a chapter's sweeps append to the progress file as it is executed."""

    def __init__(self, chapter: str, every: float = 2.0) -> None:
        self.chapter, self.every = chapter, every
        self.file = paths.home() / "_build" / f"{chapter}.progress"
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._follow)

    def __enter__(self) -> Path:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text("", encoding="utf-8")
        self.thread.start()
        return self.file

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join()
        self.file.unlink()

    def _follow(self) -> None:
        shown = 0
        while not self.over.wait(self.every):
            lines = self.file.read_text(encoding="utf-8").splitlines()
            if len(lines) > shown:
                shown = len(lines)
                print(f"  {self.chapter}: {lines[-1]}", flush=True)


def colab_cell(address: str) -> str:
    """The cell that every chapter begins with: does something on Colab only.

    There it installs this book's library and nothing else, since Colab's own torch and
    numpy must stay as they are. Without a public address it says that there is none.
    """
    install = f"%pip install --quiet --no-deps git+{address}"
    none = "The book has no public address to install its library from yet."
    return (
        'import sys\n\nif "google.colab" in sys.modules:'
        "  # elsewhere this cell does nothing\n"
        f"    {install if address else f'raise SystemExit({none!r})'}"
    ).replace("'", '"')


def write_address(root: Path) -> None:
    """Writes the address in `_config.yml` into every chapter's Colab cell."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    for chapter in chapters(root):
        notebook = json.loads(chapter.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if "colab" in cell["metadata"].get("tags", []):
                source = colab_cell(config["repository"]["url"])
                cell["source"] = source.splitlines(keepends=True)
        text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
        files.write(chapter, (text + "\n").encode())
