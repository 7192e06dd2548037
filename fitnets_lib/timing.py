"""How long a network takes for a batch of images, on the machine at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

import torch

from fitnets_lib.networks import Network, build


def seconds(function: Callable[[], object]) -> float:
    """Seconds that one call takes; with a GPU, until the GPU is idle again."""
    begun = time.perf_counter()
    function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def medians(functions: Sequence[Callable[[], object]], turns: int, before: int = 1) -> list[float]:
    """Median seconds of each function; they take turns, and the first `before` turns are not counted.

    A machine that slows down then slows all functions.
    """
    return _medians(_turns(functions, turns, before))


def _turns(functions: Sequence[Callable[[], object]], turns: int, before: int = 1) -> list[list[float]]:
    """Seconds of each function in each of the turns that count."""
    return [[seconds(function) for function in functions] for _ in range(before + turns)][before:]


def _medians(turns: list[list[float]]) -> list[float]:
    return [median(column) for column in zip(*turns, strict=True)]


@torch.inference_mode()
def turns_for_a_batch(networks: Sequence[Network], batch: int, repeats: int, device: str = "cpu") -> list[list[float]]:
    """Seconds of a forward pass over `batch` images: a row for each turn, with a number for each network.

    Args:
        networks: what is timed, with untrained weights.
        batch: images at a time.
        repeats: turns; one more before them is not counted.
        device: "cpu" or "cuda".
    """
    modules = [build(network).eval().to(device) for network in networks]
    images = [torch.zeros(batch, *network.image, device=device) for network in networks]
    return _turns([partial(module, image) for module, image in zip(modules, images, strict=True)], repeats)


def seconds_for_a_batch(networks: Sequence[Network], batch: int, repeats: int, device: str = "cpu") -> list[float]:
    """Median seconds of a forward pass over `batch` images, for each network; arguments as `turns_for_a_batch`."""
    return _medians(turns_for_a_batch(networks, batch, repeats, device))
