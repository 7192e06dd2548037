from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fitnets_lib import __main__ as commands
from fitnets_lib import records
from fitnets_lib.__main__ import run
from fitnets_lib.courses import Strayed
from fitnets_lib.networks import DIGITS_TEACHER, digits_student
from fitnets_lib.optimisation import Training
from fitnets_lib.outcomes import Result
from fitnets_lib.real_runs import ROWS
from fitnets_lib.recipes import BACKPROP, KD
from fitnets_lib.runs import Run

Capture = pytest.CaptureFixture[str]


def test_networks_are_listed_by_name() -> None:
    command = [sys.executable, "-m", "fitnets_lib", "networks"]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {"digits/teacher", "digits/student-11", "aflw/fitnet1"} <= set(names)
    assert {"cifar10/teacher", "cifar10/fitnet1", "mnist/fitnet", "cifar10/depth-30M-11"} <= set(names)


# FitNet 1: two pieces of 3 x 3 weights for each pair of channels; then 64 * 500 with two pieces, or in full five.
PAIRS = 3 * 16 + 2 * 16 * 16 + 16 * 32 + 2 * 32 * 32 + 32 * 48 + 48 * 48 + 48 * 64
PAPER = 18 * PAIRS + 64 * 500 * 2 + 500 * 10
FULL = PAPER + 64 * 500 * 3 + 2 * (3 * 16 + 3 * 32 + 2 * 48 + 64) + 500 * 5 + 10  # with biases


