"""Builds the book: checks parameters, executes chapters, renders the executed copies.

    python book/build.py --preset embedded

What `make book` calls, and what works where there is no make. A chapter is executed
again only if its notebook, its parameters, the library or torch changed; a run inside a
chapter only if what the run depends on changed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import api
import papermill
import pdf
import status
import yaml
from chapters import Failed, chapters, execute, listed, write_address
from pages import check_links, render, stage

from fitnets_lib import paths, source
from fitnets_lib.errors import BadInput
from fitnets_lib.files import Damaged
from fitnets_lib.real_runs import ROWS
from fitnets_lib.settings import PRESETS, check, check_declared

ROOT = Path(__file__).resolve().parent.parent


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


def build(name: str) -> Path:
    """Builds the book with the preset `name` and returns its first page."""
    parameters = preset(name)
    sources = chapters(ROOT)
    for chapter in sources:
        declared = {
            k: v["default"] for k, v in papermill.inspect_notebook(chapter).items()
        }
        check_declared(parameters, declared, chapter.name)
    out = paths.home() / "_build"
    made_with, done = status.made_with(ROOT), []
    for number, chapter in enumerate(sources, start=1):
        print(f"[{number}/{len(sources)}] {chapter.stem}", flush=True)
        copy = out / "executed" / name / chapter.name
        seconds = execute(chapter, parameters, copy, made_with)
        took = "unchanged" if seconds is None else f"executed in {seconds:.0f} s"
        print(f"  {took}", flush=True)
        done.append(status.read(copy, now=seconds is not None))
    print("rendering", flush=True)
    executed = [out / "executed" / name / chapter.name for chapter in sources]
    generated = {**status.tables(done, ROWS), "api": api.page(source.PACKAGE)}
    stage(ROOT, executed, out / "site", generated)
    return render(out / "site")


def write_pdf(first: Path, name: str) -> Path:
    """Prints the book that was rendered with the preset `name` into one PDF."""
    about = (
        f"Preset {name}. Commit: {status.commit(ROOT)}.\n"
        "Code that the pages fold away and the page on the library are left out; "
        "solutions, folded there, follow their exercises."
    )
    if name == "smoke":
        about = f"A test of the build: its numbers mean nothing.\n{about}"
    out = first.parent.parent / "fitnets.pdf"
    print("printing", flush=True)
    names = [page for page in listed(ROOT) if page not in pdf.UNPRINTED]
    pdf.write(first.parent, names, ROOT / "_config.yml", about, out)
    return out


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
        "--pdf",
        action="store_true",
        help="print the book into one PDF as well, which needs a browser",
    )
    parser.add_argument(
        "--links",
        action="store_true",
        help="ask the web for each page that the book links to",
    )
    parser.add_argument(
        "--address",
        action="store_true",
        help="write the address in _config.yml into the chapters, and build nothing",
    )
    options = parser.parse_args(arguments)
    try:
        if options.address:
            write_address(ROOT)
            return 0
        if options.pdf:
            with pdf.browser():  # before hours of training, not after
                pass
        page = build(options.preset)
        if options.links:
            check_links(page.parent.parent / "site")
        done = [write_pdf(page, options.preset)] if options.pdf else []
    except (BadInput, pdf.NoBrowser) as error:
        print(error, file=sys.stderr)
        return 2
    except (Failed, Damaged) as error:
        print(error, file=sys.stderr)
        return 1
    print("Open", *done, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
