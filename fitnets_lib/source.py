"""Which source a result depends on: a module of this package and all it imports from the package."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def imported_modules(path: Path) -> set[str]:
    """Modules of this package that the file at `path` imports, by their names without the package's."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith(f"{PACKAGE.name}.")}
    return {name for name in found if (PACKAGE / f"{name}.py").is_file()}


def modules_behind(module: str) -> set[str]:
    """`module` and every module of this package that it imports, directly or through another."""
    found: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= imported_modules(PACKAGE / f"{name}.py") - found
    return found


@cache
def fingerprint(module: str) -> str:
    """SHA-256 over the source of `module` and of all it imports from this package, as it stands on the disk."""
    digest = hashlib.sha256()
    for name in sorted(modules_behind(module)):
        digest.update(name.encode() + b"\0" + (PACKAGE / f"{name}.py").read_bytes() + b"\0")
    return digest.hexdigest()