@pytest.mark.parametrize(("convention", "parameters"), [("paper", PAPER), ("full", FULL)])
def test_a_count_is_one_json_object(convention: str, parameters: int, capsys: Capture) -> None:
    assert run(["count", "cifar10/fitnet1", "--json", "--convention", convention]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["name", "layers", "parameters", "multiplications", "convention"]
    assert (found["name"], found["layers"], found["convention"]) == ("cifar10/fitnet1", 11, convention)
    assert found["parameters"] == parameters


def test_a_count_can_be_read(capsys: Capture) -> None:
    assert run(["count", "cifar10/fitnet1"]) == 0
    assert f"{PAPER:,} parameters" in capsys.readouterr().out


RUN = ["run", "--data", "digits", "--teacher", "digits/teacher", "--student", "digits/student-5", "--seed", "0"]
BRIEF = ["--epochs", "2", "--teacher-epochs", "1", "--batch", "500"]


def test_a_row_for_a_gpu_is_refused_where_there_is_none(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert run(["records", "make", "cifar10/table1"]) == 2
    assert (
        capsys.readouterr().err
        == "row = 'cifar10/table1': a row for this machine: it needs a GPU, and torch finds none\n"
    )


@pytest.mark.parametrize("there", [False, True])
def test_all_rows_are_made_but_without_a_gpu_none_that_takes_one(
    there: bool, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[str] = []
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    monkeypatch.setattr("torch.cuda.is_available", lambda: there)
    monkeypatch.setattr("fitnets_lib.records.make", lambda row, store, processes: made.append(row.name))
    assert run(["records", "make"]) == 0
    assert made == [row.name for row in ROWS if there or not row.on_gpu]
    assert ("nineteen-layers" in made) == there


def test_one_run_is_one_json_object_and_is_kept(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    assert run([*RUN, *BRIEF, "--recipe", "hint-then-kd", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["recipe"], found["seed"], found["epochs"]) == ("hint-then-kd", 0, 2)
    assert 0 <= found["test_error"] <= 1
    assert (tmp_path / "runs" / found["run"] / "result.json").is_file()
    assert run([*RUN, *BRIEF]) == 0  # the default recipe: read back
    wrong = 100 * found["test_error"]
    assert capsys.readouterr().out == f"5-layer student, hint then KD, seed 0: {wrong:.2f} % of the test images wrong\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["count", "cifar10/fitnet9"], "network = 'cifar10/fitnet9': one of those that"),
        (["count", "cifar10/fitnet1", "--convention", "mine"], "'mine' is not one of 'paper', 'full'"),
        ([*RUN, "--data", "mnits"], "data = 'mnits': one of digits"),
        ([*RUN, "--student", "mnist/fitnet"], "image of mnist/fitnet = (1, 28, 28): (1, 8, 8)"),
        ([*RUN, "--teacher", "nobody"], "network = 'nobody'"),
        ([*RUN, "--recipe", "luck"], "'luck' is not one of 'backprop', 'kd', 'hint-then-kd'"),
        ([*RUN, "--seed", "-1"], "-1 is not in the range"),
        ([*RUN, "--epochs", "0"], "0 is not in the range"),
        ([*RUN, "--learning-rate", "0"], "0.0 is not in the range"),
        (["run", "--student", "digits/student-5"], "teacher = None: a teacher"),
    ],
)
def test_bad_input_is_a_line_and_exit_status_2(arguments: list[str], line: str, capsys: Capture) -> None:
    assert run(arguments) == 2
    assert line in capsys.readouterr().err


def test_the_claims_are_printed_as_json_with_what_they_rest_on(capsys: Capture) -> None:
    assert run(["claims", "--json"]) == 0
    found = {claim["id"]: claim for claim in json.loads(capsys.readouterr().out)}
    assert len(found) == 40
    assert found["O2"]["trials"][0]["verdict"] == "reproduced"
    assert found["F1"]["trials"][0]["checks"][0]["compared"] == "stage-wise labels − backprop (depth 11)"


def test_the_claims_are_printed_a_line_each(capsys: Capture) -> None:
    assert run(["claims", "--preset", "paper"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 40
    assert any(line.startswith("T3: ") and line.endswith("GPU: not run") for line in lines)


def test_the_rows_of_records_are_listed_with_how_far_they_are(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    assert run(["records", "list"]) == 0
    listed = capsys.readouterr().out
    assert "table4-paper-start: 0 of 20 runs recorded" in listed
    assert "cifar10/table1: 0 of 10 runs recorded; Table 1: FitNet 4 and its teacher on CIFAR-10" in listed


def test_a_row_that_is_not_there_and_data_that_are_not_there_are_one_line_each(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    monkeypatch.setenv("FITNETS_DATA", str(tmp_path))
    assert run(["records", "make", "table9"]) == 2
    assert capsys.readouterr().err.startswith("row = 'table9': one of those")
    assert run(["records", "gradients", "table9"]) == 2
    assert capsys.readouterr().err.startswith("row = 'table9': one of those")
    for command, row in (("gradients", "variants"), ("probes", "variants"), ("gaps", "regularisation")):
        assert run(["records", command, row]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "cifar10_jpeg_train.npz" in line and "FITNETS_DATA" in line
    assert run(["records", "make", "table4-paper-start", "--processes", "1"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "train-images-idx3-ubyte" in line and "FITNETS_DATA" in line


def test_a_run_that_is_watched_and_takes_another_course_is_one_line(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strays(*_: object) -> None:
        raise Strayed("KD, seed 0: trained again it took another course")

    monkeypatch.setattr(records, "write_gaps", strays)
    assert run(["records", "gaps", "regularisation"]) == 1
    assert capsys.readouterr().err == "KD, seed 0: trained again it took another course\n"


def test_every_option_of_a_run_reaches_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Run] = []

    def told(run: Run, store: object) -> Result:
        asked.append(run)
        return Result(0.5, 0.5, (), 1.0)

    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    monkeypatch.setattr(commands, "execute", told)
    options = [
        "--data", "digits", "--student", "digits/student-7", "--teacher", "digits/teacher", "--recipe", "kd",
        "--seed", "5", "--epochs", "11", "--teacher-epochs", "3", "--batch", "17", "--learning-rate", "0.02",
        "--spread", "0.04",
    ]  # fmt: skip
    assert run(["run", *options]) == 0
    teacher = Run(
        "digits", DIGITS_TEACHER, BACKPROP, Training(3, patience=3, learning_rate=0.02, batch=17, spread=None), 5
    )
    student = Training(11, patience=11, learning_rate=0.02, batch=17, spread=0.04)
    assert asked == [Run("digits", digits_student(7), KD, student, 5, teacher)]


def test_the_json_of_a_run_that_diverged_has_no_number_that_json_lacks(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_number(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    assert run([*RUN, *BRIEF, "--learning-rate", "1e30", "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=no_number)
    assert found["test_error"] is None and found["validation_error"] is None
    assert "stage 1" in found["diverged"]
