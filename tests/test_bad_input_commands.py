"""Bad input, the command line: `python -m fitnets_lib ...`.

Every case is one line on standard error, nothing on standard output, exit status 2, and nothing was trained.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import papermill
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fitnets_lib import __main__ as commands
from fitnets_lib import claims, paths, records, trials
from fitnets_lib.divergence import Diverged
from fitnets_lib.errors import BadInput
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.real_runs import ROWS
from fitnets_lib.sweep import RunsFailed
from tests.refusals import is_one_line, names, refusal, takes_no_files

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def nothing_is_trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home of its own, and a failure wherever training would begin; returns the home."""
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FITNETS_DATA", str(tmp_path / "no data"))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("fitnets_lib.runs.train", lambda *_, **__: pytest.fail("something was trained"))
    monkeypatch.setattr(papermill, "execute_notebook", lambda *_, **__: pytest.fail("a chapter was executed"))
    return tmp_path / "home"


def line_of(arguments: list[str], capsys: Capture, status: int = 2) -> str:
    assert commands.run(arguments) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.endswith("\n") and is_one_line(said.err[:-1]), said.err
    return said.err


RUN = ["run", "--teacher", "digits/teacher", "--student", "digits/student-5"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ("Missing command", "--help")),
        (["records"], ("Missing command", "--help")),
        (["teach"], ("No such command 'teach'", "--help")),
        ([""], ("No such command ''", "--help")),
        (["--version"], ("--version", "--help")),
        (["networks", "cifar10"], ("unexpected extra argument", "cifar10")),
        (["networks", "--json"], ("--json",)),
        (["count"], ("Missing argument 'NAME'",)),
        (["count", "cifar10/fitnet1", "mnist/fitnet"], ("unexpected extra argument", "mnist/fitnet")),
        (["count", ""], ("network = ''", "python -m fitnets_lib networks")),
        (["count", "../../etc/hostname"], ("network = '../../etc/hostname'", "networks")),
        (["count", "cifar10/fitnet1\nx"], (r"network = 'cifar10/fitnet1\nx'", "networks")),
        (["count", "\x1b[31m"], (r"network = '\x1b[31m'", "networks")),
        (["count", "\udcff"], (r"network = '\udcff'", "networks")),
        (["count", "x" * 10**5], ("network = 'xxx", "networks")),
        (["count", "CIFAR10/fitnet1"], ("network = 'CIFAR10/fitnet1'", "networks")),
        (["count", "cifar10/fitnet1", "--convention"], ("--convention", "requires an argument")),
        (["count", "cifar10/fitnet1", "--convention", ""], ("--convention", "'' is not one of 'paper', 'full'")),
        (["run"], ("Missing option '--student'",)),
        (["run", "--student"], ("--student", "requires an argument")),
        (["run", "--student", "digits/student-6"], ("network = 'digits/student-6'", "networks")),
        (["run", "--student", "digits/student-5", "--recipe", "kd"], ("teacher = None", "a teacher of the 10")),
        (["run", "--student", "digits/student-5", "--recipe", "joint-hint-kd"], ("teacher = None", "a teacher")),
        ([*RUN, "--epoch", "3"], ("--epoch", "--help")),
        ([*RUN, "--seeds", "3"], ("--seeds", "--help")),
        ([*RUN, "digits"], ("unexpected extra argument", "digits")),
        ([*RUN, "--recipe", ""], ("--recipe", "'' is not one of 'backprop'")),
        ([*RUN, "--recipe", "Hint-then-KD"], ("--recipe", "'Hint-then-KD' is not one of 'backprop'")),
        ([*RUN, "--device", "gpu"], ("--device", "'gpu' is not one of 'cpu', 'cuda'")),
        ([*RUN, "--device", "cuda"], ("device = 'cuda'", "cpu, or cuda where torch finds a GPU")),
        *[
            ([*RUN, f"--{option}", value], (f"--{option}", value, "integer" if value not in beyond else "range"))
            for beyond in [("0", "-1", "9" * 30)]
            for option in ("epochs", "teacher-epochs", "batch")
            for value in ("", "many", "3.0", "1e3", "nan", "0x10", "³", *beyond)
        ],
        *[
            ([*RUN, "--seed", value], ("--seed", value, "range" if value in ("-1", "9" * 30) else "integer"))
            for value in ("", "many", "3.0", "nan", "-1", "9" * 30)
        ],
        *[
            ([*RUN, f"--{option}", value], (f"--{option}", value, "range" if value in ("0", "-1", "-inf") else "float"))
            for option in ("learning-rate", "spread")
            for value in ("", "fast", "1,5", "0", "-1", "-inf", "1e-3s")
        ],
        *[
            ([*RUN, f"--{option}", value], (f"{name} = {value}", "a finite number of at least 0"))
            for option, name in (("learning-rate", "learning_rate"), ("spread", "spread"))
            for value in ("nan", "inf")
        ],
        ([*RUN, "--epochs", "1"], ("epochs = 1", "of the 2 stages of hint then KD one would get none")),
        ([*RUN, "--data", ""], ("data = ''", "one of digits")),
        ([*RUN, "--data", "../digits"], ("data = '../digits'", "one of digits")),
        ([*RUN, "--data", "faces"], ("image of 5-layer student = (1, 8, 8)", "(1, 16, 16), the shape")),
        ([*RUN, "--data", "mnist"], ("data file = ", "train-images-idx3-ubyte.gz'", "download MNIST")),
        ([*RUN, "--data", "svhn"], ("data file = ", "train_32x32.mat'", "download SVHN")),
        ([*RUN, "--data", "cifar10"], ("data file = ", "batches.meta'", "download cifar-10-batches-py")),
        ([*RUN, "--data", "aflw"], ("data file = ", "aflw.sqlite'", "ask the authors")),
        ([*RUN, "--teacher", "digits"], ("network = 'digits'", "networks")),
        ([*RUN, "--teacher", "cifar10/teacher"], ("hint side = ", "at most 4, the side of the guided map")),
        (
            [*RUN, "--teacher", "faces/teacher", "--recipe", "kd"],
            ("teacher = 'faces/teacher", "a teacher of the 10 classes"),
        ),
        ([*RUN, "--teacher", "mnist/teacher", "--recipe", "kd"], ("image of ", "(1, 28, 28)", "(1, 8, 8)")),
        (["claims", "--preset", "bogus"], ("--preset", "'bogus' is not one of 'smoke', 'embedded', 'paper'")),
        (["claims", "--preset", "../embedded"], ("--preset", "'../embedded' is not one of")),
        (["claims", "T1"], ("unexpected extra argument", "T1")),
        (["records", "make", "table9"], ("row = 'table9'", "python -m fitnets_lib records list")),
        (["records", "make", ""], ("row = ''", "python -m fitnets_lib records list")),
        (["records", "make", "table4-paper-start", "table9"], ("row = 'table9'", "records list")),
        (["records", "make", "aflw/aflw"], ("row = 'aflw/aflw'", "it needs a GPU")),
        (["records", "make", "--processes", "0"], ("--processes", "0 is not in the range")),
        (["records", "make", "--processes", "two"], ("--processes", "'two' is not a valid integer")),
        (["records", "make", "--processes", "-1"], ("--processes", "-1 is not in the range")),
        (["records", "make", "table4-paper-start"], ("data file = ", "train-images-idx3-ubyte.gz'")),
        (["records", "list", "mnist"], ("unexpected extra argument", "mnist")),
        (["records", "remove"], ("No such command 'remove'", "--help")),
    ],
    ids=lambda part: " ".join(part)[:40] if isinstance(part, list) else "",
)
def test_a_command_that_is_none_is_one_line_and_exit_status_2(
    arguments: list[str], parts: tuple[str, ...], capsys: Capture
) -> None:
    names(line_of(arguments, capsys), *parts)


