from __future__ import annotations

import json
import subprocess
import sys

import pytest

from fitnets_lib.__main__ import run

Capture = pytest.CaptureFixture[str]


def test_networks_are_listed_by_name() -> None:
    command = [sys.executable, "-m", "fitnets_lib", "networks"]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {"cifar10/teacher", "cifar10/fitnet1", "mnist/fitnet", "cifar10/depth-30M-11"} <= set(names)


@pytest.mark.parametrize(("convention", "parameters"), [("paper", 249_576), ("full", 348_694)])
def test_a_count_is_one_json_object(convention: str, parameters: int, capsys: Capture) -> None:
    # Full: 3 more pieces in the maxout layer, 64 * 500 * 3 = 96,000; biases 2 * 304, 5 * 500 and 10 (by hand).
    assert run(["count", "cifar10/fitnet1", "--json", "--convention", convention]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["name", "layers", "parameters", "multiplications", "convention"]
    assert (found["name"], found["layers"], found["convention"]) == ("cifar10/fitnet1", 11, convention)
    assert found["parameters"] == parameters


def test_a_count_can_be_read(capsys: Capture) -> None:
    assert run(["count", "cifar10/fitnet1"]) == 0
    assert "249,576 parameters" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["count", "cifar10/fitnet9"], "network = 'cifar10/fitnet9': one of those that"),
        (["count", "cifar10/fitnet1", "--convention", "mine"], "'mine' is not one of 'paper', 'full'"),
    ],
)
def test_bad_input_is_a_line_and_exit_status_2(arguments: list[str], line: str, capsys: Capture) -> None:
    assert run(arguments) == 2
    assert line in capsys.readouterr().err
