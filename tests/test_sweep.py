from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from fitnets_lib import source
from fitnets_lib import sweep as sweeps
from fitnets_lib.errors import BadInput
from fitnets_lib.recipes import BACKPROP, HINT_THEN_KD, KD
from fitnets_lib.runs import Run, Store
from fitnets_lib.sweep import PROGRESS_FILE, RunsFailed, sweep
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


def test_a_process_that_finds_another_library_than_the_sweep_began_with_trains_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter(["as it was", "as it was", "edited"])
    monkeypatch.setattr(source, "fingerprint", lambda module: next(found))
    store = Store(tmp_path)
    alone = replace(RUNS[3], teacher=None)
    assert alone.name  # is the first to ask, then the sweep, then its only process
    with pytest.raises(RunsFailed, match="the library was changed since the sweep began; begin it again"):
        sweep([alone], store, processes=1)
    assert store.result(alone) is None


def test_a_reader_sees_a_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PROGRESS_FILE, raising=False)
    from tqdm import tqdm

    monkeypatch.setattr(sweeps, "tqdm", tqdm)
    sweep(RUNS[3:], Store(tmp_path), processes=1)
    assert "2/2" in capsys.readouterr().err


@pytest.fixture
def cluster() -> Iterator[None]:
    """A local Dask cluster of two workers, processes of their own, that is reached as a reader reaches one."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as found, Client(found):
        yield


@pytest.mark.filterwarnings("ignore")  # Dask's own, on shutting down
def test_a_dask_cluster_gives_the_bits_of_one_process(tmp_path: Path, cluster: None) -> None:
    alone, there = Store(tmp_path / "alone"), Store(tmp_path / "there")
    first, second = sweep(RUNS, alone, processes=1), sweep(RUNS, there, backend="dask")
    assert [(one.test_error, one.curve) for one in first] == [(two.test_error, two.curve) for two in second]
    assert all(same_bits(alone.network(one), there.network(one)) for one in RUNS)


@pytest.mark.parametrize("backend", ["nobody", "dask"])
def test_a_backend_that_cannot_be_reached_is_refused_before_anything_runs(backend: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"backend = '{backend}': one of joblib's that can be reached"):
        sweep(RUNS, Store(tmp_path), backend=backend)
    assert list(tmp_path.iterdir()) == []


def in_the_way(run: Run, root: Path) -> None:
    """A folder that is not empty where the weights of `run` should be written: whoever trains it cannot keep it."""
    (root / run.name / "weights.safetensors" / "full").mkdir(parents=True)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_that_fails_is_named_and_takes_no_other_along(processes: int, tmp_path: Path) -> None:
    lost, store = replace(RUNS[0], seed=7), Store(tmp_path)
    in_the_way(lost, tmp_path)
    with pytest.raises(RunsFailed) as caught:
        sweep([lost, *RUNS], store, processes=processes)
    assert caught.value.failed.keys() == {lost}
    assert "1 of the runs failed" in str(caught.value)
    assert f"tiny student, KD, seed 7 (run {lost.name}): NotWritten: " in str(caught.value)
    assert "weights.safetensors: it could not be written" in str(caught.value)
    assert caught.value._render_traceback_() == [f"RunsFailed: {caught.value}"]
    assert all(store.result(run) is not None for run in RUNS)


def test_students_of_a_teacher_that_failed_are_not_tried(tmp_path: Path) -> None:
    student = replace(RUNS[0], seed=7)
    teacher = RUNS[0].teacher
    assert teacher is not None
    in_the_way(teacher, tmp_path)
    with pytest.raises(RunsFailed) as caught:
        sweep([student, RUNS[1]], Store(tmp_path), processes=1)
    assert caught.value.failed.keys() == {teacher, student}
    assert caught.value.failed[student].startswith("its teacher failed: NotWritten")
    assert not (tmp_path / student.name).exists()
    assert Store(tmp_path).result(RUNS[1]) is not None


@pytest.mark.parametrize("place", ["", "nowhere/below/it"])
def test_a_network_that_does_not_fit_is_one_line_before_any_run_is_trained(place: str, tmp_path: Path) -> None:
    wide = replace(RUNS[0], network=replace(RUNS[0].network, image=(1, 16, 16)))
    with pytest.raises(BadInput, match=r"image of tiny student = \(1, 16, 16\)"):
        sweep([RUNS[1], wide], Store(tmp_path / place), processes=1)
    assert list(tmp_path.iterdir()) == []


def test_a_progress_file_that_cannot_be_written_is_refused_before_any_run_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PROGRESS_FILE, str(tmp_path))
    with pytest.raises(BadInput, match=r"FITNETS_PROGRESS = .*: a file that can be written to"):
        sweep(RUNS[:1], Store(tmp_path / "runs"), processes=1)
    assert list(tmp_path.iterdir()) == []


def test_a_progress_file_that_is_lost_on_the_way_is_told_once_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress, store = tmp_path / "progress", Store(tmp_path / "runs")
    monkeypatch.setenv(PROGRESS_FILE, str(progress))

    def a_folder_in_its_place(run: Run) -> None:
        if progress.is_file():
            progress.unlink()
            progress.mkdir()

    with pytest.warns(UserWarning, match="progress is no longer shown") as told:
        sweep(RUNS[:2], store, processes=1, finished=a_folder_in_its_place)
    assert len(told) == 1
    assert all(store.result(run) is not None for run in RUNS[:2])
