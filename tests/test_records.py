from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fitnets_lib import files, paths, records, sealed
from fitnets_lib.initialisation import GLOROT, HE, LayerSequential, Start
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD
from fitnets_lib.records import Row
from fitnets_lib.runs import Run, Store, execute
from tests.helpers import run as tiny


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    return tmp_path


def row(*runs: Run) -> Row:
    return Row("row", "digits", "about", runs or tuple(tiny(BACKPROP, seed) for seed in range(2)))


def test_a_record_holds_all_that_the_run_found_and_where_it_was_made() -> None:
    wanted = tiny(HINT_THEN_KD)
    found = execute(wanted, store := Store(paths.runs()))
    records.keep(wanted, store)
    kept = records.read(wanted)
    assert kept is not None
    assert records.result(wanted) == found
    assert kept["provenance"]["seed"] == 0 and len(kept["provenance"]["data_sha256"]) == 64
    assert kept["weights_sha256"] == files.digest((store.folder(wanted) / "weights.safetensors").read_bytes())
    assert wanted.teacher is not None
    taught_by = (store.folder(wanted.teacher) / "weights.safetensors").read_bytes()
    assert kept["teacher_weights_sha256"] == files.digest(taught_by) != kept["weights_sha256"]


def test_a_record_says_when_and_where_the_run_was_made_and_not_when_it_was_recorded() -> None:
    wanted = tiny(BACKPROP)
    execute(wanted, store := Store(paths.runs()))
    path = store.folder(wanted) / "result.json"
    made = files.read_sealed(path)
    elsewhere = {**made["provenance"], "device": "NVIDIA A100", "finished": "2026-01-02T03:04:05+00:00"}
    files.write_sealed(path, {**made, "provenance": elsewhere})
    records.keep(wanted, store)
    kept = records.read(wanted)
    assert kept is not None and kept["provenance"] == elsewhere


def test_small_weights_lie_beside_their_record_and_large_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = tiny(BACKPROP)
    execute(wanted, store := Store(paths.runs()))
    records.keep(wanted, store)
    beside = records.path(wanted).with_suffix(".safetensors")
    assert beside.read_bytes() == (store.folder(wanted) / "weights.safetensors").read_bytes()
    beside.unlink()
    monkeypatch.setattr(records, "SMALL", 10)
    records.keep(wanted, store)
    assert not beside.exists()


def test_a_record_is_found_by_what_was_asked_for_alone() -> None:
    assert records.name(tiny(BACKPROP)) == records.name(tiny(BACKPROP))
    assert records.name(tiny(BACKPROP)) != records.name(tiny(BACKPROP, seed=1))
    assert records.name(tiny(BACKPROP)) != records.name(tiny(HINT_THEN_KD))


def test_an_unfinished_run_is_not_recorded() -> None:
    with pytest.raises(ValueError, match="only finished runs are recorded"):
        records.keep(tiny(BACKPROP), Store(paths.runs()))
    assert records.read(tiny(BACKPROP)) is None


def test_a_changed_record_and_one_of_another_run_are_refused() -> None:
    one, other = tiny(BACKPROP), tiny(BACKPROP, seed=1)
    execute(one, store := Store(paths.runs()))
    records.keep(one, store)
    content = records.path(one).read_text()
    records.path(other).write_text(content)
    with pytest.raises(files.Damaged, match="not the record of"):
        records.read(other)
    records.path(one).write_text(content.replace('"seed": 0', '"seed": 7'))
    with pytest.raises(files.Damaged, match="checksum"):
        records.read(one)


def test_each_record_is_written_as_soon_as_its_run_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = row(*(tiny(BACKPROP, seed) for seed in range(3)))
    keep, written = records.keep, list[Run]()

    def dies_at_the_third(run: Run, store: Store) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        keep(run, store)
        written.append(run)

    monkeypatch.setattr(records, "keep", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        records.make(wanted, Store(paths.runs()), processes=1)
    assert len(wanted.missing()) == 1
    monkeypatch.setattr(records, "keep", keep)
    records.make(wanted, Store(paths.runs()), processes=1)
    assert wanted.missing() == []


def test_what_is_recorded_is_not_run_again(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    records.make(row(), Store(paths.runs()), processes=1)
    monkeypatch.setattr(records, "sweep", lambda *a, **k: pytest.fail("ran again"))
    records.make(row(), Store(home / "elsewhere"), processes=1)


def test_a_record_of_which_the_run_is_already_kept_is_made_from_it(home: Path) -> None:
    for wanted in row().runs:
        execute(wanted, Store(paths.runs()))
    records.make(row(), Store(paths.runs()), processes=1)
    assert not row().missing()


def test_the_tables_have_a_row_a_run_and_a_row_an_epoch() -> None:
    records.make(row(), Store(paths.runs()), processes=1)
    runs, curves = (sealed.read(paths.evidence("digits") / f"{name}.csv") for name in ("row", "row-curves"))
    assert runs is not None and curves is not None
    assert runs["seed"].tolist() == [0, 1]
    assert set(runs["network"]) == {"tiny student"} and set(runs["start"]) == {"torch’s default"}
    found = records.result(row().runs[0])
    assert found is not None
    assert runs.loc[0, "test accuracy"] == pytest.approx(100 * (1 - found.test_error))
    assert len(curves) == 4 and curves["epoch"].tolist() == [1, 2, 1, 2]


def test_the_same_specification_gives_the_same_record_but_for_time_and_date(home: Path) -> None:
    wanted = tiny(HINT_THEN_KD)
    kept = []
    for place in ("one", "other"):
        execute(wanted, store := Store(home / place))
        records.keep(wanted, store)
        content = json.loads(records.path(wanted).read_text())["content"]
        del content["provenance"]["finished"], content["result"]["seconds"]
        kept.append(content)
    assert kept[0] == kept[1]


@pytest.mark.parametrize(("spread", "said"), [(None, "torch’s default"), (0.005, "U(−0.005, 0.005)")])
def test_the_start_is_said_in_words(spread: float | None, said: str) -> None:
    wanted = tiny(BACKPROP)
    assert records.start(replace(wanted, training=replace(wanted.training, spread=spread))) == said


@pytest.mark.parametrize(("rule", "said"), [(HE, "He"), (GLOROT, "Glorot"), (LayerSequential(), "LSUV")])
def test_a_start_with_a_rule_of_its_own_is_called_after_it(rule: Start, said: str) -> None:
    wanted = tiny(BACKPROP)
    assert records.start(replace(wanted, training=replace(wanted.training, start=rule))) == said


def test_what_the_tables_are_made_of_is_read_while_no_other_can_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    alone, recorded = files.alone, records.recorded

    @contextmanager
    def locked(path: Path) -> Iterator[None]:
        with alone(path):
            events.append("locked")
            yield
        events.append("free")

    monkeypatch.setattr(files, "alone", locked)
    monkeypatch.setattr(records, "recorded", lambda runs: (events.append("read"), recorded(runs))[1])  # type: ignore[func-returns-value]
    records.write_tables(row())
    assert events == ["locked", "read", "free"]
