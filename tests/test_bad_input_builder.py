"""Bad input, the builder: `python book/build.py ...` and the preset files that it reads.

Every case is one line on standard error, nothing on standard output, exit status 2, and no chapter was executed.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import papermill
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fitnets_lib import paths, records
from fitnets_lib.settings import PARAMETERS
from tests.conftest import load_build
from tests.refusals import denied, is_one_line, names, refusal, refusal_if_any, takes_no_files

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home of its own, and a failure wherever a chapter would be executed."""
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FITNETS_DATA", str(tmp_path / "no data"))
    monkeypatch.setattr(papermill, "execute_notebook", lambda *_, **__: pytest.fail("a chapter was executed"))


# Preset files: `book/presets/<name>.yml`, as `book/build.py` reads them.

START = b"preset: smoke\n"
PRESET_FILES: list[tuple[str, bytes, tuple[str, ...]]] = [
    ("empty", b"", ("book/presets/smoke.yml = None", "a mapping of parameter names to values")),
    ("a word", b"smoke", ("book/presets/smoke.yml = 'smoke'", "a mapping")),
    ("a list", b"- preset\n- smoke\n", ("book/presets/smoke.yml = ['preset', 'smoke']", "a mapping")),
    ("not closed", START + b"seeds: [2\n", ("preset file = 'book/presets/smoke.yml'", "YAML", "line 3")),
    ("tabs", START + b"\tseeds: 2\n", ("preset file = 'book/presets/smoke.yml'", "YAML")),
    ("not UTF-8", START + b"data: \xff\xfe\n", ("preset file = 'book/presets/smoke.yml'", "YAML")),
    ("control characters", START + b"data: \x00\n", ("preset file = 'book/presets/smoke.yml'", "YAML")),
    ("two documents", START + b"---\n" + START, ("preset file = 'book/presets/smoke.yml'", "YAML", "document")),
    ("an object", START + b"seeds: !!python/object/apply:os.getcwd []\n", ("preset file", "YAML", "python/object")),
    ("an unknown name", START + b"seeds: *many\n", ("preset file", "YAML", "many")),
    ("no date", START + b"seeds: 2024-99-99\n", ("preset file", "YAML", "month")),
    ("too many digits", START + b"seeds: " + b"9" * 5000 + b"\n", ("preset file", "YAML", "digits")),
    ("a key that is a list", START + b"[1, 2]: 3\n", ("preset file", "YAML", "unhashable")),
    ("too deep", START + b"seeds: " + b"[" * 5000 + b"\n", ("preset file", "YAML")),
    ("given twice", START + b"seeds: 5\nseeds: 2\n", ("book/presets/smoke.yml, seeds = 'given twice'", "once")),
    ("of another", b"preset: embedded\nseeds: 2\n", ("book/presets/smoke.yml, preset = 'embedded'", "smoke")),
    ("of none", b"seeds: 2\n", ("book/presets/smoke.yml, preset = None", "smoke, as its file")),
    ("a key that is a number", START + b"5: 3\n", ("5 = 3", "no such parameter")),
    ("a key that is nothing", START + b"~: 3\n", ("None = 3", "no such parameter")),
    ("a truth", START + b"seeds: yes\n", ("seeds = True", "a whole number of at least 2")),
    ("nothing", START + b"epochs:\n", ("epochs = None", "a whole number of at least 2")),
    ("no number", START + b"epochs: .nan\n", ("epochs = nan", "a whole number of at least 2")),
    ("a date", START + b"epochs: 2024-01-01\n", ("epochs = datetime.date(2024, 1, 1)", "a whole number")),
    ("a list of itself", START + b"depths: &a [*a]\n", ("depth = [", "at least 5 layers")),
    ("another data set", START + b"data: mnist\n", ("data = 'mnist'", "digits")),
    ("another device", START + b"device: tpu\n", ("device = 'tpu'", "cpu, or cuda")),
    ("a parameter of one chapter", START + b"repeats: 3\n", ("repeats = 3", "has no such parameter; it takes preset")),
]
BOMB = b", ".join([b"&a0 [lol]"] + [b"&a%d [%s]" % (n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 30)])
PRESET_FILES.append(
    ("a bomb as a value", START + b"seeds: [" + BOMB + b"]\n", ("seeds = [['lol'], [", "a whole number"))
)


@pytest.mark.parametrize(
    ("content", "parts"), [case[1:] for case in PRESET_FILES], ids=[case[0] for case in PRESET_FILES]
)
def test_a_preset_file_that_is_none_is_refused_before_a_chapter_runs(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    content: bytes, parts: tuple[str, ...],
) -> None:  # fmt: skip
    root = small_book(tmp_path / "root")
    (root / "book" / "presets" / "smoke.yml").write_bytes(content)
    monkeypatch.setattr(build, "ROOT", root)
    assert build.main(["--preset", "smoke"]) == 2
    said = capsys.readouterr()
    assert said.err.endswith("\n") and is_one_line(said.err[:-1])
    assert said.out == ""
    names(said.err, *parts)


