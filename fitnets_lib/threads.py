"""How torch must compute for a run to give the same results every time, alone or beside others, and on what it does.

With another number of threads, or another of cuDNN's algorithms, numbers are summed in another order, and the sum has
other bits.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch


def processor() -> str:
    """The processor's name, where Linux tells it, and the instructions that torch uses: they decide how sums round."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8", errors="replace").splitlines() if told.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{next(names, platform.processor() or platform.machine())}, {torch.backends.cpu.get_cpu_capability()}"


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch computes with one thread, so that a run's results are the same alone and beside other runs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def same_algorithms() -> Iterator[None]:
    """Inside, a GPU computes convolutions in full precision, by algorithms that give the same bits every time.

    By default, torch rounds the factors of a convolution in single precision to 10 bits (TF32) on a GPU.
    """
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


@contextmanager
def repeatable() -> Iterator[None]:
    """Both `one_thread` and `same_algorithms`: training inside takes the same course every time."""
    with one_thread(), same_algorithms():
        yield
