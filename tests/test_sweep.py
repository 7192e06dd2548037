from __future__ import annotations

from pathlib import Path

import pytest

from fitnets_lib import sweep as sweeps
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, KD
from fitnets_lib.runs import Store
from fitnets_lib.sweep import PROGRESS_FILE, sweep
from tests.helpers import run, same_bits

RUNS = [run(KD, seed) for seed in (0, 1)] + [run(HINT_THEN_KD, 0), run(BACKPROP, 1)]


def test_two_processes_give_the_bits_of_one_and_results_come_in_the_order_asked(tmp_path: Path) -> None:
    alone, together = Store(tmp_path / "alone"), Store(tmp_path / "together")
    first, second = sweep(RUNS, alone, processes=1), sweep(RUNS, together, processes=2)
    assert [(one.test_error, one.curve) for one in first] == [(two.test_error, two.curve) for two in second]
    assert all(same_bits(alone.network(one), together.network(one)) for one in RUNS)
    assert [one.test_error for one in first] == [found.test_error for found in map(alone.result, RUNS) if found]


def test_a_sweep_trains_only_what_is_missing_and_each_teacher_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = tmp_path / "progress"
    monkeypatch.setenv(PROGRESS_FILE, str(progress))
    store = Store(tmp_path / "runs")
    sweep(RUNS[:2], store, processes=1)
    lines = progress.read_text().splitlines()
    assert [line.split(" (")[0] for line in lines] == [f"run {n} of 4" for n in (1, 2, 3, 4)]
    assert [line.split("(")[1].split(",")[0] for line in lines] == ["tiny teacher"] * 2 + ["tiny student"] * 2
    assert lines[-1].endswith("about 0 s left")
    progress.unlink()
    sweep([*RUNS[:2], *RUNS[:2]], store, processes=1)
    assert not progress.exists()
    sweep(RUNS, store, processes=1)
    assert len(progress.read_text().splitlines()) == 2


def test_a_reader_sees_a_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PROGRESS_FILE, raising=False)
    from tqdm import tqdm

    monkeypatch.setattr(sweeps, "tqdm", tqdm)
    sweep(RUNS[3:], Store(tmp_path), processes=1)
    assert "2/2" in capsys.readouterr().err
