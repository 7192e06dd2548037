"""What the benchmarks measured, as tables: the kernels beside plain torch, and training beside a plain loop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

WAYS = {"kernel": "kernel", "plain": "plain torch", "compiled": "torch.compile"}
"""The ways of computing an operation: as records name them, and in words."""
STAGES = ("KD stage", "hint stage", "student alone")
"""What is timed of training, in steady state."""


def read(record: Path) -> dict[str, Any]:
    """A record of `benchmarks/`: the machine, and the rows.

    Raises:
        FileNotFoundError: if there is none, as where the library is installed without the book.
    """
    found: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    return found


def kernels(record: Path, where: str) -> pd.DataFrame:
    """A line for each operation and precision: microseconds of a forward and a backward pass, and their ratio.

    Args:
        record: of `benchmarks/kernels.py`.
        where: "device_ms" for the work on the device, or "ms" for a whole call, including its launch from Python.
    """
    made = []
    for row in read(record)["rows"]:
        times = {f"{words} (µs)": f"{1e3 * row[f'{way}_{where}']:.0f}" for way, words in WAYS.items()}
        ratio = {"plain to kernel": f"{row[f'plain_{where}'] / row[f'kernel_{where}']:.1f}"}
        made.append({"operation": row["what"], "precision": row["precision"], **times, **ratio})
    return pd.DataFrame(made)


def memory(record: Path) -> pd.DataFrame:
    """A line for each operation and precision of a record of `benchmarks/kernels.py`: MiB besides the inputs."""
    made = []
    for row in read(record)["rows"]:
        sizes = {f"{WAYS[way]} (MiB)": f"{row[f'{way}_mib']:.1f}" for way in ("kernel", "plain")}
        made.append({"operation": row["what"], "precision": row["precision"], **sizes})
    return pd.DataFrame(made)


def gain(record: Path, where: str) -> tuple[float, float]:
    """The time of plain torch divided by the kernel's: the least and the largest ratio over a record's rows.

    Args:
        record: of `benchmarks/kernels.py`.
        where: "device_ms" for the work on the device, or "ms" for a whole call.
    """
    ratios = [row[f"plain_{where}"] / row[f"kernel_{where}"] for row in read(record)["rows"]]
    return min(ratios), max(ratios)


def behind(record: Path, where: str, way: str) -> int:
    """In how many rows of a record the kernel takes longer than another way.

    Args:
        record: of `benchmarks/kernels.py`.
        where: "device_ms" for the work on the device, or "ms" for a whole call.
        way: one of `WAYS`.
    """
    return sum(row[f"kernel_{where}"] > row[f"{way}_{where}"] for row in read(record)["rows"])


def training(records: Mapping[str, Path]) -> pd.DataFrame:
    """A line for each stage, student and machine: images a second by the library and by the plain loop.

    Args:
        records: of `benchmarks/bench.py`, by the name of the machine.
    """
    made = []
    for machine, record in records.items():
        for row in read(record)["rows"]:
            stage, _, student = row["what"].partition(", ")
            if stage in STAGES and "," not in student:
                made.append(
                    {
                        "stage": stage,
                        "student": student,
                        "machine": machine,
                        "library (images a second)": f"{row['ours']:,.0f}",
                        "plain loop": f"{row['plain']:,.0f}",
                        "ratio": f"{row['ratio']:.2f}",
                    }
                )
    return pd.DataFrame(made).sort_values(["stage", "student"], kind="stable", ignore_index=True)
