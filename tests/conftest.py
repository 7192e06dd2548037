"""What several files of tests share: the rendered smoke book, a browser to read it with, a constant lambda."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest
import torch
from filelock import FileLock
from playwright.sync_api import Browser, sync_playwright

from fitnets_lib.annealing import Linear
from fitnets_lib.paths import CHECKOUT
from tests.helpers import offline, with_records

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported; its kernels then run on a CPU
torch.set_num_threads(1)  # two workers share the processors
os.environ.setdefault("OMP_NUM_THREADS", "1")  # so do the processes that they start
hypothesis.settings.register_profile("facts", deadline=None)  # a busy machine is slow, not wrong
hypothesis.settings.load_profile("facts")


sys.path.insert(0, str(CHECKOUT / "book"))  # no package: `build.py` is a script, and its modules lie beside it


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes are named by their length: some contain the time of packing, and all workers need the same names."""
    return f"{argname}-{len(val)}" if isinstance(val, bytes) else None


def load_build() -> ModuleType:
    """`book/build.py` as a fresh module."""
    spec = importlib.util.spec_from_file_location("build", CHECKOUT / "book" / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["build"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build() -> ModuleType:
    """A fresh copy of the builder, which a test may change."""
    return load_build()


@pytest.fixture
def held_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda stays at its last value: if it fell, the loss would fall even without training."""
    monkeypatch.setattr(Linear, "__call__", lambda self, epoch, epochs: self.end)


@pytest.fixture(scope="session")
def smoke_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the smoke book was built: `_build/html`, `results/smoke`, `_build/executed/smoke`.

    It is built once for all workers, in a process without network, and with the checkout's records, so that chapters
    show them; `test_notebooks.py` executes all chapters without records.
    """
    mine = tmp_path_factory.getbasetemp()
    home = (mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine) / "smoke-home"
    home.mkdir(exist_ok=True)
    with FileLock(home / "lock"):
        if not (home / "built").exists():
            with_records(home)
            done = offline(str(CHECKOUT / "book" / "build.py"), "--preset", "smoke", home=home)
            (home / "built").write_text(done.stderr if done.returncode else "")
    assert (home / "built").read_text() == ""
    return home


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium or Chrome. Without one, tests that use it are skipped, except in CI, where they fail."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        assert "CI" not in os.environ, "CI has to have a browser: .ci/run installs one"
        pytest.skip("no chromium or google-chrome on this machine")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()
