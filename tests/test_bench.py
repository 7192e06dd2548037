"""The benchmark's plain loop computes what the library computes; nothing here is timed against a limit."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from fitnets_lib.losses import hint_loss, kd_loss
from fitnets_lib.networks import Network, build, initialise
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.randomness import generator
from tests.helpers import STUDENT, TEACHER

BENCH = CHECKOUT / "benchmarks" / "bench.py"
ROWS = ["KD stage", "hint stage", "student alone", "teacher's answers kept", "maxout", "peak memory", "inference"]


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH.parent))
    import record

    return record


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH.parent))
    import plain

    return plain


@pytest.fixture
def kernels_bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("triton", reason="Triton is made for Linux")
    monkeypatch.syspath_prepend(str(BENCH.parent))
    spec = importlib.util.spec_from_file_location("kernels_bench", BENCH.with_name("kernels.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for themselves
    spec.loader.exec_module(module)
    return module


def pair(plain: ModuleType, network: Network) -> tuple[torch.nn.Sequential, torch.nn.ModuleList]:
    """The library's network and the plain one, with equal weights."""
    ours, theirs = build(network), plain.network(network)
    initialise(ours, None, generator(0, network.name))
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            other.copy_(mine)
    return ours, theirs


@pytest.mark.parametrize("name", ["cifar10/teacher", "cifar10/fitnet1", "cifar10/fitnet4"])
def test_the_plain_networks_are_the_papers(plain: ModuleType, name: str) -> None:
    ours, theirs = pair(plain, NETWORKS[name])
    images = torch.randn(2, *NETWORKS[name].image, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(images), plain.maps(theirs, images)[-1], rtol=1e-3, atol=1e-4)


def test_the_plain_steps_have_the_papers_losses(plain: ModuleType) -> None:
    (teacher, plain_teacher), (student, plain_student) = pair(plain, TEACHER), pair(plain, STUDENT)
    images = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(5)
    regressor = torch.nn.Conv2d(2, 3, 2)
    with torch.no_grad():
        kd = kd_loss(student(images), teacher(images), labels, temperature=3, lam=4)
        hint = hint_loss(teacher[:2](images), regressor(student[:2](images)))
    still = torch.optim.RMSprop(plain_student.parameters(), 0.0)
    assert plain.kd_step(plain_teacher, plain_student, still)(images, labels) == pytest.approx(float(kd), rel=1e-5)
    step = plain.hint_step(plain_teacher, plain_student, regressor, 2, 2, still)
    assert step(images, labels) == pytest.approx(float(hint), rel=1e-5)


def test_the_command_prints_and_writes_every_row(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    small = ["--batch", "2", "--turns", "1", "--sweep-epochs", "2", "--students", "fitnet1", "--out", str(out)]
    printed = subprocess.run([sys.executable, str(BENCH), *small], capture_output=True, text=True, check=True).stdout
    found = json.loads(out.read_text())
    names = [row["what"] for row in found["rows"]]
    for wanted in [*ROWS, "sweep of 8 runs"]:
        assert any(name.startswith(wanted) for name in names), wanted
        assert wanted in printed
    assert found["machine"]["GFLOPS, float32"] > 0
    assert all(row["ours"] > 0 for row in found["rows"])


def test_the_kernels_benchmark_keeps_every_row_as_soon_as_it_is_measured(tmp_path: Path) -> None:
    out = tmp_path / "kernels.json"
    command = [sys.executable, str(BENCH.with_name("kernels.py")), "--batch", "1", "--copy", "1", "--out", str(out)]
    printed = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "TRITON_INTERPRET": "1"}
    ).stdout
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == 2 * 5
    for row in rows:
        assert row["what"] in printed
        assert 0 <= row["kernel_error"] < (1e-6 if row["precision"] == "float32" else 1e-2)
        assert min(row["kernel_ms"], row["plain_ms"], row["compiled_ms"]) > 0


def test_a_record_whose_writing_is_cut_short_is_the_one_before(
    record: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "new" / "record.json"
    record.write(out, {"rows": [1]})
    monkeypatch.setattr("os.fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        record.write(out, {"rows": [1, 2]})
    assert json.loads(out.read_text()) == {"rows": [1]}


def test_a_kernel_that_computes_something_else_is_not_timed(kernels_bench: ModuleType) -> None:
    value, gradient = torch.ones(3), torch.ones(4)
    assert kernels_bench.relative_error((value, gradient), (value, gradient)) == 0
    with pytest.raises(ArithmeticError, match="not the same function"):
        kernels_bench.relative_error((value, 1.1 * gradient), (value, gradient))
    with pytest.raises(ArithmeticError):
        kernels_bench.relative_error((value * float("nan"), gradient), (value, gradient))
