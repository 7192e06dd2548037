from pathlib import Path

import pytest

from fitnets_lib import source


def test_a_run_depends_on_what_trains_it_and_not_on_what_shows_it() -> None:
    behind = source.modules_behind("runs")
    assert {"runs", "training", "recipes", "losses", "kernels", "networks", "data", "randomness"} <= behind
    assert not {"plots", "report", "results", "statistics", "sweep", "settings"} & behind


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "fitnets_lib"
    package.mkdir()
    (package / "a.py").write_text("from fitnets_lib import b\nimport json\n")
    (package / "b.py").write_text("def late():\n    from fitnets_lib.c import thing\n")
    (package / "c.py").write_text("import fitnets_lib.a\n")
    (package / "d.py").write_text("x = 1\n")
    monkeypatch.setattr(source, "PACKAGE", package)
    source.fingerprint.cache_clear()
    return package


def test_imports_are_followed_through_other_modules_in_functions_and_in_circles(package: Path) -> None:
    assert source.modules_behind("a") == {"a", "b", "c"}
    assert source.modules_behind("d") == {"d"}


def test_a_sub_package_that_is_imported_counts_with_all_its_files(package: Path) -> None:
    (package / "kernels").mkdir()
    (package / "kernels" / "__init__.py").write_text("")
    (package / "kernels" / "fast.py").write_text("from fitnets_lib import d\n")
    (package / "c.py").write_text("from fitnets_lib import kernels\n")
    assert source.modules_behind("a") == {"a", "b", "c", "d", "kernels"}
    before = source.fingerprint("a")
    (package / "kernels" / "fast.py").write_text("from fitnets_lib import d  # a word\n")
    source.fingerprint.cache_clear()
    assert source.fingerprint("a") != before
    source.fingerprint.cache_clear()


@pytest.mark.parametrize(("edited", "changes"), [("a", True), ("c", True), ("d", False)])
def test_the_fingerprint_changes_with_the_modules_behind_it_only(package: Path, edited: str, changes: bool) -> None:
    before = source.fingerprint("a")
    path = package / f"{edited}.py"
    path.write_text(path.read_text() + "# a word\n")
    source.fingerprint.cache_clear()
    after = source.fingerprint("a")
    source.fingerprint.cache_clear()
    assert (after != before) is changes
