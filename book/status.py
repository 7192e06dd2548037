"""The tables of the status page, from what the executed chapters keep of themselves."""

from __future__ import annotations

import os
import platform
import subprocess  # nosec B404  its one command is written out below
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import torch

from fitnets_lib import records
from fitnets_lib.durations import in_words
from fitnets_lib.records import Row

LIBRARIES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "scikit-image",
    "matplotlib",
    "seaborn",
    "papermill",
    "jupyter-book",
)


def made_with(root: Path) -> dict[str, str]:
    """What decides, beside the parameters, what a chapter executed now shows."""
    device = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count() or 1} processors"
    )
    if torch.cuda.is_available():
        device += f", {torch.cuda.get_device_name()}"
    return {
        "commit": commit(root),
        "device": device,
        "Python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def commit(root: Path) -> str:
    """The commit of the checkout at `root`, and whether files differ from it."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(  # nosec B603 B607  no shell; git is whichever the reader uses
                ["git", "-C", str(root), *arguments],
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    name = git("rev-parse", "--short=10", "HEAD")
    if name is None:
        return "not a git checkout"
    changed = git("status", "--porcelain", "--untracked-files=no")
    return f"{name}, with changes" if changed else name


@dataclass(frozen=True)
class Execution:
    """A chapter's title and file, and what its executed copy keeps of its execution."""

    title: str
    file: str
    kept: dict[str, Any]
    now: bool


def read(executed: Path, now: bool) -> Execution:
    """What an executed copy says; `now` says whether this build executed it."""
    notebook = nbformat.read(executed, as_version=4)
    title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
    return Execution(title, executed.name, dict(notebook.metadata["fitnets"]), now)


def tables(done: Sequence[Execution], rows: Sequence[Row]) -> dict[str, str]:
    """The text for each name that `book/status.md` has in double braces."""
    return {
        "status_chapters": chapters_table(done),
        "status_summary": summary(done),
        "status_versions": versions_table(done),
        "status_records": records_table(rows),
    }


def chapters_table(done: Sequence[Execution]) -> str:
    """A row for each chapter: preset, seeds, device, time, when, and in which build."""
    lines = []
    for one in done:
        given = one.kept["parameters"]
        seeds = "none" if "seeds" not in given else f"0 to {given['seeds'] - 1}"
        lines.append(
            [
                f"[{one.title}]({one.file})",
                given.get("preset", ""),
                seeds,
                given.get("device", ""),
                in_words(one.kept["seconds"]),
                one.kept["at"].replace("T", " ").replace("+00:00", ""),
                "in this build" if one.now else "in an earlier build, same key",
            ]
        )
    head = ["chapter", "preset", "seeds", "device", "took", "at (UTC)", "executed"]
    return table("status-chapters", "What executing each chapter took.", head, lines)


def summary(done: Sequence[Execution]) -> str:
    """A sentence on all chapters together."""
    seconds = sum(one.kept["seconds"] for one in done)
    fresh = sum(one.now for one in done)
    rest = "" if fresh == len(done) else "; the others stand as executed before"
    return (
        f"All {len(done)} chapters together took {in_words(seconds)}, some of them "
        "side by side, so that the build was sooner over. "
        f"This build executed {fresh} of them{rest}."
    )


def versions_table(done: Sequence[Execution]) -> str:
    """What chapters were made with, a column for each set of chapters that agree."""
    groups: list[tuple[dict[str, str], list[str]]] = []
    for one in done:
        match = [names for made, names in groups if made == one.kept["made_with"]]
        if match:
            match[0].append(one.file.split("_")[0])
        else:
            groups.append((one.kept["made_with"], [one.file.split("_")[0]]))
    first = ["commit", "device", "Python"]
    what = list(dict.fromkeys(first + [name for made, _ in groups for name in made]))
    heads = [
        "all chapters" if len(groups) == 1 else f"chapters {', '.join(names)}"
        for _, names in groups
    ]
    lines = [[name, *(made.get(name, "") for made, _ in groups)] for name in what]
    caption = "Where and with what the chapters were executed."
    return table("status-versions", caption, ["what", *heads], lines)


def records_table(rows: Sequence[Row]) -> str:
    """A row for each table of recorded runs: how many are there, what they took."""
    lines = []
    for row in rows:
        found = records.recorded(row.runs)
        lacking = len(row.runs) - len(found)
        lines.append(
            [
                row.name,
                row.data,
                row.about,
                f"{len(found)} of {len(row.runs)}",
                f"{lacking or 'none'}",
                in_words(sum(result.seconds for _, result in found)),
            ]
        )
    head = ["record", "data", "what it compares", "there", "lacking", "training took"]
    caption = "Runs that take too long for a build, and how many of them are recorded."
    return table("status-records", caption, head, lines)


def table(
    name: str, caption: str, head: Sequence[str], lines: Collection[Sequence[str]]
) -> str:
    """A MyST table directive that pages refer to as `tab-<name>`."""
    rows = [head, ["---"] * len(head), *lines]
    text = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"````{{table}} {caption}\n:name: tab-{name}\n\n{text}\n````"
