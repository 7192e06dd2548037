"""How long a network takes for a batch of images, on the machine at hand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

import torch

from fitnets_lib.networks import Network, build


@torch.inference_mode()
def seconds_for_a_batch(networks: Sequence[Network], batch: int, repeats: int, device: str = "cpu") -> list[float]:
    """Median seconds of a forward pass over `batch` images, for each network.

    The networks take turns, so that a machine that slows down slows all of them.

    Args:
        networks: what is timed, with untrained weights.
        batch: images at a time.
        repeats: turns; one more before them is not counted.
        device: "cpu" or "cuda".
    """
    modules = [build(network).eval().to(device) for network in networks]
    images = [torch.zeros(batch, *network.image, device=device) for network in networks]
    found: list[list[float]] = [[] for _ in networks]
    for turn in range(repeats + 1):
        for module, image, times in zip(modules, images, found, strict=True):
            begun = time.perf_counter()
            module(image)
            if device == "cuda":
                torch.cuda.synchronize()
            if turn:
                times.append(time.perf_counter() - begun)
    return [median(times) for times in found]
