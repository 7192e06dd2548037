from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fitnets_lib import settings
from fitnets_lib.errors import BadInput
from fitnets_lib.settings import PARAMETERS, check, check_chapter, check_declared

GOOD: dict[str, Any] = {
    "preset": "smoke",
    "data": "digits",
    "seeds": 5,
    "epochs": 40,
    "device": "cpu",
    "depths": [5, 11],
    "depth": 11,
    "starts": ["paper", "batch norm"],
    "repeats": 3,
    "temperatures": [1, 3.5],
}
BAD: list[tuple[str, Any, str]] = [
    ("preset", "bogus", "smoke, embedded, paper"),
    ("preset", 3, "smoke, embedded, paper"),
    ("data", "mnits", "digits"),
    ("seeds", 0, "at least 2"),
    ("seeds", 1, "at least 2"),
    ("seeds", "5", "a whole number"),
    ("seeds", 5.0, "a whole number"),
    ("seeds", True, "a whole number"),
    ("epochs", "1e-3", "a whole number"),
    ("epochs", -1, "at least 2"),
    ("device", "gpu", "cpu, or cuda"),
    ("depths", 7, "a list"),
    ("depths", [], "a list"),
    ("depths", [4], "at least 5 layers"),
    ("depths", [7, "9"], "at least 5 layers"),
    ("depths", "[5, 11]", "a list"),
    ("depth", 4, "at least 5 layers"),
    ("depth", "11", "at least 5 layers"),
    ("depth", [11], "at least 5 layers"),
    ("starts", ["paper"], "a list of paper and then one or more of torch, He"),
    ("starts", ["He", "paper"], "a list of paper and then"),
    ("starts", ["paper", "He", "He"], "a list of paper and then"),
    ("starts", ["paper", "Glorot"], "a list of paper and then"),
    ("starts", "paper, He", "a list of paper and then"),
    ("repeats", 0, "at least 1"),
    ("temperatures", [0], "above 0"),
    ("temperatures", [float("inf")], "above 0"),
    ("temperatures", [float("nan")], "above 0"),
    ("temperatures", ["3"], "above 0"),
    ("tau", 3, "no such parameter; there are preset, data"),
]


def test_good_values_pass() -> None:
    check(GOOD)
    assert GOOD.keys() == PARAMETERS.keys()


@pytest.mark.parametrize(("name", "value", "right"), BAD, ids=lambda part: repr(part)[:20])
def test_a_bad_value_gives_one_line_with_name_value_and_what_is_right(name: str, value: Any, right: str) -> None:
    with pytest.raises(BadInput) as caught:
        check({**GOOD, name: value})
    line = str(caught.value)
    assert "\n" not in line
    if name == "depths" and value in ([4], [7, "9"]):
        name, value = "depth", value[-1]  # a bad depth is named alone
    assert line.startswith(f"{name} = {value!r}: ")
    assert right in line


@given(
    st.sampled_from([name for name in PARAMETERS if name not in ("preset", "data", "device")]), st.text() | st.none()
)
def test_text_is_no_number(name: str, value: str | None) -> None:
    with pytest.raises(BadInput, match=name):
        check({name: value})


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInput, match="device = 'cuda': cpu, or cuda where torch finds a GPU"):
        check({"device": "cuda"})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check({"device": "cuda"})


def test_an_undeclared_parameter_is_refused_with_those_that_are_declared() -> None:
    with pytest.raises(BadInput, match=r"seedz = 3: 04 has no such parameter; it takes preset, seeds"):
        check_declared({"seedz": 3}, {"preset": 1, "seeds": 2}, "04")


def shell(monkeypatch: pytest.MonkeyPatch, *cells: str) -> None:
    class Shell:
        user_ns = {"In": ["", *cells]}  # noqa: RUF012

    monkeypatch.setattr("IPython.get_ipython", Shell)


def test_a_chapter_finds_what_papermill_injected(monkeypatch: pytest.MonkeyPatch) -> None:
    shell(monkeypatch, "seeds = 5", "# Parameters\nseeds = 3\nseedz = float('nan')\n")
    with pytest.raises(
        BadInput, match=r"seedz = \"float\('nan'\)\": this chapter has no such parameter; it takes seeds"
    ):
        check_chapter(seeds=3)


def test_what_a_reader_types_later_is_no_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    shell(monkeypatch, "seeds = 5", "# Parameters\nseeds = 3\n", "mine = 1")
    check_chapter(seeds=3)


def test_outside_of_jupyter_the_values_alone_are_checked() -> None:
    check_chapter(seeds=3)
    with pytest.raises(BadInput, match="seeds = 0"):
        check_chapter(seeds=0)
    assert settings._injected() == {}
