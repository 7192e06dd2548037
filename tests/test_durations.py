from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fitnets_lib import recipes
from fitnets_lib.durations import between, in_words, multiplications, rates
from fitnets_lib.networks import Conv, Dense, Network
from fitnets_lib.optimisation import Training
from fitnets_lib.paths import CHECKOUT
from fitnets_lib.runs import Run

# 4 x 4 pixels: 9 * 1 * 3 * 2 * 16 = 864, then 9 * 3 * 3 * 2 * 16 = 2,592, then 48 * 10 = 480.
NET = Network("net", (1, 4, 4), (Conv(3), Conv(3), Dense(10)), middle=1)
TEACHER = Run("digits", NET, recipes.BACKPROP, Training(epochs=1, patience=1), 0)


def test_every_image_goes_forwards_once_and_backwards_twice_and_validation_images_forwards() -> None:
    run = replace(TEACHER, training=Training(epochs=5, patience=5))
    assert multiplications(run, train=100, validation=20) == (864 + 2592 + 480) * 5 * (3 * 100 + 20)


def test_stage_1_is_counted_up_to_the_guided_layer() -> None:
    shared = Run("digits", NET, recipes.HINT_THEN_KD, Training(epochs=10, patience=9), 0, TEACHER)
    half, whole = 864, 864 + 2592 + 480
    assert multiplications(shared, 100, 0) == (half + whole) * 5 * 300
    each = replace(shared, training=replace(shared.training, each_stage=True))
    assert multiplications(each, 100, 0) == (half + whole) * 10 * 300


def test_a_run_that_is_trained_again_sees_all_images_once_more() -> None:
    once = replace(TEACHER, training=Training(epochs=2, patience=2, each_stage=True))
    again = replace(once, training=replace(once.training, retrain=True))
    assert multiplications(again, 100, 20) - multiplications(once, 100, 20) == (864 + 2592 + 480) * 2 * 3 * 120


def test_rates_come_from_the_record_of_the_benchmark(tmp_path: Path) -> None:
    rows = [{"what": "KD stage, fitnet1", "ours": 10.0}, {"what": "KD stage, fitnet4", "ours": 2.0}]
    (tmp_path / "cpu.json").write_text(json.dumps({"rows": rows}))
    found = rates(tmp_path / "cpu.json")
    # FitNet 1: 30,149,376 as the paper counts, and 3 more pieces of 500 units over 64 numbers.
    assert found["cifar10/fitnet1"] == pytest.approx(3 * 10 * (30_149_376 + 3 * 500 * 64), rel=1e-3)
    with pytest.raises(FileNotFoundError):
        rates(tmp_path / "gpu.json")


def test_the_committed_record_has_rates_below_what_its_machine_multiplies_at_most() -> None:
    path = CHECKOUT / "benchmarks" / "records" / "cpu.json"
    most = json.loads(path.read_text())["machine"]["GFLOPS, bfloat16"] * 1e9 / 2
    assert all(0 < rate < most for rate in rates(path).values())


def test_seconds_lie_between_the_highest_and_the_lowest_rate() -> None:
    assert between(1000, [10.0, 50.0, 20.0]) == (20.0, 100.0)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (42.4, "42 s"),
        (89.4, "89 s"),
        (90, "1.5 min"),
        (210, "3.5 min"),
        (7_560, "2.1 h"),
        (86_400 * 12.3, "12 days"),
        (86_400 * 1234, "1,200 days"),
        (129_000, "36 h"),
    ],
)
def test_a_duration_has_two_digits_and_a_unit(seconds: float, said: str) -> None:
    assert in_words(seconds) == said
