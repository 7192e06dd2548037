from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fitnets_lib import files, report

FRAME = pd.DataFrame({"recipe": ["KD", "a | b"], "test accuracy (%)": ["81.2", "79.0"]})


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Any, dict[str, Any]]]:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    calls: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(report, "display", lambda thing, **how: calls.append((thing, how)))
    return calls


def test_a_table_is_written_as_it_is_shown(shown: list[tuple[Any, dict[str, Any]]], tmp_path: Path) -> None:
    report.table(FRAME, "accuracy", "What was found.", "smoke")
    path = tmp_path / "results" / "smoke" / "accuracy.csv"
    assert pd.read_csv(path, dtype=str).equals(FRAME)
    bundle, how = shown[0]
    lines = bundle["text/markdown"].splitlines()
    assert lines[0] == "````{table} What was found."
    assert lines[1] == ":name: tab-accuracy"
    assert lines[3:] == [
        "| recipe | test accuracy (%) |",
        "| --- | --- |",
        "| KD | 81.2 |",
        r"| a \| b | 79.0 |",
        "````",
    ]
    assert "<td>81.2</td>" in bundle["text/html"]
    assert how["metadata"]["fitnets"] == {"file": "smoke/accuracy.csv", "sha256": files.digest(path.read_bytes())}


def test_a_glued_value_is_what_myst_nb_reads(shown: list[tuple[Any, dict[str, Any]]]) -> None:
    report.glue("deep", "11")
    bundle, how = shown[0]
    assert bundle == {"application/papermill.record/text/plain": "'11'"}
    assert how["metadata"]["scrapbook"] == {"name": "deep", "mime_prefix": "application/papermill.record/"}


def test_a_sentence_is_shown_as_markdown(shown: list[tuple[Any, dict[str, Any]]]) -> None:
    report.say("It is **so**.")
    assert shown[0][0].data == "It is **so**."


@pytest.mark.parametrize(("preset", "kind"), [("smoke", "warning"), ("embedded", "note")])
def test_the_scale_is_stated_and_a_smoke_run_is_warned_of(
    shown: list[tuple[Any, dict[str, Any]]], preset: str, kind: str
) -> None:
    report.scale(preset, "digits", 5, 40, "cpu", 90.0)
    text = shown[0][0].data
    assert text.startswith(f":::{{{kind}}}\n")
    assert "5 seeds, 40 epochs" in text
    assert "1.5 minutes" in text
    assert ("mean nothing" in text) is (preset == "smoke")
