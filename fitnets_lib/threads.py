"""How torch computes where results must be the same alone and beside others, today and tomorrow.

Sums come out in another order, and so in other bits, with another number of threads, or with another of cuDNN's
algorithms.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch computes with one thread inside, so that results are the same alone and beside others."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def same_algorithms() -> Iterator[None]:
    """On a GPU, convolutions are computed inside by algorithms that give the same bits every time, in full precision.

    Left alone, torch rounds the factors of a convolution in single precision to 10 bits (TF32) on a GPU.
    """
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


@contextmanager
def repeatable() -> Iterator[None]:
    """Both: what is trained inside takes the same course every time."""
    with one_thread(), same_algorithms():
        yield
