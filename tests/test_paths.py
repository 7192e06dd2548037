from pathlib import Path

import pytest

from fitnets_lib import paths


def test_things_are_kept_in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FITNETS_HOME", raising=False)
    assert (paths.home() / "_toc.yml").is_file()
    assert paths.runs() == paths.home() / "runs"
    assert paths.results("smoke") == paths.home() / "results" / "smoke"


def test_a_reader_can_choose_another_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    assert paths.runs() == tmp_path / "runs"


def test_an_installed_copy_keeps_things_in_the_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FITNETS_HOME", raising=False)
    monkeypatch.setattr(paths, "CHECKOUT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    assert paths.home() == tmp_path
