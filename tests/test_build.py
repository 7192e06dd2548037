"""The builder on tiny chapters of its own: what it refuses, what stops it, what it does again and what not."""

from __future__ import annotations

import hashlib
import shutil
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import chapters
import nbformat
import pages
import papermill
import pytest
import yaml
from pypdf import PdfReader

from fitnets_lib import paths, source
from fitnets_lib.paths import CHECKOUT

PARAMETERS = 'preset = "embedded"\ndata = "digits"\nseeds = 5\nepochs = 40\ndevice = "cpu"\n'


def write_chapter(path: Path, cell: str, parameters: str = PARAMETERS) -> None:
    cells = [
        nbformat.v4.new_markdown_cell("# Title\n\nA page."),
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(cell),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


@pytest.fixture
def root(build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A book of one page and one chapter, at home in a temporary folder."""
    root = tmp_path / "book of one"
    (root / "book").mkdir(parents=True)
    shutil.copytree(CHECKOUT / "book" / "presets", root / "book" / "presets")
    shutil.copytree(CHECKOUT / "book" / "_static", root / "book" / "_static")
    shutil.copy(CHECKOUT / "book" / "references.bib", root / "book")
    shutil.copy(CHECKOUT / "_config.yml", root)
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/intro\nchapters:\n  - file: book/01_tiny\n")
    (root / "book" / "intro.md").write_text("# One\n\n{{ home }}\n")
    write_chapter(root / "book" / "01_tiny.ipynb", "print(seeds + epochs)")
    monkeypatch.setattr(build, "ROOT", root)
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path / "home"))
    return root


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the chapters that papermill executes, in order."""
    names: list[str] = []
    original = papermill.execute_notebook

    def count(chapter: Path, *rest: Any, **named: Any) -> Any:
        names.append(chapter.stem)
        return original(chapter, *rest, **named)

    monkeypatch.setattr(papermill, "execute_notebook", count)
    return names


def refused(build: ModuleType, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert build.main(list(arguments)) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line


def test_an_unknown_preset_is_refused_with_those_there_are(
    build: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "preset = 'bogus': one of smoke, embedded" in refused(build, capsys, "--preset", "bogus")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('preset: smoke\nseeds: "5"\n', "seeds = '5': a whole number"),
        ("preset: smoke\nepochs: 1e-3\n", "epochs = '1e-3': a whole number"),
        ("preset: smoke\nseeds: 0\n", "seeds = 0: a whole number of at least 2"),
        ("preset: smoke\nseedz: 3\n", "seedz = 3: no such parameter"),
        ("preset: smoke\ndepths: [5]\n", "depths = [5]: 01_tiny.ipynb has no such parameter"),
        ("- smoke\n", "book/presets/smoke.yml = ['smoke']: a mapping"),
    ],
)
def test_a_bad_value_in_a_preset_is_refused_by_name_before_anything_runs(
    build: ModuleType, root: Path, executions: list[str], capsys: pytest.CaptureFixture[str], text: str, line: str
) -> None:
    (root / "book" / "presets" / "smoke.yml").write_text(text)
    assert line in refused(build, capsys, "--preset", "smoke")
    assert executions == []


def test_a_cell_that_fails_stops_the_build_with_chapter_cell_and_error(
    build: ModuleType, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_chapter(root / "book" / "01_tiny.ipynb", "raise KeyError('gone')")
    assert build.main(["--preset", "smoke"]) == 1
    assert "book/01_tiny.ipynb, code cell 3: KeyError: 'gone'" in capsys.readouterr().err
    assert not (root.parent / "home" / "_build" / "html").exists()


def test_a_second_build_executes_nothing_and_a_change_executes_again(
    build: ModuleType, root: Path, executions: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "plots.py").write_text("colour = 1\n")
    monkeypatch.setattr(source, "PACKAGE", package)
    chapter, executed = root / "book" / "01_tiny.ipynb", tmp_path / "executed.ipynb"
    smoke = build.preset("smoke")

    def again(parameters: dict[str, Any] = smoke) -> bool:
        before = len(executions)
        chapters.execute(chapter, parameters, executed, {})
        return len(executions) > before

    assert again()
    assert not again()
    assert again({**smoke, "seeds": 3})
    assert again()
    (package / "plots.py").write_text("colour = 2\n")
    assert again()
    write_chapter(chapter, "print('another cell')")
    assert again()
    executed.write_bytes(executed.read_bytes()[: executed.stat().st_size // 2])
    assert again()
    assert not again()


SEAL = "# SHA-256 of all lines below: " + hashlib.sha256(b"a\n1\n").hexdigest()


@pytest.mark.parametrize(
    ("cell", "kept", "content"),
    [
        ("report.table(frame, 'tiny', 'A table.', preset)", "tiny.csv", "a\n1\n"),
        ("report.evidence(frame, 'tiny', preset)", "evidence/tiny.csv", f"{SEAL}\na\n1\n"),
    ],
)
def test_a_table_or_evidence_that_was_deleted_or_edited_is_made_again(
    build: ModuleType, root: Path, executions: list[str], tmp_path: Path, cell: str, kept: str, content: str
) -> None:
    start = "import pandas as pd\nfrom fitnets_lib import report\nframe = pd.DataFrame({'a': ['1']})\n"
    write_chapter(root / "book" / "01_tiny.ipynb", start + cell)
    chapter, executed = root / "book" / "01_tiny.ipynb", tmp_path / "executed.ipynb"
    table = tmp_path / "home" / "results" / "smoke" / kept
    for times, change in ((1, None), (1, None), (2, table.unlink), (3, lambda: table.write_text("a\n2\n"))):
        if change is not None:
            change()
        chapters.execute(chapter, build.preset("smoke"), executed, {})
        assert len(executions) == times
        assert table.read_text() == content


def test_the_executed_copy_hides_the_injected_cell_and_names_no_folder_of_this_machine(
    build: ModuleType, root: Path, tmp_path: Path
) -> None:
    executed = tmp_path / "executed.ipynb"
    chapters.execute(root / "book" / "01_tiny.ipynb", build.preset("smoke"), executed, {})
    assert str(tmp_path) not in executed.read_text()
    cells = nbformat.read(executed, as_version=4).cells
    (injected,) = [cell for cell in cells if "injected-parameters" in cell.metadata.get("tags", [])]
    assert "hide-cell" in injected.metadata.tags
    assert cells[-1].outputs[0].text == "5\n"  # 2 seeds and 3 epochs
    assert {path.name for path in (root / "book").iterdir() if path.is_socket()} == set()


def test_progress_is_shown_while_a_chapter_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    progress = chapters._Progress("04_hints", every=0.01)
    with progress:
        progress.file.write_text("run 1 of 2\nrun 2 of 2\n")
        for _ in range(500):
            progress.over.wait(0.01)
            if "run 2 of 2" in (shown := capsys.readouterr().out):
                break
    assert shown == "  04_hints: run 2 of 2\n"
    assert not progress.file.exists()


@pytest.mark.parametrize(
    ("alone", "asked", "has"), [(False, None, "1"), (False, "2", "2"), (True, None, "None"), (True, "2", "2")]
)
def test_a_chapter_has_one_thread_unless_the_machine_is_its_own_or_who_builds_asks_for_more(
    alone: bool, asked: str | None, has: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if asked is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    chapter = root / "book" / "01_tiny.ipynb"
    write_chapter(chapter, "import os\n\nprint(os.environ.get('OMP_NUM_THREADS'))")
    if alone:
        notebook = nbformat.read(chapter, as_version=4)
        notebook.metadata["fitnets"] = {"alone": True}
        nbformat.write(notebook, chapter)
    chapters.execute(chapter, {"seeds": 2}, tmp_path / "executed.ipynb", {})
    (cell,) = (cell for cell in nbformat.read(tmp_path / "executed.ipynb", as_version=4).cells if cell.get("outputs"))
    assert cell.outputs[0].text == f"{has}\n"


def test_a_warning_of_jupyter_book_stops_the_build_and_is_shown(
    build: ModuleType, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "book" / "intro.md").write_text("# One\n\nSee {numref}`fig-nowhere`.\n")
    assert build.main(["--preset", "smoke"]) == 1
    assert "fig-nowhere" in capsys.readouterr().err


def test_without_an_address_the_book_says_so_and_with_one_it_shows_buttons() -> None:
    def config(url: str) -> dict[str, Any]:
        start: dict[str, Any] = {"repository": {"url": url}, "html": {}, "sphinx": {"config": {}}}
        return pages.with_home(start)

    without, there = config(""), config("https://example.org/book")
    assert "no public address" in without["sphinx"]["config"]["myst_substitutions"]["home"]
    assert "https://example.org/book" in there["sphinx"]["config"]["myst_substitutions"]["home"]


@pytest.mark.parametrize("url", ["", "https://github.com/a/b"])
def test_the_theme_is_given_the_buttons_if_there_is_an_address_and_else_none(url: str, tmp_path: Path) -> None:
    from jupyter_book.config import get_final_config

    given = yaml.safe_load((CHECKOUT / "_config.yml").read_text(encoding="utf-8"))
    given["repository"]["url"] = url
    written = tmp_path / "_config.yml"
    written.write_text(yaml.safe_dump(pages.with_home(given)), encoding="utf-8")
    final, _ = get_final_config(
        user_yaml=written, cli_config={"latex_individualpages": False}, sourcedir=tmp_path, validate=True
    )
    theme = final["html_theme_options"]
    assert bool(theme.get("use_repository_button")) is bool(theme.get("use_issues_button")) is bool(url)
    assert ("colab_url" in theme.get("launch_buttons", {})) is bool(url)
    if url:
        assert (theme["repository_url"], theme["repository_branch"]) == (url, "main")


def test_the_address_reaches_the_colab_cell_of_every_chapter(build: ModuleType, root: Path) -> None:
    config = root / "_config.yml"
    config.write_text(config.read_text().replace('url: ""', "url: https://example.org/book"))
    chapter = root / "book" / "01_tiny.ipynb"
    notebook = nbformat.read(chapter, as_version=4)
    notebook.cells.insert(1, nbformat.v4.new_code_cell("", metadata={"tags": ["colab"]}))
    nbformat.write(notebook, chapter)
    assert build.main(["--address"]) == 0
    cell = nbformat.read(chapter, as_version=4).cells[1].source
    assert "    %pip install --quiet --no-deps git+https://example.org/book" in cell
    assert "google.colab" in cell


def test_evidence_leaves_nothing_on_the_page_whatever_its_cell(build: ModuleType, root: Path) -> None:
    cell = (
        "import pandas as pd\nfrom fitnets_lib import report\nreport.evidence(pd.DataFrame({'a': [1]}), 'tiny', preset)"
    )
    write_chapter(root / "book" / "01_tiny.ipynb", cell)
    assert build.main(["--preset", "smoke"]) == 0
    page = (root.parent / "home" / "_build" / "html" / "book" / "01_tiny.html").read_text(encoding="utf-8")
    assert "evidence" in page
    assert "cell_output" not in page


class _Web(BaseHTTPRequestHandler):
    """Has one page."""

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/there" else 404)
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *said: object) -> None:
        pass


def test_a_link_that_leads_nowhere_fails_where_links_are_checked(
    build: ModuleType, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Web) as web:
        Thread(target=web.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{web.server_port}"
        for links, status in (("[a]({0}/there)", 0), ("[a]({0}/there) [b]({0}/gone)", 1)):
            (root / "book" / "intro.md").write_text(f"# One\n\n{links.format(address)}\n")
            assert build.main(["--preset", "smoke", "--links"]) == status
        web.shutdown()
    said = capsys.readouterr().err
    assert "These links lead nowhere" in said and f"{address}/gone" in said
    assert f"{address}/there" not in said


def test_no_other_build_replaces_the_pages_while_their_links_are_checked(
    build: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks: list[bool] = []
    monkeypatch.setattr(build, "check_links", lambda site: locks.append((site.parent / "build.lock").exists()))
    assert build.main(["--preset", "smoke", "--links"]) == 0
    assert locks == [True]


def test_the_book_is_printed_where_it_is_asked_for(
    build: ModuleType, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = build.main(["--preset", "smoke", "--pdf"])
    said = capsys.readouterr()
    if done == 2 and "--pdf needs" in said.err:
        pytest.skip("no chromium or google-chrome on this machine")
    assert done == 0
    out = root.parent / "home" / "_build" / "fitnets.pdf"
    assert str(out) in said.out.splitlines()[-1]
    front, contents, *rest = PdfReader(out).pages
    assert "A test of the build" in front.extract_text()
    assert "Preset smoke. Commit: not a git checkout." in front.extract_text()
    assert "Title" in contents.extract_text()
    assert len(rest) == 2


@pytest.mark.parametrize(
    "text",
    [
        "format: jb-book\nroot: book/intro\nchapters:\n  - file: book/a\n  - file: book/b\n",
        "format: jb-book\nroot: book/intro\nparts:\n  - caption: One\n    chapters:\n      - file: book/a\n"
        "        sections:\n          - file: book/b\n",
    ],
)
def test_pages_are_listed_in_the_order_of_the_table_of_contents(tmp_path: Path, text: str) -> None:
    (tmp_path / "_toc.yml").write_text(text)
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "b.ipynb").touch()
    assert chapters.listed(tmp_path) == ["book/intro", "book/a", "book/b"]
    assert chapters.chapters(tmp_path) == [tmp_path / "book" / "b.ipynb"]


def test_a_chapter_that_reads_results_depends_on_them_and_others_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    write_chapter(tmp_path / "plain.ipynb", "print(1)")
    write_chapter(tmp_path / "reading.ipynb", "print(1)")
    notebook = nbformat.read(tmp_path / "reading.ipynb", as_version=4)
    notebook.metadata["fitnets"] = {"reads": ["evidence", "records"]}
    nbformat.write(notebook, tmp_path / "reading.ipynb")
    notebook.metadata["fitnets"] = {"reads": ["records"]}
    nbformat.write(notebook, tmp_path / "records.ipynb")

    notebook.metadata["fitnets"] = {"reads": ["measured"]}
    nbformat.write(notebook, tmp_path / "measured.ipynb")
    monkeypatch.setattr(paths, "CHECKOUT", tmp_path)

    def keys() -> list[str]:
        names = ("plain", "reading", "records", "measured")
        return [chapters.key(tmp_path / f"{name}.ipynb", {}) for name in names]

    seen = [keys()]
    written = (
        "results/embedded/evidence/runs.csv",
        "results/mnist/records/0.json",
        "results/embedded/table.csv",
        "results/mnist/evidence/a-gradients.csv",
        "results/mnist/evidence/a-gaps.csv",
        "benchmarks/records/gpu.json",
    )
    for file in written:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
        seen.append(keys())
    plain, reading, of_records, measured = zip(*seen, strict=True)
    assert len(set(plain)) == 1
    assert len(set(reading)) == 5 and reading[2] == reading[3]
    assert of_records[0] == of_records[1] != of_records[2] == of_records[3]
    assert len(set(of_records[3:6])) == 3 and of_records[6] == of_records[5]
    assert len(set(measured[:6])) == 1 and measured[6] != measured[5]
