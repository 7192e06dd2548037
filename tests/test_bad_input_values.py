"""Bad input, what a reader types: parameters of chapters and environment variables; and the line that refuses it.

Every case is one line that names the place, the value and what would be right, and nothing has run before it.
"""

from __future__ import annotations

import os
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fitnets_lib import files, paths, settings
from fitnets_lib.data_cards import CARDS
from fitnets_lib.errors import BadInput, OneLine, flag, number, whole
from fitnets_lib.experiments import SCALES
from fitnets_lib.settings import PARAMETERS, check, check_chapter
from tests.refusals import is_one_line, names, refusal, refusal_if_any
from tests.test_settings import GOOD, shell

TOO_DEEP = "at least 5 layers (3 convolutions, 1 fully connected, softmax) and at most 200"
RIGHT = {
    "preset": "one of smoke, embedded, paper",
    "data": "digits",
    "seeds": "a whole number of at least 2",
    "epochs": "a whole number of at least 2",
    "device": "cpu, or cuda",
    "depths": "a list of different whole numbers",
    "depth": TOO_DEEP,
    "starts": "a list of paper and then",
    "repeats": "a whole number of at least 1",
    "temperatures": "a list of different numbers above 0",
}
NAN, INF = float("nan"), float("inf")
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1e-3,
    NAN,
    INF,
    10**9,
    10**5000,
    "",
    "5",
    "smoke ",
    b"5",
    {},
    {"a": 1},
    [[]],
    [None],
]
"""What no parameter can be, whichever it is."""


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("name", list(PARAMETERS))
def test_what_is_odd_for_every_parameter_is_refused_with_what_this_one_may_be(name: str, value: Any) -> None:
    line = refusal(lambda: check({**GOOD, name: value}))
    if name == "depths" and isinstance(value, list):
        name = "depth"  # what stands in it is named alone
    assert line.startswith(f"{name} = ")
    names(line, ": ", RIGHT[name])


@pytest.mark.parametrize(
    ("name", "value", "shown", "right"),
    [
        (
            "data",
            "faces",
            "'faces'",
            "one of digits, cifar10, cifar10-jpeg, cifar10-jpeg-10000, for which",
        ),
        (
            "data",
            "mnist",
            "'mnist'",
            "one of digits, cifar10, cifar10-jpeg, cifar10-jpeg-10000, for which",
        ),
        ("seeds", 1_001, "1001", "at most 1,000"),
        ("epochs", 100_001, "100001", "at most 100,000"),
        ("repeats", 1_001, "1001", "at most 1,000"),
        ("depth", 201, "201", TOO_DEEP),
        ("depths", [5, 5], "[5, 5]", "a list of different whole numbers"),
        ("depths", [5, 10**9], "1000000000", TOO_DEEP),
        ("depths", [5, True], "True", TOO_DEEP),
        ("depths", (5, 11), "(5, 11)", "a list of different whole numbers"),
        ("temperatures", [3, 3.0], "[3, 3.0]", "a list of different numbers above 0"),
        ("temperatures", [1e-300], "[1e-300]", "from 0.01 to 1000"),
        ("temperatures", [10**400], "[1000", "from 0.01 to 1000"),
        ("temperatures", [-3], "[-3]", "above 0"),
        ("temperatures", [True], "[True]", "above 0"),
        ("temperatures", [], "[]", "above 0"),
        ("temperatures", [[1]], "[[1]]", "above 0"),
        ("starts", [], "[]", "a list of paper and then"),
        ("starts", ["paper", ["He"]], "['paper', ['He']]", "a list of paper and then"),
        ("device", "cpu ", "'cpu '", "cpu, or cuda"),
        ("device", "cuda:7", "'cuda:7'", "cpu, or cuda"),
        ("device", ["cpu"], "['cpu']", "cpu, or cuda"),
        ("preset", "Smoke", "'Smoke'", "smoke, embedded, paper"),
        ("preset", "../smoke", "'../smoke'", "smoke, embedded, paper"),
        ("preset", ["smoke"], "['smoke']", "smoke, embedded, paper"),
    ],
)
def test_values_beside_the_right_ones_are_refused(name: str, value: Any, shown: str, right: str) -> None:
    names(refusal(lambda: check({**GOOD, name: value})), name.rstrip("s"), " = ", shown, right)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2) | st.tuples(inner, inner),
    max_leaves=5,
)


@hypothesis_settings(max_examples=150)
@given(st.sampled_from(sorted(PARAMETERS)), ANYTHING)
def test_whatever_a_parameter_is_it_is_taken_or_refused_in_one_line(name: str, value: Any) -> None:
    line = refusal_if_any(lambda: check({name: value}))
    if line is not None:
        assert name.rstrip("s") in line
        return
    lists = ("depths", "temperatures", "starts")
    assert isinstance(value, {"preset": str, "data": str, "device": str}.get(name, list if name in lists else int))


@given(st.text(min_size=1).filter(lambda name: name not in PARAMETERS), ANYTHING)
def test_a_parameter_that_there_is_not_is_refused_with_those_there_are(name: str, value: Any) -> None:
    names(refusal(lambda: check({name: value})), " = ", "no such parameter; there are preset, data, seeds")


@pytest.mark.parametrize("cell", ["# Parameters\nseeds = = 3\n", "# Parameters\n%time 3\n", "# Parameters\n\x00"])
def test_a_cell_that_is_no_python_is_not_taken_for_papermills(monkeypatch: pytest.MonkeyPatch, cell: str) -> None:
    shell(monkeypatch, cell)
    check_chapter(seeds=3)


