from __future__ import annotations

import json
import subprocess
import sys

import pytest


def fitnets(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fitnets_lib", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_networks_are_listed_by_name() -> None:
    names = fitnets("networks").stdout.splitlines()
    assert {"cifar10/teacher", "cifar10/fitnet1", "mnist/fitnet", "cifar10/depth-30M-11"} <= set(names)


@pytest.mark.parametrize(("convention", "parameters"), [("paper", 249_576), ("full", 348_694)])
def test_a_count_is_one_json_object(convention: str, parameters: int) -> None:
    # Full: 3 more pieces in the maxout layer, 64 * 500 * 3 = 96,000; biases 2 * 304, 5 * 500 and 10 (by hand).
    done = fitnets("count", "cifar10/fitnet1", "--json", "--convention", convention)
    found = json.loads(done.stdout)
    assert list(found) == ["name", "layers", "parameters", "multiplications", "convention"]
    assert (found["name"], found["layers"], found["convention"]) == ("cifar10/fitnet1", 11, convention)
    assert found["parameters"] == parameters


def test_a_count_can_be_read() -> None:
    assert "249,576 parameters" in fitnets("count", "cifar10/fitnet1").stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["count", "cifar10/fitnet9"], "network = 'cifar10/fitnet9': one of those that"),
        (["count", "cifar10/fitnet1", "--convention", "mine"], "'mine' is not one of 'paper', 'full'"),
    ],
)
def test_bad_input_is_a_line_and_exit_status_2(arguments: list[str], line: str) -> None:
    done = fitnets(*arguments)
    assert done.returncode == 2
    assert line in done.stderr
    assert "Traceback" not in done.stderr
