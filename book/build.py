"""Builds the book: checks the parameters, executes the chapters, renders the executed copies.

    python book/build.py --preset embedded

What `make book` calls, and what works where there is no make. A chapter is executed again only if its notebook, its
parameters, the library or torch changed; a run inside a chapter only if what the run depends on changed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import papermill
import torch
import yaml
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from fitnets_lib import files, paths, source
from fitnets_lib.errors import BadInput
from fitnets_lib.settings import PRESETS, check, check_declared
from fitnets_lib.sweep import PROGRESS_FILE

# A kernel that listens on no network port, where the system has the means; elsewhere ipykernel warns of its ports.
KERNEL = Config({"KernelManager": {"transport": "ipc"}}) if os.name == "posix" else Config()

ROOT = Path(__file__).resolve().parent.parent


class Failed(RuntimeError):
    """The build cannot go on; the message says where and why."""


def preset(name: str) -> dict[str, Any]:
    """The parameters in `book/presets/<name>.yml`.

    Raises:
        BadInput: if there is no such preset or one of its values cannot be used.
    """
    path = ROOT / "book" / "presets" / f"{name}.yml"
    there = [known for known in PRESETS if (path.parent / f"{known}.yml").is_file()]
    if name not in there:
        raise BadInput("preset", name, f"one of {', '.join(there)}")
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise BadInput(f"book/presets/{name}.yml", values, "a mapping of parameter names to values")
    check(values)
    return values


def chapters() -> list[Path]:
    """The notebooks that `_toc.yml` lists, in its order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [entry["file"] for part in toc.get("parts", [toc]) for entry in part["chapters"]]
    return [path for path in (ROOT / f"{name}.ipynb" for name in names) if path.is_file()]


def key(chapter: Path, parameters: dict[str, Any]) -> str:
    """A hash over all that decides what executing `chapter` gives."""
    digest = hashlib.sha256(chapter.read_bytes())
    for path in sorted(source.PACKAGE.rglob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    digest.update(files.canonical([parameters, torch.__version__, sys.version_info[:2]]).encode())
    return digest.hexdigest()


def execute(chapter: Path, parameters: dict[str, Any], executed: Path) -> str:
    """Executes `chapter` into `executed`, unless that was done with the same key and its tables still stand.

    Returns:
        What was done, for people.

    Raises:
        Failed: naming the chapter and the error, if a cell fails.
    """
    fresh = key(chapter, parameters)
    if executed.is_file() and _still_holds(executed, fresh):
        return "unchanged"
    begun = time.monotonic()
    executed.parent.mkdir(parents=True, exist_ok=True)
    partial = executed.with_suffix(".partial.ipynb")
    with _Progress(chapter.stem):
        try:
            papermill.execute_notebook(
                chapter,
                partial,
                parameters,
                kernel_name="python3",
                cwd=ROOT / "book",
                progress_bar=False,
                config=KERNEL,
            )
        except PapermillExecutionError as error:
            cell = error.exec_count
            raise Failed(f"{chapter.relative_to(ROOT)}, code cell {cell}: {error.ename}: {error.evalue}") from error
    seconds = time.monotonic() - begun
    notebook = nbformat.read(partial, as_version=4)
    _tidy(notebook)
    notebook.metadata["fitnets"] = {"key": fresh, "seconds": round(seconds, 1)}
    files.write(executed, nbformat.writes(notebook).encode())
    partial.unlink()
    return f"executed in {seconds:.0f} s"


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
    tables = [(paths.home() / "results" / table["file"], table["sha256"]) for table in written]
    return notebook.metadata.get("fitnets", {}).get("key") == fresh and all(
        path.is_file() and files.digest(path.read_bytes()) == checksum for path, checksum in tables
    )


def _tidy(notebook: nbformat.NotebookNode) -> None:
    """Hides the cell that papermill injected, and drops what it wrote about this machine."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [*cell.metadata["tags"], "hide-cell"]


class _Progress:
    """Shows, while a chapter is executed, what its sweeps append to the progress file."""

    def __init__(self, chapter: str, every: float = 2.0) -> None:
        self.chapter, self.every = chapter, every
        self.file = paths.home() / "_build" / f"{chapter}.progress"
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._follow)

    def __enter__(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text("", encoding="utf-8")
        os.environ[PROGRESS_FILE] = str(self.file)
        self.thread.start()

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join()
        del os.environ[PROGRESS_FILE]
        self.file.unlink()

    def _follow(self) -> None:
        shown = 0
        while not self.over.wait(self.every):
            lines = self.file.read_text(encoding="utf-8").splitlines()
            if len(lines) > shown:
                shown = len(lines)
                print(f"  {self.chapter}: {lines[-1]}", flush=True)


def stage(executed: list[Path], site: Path) -> None:
    """Lays out a copy of the book's sources in `site`, with executed chapters in place of the notebooks."""
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(ROOT / "book", site / "book", ignore=shutil.ignore_patterns("*.ipynb", "__pycache__", "*.py"))
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, site / name)
    for chapter in executed:
        shutil.copy(chapter, site / "book" / chapter.name)


def render(site: Path) -> Path:
    """Renders `site` with Jupyter Book, warnings counting as errors.

    Returns:
        The first page.

    Raises:
        Failed: with what Jupyter Book printed.
    """
    start = "from jupyter_book.cli.main import main; main()"  # the package has no `python -m`
    command = [sys.executable, "-c", start, "build", str(site), "-W", "-n", "--keep-going"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    built = site / "_build" / "html"
    if done.returncode != 0 or not (built / "index.html").is_file():
        raise Failed(f"Jupyter Book stopped:\n{done.stdout}{done.stderr}")
    html = site.parent / "html"
    shutil.rmtree(html, ignore_errors=True)
    shutil.move(built, html)
    return html / "index.html"


def build(name: str) -> Path:
    """Builds the book with the preset `name` and returns its first page."""
    parameters = preset(name)
    sources = chapters()
    for chapter in sources:
        declared = {k: v["default"] for k, v in papermill.inspect_notebook(chapter).items()}
        check_declared(parameters, declared, chapter.name)
    out = paths.home() / "_build"
    executed = []
    for number, chapter in enumerate(sources, start=1):
        print(f"[{number}/{len(sources)}] {chapter.stem}", flush=True)
        copy = out / "executed" / name / chapter.name
        print(f"  {execute(chapter, parameters, copy)}", flush=True)
        executed.append(copy)
    print("rendering", flush=True)
    stage(executed, out / "site")
    return render(out / "site")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 0 done, 1 failed, 2 bad input."""
    parser = argparse.ArgumentParser(description="Executes the chapters and renders the book.")
    parser.add_argument("--preset", default="embedded", help="smoke, embedded or paper (default: embedded)")
    try:
        page = build(parser.parse_args(arguments).preset)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Open {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