TYPED = st.text(alphabet=st.characters(exclude_characters="\x00"), max_size=12)
OPTIONS = ["--data", "--student", "--teacher", "--recipe", "--seed", "--epochs", "--teacher-epochs", "--batch",
           "--learning-rate", "--spread", "--device"]  # fmt: skip


@hypothesis_settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(OPTIONS), TYPED)
def test_whatever_is_typed_for_an_option_is_taken_or_refused_in_one_line(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, option: str, typed: str
) -> None:
    monkeypatch.setattr(commands, "execute", lambda *_: (_ for _ in ()).throw(BadInput("taken", typed, "here")))
    line_of([*RUN, option, typed], capsys)


# Folders that cannot be used.


@pytest.mark.parametrize("arguments", [RUN, ["records", "make", "table4-paper-start"], ["records", "list"], ["claims"]])
@pytest.mark.parametrize(("home", "shown"), [("", "''"), ("{tmp}/file", "/file'"), ("{tmp}/file/home", "/file/home'")])
def test_a_home_that_is_no_folder_is_one_line(
    arguments: list[str], home: str, shown: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FITNETS_HOME", home.format(tmp=tmp_path))
    names(line_of(arguments, capsys), "FITNETS_HOME = ", shown, "a folder, or one that can be made")


@pytest.mark.parametrize(("number", "says"), [(28, "No space left on device"), (30, "Read-only file system")])
@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        (RUN, "runs"),
        (["records", "make", "table4-paper-start"], "runs"),
        (["records", "make", "table4-paper-start"], "results"),
    ],
)
def test_a_folder_that_takes_no_files_is_one_line_before_anything_is_trained(
    arguments: list[str], folder: str, number: int, says: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes_no_files(monkeypatch, number, folder)
    names(line_of(arguments, capsys), "folder = ", folder, f"one that can be written to ({says})", "FITNETS_HOME")


@pytest.mark.parametrize("name", ["x" * 300, "file/home"])
def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    names(refusal(lambda: paths.check_writable(tmp_path / name)), "folder = ", "one that can be written to")


# What goes wrong later.


@pytest.mark.parametrize(
    ("error", "status", "parts"),
    [
        (OSError(28, "No space left on device", "/there/x"), 1, ("No space left on device: '/there/x'", "is kept")),
        (Diverged("the loss of stage 1 is nan"), 1, ("the loss of stage 1 is nan",)),
        (RunsFailed({}), 1, ("0 of the runs failed; the others are kept",)),
        (KeyboardInterrupt(), 130, ("Interrupted: the same command goes on",)),
    ],
    ids=lambda part: type(part).__name__,
)
def test_what_stops_a_command_is_one_line_as_well(
    error: BaseException, status: int, parts: tuple[str, ...], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(*_: object) -> None:
        raise error

    monkeypatch.setattr(commands, "execute", stops)
    assert commands.run(RUN) == status
    said = capsys.readouterr().err.strip()  # where a key interrupts, click ends the line that is under way
    assert is_one_line(said)
    names(said, *parts)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"depth,recipe\n11,KD\n",
        b'depth,recipe,seed,test accuracy\n11,"KD',
        b"depth,recipe,seed,test accuracy\n11,backprop,0,much\n11,stage-wise labels,0,more\n",
        b"depth,recipe,seed,test accuracy\n11,backprop,0,1\n11,backprop,0,1\n11,stage-wise labels,0,1\n",
    ],
)
@pytest.mark.parametrize("seal", [False, True])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_evidence_that_is_none_is_one_line(
    content: bytes, seal: bool, options: list[str], capsys: Capture, nothing_is_trained: Path
) -> None:
    (claim,) = claims.chosen("F1")
    check = claim.trials[0].checks[0]
    assert isinstance(check, trials.Comparison)
    folder = nothing_is_trained / "results" / "embedded" / "evidence"
    folder.mkdir(parents=True)
    first = f"# SHA-256 of all lines below: {hashlib.sha256(content).hexdigest()}\n".encode() if seal else b""
    (folder / f"{check.ours.table}.csv").write_bytes(first + content)
    names(line_of(["claims", *options], capsys), "evidence = ", "results'", "tables as a build and the records wrote")


