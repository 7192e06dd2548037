"""How torch must compute for a run to give the same results every time, alone or beside other runs.

With another number of threads, or another of cuDNN's algorithms, numbers are summed in another order, and the sum has
other bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
