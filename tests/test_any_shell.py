"""What a reader is told to type means the same in every shell, that of Windows among them."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from fitnets_lib.paths import CHECKOUT

PAGES = [
    CHECKOUT / "README.md",
    *sorted((CHECKOUT / "book").glob("*.md")),
    *sorted((CHECKOUT / "book").glob("*.ipynb")),
]
COMMANDS = (
    "papermill",
    "python",
    "pip",
    "conda",
    "make",
    "git",
    "jupyter",
    "export",
    "cp",
    "mv",
    "rm",
    "curl",
    "wget",
    "bash",
)
ONE_SHELLS = {
    "a variable before the command": r"^[A-Z_]+=",
    "quotes that Windows passes on": r"'",
    "a line that goes on": r"\\$",
    "commands in one line": r"&&|;|\|",
    "what a shell puts in": r"\$|~/|`",
    "a command that only some systems have": r"^(export|cp|mv|rm|curl|wget|bash|source)\b",
}


def typed(text: str) -> list[str]:
    """The commands in a page of Markdown: indented lines and code in a line, comments left out."""
    lines = re.findall(r"^    (.+)$|`([^`\n]+)`", text, re.MULTILINE)
    told = [re.sub(r"\s+#.*", "", (block or inline).strip()) for block, inline in lines]
    return [line for line in told if re.match(rf"(?:[A-Z_]+=\S+ +)*(?:\S*/)?(?:{'|'.join(COMMANDS)})\s+\S", line)]


def markdown(path: Path) -> str:
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def peculiar(line: str) -> list[str]:
    """What in a command is of one shell only; what stands in double quotes is left alone by all."""
    bare = re.sub(r'"[^"]*"', '""', line)
    return [why for why, pattern in ONE_SHELLS.items() if re.search(pattern, bare)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("FITNETS_DATA=/data python -m fitnets_lib records make", "a variable before the command"),
        ("pip install '.[book]'", "quotes that Windows passes on"),
        ("papermill a.ipynb b.ipynb \\", "a line that goes on"),
        ("conda env create && conda activate fitnets", "commands in one line"),
        ("python book/build.py > $HOME/log", "what a shell puts in"),
        ("export FITNETS_DATA=/data", "a command that only some systems have"),
    ],
)
def test_what_only_one_shell_understands_is_seen(line: str, why: str) -> None:
    assert typed(f"Type:\n\n    {line}\n") == [line] == typed(f"Type `{line}`.")
    assert peculiar(line) == [why]


@pytest.mark.parametrize(
    "line", ["python -c \"import a; a.b('c')\"", 'pip install --editable ".[book,dev]"', "make book"]
)
def test_what_every_shell_understands_is_let_through(line: str) -> None:
    assert peculiar(line) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_command_on_a_page_is_of_one_shell_only(page: Path) -> None:
    found = typed(markdown(page))
    assert [(line, why) for line in found for why in peculiar(line)] == []


def test_there_are_commands_on_the_pages() -> None:
    assert sum(len(typed(markdown(page))) for page in PAGES) > 30
