from __future__ import annotations

import time

import pytest
import torch

from fitnets_lib import timing
from fitnets_lib.networks import DIGITS_TEACHER
from fitnets_lib.timing import seconds_for_a_batch, turns_for_a_batch
from tests.helpers import STUDENT, TEACHER


class Slow(torch.nn.Module):
    def __init__(self, seconds: list[float], seen: list[tuple[int, ...]]) -> None:
        super().__init__()
        self.seconds, self.seen = iter(seconds), seen

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(images.shape))
        time.sleep(next(self.seconds))
        return images


def test_the_median_turn_is_reported_without_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    modules = {TEACHER: [0.3, 0.0, 0.1, 0.3], STUDENT: [0.3, 0.0, 0.0, 0.0]}
    monkeypatch.setattr(timing, "build", lambda network: Slow(modules[network], seen))
    found = seconds_for_a_batch([TEACHER, STUDENT], batch=7, repeats=3)
    assert 0.1 <= found[0] < 0.3
    assert found[1] < 0.1
    assert seen == [(7, 1, 8, 8)] * 8


def test_a_wider_network_takes_longer() -> None:
    teacher, student = seconds_for_a_batch([DIGITS_TEACHER, STUDENT], batch=256, repeats=5)
    assert teacher > student > 0


def test_every_turn_that_counts_has_a_row_with_a_time_for_each_network(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {TEACHER: [0.3, 0.05, 0.1], STUDENT: [0.3, 0.0, 0.0]}
    monkeypatch.setattr(timing, "build", lambda network: Slow(modules[network], []))
    (first, second) = turns_for_a_batch([TEACHER, STUDENT], batch=1, repeats=2)
    assert 0.05 <= first[0] < 0.3 and 0.1 <= second[0] < 0.3
    assert first[1] < 0.05 and second[1] < 0.05
