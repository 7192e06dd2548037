"""The page on the library: which modules it has, and what Sphinx makes of their docstrings."""

from __future__ import annotations

import re
from pathlib import Path

import api
import plain_values
import pytest
from bs4 import BeautifulSoup
from sphinx.ext.napoleon.docstring import GoogleDocstring

from fitnets_lib import source


def test_every_module_but_the_command_line_is_found() -> None:
    found = api.modules(source.PACKAGE)
    assert {"data", "training", "report", "kernels", "kernels.hint"} <= set(found)
    assert not {"", "__init__", "__main__", "kernels.__init__"} & set(found)
    assert len(found) == len(list(source.PACKAGE.rglob("*.py"))) - 2


def test_no_module_has_two_places() -> None:
    named = [name for names in api.GROUPS.values() for name in names]
    assert len(named) == len(set(named))


def test_modules_come_in_the_order_of_their_groups_and_an_unnamed_one_last(tmp_path: Path) -> None:
    package = tmp_path / "fitnets_lib"
    package.mkdir()
    for name in ("__init__", "__main__", "unheard_of", "training", "data"):
        (package / f"{name}.py").touch()
    text = api.page(package)
    assert re.findall(r"^#+ (.+)$", text, re.MULTILINE) == [
        *("Data", "data"),
        *("Training", "training"),
        *("Others", "unheard_of"),
    ]
    assert re.findall(r"automodule:: (\S+)", text) == [
        "fitnets_lib.data",
        "fitnets_lib.training",
        "fitnets_lib.unheard_of",
    ]


@pytest.mark.parametrize("what", ["attribute", "data", "property", "function", "class"])
def test_a_colon_in_the_docstring_of_a_value_names_no_type(what: str) -> None:
    lines = ["Algorithm 1: hints, then KD."]
    plain_values._begin_otherwise(None, what, "x", None, None, lines)  # type: ignore[arg-type]
    said = "\n".join(GoogleDocstring(lines, None, None, what, "x").lines())
    assert "Algorithm 1: hints, then KD." in said
    assert ":type:" not in said


def test_the_rendered_page_has_every_module_with_its_idea_and_its_public_functions(smoke_home: Path) -> None:
    html = (smoke_home / "_build" / "html" / "book" / "api.html").read_text(encoding="utf-8")
    page = BeautifulSoup(html, "html.parser")
    ids = {str(part["id"]) for part in page.select("[id]")}
    for name in api.modules(source.PACKAGE):
        assert f"module-fitnets_lib.{name}" in ids
    assert {"fitnets_lib.losses.hint_loss", "fitnets_lib.recipes.Stage", "fitnets_lib.kernels.hint.hint_loss"} <= ids
    text = re.sub(r"\s+", " ", page.get_text())
    assert "The paper’s losses, as functions of tensors (equations 1 to 3)." in text
    assert "Raises:" in text and "Parameters:" in text
    assert "Args:" not in text
    assert "<MagicMock" not in html and " object at 0x" not in html
