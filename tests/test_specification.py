from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from typing import Any

import pytest

from fitnets_lib import files, recipes, regressors
from fitnets_lib.errors import BadInput
from fitnets_lib.recipes import HINT_THEN_KD
from fitnets_lib.specification import specification
from tests.helpers import run


def test_the_specification_tells_losses_apart_that_have_no_fields() -> None:
    assert specification(recipes.classification) != specification(recipes.hint)


def test_the_specification_is_plain_json() -> None:
    assert files.canonical(specification(run(HINT_THEN_KD)))


def written(path: Path, body: str) -> Any:
    """A module as a reader writes it, with a regressor and a loss term of his own."""
    path.write_text(
        "from dataclasses import dataclass\n\n"
        f"def mine(guided, hint, layer):\n    return {body}\n\n"
        "@dataclass(frozen=True)\nclass Term:\n    weight: float = 1.0\n\n"
        f"    def value(self):\n        return {body}\n"
    )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_a_reader_wrote_is_known_by_its_source_and_what_the_library_has_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, edited, again = (written(tmp_path / f"{name}.py", body) for name, body in zip("abc", "121", strict=True))
    for module in (one, edited, again):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for of in (lambda module: module.mine, lambda module: module.Term()):
        ours, theirs, same = map(of, (one, edited, again))
        assert specification(ours) != specification(theirs)
        assert specification(ours) == specification(same)
    assert specification(regressors.linear_regressor) == "linear_regressor"


def made_with(pieces: int) -> Any:
    def mine(guided: Any, hint: Any, layer: Any) -> int:
        return pieces

    return mine


def by_default(guided: Any, hint: Any, layer: Any, pieces: int = 2) -> int:
    return pieces


@pytest.mark.parametrize("mine", [made_with(1), made_with(2), by_default], ids=["a closure", "another", "a default"])
def test_a_function_whose_source_does_not_say_all_is_refused(mine: Any) -> None:
    assert inspect.getsource(made_with(1)) == inspect.getsource(made_with(2))  # so that two runs would have one name
    with pytest.raises(BadInput, match="one without closure and defaults"):
        specification(mine)


def test_what_has_no_source_to_be_known_by_is_refused() -> None:
    with pytest.raises(BadInput, match=r"function of a run = .*: one whose source can be read"):
        specification(eval("lambda guided, hint, layer: None"))
