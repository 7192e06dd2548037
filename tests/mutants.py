"""Changes one thing at a time in the modules on which the book's statements rest, and asks whether a test notices.

    python tests/mutants.py losses trials

A change is a mutant; tests that fail kill it. Only the tests of the module are asked. Survivors are either equivalent
to the original or harmless, as `mutants.yml` explains for each, or a gap in the tests, which is reported.

mutmut changes function bodies alone, and half of these modules is data; cosmic-ray starts a process for each mutant,
which takes three seconds to import torch. Here each is a fork of a process that has imported everything else.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

CHECKOUT = Path(__file__).resolve().parent.parent
MODULES = ("losses", "regressors", "recipes", "curriculum", "claims", "trials")
TOO = {"regressors": ("test_bad_input_descriptions",), "recipes": ("test_bad_input_descriptions",)}
"""What is asked beside the tests of a module's own name."""
LEAST = 0.85
"""The share of mutants that must be killed."""
PATIENCE = 120
"""Seconds after which a mutant that goes on and on counts as killed."""
PRELOADED = (
    "torch", "pandas", "pytest", "scipy.stats", "sklearn.datasets", "hypothesis.extra.numpy", "skimage",
    "playwright.sync_api", "nbformat", "yaml", "safetensors.torch", "joblib", "tqdm.auto",
)  # fmt: skip

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
CALLED = {"max": "min", "min": "max", "sum": "mean", "mean": "sum", "all": "any", "any": "all"}
TYPES = {"Literal", "Callable", "tuple"}
"""What subscripts of these say is for the type checker alone."""


@dataclass(frozen=True)
class Mutant:
    """A module with one thing changed.

    Attributes:
        where: the module, and the class and function in it.
        line: of the change.
        change: what stood there and what stands there now.
        code: the whole module.
    """

    where: str
    line: int
    change: str
    code: CodeType

    @property
    def name(self) -> str:
        """What `mutants.yml` calls it: without a line number, which any edit would change."""
        return f"{self.where}: {self.change}"


Place = tuple[ast.AST, str, int | None, ast.AST, str]
"""Owner, field, index in the field if that is a list, node, and the names of the classes and functions around it."""


def places(owner: ast.AST, scope: str) -> Iterator[Place]:
    """Every node below `owner` that is computed when the module runs; no docstrings, annotations or imports."""
    for field, value in ast.iter_fields(owner):
        if field in ("annotation", "returns"):
            continue
        for at, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or _unseen(node):
                continue
            inner = f"{scope}.{node.name}" if isinstance(node, ast.FunctionDef | ast.ClassDef) else scope
            yield owner, field, at if isinstance(value, list) else None, node, scope
            yield from places(node, inner)


def _unseen(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id in TYPES
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, ast.Import | ast.ImportFrom | ast.expr_context)


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """What is put in the place of `node`, one after the other."""
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(number) | float(number)):
            yield ast.Constant(number + 1)
        case ast.Constant(value=str(text)):
            yield ast.Constant("XX" if text != "XX" else "")
        case ast.Compare(left=left, ops=[operator], comparators=others):
            yield from (ast.Compare(left, [other()], others) for other in COMPARED[type(operator)])
        case ast.Compare(left=left, ops=[first, *rest], comparators=others):  # 0 < x <= 1
            yield from (ast.Compare(left, [other(), *rest], others) for other in COMPARED[type(first)])
            yield from (ast.Compare(left, [first, other()], others) for other in COMPARED[type(rest[0])])
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in COMPUTED:
            yield ast.BinOp(left, COMPUTED[type(operator)](), right)
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Raise() | ast.Expr():
            yield ast.Pass()
        case ast.Name(id=name, ctx=ast.Load()) if name in CALLED:
            yield ast.Name(CALLED[name], ast.Load())
        case ast.Attribute(value=value, attr=name, ctx=ast.Load()) if name in CALLED:
            yield ast.Attribute(value, CALLED[name], ast.Load())
        case ast.Call(func=func, args=args, keywords=keywords):
            for left_out in (k for k in keywords if not isinstance(k.value, ast.Constant)):
                yield ast.Call(func, args, [k for k in keywords if k is not left_out])


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of the module at `path`, in the order of its source."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for owner, field, at, node, scope in list(places(tree, path.stem)):
        for changed in variants(node):
            ast.fix_missing_locations(ast.copy_location(changed, node))
            _put(owner, field, at, changed)
            change = " ".join(f"{ast.unparse(node)} -> {ast.unparse(changed)}".split())
            yield Mutant(scope, getattr(node, "lineno", 0), change, compile(tree, str(path), "exec"))
            _put(owner, field, at, node)