@pytest.mark.parametrize("value", ["{[]: 1}", "-'a'", "float('inf')", "[float('nan')]", "print(3)", "None + 1"])
def test_what_papermill_writes_that_is_no_literal_is_refused_as_it_is_written(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    shell(monkeypatch, f"# Parameters\nseedz = {value}\n")
    names(refusal(lambda: check_chapter(seeds=3)), "seedz = ", "this chapter has no such parameter; it takes seeds")


# Environment variables.

FOLDERS = {
    "empty": ("", "''"),
    "for a shell alone": ("~/fitnets", "'~/fitnets'"),
    "of somebody": ("~nobody/x", "'~nobody/x'"),
    "a file": ("{tmp}/file", "file'"),
    "below a file": ("{tmp}/file/home", "file/home'"),
    "a circle of links": ("{tmp}/circle", "circle'"),
    "a device": ("/dev/null", "'/dev/null'"),
    "below a device": ("/dev/null/home", "'/dev/null/home'"),
}


@pytest.mark.parametrize(("said", "shown"), FOLDERS.values(), ids=list(FOLDERS))
@pytest.mark.parametrize(("variable", "asked"), [("FITNETS_HOME", paths.runs), ("FITNETS_DATA", paths.data)])
def test_an_environment_variable_that_names_no_folder_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, asked: Any, said: str, shown: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    monkeypatch.setenv(variable, said.format(tmp=tmp_path))
    names(refusal(asked), f"{variable} = ", shown, "a folder, or one that can be made; leave it unset")


def test_folders_that_the_environment_names_from_here_hold_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "book").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FITNETS_HOME", "mine")
    monkeypatch.delenv("FITNETS_DATA", raising=False)
    paths.fix()
    monkeypatch.chdir(tmp_path / "book")  # where chapters are executed
    assert paths.home() == tmp_path / "mine"
    assert "FITNETS_DATA" not in os.environ
    monkeypatch.setenv("FITNETS_DATA", "")
    names(refusal(paths.fix), "FITNETS_DATA = ''", "a folder")


# The line itself.


@given(st.text(), ANYTHING, st.text())
def test_whatever_is_refused_in_whatever_words_the_refusal_is_one_line(what: str, value: Any, right: str) -> None:
    line = str(BadInput(f"x{what}", value, f"{right}x"))
    assert is_one_line(line)
    assert len(line) < 12 * (len(what) + len(right)) + 9000


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\nb", r"'a\nb'"),
        ("\x1b[31mred", r"'\x1b[31mred'"),
        ("x" * 10**6, "...xxx"),
        (list(range(10**5)), "17, 18, 19, ...]"),
        ([[[[[1]]]]], "[[[[...]]]]"),
        (10**5000, "<int>"),
        ("\udcff", r"'\udcff'"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_a_value_that_would_fill_a_page_is_cut_short(value: Any, shown: str) -> None:
    line = str(BadInput("seeds", value, "at least 2"))
    names(line, "seeds = ", shown, ": at least 2")
    assert is_one_line(line) and len(line) < 600


def test_a_value_that_cannot_even_be_shown_is_refused_all_the_same() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    names(str(BadInput("seeds", Shy(), "at least 2")), "seeds = <Shy", ": at least 2")


@pytest.mark.parametrize(
    "error",
    [
        BadInput("seeds", 0, "at least 2"),
        files.Damaged(Path("a.json"), "it is cut short"),
        files.NotWritten(Path("a.json"), OSError(28, "No space left on device")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_one_line_survive_the_way_between_processes_and_show_no_traceback(error: OneLine) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error)
    assert again._render_traceback_() == [f"{type(error).__name__}: {error}"]
    assert isinstance(error, OSError) == isinstance(error, files.NotWritten)


@given(ANYTHING, st.integers(0, 5), st.integers(0, 9))
def test_a_whole_number_within_its_bounds_is_given_back_and_nothing_else(value: Any, least: int, more: int) -> None:
    if type(value) is int and least <= value <= least + more:
        assert whole(value, "there", least, least + more) is value
    else:
        names(refusal(lambda: whole(value, "there", least, least + more)), "there = ", f"at least {least} and at most")


@pytest.mark.parametrize("value", [None, True, "1", [1], NAN, INF, -INF, -1, -1e-300, 10**400, 1j])
def test_what_is_no_finite_number_of_at_least_0_is_refused(value: Any) -> None:
    names(refusal(lambda: number(value, "there")), "there = ", "a finite number of at least 0")


def test_a_number_above_0_is_not_0_and_a_truth_is_no_number() -> None:
    assert (number(0, "there"), number(1e30, "there", above=True)) == (0.0, 1e30)
    names(refusal(lambda: number(0.0, "there", above=True)), "there = 0.0", "a finite number above 0")
    assert flag(False, "there") is False
    odd: list[Any] = [0, 1, None, "no", []]
    for value in odd:
        names(refusal(partial(flag, value, "there")), f"there = {value!r}", "True or False")


def test_the_data_sets_of_chapters_are_those_that_their_networks_take() -> None:
    assert settings.DATA == ("digits", "cifar10", "cifar10-jpeg", "cifar10-jpeg-10000")
    for name, scale in SCALES.items():
        card = next(card for card in CARDS if card.name == name)
        for network in (scale.teacher, scale.student(5), scale.student(11)):
            assert (network.image, network.classes) == (card.image, card.classes)
