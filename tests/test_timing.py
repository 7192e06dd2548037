from __future__ import annotations

import pytest
import torch

from fitnets_lib import timing
from fitnets_lib.networks import DIGITS_TEACHER
from fitnets_lib.timing import seconds_for_a_batch, turns_for_a_batch
from tests.helpers import STUDENT, TEACHER


class Clock:
    """Stands still but for what is waited for, so that no test has to wait and no busy machine matters."""

    now = 0.0

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("time.perf_counter", lambda: found.now)
    return found


class Slow(torch.nn.Module):
    def __init__(self, seconds: list[float], clock: Clock, seen: list[tuple[int, ...]]) -> None:
        super().__init__()
        self.seconds, self.clock, self.seen = iter(seconds), clock, seen

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(images.shape))
        self.clock.wait(next(self.seconds))
        return images


def test_the_median_turn_is_reported_without_the_first(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    # With the first the medians would be 4.5 and 5.5; the means of the others are 3 and 7.
    modules = {TEACHER: [9.0, 0.0, 2.0, 7.0], STUDENT: [1.0, 5.0, 6.0, 10.0]}
    monkeypatch.setattr(timing, "build", lambda network: Slow(modules[network], clock, seen))
    found = seconds_for_a_batch([TEACHER, STUDENT], batch=7, repeats=3)
    assert found == pytest.approx([2.0, 6.0])
    assert seen == [(7, 1, 8, 8)] * 8


def test_a_wider_network_takes_longer() -> None:
    teacher, student = seconds_for_a_batch([DIGITS_TEACHER, STUDENT], batch=256, repeats=5)
    assert teacher > student > 0


def test_every_turn_that_counts_has_a_row_with_a_time_for_each_network(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = {TEACHER: [9.0, 1.0, 2.0], STUDENT: [9.0, 3.0, 4.0]}
    monkeypatch.setattr(timing, "build", lambda network: Slow(modules[network], clock, []))
    (first, second) = turns_for_a_batch([TEACHER, STUDENT], batch=1, repeats=2)
    assert first == pytest.approx([1.0, 3.0])
    assert second == pytest.approx([2.0, 4.0])
