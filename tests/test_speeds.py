from __future__ import annotations

import json
from pathlib import Path

import pytest

from fitnets_lib import speeds
from fitnets_lib.paths import CHECKOUT

COMMITTED = CHECKOUT / "benchmarks" / "records"


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Two operations: on the device the kernel is 2 and 4 times as fast, in a call half as fast and as fast."""
    rows = [
        {"what": "maxout", "precision": "float32", "kernel_device_ms": 0.01, "plain_device_ms": 0.02,
         "compiled_device_ms": 0.03, "kernel_ms": 0.4, "plain_ms": 0.2, "compiled_ms": 0.1,
         "kernel_mib": 1.25, "plain_mib": 2.5},
        {"what": "KD", "precision": "bfloat16", "kernel_device_ms": 0.01, "plain_device_ms": 0.04,
         "compiled_device_ms": 0.01, "kernel_ms": 0.3, "plain_ms": 0.3, "compiled_ms": 0.3,
         "kernel_mib": 0.0, "plain_mib": 0.04},
    ]  # fmt: skip
    path = tmp_path / "kernels.json"
    path.write_text(json.dumps({"machine": {"device": "a card"}, "rows": rows}))
    return path


def test_times_are_microseconds_beside_plain_torch(record: Path) -> None:
    device, call = (speeds.kernels(record, where).to_dict("records") for where in ("device_ms", "ms"))
    assert list(device[0].values()) == ["maxout", "float32", "10", "20", "30", "2.0"]
    assert list(call[0].values()) == ["maxout", "float32", "400", "200", "100", "0.5"]
    assert [line["plain to kernel"] for line in (*device, *call)] == ["2.0", "4.0", "0.5", "1.0"]


def test_the_gain_is_the_least_and_the_most_of_the_rows(record: Path) -> None:
    assert list(speeds.gain(record, "device_ms")) == pytest.approx([2, 4])
    assert list(speeds.gain(record, "ms")) == pytest.approx([0.5, 1])


def test_the_kernel_is_behind_where_it_takes_longer_and_not_where_it_takes_as_long(record: Path) -> None:
    assert speeds.behind(record, "ms", "plain") == 1
    assert speeds.behind(record, "device_ms", "plain") == 0
    assert speeds.behind(record, "ms", "compiled") == 1


def test_memory_is_that_of_kernel_and_plain_torch(record: Path) -> None:
    assert [list(line.values())[2:] for line in speeds.memory(record).to_dict("records")] == [
        ["1.2", "2.5"],
        ["0.0", "0.0"],
    ]


def test_training_sets_machines_one_below_the_other_and_leaves_other_rows_out(tmp_path: Path) -> None:
    def row(what: str, ours: float, plain: float) -> dict[str, object]:
        return {"what": what, "ours": ours, "plain": plain, "unit": "images a second", "ratio": ours / plain}

    records = {}
    for machine, factor in {"slow": 1.0, "fast": 10.0}.items():
        rows = [
            row("KD stage, fitnet1", 1000 * factor, 100.0),
            row("KD stage, fitnet1, 30 epochs with the cache to fill", 900, 100),
            row("student alone, fitnet4", 4, 2),
            row("maxout, forward and backward", 1, 2),
            row("teacher's answers kept", 5, 1),
        ]
        records[machine] = tmp_path / f"{machine}.json"
        records[machine].write_text(json.dumps({"machine": {}, "rows": rows}))
    assert speeds.training(records).values.tolist() == [
        ["KD stage", "fitnet1", "slow", "1,000", "100", "10.00"],
        ["KD stage", "fitnet1", "fast", "10,000", "100", "100.00"],
        ["student alone", "fitnet4", "slow", "4", "2", "2.00"],
        ["student alone", "fitnet4", "fast", "4", "2", "2.00"],
    ]


def test_the_committed_records_were_held_against_double_precision() -> None:
    for row in speeds.read(COMMITTED / "kernels-gpu.json")["rows"]:
        assert row["kernel_error"] < (1e-6 if row["precision"] == "float32" else 1e-2)
    for name in ("cpu.json", "gpu.json"):
        assert len(speeds.training({name: COMMITTED / name})) == 6
