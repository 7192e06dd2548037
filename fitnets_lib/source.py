"""Which source a result depends on: a module of this package and all it imports from the package."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def files_of(module: str) -> list[Path]:
    """The file of a module of this package, or all files of a sub-package, such as `kernels`; none if it is neither."""
    file = PACKAGE / f"{module}.py"
    return [file] if file.is_file() else sorted((PACKAGE / module).glob("*.py"))


def imported_modules(path: Path) -> set[str]:
    """Modules and sub-packages of this package that the file at `path` imports, by their names within it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith(f"{PACKAGE.name}.")}
    return {name for name in found if files_of(name)}


def modules_behind(module: str) -> set[str]:
    """`module` and every module of this package that it imports, directly or through another."""
    found: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= set().union(*map(imported_modules, files_of(name))) - found
    return found


@cache
def fingerprint(module: str) -> str:
    """SHA-256 over the source of `module` and of all it imports from this package, as it stands on the disk."""
    digest = hashlib.sha256()
    for path in sorted(file for name in modules_behind(module) for file in files_of(name)):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