def _put(owner: ast.AST, field: str, at: int | None, node: ast.AST) -> None:
    if at is None:
        setattr(owner, field, node)
    else:
        getattr(owner, field)[at] = node


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the module `name` as `code`."""

    def __init__(self, name: str, code: CodeType) -> None:
        self.name, self.code = name, code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        place = CHECKOUT.joinpath(*fullname.split(".")).with_suffix(".py")
        return importlib.util.spec_from_file_location(fullname, place, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(self.code, module.__dict__)


def survives(module: str, code: CodeType, show: bool = False) -> bool:
    """Whether the tests of `module` pass where it is `code`; they run in a process of their own."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    signal.alarm(PATIENCE)
    if not show:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
    sys.meta_path.insert(0, Changed(f"fitnets_lib.{module}", code))
    import pytest

    options = ["-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--assert=plain", "--hypothesis-profile=mutants"]
    files = [str(CHECKOUT / "tests" / f"{name}.py") for name in (f"test_{module}", *TOO.get(module, ()))]
    status = pytest.main([*options, *files])
    os._exit(0 if status == pytest.ExitCode.OK else 1)


def prepare() -> None:
    """Imports what all mutants share, and has hypothesis draw the same few examples for each."""
    os.chdir(CHECKOUT)
    os.environ["TRITON_INTERPRET"] = "1"
    sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "book")]
    sys.dont_write_bytecode = True
    for name in PRELOADED:
        importlib.import_module(name)
    import hypothesis
    import torch

    torch.set_num_threads(1)
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile(
        "mutants", deadline=None, derandomize=True, database=None, max_examples=30, phases=phases
    )


def report(module: str, explained: dict[str, str]) -> tuple[int, int, list[str]]:
    """Tries every mutant of `module`; how many there are, how many were killed, and the unexplained survivors."""
    path, begun = CHECKOUT / "fitnets_lib" / f"{module}.py", time.monotonic()
    if not survives(module, compile(path.read_text(encoding="utf-8"), str(path), "exec"), show=True):
        sys.exit(f"the tests of {module} fail without any change")
    tried, alive = 0, list[Mutant]()
    for mutant in mutants(path):
        tried += 1
        if survives(module, mutant.code):
            alive.append(mutant)
            print(f"  line {mutant.line}, {mutant.name}{'  (explained)' * (mutant.name in explained)}", flush=True)
    killed = tried - len(alive)
    seconds = time.monotonic() - begun
    print(f"{module}: {killed} of {tried} killed, {killed / tried:.1%}, in {seconds:.0f} s", flush=True)
    return tried, killed, [mutant.name for mutant in alive if mutant.name not in explained]


def main(arguments: Sequence[str] | None = None) -> int:
    """Reports on the modules that are asked for; 1 if too few mutants are killed or a survivor is not explained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("modules", nargs="*", default=MODULES, help="all unless said otherwise")
    asked: Sequence[str] = parser.parse_args(arguments).modules
    prepare()
    import yaml

    explained = yaml.safe_load((CHECKOUT / "tests" / "mutants.yml").read_text(encoding="utf-8")) or {}
    found = [report(module, explained) for module in asked]
    tried, killed = sum(one[0] for one in found), sum(one[1] for one in found)
    print(f"altogether {killed} of {tried} killed, {killed / tried:.1%}")
    return int(killed < LEAST * tried or any(unexplained for _, _, unexplained in found))


if __name__ == "__main__":
    sys.exit(main())