@pytest.mark.parametrize("content", [b"", b"{}", b'{"sha256": "x", "content": 1}', b"\x80\x04", b'{"a": NaN}'])
def test_a_record_that_is_damaged_is_one_line(content: bytes, capsys: Capture) -> None:
    run = ROWS[0].runs[0]
    path = records.path(run)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    for command in (["records", "list"], ["records", "make", ROWS[0].name]):
        assert commands.run(command) == 2
        line = capsys.readouterr().err
        assert is_one_line(line.strip())
        names(line, path.name, ": ")


# The same in processes of their own, where an interpreter starts and ends.


@pytest.mark.parametrize(
    ("command", "variables", "parts"),
    [
        (["-m", "fitnets_lib", *RUN, "--learning-rate", "nan"], {}, ("learning_rate = nan", "a finite number")),
        (["-m", "fitnets_lib", *RUN], {"FITNETS_HOME": "/dev/null/x"}, ("FITNETS_HOME = '/dev/null/x'", "a folder")),
        ([str(CHECKOUT / "book" / "build.py"), "--preset", "bogus"], {}, ("preset = 'bogus'", "smoke, embedded")),
    ],
)
def test_a_process_ends_with_one_line_and_status_2(
    command: list[str], variables: dict[str, str], parts: tuple[str, ...], tmp_path: Path
) -> None:
    environment, whole = {**os.environ, **variables}, [sys.executable, *command]
    done = subprocess.run(whole, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert is_one_line(done.stderr[:-1]), done.stderr
    names(done.stderr, *parts)
