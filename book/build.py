"""Builds the book: checks parameters, executes chapters, renders the executed copies.

    python book/build.py --preset embedded

What `make book` calls, and what works where there is no make. A chapter is executed
again only if its notebook, its parameters, the library or torch changed; a run inside a
chapter only if what the run depends on changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
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

# What the theme writes into each page that a page opened from the disk must not have:
# fonts preloaded as if from another site, which a browser refuses (they load without),
# and Thebe, written twice, which needs a server to run code in the page.
UNWANTED = re.compile(
    r'<link rel="preload" as="font"[^>]*>\s*'
    r"|<script>const THEBE_JS_URL.*?</script>\s*"
    r'|<script[^>]*src="[^"]*sphinx-thebe\.js[^"]*"></script>\s*'
)

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
        raise BadInput(
            f"book/presets/{name}.yml",
            values,
            "a mapping of parameter names to values",
        )
    check(values)
    return values


def chapters() -> list[Path]:
    """The notebooks that `_toc.yml` lists, in its order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [
        entry["file"] for part in toc.get("parts", [toc]) for entry in part["chapters"]
    ]
    return [
        path for path in (ROOT / f"{name}.ipynb" for name in names) if path.is_file()
    ]


def key(chapter: Path, parameters: dict[str, Any]) -> str:
    """A hash over all that decides what executing `chapter` gives."""
    digest = hashlib.sha256(chapter.read_bytes())
    for path in sorted(source.PACKAGE.rglob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    digest.update(
        files.canonical([parameters, torch.__version__, sys.version_info[:2]]).encode()
    )
    return digest.hexdigest()


def execute(chapter: Path, parameters: dict[str, Any], executed: Path) -> str:
    """Executes `chapter` into `executed`, unless that copy still holds.

    It holds if it was made with the same key and the tables it wrote still stand.

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
    with _Progress(chapter.stem), tempfile.TemporaryDirectory() as sockets:
        try:
            papermill.execute_notebook(
                chapter,
                partial,
                parameters,
                kernel_name="python3",
                cwd=ROOT / "book",
                progress_bar=False,
                config=_kernel(sockets),
            )
        except PapermillExecutionError as error:
            place = f"{chapter.relative_to(ROOT)}, code cell {error.exec_count}"
            raise Failed(f"{place}: {error.ename}: {error.evalue}") from error
    seconds = time.monotonic() - begun
    notebook = nbformat.read(partial, as_version=4)
    _tidy(notebook)
    notebook.metadata["fitnets"] = {"key": fresh, "seconds": round(seconds, 1)}
    files.write(executed, nbformat.writes(notebook).encode())
    partial.unlink()
    return f"executed in {seconds:.0f} s"


def _kernel(sockets: str) -> Config:
    """A kernel that listens on no network port, where the system has the means."""
    if os.name != "posix":
        return Config()
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}})


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
    """Lays out the book in `site`, with executed chapters in place of the notebooks."""
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(
        ROOT / "book",
        site / "book",
        ignore=shutil.ignore_patterns("*.ipynb", "__pycache__", "*.py"),
    )
    shutil.copy(ROOT / "_toc.yml", site / "_toc.yml")
    config = with_home(yaml.safe_load((ROOT / "_config.yml").read_text("utf-8")))
    (site / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for chapter in executed:
        shutil.copy(chapter, site / "book" / chapter.name)


def with_home(config: dict[str, Any]) -> dict[str, Any]:
    """`config` with the buttons that the address allows, and a sentence on it."""
    address = config["repository"]["url"]
    sentence = (
        "This book has no public address yet: buttons for it and for Colab are off."
    )
    if address:
        sentence = (
            f"The sources are at <{address}>; chapters open on Colab from the top."
        )
        buttons = ("use_repository_button", "use_issues_button")
        config["html"].update(dict.fromkeys(buttons, True))
        config["launch_buttons"] = {"colab_url": "https://colab.research.google.com"}
    config["sphinx"]["config"]["myst_substitutions"] = {"home": sentence}
    return config


def render(site: Path) -> Path:
    """Renders `site` with Jupyter Book, warnings counting as errors.

    Returns:
        The first page.

    Raises:
        Failed: with what Jupyter Book printed.
    """
    # The package has no `python -m`.
    start = "from jupyter_book.cli.main import main; main()"
    command = [
        sys.executable,
        "-c",
        start,
        "build",
        str(site),
        "-W",
        "-n",
        "--keep-going",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    built = site / "_build" / "html"
    if done.returncode != 0 or not (built / "index.html").is_file():
        raise Failed(f"Jupyter Book stopped:\n{done.stdout}{done.stderr}")
    for page in built.rglob("*.html"):
        text = UNWANTED.sub("", page.read_text(encoding="utf-8"))
        page.write_text(text, encoding="utf-8")
    html = site.parent / "html"
    shutil.rmtree(html, ignore_errors=True)
    shutil.move(built, html)
    return html / "index.html"


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


def write_address() -> None:
    """Writes the address in `_config.yml` into every chapter's Colab cell."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    for chapter in chapters():
        notebook = json.loads(chapter.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if "colab" in cell["metadata"].get("tags", []):
                source = colab_cell(config["repository"]["url"])
                cell["source"] = source.splitlines(keepends=True)
        text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
        files.write(chapter, (text + "\n").encode())


def build(name: str) -> Path:
    """Builds the book with the preset `name` and returns its first page."""
    parameters = preset(name)
    sources = chapters()
    for chapter in sources:
        declared = {
            k: v["default"] for k, v in papermill.inspect_notebook(chapter).items()
        }
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
    parser = argparse.ArgumentParser(
        description="Executes the chapters and renders the book."
    )
    parser.add_argument(
        "--preset",
        default="embedded",
        help="smoke, embedded or paper (default: embedded)",
    )
    parser.add_argument(
        "--address",
        action="store_true",
        help="write the address in _config.yml into the chapters, and build nothing",
    )
    options = parser.parse_args(arguments)
    try:
        if options.address:
            write_address()
            return 0
        page = build(options.preset)
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
