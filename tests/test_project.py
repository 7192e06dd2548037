"""The files around the code, held to each other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from fitnets_lib.paths import CHECKOUT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def text(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


PROJECT: dict[str, Any] = tomllib.loads(text("pyproject.toml"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
WANTED = [Requirement(line) for line in [*PROJECT["dependencies"], *EXTRAS["book"], *EXTRAS["dev"]]]
PINS = [Requirement(line) for line in text("constraints.txt").splitlines()]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
@pytest.mark.parametrize("wanted", WANTED, ids=lambda requirement: requirement.name)
def test_every_requirement_has_one_exact_version_within_its_bounds(wanted: Requirement, python: str) -> None:
    machine = {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": "linux",
        "os_name": "posix",
    }
    pins = [
        pin
        for pin in PINS
        if canonical(pin.name) == canonical(wanted.name) and (pin.marker is None or pin.marker.evaluate(machine))
    ]
    assert len(pins) == 1
    (exact,) = pins[0].specifier
    assert exact.operator == "=="
    assert exact.version in wanted.specifier


def test_conda_installs_the_same_list_in_the_same_versions() -> None:
    environment = yaml.safe_load(text("environment.yml"))
    python, pip, rest = environment["dependencies"]
    assert python == f"python{PROJECT['requires-python']},<3.14"  # nothing has been run with a later one
    assert pip == "pip"
    assert rest == {"pip": ["--constraint constraints.txt", "--editable .[book,dev]"]}
    for name in ("Makefile", "README.md"):
        assert re.search(r"--constraint constraints.txt --editable ['\"]\.\[book,dev\]['\"]", text(name))


def test_jupyter_book_stays_below_2() -> None:
    (book,) = [requirement for requirement in WANTED if requirement.name == "jupyter-book"]
    assert "2.0.0" not in book.specifier
    assert "1.0.4.post1" in book.specifier


def test_the_readme_names_the_two_commands_and_ci_runs_them() -> None:
    for command in ("make book", "make test"):
        assert command in text("README.md")
        assert re.search(rf"^{command}$", text(".ci/run"), re.MULTILINE)


def test_the_readmes_picture_exists() -> None:
    (picture,) = re.findall(r"!\[[^\]]{20,}\]\(([^)]+)\)", text("README.md"))
    assert (CHECKOUT / picture).stat().st_size > 10_000


def test_licence_and_citation_agree_with_the_project() -> None:
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert text("LICENSE").startswith("MIT License")
    assert citation["title"] and citation["authors"]


def test_no_file_names_a_folder_of_a_machine_or_the_host_of_a_package_index() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    files = [CHECKOUT / name for name in listed.splitlines()]
    assert len(files) > 40
    machine = re.compile(rb"/(?:ro{2}t|wo[r]k|home/\w+)/|py(?:thonhosted|pi)\.org")  # in bytes: weights are among them
    assert [str(path) for path in files if path.is_file() and machine.search(path.read_bytes())] == []


def test_every_module_of_the_library_has_its_tests() -> None:
    modules = {path.stem for path in (CHECKOUT / "fitnets_lib").glob("*.py")} - {"__init__"}
    tests = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert modules <= tests


def test_the_library_keeps_to_its_measure() -> None:
    for path in (CHECKOUT / "fitnets_lib").glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path.name
