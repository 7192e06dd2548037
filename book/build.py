"""Builds the book: checks parameters, executes chapters, renders the executed copies.

    python book/build.py --preset embedded

What `make book` calls, and what works where there is no make. A chapter is executed
again only if its notebook, its parameters, the library, the results that it reads, or
torch changed; a run inside a chapter only if what the run depends on changed.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import api
import papermill
import pdf
import status
import waves
import yaml
from chapters import Failed, chapters, execute, listed, write_address
from pages import check_links, render, stage

from fitnets_lib import files, paths, records, source
from fitnets_lib.errors import BadInput
from fitnets_lib.files import Damaged, NotWritten
from fitnets_lib.paper_runs import NAMED
from fitnets_lib.real_runs import ROWS
from fitnets_lib.settings import PRESETS, check, check_declared

ROOT = Path(__file__).resolve().parent.parent


def preset(name: str) -> dict[str, Any]:
    """The parameters in `book/presets/<name>.yml`.

    Raises:
        BadInput: if there is no such preset or one of its values cannot be used.
    """
    folder = ROOT / "book" / "presets"
    there = [known for known in PRESETS if (folder / f"{known}.yml").is_file()]
    if name not in there:
        raise BadInput("preset", name, f"one of {', '.join(there)}")
    place, right = f"book/presets/{name}.yml", "a mapping of parameter names to values"
    try:
        text = (folder / f"{name}.yml").read_text(encoding="utf-8")
        values, given = yaml.safe_load(text), yaml.compose(text, yaml.SafeLoader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise BadInput("preset file", place, f"YAML, {right} ({error})") from error
    if not isinstance(values, dict):
        raise BadInput(place, values, right)
    names = [] if given is None else [key.value for key, _ in given.value]
    for twice in (key for key in names if names.count(key) > 1):
        raise BadInput(f"{place}, {twice}", "given twice", "each parameter once")
    check(values)
    if values.get("preset") != name:  # its results would be kept as those of another
        raise BadInput(f"{place}, preset", values.get("preset"), f"{name}, as its file")
    return values


def build(name: str, links: bool = False, prints: bool = False) -> list[Path]:
    """Builds the book with the preset `name`; returns what to open.

    Args:
        name: of the preset.
        links: whether to ask the web for each page that the book links to.
        prints: whether to print the book into one PDF.
    """
    parameters = preset(name)
    sources = chapters(ROOT)
    for chapter in sources:
        declared = {
            k: v["default"] for k, v in papermill.inspect_notebook(chapter).items()
        }
        check_declared(parameters, declared, chapter.name)
    out = paths.home() / "_build"
    paths.check_writable(out, paths.runs(), paths.results(name))
    for row in NAMED.values():
        records.recorded(row.runs)  # a damaged one is told before hours of training
    with files.alone(out / "build"):  # all presets render into the same folders
        page = _execute_and_render(name, parameters, sources, out)
        if links:
            check_links(out / "site")
        return [write_pdf(page, name), page] if prints else [page]


def _execute_and_render(
    name: str, parameters: dict[str, Any], sources: list[Path], out: Path
) -> Path:
    """Executes what has changed of the chapters `sources` and renders the book."""
    made_with = status.made_with(ROOT)

    def brought_up_to_date(chapter: Path) -> status.Execution:
        copy = out / "executed" / name / chapter.name
        seconds = execute(chapter, parameters, copy, made_with)
        took = "unchanged" if seconds is None else f"executed in {seconds:.0f} s"
        place = f"{sources.index(chapter) + 1}/{len(sources)}"
        print(f"[{place}] {chapter.stem}: {took}", flush=True)
        return status.read(copy, now=seconds is not None)

    done = waves.each(sources, brought_up_to_date)
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


class _Parser(argparse.ArgumentParser):
    """Says in one line which option is wrong."""

    def error(self, message: str) -> NoReturn:
        right = "--preset NAME, --pdf, --links, --address; --help says what they do"
        raise BadInput("options", message, right)


def options(arguments: list[str] | None) -> argparse.Namespace:
    """The options of the command line.

    Raises:
        BadInput: if one of them is none.
    """
    parser = _Parser(description="Executes the chapters and renders the book.")
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
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 0 done, 1 failed, 2 bad input."""
    try:
        given = options(arguments)
        paths.fix()
        if given.address:
            write_address(ROOT)
            return 0
        if given.pdf:
            with pdf.browser():  # before hours of training, not after
                pass
        done = build(given.preset, given.links, given.pdf)
    except (BadInput, pdf.NoBrowser) as error:
        print(error, file=sys.stderr)
        return 2
    except Damaged as error:
        print(
            f"{error}: take it from where it was copied, or remove it "
            "and it is made again",
            file=sys.stderr,
        )
        return 2
    except (Failed, NotWritten) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:  # such as a full disk
        print(f"{error}: what was finished before is kept", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: the same command goes on", file=sys.stderr, flush=True)
        os._exit(130)  # nobody waits for the chapters under way; their kernels notice
    print("Open", *done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
