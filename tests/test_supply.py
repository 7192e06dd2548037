"""What is let in: no file that could run code when it is read, no package but the one that was locked."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from fitnets_lib.paths import CHECKOUT

LOADERS = {
    "load",
    "load_all",
    "unsafe_load",
    "unsafe_load_all",
    "full_load",
    "full_load_all",
    "read_pickle",
    "read_hdf",
}
"""Names under which these libraries offer to read what could run code."""
LIBRARIES = {"torch", "joblib", "np", "numpy", "yaml", "pd", "pandas"}
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle"}
NUMPY = "np.load(path, allow_pickle=False)"
CALLS = {"eval", "exec", "compile", "__import__"}
SHIPPED = [*(CHECKOUT / "fitnets_lib").rglob("*.py"), *(CHECKOUT / "book").rglob("*.py")]
NOTEBOOKS = sorted((CHECKOUT / "book").glob("*.ipynb"))


def sources() -> Iterator[tuple[str, ast.Module]]:
    """The library, the builder and the code cells of the chapters, parsed."""
    for path in SHIPPED:
        yield path.relative_to(CHECKOUT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        code = "\n".join(
            re.sub(r"^(\s*)[%!].*$", r"\1pass", c.source, flags=re.M) for c in cells if c.cell_type == "code"
        )
        yield path.name, ast.parse(code)


def could_run_code(tree: ast.AST) -> Iterator[str]:
    """What in `tree` could run code out of a file that it reads."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name.split(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module), names=names):
                if module.split(".")[0] in MODULES:
                    yield module
                if module.split(".")[0] in LIBRARIES:
                    yield from (f"{module}.{alias.name}" for alias in names if alias.name in LOADERS)
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield name
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in LOADERS:
                called = ast.unparse(value)
                if called.split(".")[0] in LIBRARIES and ast.unparse(node) != NUMPY:
                    yield f"{called}.{name}"
            case ast.keyword(arg="allow_pickle", value=value) if ast.unparse(value) != "False":
                yield "allow_pickle"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import pickle", ["pickle"]),
        ("from pickle import loads", ["pickle"]),
        ("torch.load(path)", ["torch.load"]),
        ("from torch import load", ["torch.load"]),
        ("joblib.load(path)", ["joblib.load"]),
        ("pd.read_pickle(path)", ["pd.read_pickle"]),
        ("yaml.load(text, Loader)", ["yaml.load"]),
        ("np.load(path)", ["np.load"]),
        ("np.load(path, allow_pickle=True)", ["np.load", "allow_pickle"]),
        ("eval(text)", ["eval"]),
        ("torch.hub.load(name)", ["torch.hub.load"]),
        ("json.load(file)", []),
        ("checkpoint.load()", []),
        (NUMPY, []),
    ],
)
def test_what_could_run_code_is_seen(line: str, found: list[str]) -> None:
    assert list(could_run_code(ast.parse(line))) == found


def test_nothing_that_is_read_could_run_code() -> None:
    assert [(name, found) for name, tree in sources() for found in could_run_code(tree)] == []


def test_official_files_are_unpickled_by_torchvision_alone_which_compares_them_with_their_checksums() -> None:
    from torchvision.datasets import CIFAR10, CIFAR100

    for source in (CIFAR10, CIFAR100):
        listed = [*source.train_list, *source.test_list, [source.meta["filename"], source.meta["md5"]]]
        assert all(re.fullmatch("[0-9a-f]{32}", checksum) for _, checksum in listed)


def bandits() -> list[dict[str, Any]]:
    """What bandit finds in the library and the book, less what is explained where it stands."""
    command = [sys.executable, "-m", "bandit", "--quiet", "--format", "json", "--recursive", "fitnets_lib", "book"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    said = json.loads(done.stdout)
    assert said["errors"] == [] and len(said["metrics"]) > 60, done.stderr
    found: list[dict[str, Any]] = said["results"]
    return found


def narrows(test: ast.expr) -> bool:
    """Whether an assertion only tells the type checker what it cannot see."""
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(map(narrows, values))
        case ast.Compare(ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return True
        case ast.Compare(ops=[ast.In()], comparators=[ast.Name(id="PRESETS")]):
            return True
        case ast.Call(func=ast.Name(id="isinstance")):
            return True
    return False


def test_bandit_finds_nothing_but_assertions_that_narrow_a_type() -> None:
    for found in bandits():
        place = f"{found['filename']}:{found['line_number']}"
        assert found["test_id"] == "B101", f"{place} {found['test_id']} {found['issue_text']}"
        tree = ast.parse((CHECKOUT / found["filename"]).read_text(encoding="utf-8"))
        (asserted,) = [n for n in ast.walk(tree) if isinstance(n, ast.Assert) and n.lineno == found["line_number"]]
        # With `python -O` it is gone, and nothing is let in that was refused before.
        assert narrows(asserted.test), f"{place} {ast.unparse(asserted)}"


def test_every_comment_that_quiets_bandit_names_one_finding_and_a_reason() -> None:
    lines = [line for path in SHIPPED for line in path.read_text(encoding="utf-8").splitlines() if "nosec" in line]
    assert lines
    for line in lines:
        assert re.search(r"# nosec (B\d{3} ?)+ \w+( \S+){2,}", line), line


def locked() -> dict[str, list[str]]:
    """Each line of `requirements.lock` without its hashes, with its hashes."""
    found, name = dict[str, list[str]](), ""
    for line in (CHECKOUT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if line.startswith("    --hash="):
            found[name].append(line.strip(" \\").removeprefix("--hash="))
        else:
            name = line.removesuffix(" \\")
            found[name] = []
    return found


def test_the_lock_has_the_versions_of_the_constraints_each_with_the_hashes_of_its_files() -> None:
    lock = locked()
    assert list(lock) == (CHECKOUT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(hashes for hashes in lock.values())
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", one) for hashes in lock.values() for one in hashes)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_cell_of_a_notebook_holds_an_absolute_path(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            code = ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", cell.source, flags=re.M))
            texts = [n.value for n in ast.walk(code) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            assert [text for text in texts if re.match(r"/\w+/|~|[A-Za-z]:[\\/]|\\\\", text)] == []
        assert not re.search(r"(?<![\w./])(?:/(?:home|root|Users|mnt|opt|var|tmp|usr)/|[A-Z]:\\\\)", cell.source)