def small_book(root: Path) -> Path:
    """The least of a book that the builder reads before it executes anything: one chapter with two parameters."""
    (root / "book" / "presets").mkdir(parents=True)
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/01_tiny\n")
    (root / "_config.yml").write_text('repository:\n  url: ""\n')
    cell: dict[str, object] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "a",
        "outputs": [],
        "metadata": {"tags": ["parameters"]},
    }
    cells = [{**cell, "source": 'preset = "embedded"\ndata = "digits"\nseeds = 5\nepochs = 40\ndevice = "cpu"\n'}]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (root / "book" / "01_tiny.ipynb").write_text(json.dumps(notebook))
    return root


@hypothesis_settings(max_examples=100)
@given(st.binary(max_size=60))
def test_a_preset_file_of_any_bytes_is_refused_or_a_mapping_of_good_values(
    build_and_root: tuple[ModuleType, Path], content: bytes
) -> None:
    build, root = build_and_root
    (root / "book" / "presets" / "smoke.yml").write_bytes(START + content)
    if refusal_if_any(lambda: build.preset("smoke")) is None:
        found = build.preset("smoke")
        assert found["preset"] == "smoke"
        assert set(found) <= set(PARAMETERS)


@pytest.fixture(scope="module")
def build_and_root(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModuleType, Path]:
    build, root = load_build(), small_book(tmp_path_factory.mktemp("root"))
    build.ROOT = root  # type: ignore[attr-defined]
    return build, root


def test_a_preset_file_that_cannot_be_read_is_refused(
    build_and_root: tuple[ModuleType, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    build, root = build_and_root
    (root / "book" / "presets" / "smoke.yml").write_bytes(START)

    monkeypatch.setattr(Path, "read_text", denied)
    names(refusal(lambda: build.preset("smoke")), "preset file = 'book/presets/smoke.yml'", "Permission denied")


# Options, folders, records.


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--preset"], ("options = ", "--preset", "expected one argument", "--help")),
        (["--preset", ""], ("preset = ''", "one of smoke, embedded")),
        (["--preset", "papers"], ("preset = 'papers'", "one of smoke, embedded")),
        (["--preset", "Smoke"], ("preset = 'Smoke'", "one of smoke, embedded")),
        (["--preset", "../smoke"], ("preset = '../smoke'", "one of smoke, embedded")),
        (["--preset", "smoke.yml"], ("preset = 'smoke.yml'", "one of smoke, embedded")),
        (["--preset", "sm\noke"], (r"preset = 'sm\noke'", "one of smoke, embedded")),
        (["--presets", "smoke"], ("options = ", "--presets", "--help")),
        (["smoke"], ("options = ", "smoke", "--preset NAME")),
        (["--pdf=yes"], ("options = ", "--pdf", "--help")),
        (["-p", "seeds", "2"], ("options = ", "--help")),
        (["--seeds", "2"], ("options = ", "--seeds", "--help")),
    ],
    ids=lambda part: " ".join(part)[:30],
)
def test_an_option_of_the_builder_that_is_none_is_one_line(
    build: ModuleType, arguments: list[str], parts: tuple[str, ...], capsys: Capture
) -> None:
    assert build.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == "" and is_one_line(said.err[:-1])
    names(said.err, *parts)


@pytest.mark.parametrize("variable", paths.VARIABLES)
def test_the_builder_refuses_an_environment_variable_that_names_no_folder(
    build: ModuleType, variable: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "")
    assert build.main(["--preset", "smoke"]) == 2
    names(capsys.readouterr().err, f"{variable} = ''", "a folder")


@pytest.mark.parametrize("folder", ["_build", "runs", "results"])
def test_the_builder_refuses_a_folder_that_takes_no_files_before_a_chapter_runs(
    build: ModuleType, folder: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes_no_files(monkeypatch, 30, folder)
    assert build.main(["--preset", "smoke"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and is_one_line(said.err[:-1])
    names(said.err, "folder = ", folder, "one that can be written to (Read-only file system)")


def test_the_builder_tells_of_a_damaged_record_before_a_chapter_runs(build: ModuleType, capsys: Capture) -> None:
    path = records.path(build.ROWS[0].runs[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half a reco")
    assert build.main(["--preset", "smoke"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and is_one_line(said.err[:-1])
    names(said.err, path.name, "not a whole sealed JSON file")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device", "/there/x"), OSError(30, "Read-only", "/x")])
def test_a_disk_that_fills_up_during_a_build_is_one_line(
    build: ModuleType, error: OSError, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(build, "execute", full)
    assert build.main(["--preset", "smoke"]) == 1
    said = capsys.readouterr().err
    assert is_one_line(said[:-1])
    names(said, str(error), "what was finished before is kept")
