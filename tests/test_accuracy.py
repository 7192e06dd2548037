"""The plain loop and the library's, on the same seeds, first weights and batches."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

from fitnets_lib.data import Split
from fitnets_lib.networks import build, initialise
from fitnets_lib.randomness import generator
from fitnets_lib.training import Lessons
from tests.helpers import QUICK, STUDENT, TEACHER, lessons
from tests.test_bench import BENCH


@pytest.fixture
def accuracy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH.parent))
    import accuracy

    return accuracy


def test_in_one_precision_both_loops_learn_the_same_from_the_same(accuracy: ModuleType) -> None:
    teacher = build(TEACHER)
    initialise(teacher, None, generator(0, "teacher"))  # the one whose answers lessons() keeps
    same = accuracy.network(TEACHER).eval()
    accuracy.copy(teacher, same)
    taught, training = lessons(), replace(QUICK, epochs=6, patience=6)
    # Validated on what is trained on, so that no epoch but the last is the best and both loops end with it.
    taught = Lessons(taught.train, taught.train)
    split: Split = taught.train.split
    given = accuracy.Problem(split, split, TEACHER, STUDENT)
    ours = accuracy.ours(given, taught, training, 3)
    theirs = accuracy.plain(given, accuracy.answers(same, given), training, 3)
    assert ours == pytest.approx(theirs, abs=100 * 2 / len(split))


def test_the_teacher_asked_once_says_what_it_says_at_every_step(accuracy: ModuleType) -> None:
    teacher = accuracy.network(TEACHER).eval()
    split = lessons().train.split
    hints, logits = accuracy.answers(teacher, accuracy.Problem(split, split, TEACHER, STUDENT))
    index = torch.tensor([5, 0, 7])
    live = accuracy.maps(teacher, split.images[index])
    torch.testing.assert_close(hints[index], live[TEACHER.middle - 1])
    torch.testing.assert_close(logits[index], live[-1])


def test_the_command_prints_every_seed_and_the_difference(
    accuracy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FITNETS_HOME", str(tmp_path))
    out = tmp_path / "accuracy.json"
    quick = ["--epochs", "1", "--teacher-epochs", "1", "--seeds", "2", "--images", "64", "--out", str(out)]
    assert accuracy.main(quick) == 0
    printed = capsys.readouterr().out
    assert "seed 1: library" in printed
    assert "library minus plain loop" in printed
    found = json.loads(out.read_text())
    assert found["scale"]["images"] == 64
    assert [row["seed"] for row in found["rows"]] == [0, 1]
