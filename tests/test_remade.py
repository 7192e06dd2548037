from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fitnets_lib import __main__ as commands
from fitnets_lib import files, paths, records, remade
from fitnets_lib.errors import BadInput
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD
from fitnets_lib.records import Row
from fitnets_lib.runs import Run, Store, execute
from tests.helpers import run as tiny

WANTED = tiny(HINT_THEN_KD)
ROW = Row("row", "digits", "about", (tiny(BACKPROP), WANTED))


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def recorded() -> Run:
    """A student of which there is a record; what it was made of is kept in `runs/`."""
    execute(WANTED, store := Store(paths.runs()))
    records.keep(WANTED, store)
    return WANTED


def changed(wanted: Run, *keys: str, to: Any) -> None:
    """Puts another value into the record, under a seal that fits."""
    content = json.loads(records.path(wanted).read_text())["content"]
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    files.write_sealed(records.path(wanted), content)


def test_a_record_that_is_made_again_is_the_same_whatever_time_it_took_and_where(recorded: Run) -> None:
    changed(recorded, "result", "seconds", to=1e6)
    changed(recorded, "provenance", "processor", to="an abacus")
    changed(recorded, "provenance", "finished", to="2014-12-19T00:00:00+00:00")
    assert remade.differences(recorded) == []


@pytest.mark.parametrize(
    ("keys", "to", "said"),
    [
        (("provenance", "data_sha256"), "0" * 64, "the images"),
        (("teacher_weights_sha256",), "0" * 64, "the teacher’s weights"),
        (("weights_sha256",), "0" * 64, "the weights"),
        (("result", "test_error"), 0.25, "the test error"),
        (("result", "validation_error"), 0.25, "the validation error"),
        (("result", "curve"), [], "the learning curve"),
    ],
)
def test_what_is_not_as_recorded_is_named_and_nothing_else(
    recorded: Run, keys: tuple[str, ...], to: object, said: str
) -> None:
    changed(recorded, *keys, to=to)
    assert remade.differences(recorded) == [said]
    with pytest.raises(remade.Otherwise, match=f"made again, it differs in {said}$"):
        remade.check(recorded)


def test_an_older_record_is_not_asked_for_its_teachers_checksum(recorded: Run) -> None:
    content = json.loads(records.path(recorded).read_text())["content"]
    del content["teacher_weights_sha256"]
    files.write_sealed(records.path(recorded), content)
    assert remade.differences(recorded) == []


def test_it_is_trained_and_not_taken_from_the_runs_that_are_kept(
    recorded: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[int] = []

    def told(run: Run, store: Store) -> object:
        trained.append(len(list(store.root.glob("*/result.json"))))
        assert store.root.is_relative_to(home / "_build")
        return execute(run, store)

    monkeypatch.setattr("fitnets_lib.remade.execute", told)
    for _ in range(2):
        assert remade.differences(recorded) == []
    assert trained == [0, 1]  # only the teacher is there from the first time


def test_a_name_that_no_record_has_is_refused(recorded: Run) -> None:
    assert remade.find(records.name(recorded), [ROW]) == recorded
    for name in ("", "0" * 20, records.name(ROW.runs[0]), f"{records.name(recorded)}.json"):
        with pytest.raises(BadInput, match=r"record = .*: the name of a file in results/<data>/records/"):
            remade.find(name, [ROW])
    with pytest.raises(BadInput, match="a run that is recorded"):
        remade.differences(ROW.runs[0])


def test_the_command_says_in_a_line_whether_it_is_the_same(
    recorded: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "NAMED_ROWS", {"row": ROW})
    name = records.name(recorded)
    assert commands.run(["records", "check", name]) == 0
    same = f"{recorded} (record {name}): made again, it is as recorded, to the bit of its weights\n"
    assert capsys.readouterr().out == same
    changed(recorded, "weights_sha256", to="0" * 64)
    assert commands.run(["records", "check", name]) == 1
    assert "made again, it differs in the weights" in capsys.readouterr().err
    assert commands.run(["records", "check", "nothing"]) == 2
