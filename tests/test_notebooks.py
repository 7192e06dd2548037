"""What every chapter has to be, whatever it says."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
import yaml
from chapters import colab_cell

from fitnets_lib.paths import CHECKOUT
from fitnets_lib.settings import PARAMETERS

BOOK = CHECKOUT / "book"
SOURCES = sorted(BOOK.glob("*.ipynb"))
CHAPTERS = [path for path in SOURCES if re.match(r"\d\d_", path.name)]
"""What has a number argues, with figures and exercises; an appendix has none and is there to look things up."""
SHARED = ["preset", "data", "seeds", "epochs", "device"]


@pytest.fixture(params=SOURCES, ids=lambda path: path.stem)
def chapter(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def notebook(chapter: Path) -> Any:
    return read(chapter)


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def numbered(request: pytest.FixtureRequest) -> Any:
    return read(request.param)


def read(path: Path) -> Any:
    found = nbformat.read(path, as_version=4)
    nbformat.validate(found)
    return found


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell: Any) -> list[str]:
    found: list[str] = cell.metadata.get("tags", [])
    return found


def prose(notebook: Any) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def declared(notebook: Any) -> dict[str, Any]:
    (cell,) = [cell for cell in code(notebook) if "parameters" in tags(cell)]
    found = {}
    for node in ast.parse(cell.source).body:
        assert isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name), "assignments and nothing else"
        found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def test_the_sources_hold_no_outputs(notebook: Any) -> None:
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code(notebook))
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_a_chapter_begins_with_its_title_and_then_its_parameters(notebook: Any) -> None:
    assert notebook.cells[0].source.startswith("# ")
    assert "parameters" in tags(notebook.cells[1])
    assert all(re.search(r"\S  # \S", line) for line in notebook.cells[1].source.splitlines())


def test_the_parameters_are_known_literals_and_equal_the_embedded_preset(notebook: Any) -> None:
    found = declared(notebook)
    assert list(found)[: len(SHARED)] == SHARED
    assert found.keys() <= PARAMETERS.keys()
    embedded = yaml.safe_load((BOOK / "presets" / "embedded.yml").read_text(encoding="utf-8"))
    assert {name: found[name] for name in embedded} == embedded


def test_every_parameter_is_checked_and_then_used(notebook: Any) -> None:
    names = declared(notebook)
    checks = [cell for cell in code(notebook) if "check_chapter(" in cell.source]
    assert len(checks) == 1
    for name in names:
        assert f"{name}={name}" in checks[0].source
        later = [cell for cell in code(notebook)[1:] if cell is not checks[0]]
        assert any(re.search(rf"\b{name}\b", cell.source) for cell in later), name


def test_code_cells_are_short_and_narrow(notebook: Any) -> None:
    for cell in code(notebook):
        lines = cell.source.splitlines()
        assert len(lines) <= 25, cell.source
        assert max(map(len, lines)) <= 88, cell.source


def test_prose_stands_between_visible_code_cells(notebook: Any) -> None:
    hidden = {"hide-cell", "hide-input", "remove-cell", "remove-input"}
    shown = [cell.cell_type for cell in notebook.cells if not hidden & set(tags(cell))]
    assert "code code code" not in " ".join(shown)


def figures(notebook: Any) -> list[Any]:
    return [
        cell
        for cell in code(notebook)
        if re.search(r"^(?:plots|pictures|overview|error_bars|by_start)\.(?!use_style)\w+\(", cell.source, re.MULTILINE)
    ]


def test_a_chapter_has_figures(numbered: Any) -> None:
    assert figures(numbered)


def test_figures_have_a_name_a_caption_and_a_text_for_those_who_do_not_see_them(notebook: Any) -> None:
    for cell in figures(notebook):
        described = cell.metadata.mystnb
        assert re.fullmatch(r"fig-[a-z-]+", described.figure.name)
        assert described.figure.caption.endswith(".")
        assert len(described.figure.caption.split()) > 12
        assert len(described.image.alt.split()) > 8


def test_no_path_of_a_machine_and_no_progress_bar_is_in_a_notebook(chapter: Path) -> None:
    text = chapter.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(?:home|root|work|tmp|usr)/|[A-Z]:\\\\|tqdm", text)


def test_no_result_is_typed_into_the_prose(notebook: Any) -> None:
    text = re.sub(r"```.*?```|`[^`]*`|\$[^$]*\$", "", prose(notebook), flags=re.DOTALL)
    assert re.findall(r"\d[\d.,]*\s*(?:%(?! interval)|points|per cent)", text) == []


def test_a_chapter_has_its_rhythm(numbered: Any) -> None:
    text = prose(numbered)
    assert "**Question.**" in text.split("##")[0]
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[0] == "Intuition"
    assert headings[-2:] == ["Summary", "Exercises"]
    assert any("does not" in heading for heading in headings)
    assert re.findall(r"\{math\}\n:label: eq-", text)


def test_exercises_have_solutions_that_are_folded_on_the_page_and_in_jupyter(numbered: Any) -> None:
    text = prose(numbered)
    labels = re.findall(r"\{exercise\}\n:label: (\S+)", text)
    assert len(labels) == len(set(labels)) >= 3
    assert re.findall(r"\{solution\} (\S+)\n:class: dropdown", text) == labels
    start = next(i for i, cell in enumerate(numbered.cells) if "## Exercises" in cell.source)
    for cell in numbered.cells[start:]:
        if cell.cell_type == "code" and "remove-cell" not in tags(cell):
            assert "hide-cell" in tags(cell)
            assert cell.metadata.jupyter.source_hidden is True


def test_the_line_that_reruns_a_chapter_is_right(notebook: Any, chapter: Path) -> None:
    (line,) = re.findall(r"^\s*(papermill .+)$", prose(notebook).split("Rerun this")[1], re.MULTILINE)
    assert f" book/{chapter.name} " in line
    (preset,) = re.findall(r"-f (\S+)", line)
    assert (CHECKOUT / preset).is_file()
    named = re.findall(r"-p (\w+)", line) + re.findall(r'-y "(\w+):', line)
    assert named
    assert set(named) <= declared(notebook).keys()


def test_what_is_cited_is_in_the_bibliography(notebook: Any) -> None:
    keys = set(re.findall(r"@\w+\{(\w+),", (BOOK / "references.bib").read_text(encoding="utf-8")))
    cited = {key for group in re.findall(r"\{cite:\w+\}`([^`]+)`", prose(notebook)) for key in group.split(",")}
    assert cited
    assert cited <= keys


def test_the_colab_cell_is_the_one_for_the_books_address(notebook: Any) -> None:
    (cell,) = [cell for cell in code(notebook) if "colab" in tags(cell)]
    config = yaml.safe_load((CHECKOUT / "_config.yml").read_text(encoding="utf-8"))
    assert cell.source == colab_cell(config["repository"]["url"])
    assert notebook.cells.index(cell) == 2


HINTS = BOOK / "04_hint_training.ipynb"
OTHERWISE = {
    BOOK / "01_why_thin_and_deep.ipynb": ["-p", "repeats", "1"],
    HINTS: ["-p", "seeds", "3", "-y", "depths: [5]"],
    BOOK / "03_knowledge_distillation.ipynb": ["-p", "epochs", "4", "-y", "temperatures: [2]"],
}
"""Parameters that some chapters are run with; the others are run with those of the preset."""


def papermill(home: Path, chapter: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs plain papermill on a chapter from another folder, as a reader would."""
    smoke = str(BOOK / "presets" / "smoke.yml")
    command = [sys.executable, "-m", "papermill", str(chapter), chapter.name, "-f", smoke, *options]
    environment = {"FITNETS_HOME": str(home), "PATH": str(Path(sys.executable).parent), "HOME": str(home)}
    return subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def readers_home(smoke_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of its own with the runs of the smoke book, so that they need not be trained again, and no records."""
    home = tmp_path_factory.mktemp("reader")
    shutil.copytree(smoke_home / "runs", home / "runs")
    return home


Executed = Callable[[Path], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def executed(readers_home: Path) -> Executed:
    """Runs a chapter in the reader's home, once for all tests that look at what came of it."""
    return cache(lambda chapter: papermill(readers_home, chapter, *OTHERWISE.get(chapter, [])))


def test_plain_papermill_runs_a_chapter_from_anywhere(chapter: Path, executed: Executed, readers_home: Path) -> None:
    done = executed(chapter)
    assert done.returncode == 0, done.stderr
    copy = nbformat.read(readers_home / chapter.name, as_version=4)
    assert not [o for cell in code(copy) for o in cell.outputs if o.output_type == "error"]


def test_other_parameters_give_other_tables(executed: Executed, readers_home: Path, smoke_home: Path) -> None:
    assert OTHERWISE[HINTS] == ["-p", "seeds", "3", "-y", "depths: [5]"]
    executed(HINTS)
    other, table = (
        pd.read_csv(home / "results" / "smoke" / "hint_training_accuracy.csv") for home in (readers_home, smoke_home)
    )
    assert (set(table["layers"]), set(table["seeds"])) == ({5, 11}, {2})
    assert (set(other["layers"]), set(other["seeds"])) == ({5}, {3})
    assert other["recipe"].tolist() == table["recipe"].unique().tolist()


@pytest.mark.parametrize(
    ("chapter", "table"),
    [
        ("06_what_failed", "what_failed_jpeg"),
        ("08_depth_and_compute", "depth_floor"),
        ("09_benchmarks", "benchmarks_mnist"),
    ],
)
def test_a_chapter_shows_the_records_there_are_and_says_where_there_are_none(
    chapter: str, table: str, executed: Executed, readers_home: Path, smoke_home: Path
) -> None:
    assert list(smoke_home.glob("results/*/records/*.json")) and not list(readers_home.glob("results/*/records"))
    executed(BOOK / f"{chapter}.ipynb")
    without, shown = ((home / "results" / "smoke" / f"{table}.csv").read_text() for home in (readers_home, smoke_home))
    assert "not run" in without
    assert "not run" not in shown


def test_plain_papermill_stops_at_a_bad_parameter_with_one_line(tmp_path: Path) -> None:
    line = "seedz = 3: this chapter has no such parameter; it takes preset, data, seeds"
    done = papermill(tmp_path, HINTS, "-p", "seedz", "3")
    assert done.returncode != 0
    assert f"BadInput: {line}" in done.stderr
    assert "fitnets_lib/" not in done.stderr  # no traceback through the library
    assert not (tmp_path / "runs").exists()
