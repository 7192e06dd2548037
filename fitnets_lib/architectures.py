"""Networks as tables to read (appendix A, Tables 6 and 7): their layers, and the pairs of hint and guided layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from fitnets_lib import regressors
from fitnets_lib.networks import Conv, Dense, Network, shapes
from fitnets_lib.paper_networks import NETWORKS


def layers(network: Network) -> pd.DataFrame:
    """A line for each layer; neighbouring layers with the same entries share a line.

    Its columns: the numbers of the layers from 1; kind; channels or units; kernel and zero-padding; linear pieces;
    pooling as window and stride; the output for one image, after pooling; whether the layer gives or takes the hint.
    """
    found: list[tuple[list[int], dict[str, str]]] = []
    for number, (layer, shape) in enumerate(zip(network.layers, shapes(network), strict=True), start=1):
        cells = _cells(layer, shape, is_output=number == len(network.layers))
        cells["hint"] = _role(network) if number == network.middle else ""
        if found and found[-1][1] == cells:
            found[-1][0].append(number)
        else:
            found.append(([number], cells))
    return pd.DataFrame([{"layer": _numbers(numbers), **cells} for numbers, cells in found])


def _numbers(numbers: Sequence[int]) -> str:
    return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _role(network: Network) -> str:
    return "hint" if network.name.endswith("teacher") else "guided"


def _cells(layer: Conv | Dense, shape: tuple[int, ...], is_output: bool) -> dict[str, str]:
    output = " × ".join(map(str, shape))
    if isinstance(layer, Dense):
        kind = ("sigmoid" if layer.sigmoid else "softmax") if is_output else "fully connected"
        pieces = "–" if is_output else str(layer.pieces)
        return _line(kind, layer.units, "–", "–", pieces, "–", "1" if layer.sigmoid else output)
    kind = "convolution, ReLU" if layer.relu else "convolution, maxout"
    kernel = f"{layer.kernel} × {layer.kernel}"
    pool = f"{layer.pool.size} × {layer.pool.size} / {layer.pool.stride}" if layer.pool else "–"
    pieces = "–" if layer.relu else str(layer.pieces)
    return _line(kind, layer.channels, kernel, str(layer.padding), pieces, pool, output)


def _line(kind: str, units: int, kernel: str, padding: str, pieces: str, pool: str, output: str) -> dict[str, str]:
    return {
        "kind": kind,
        "units": str(units),
        "kernel": kernel,
        "padding": padding,
        "pieces": pieces,
        "pool": pool,
        "output": output,
    }


def table(networks: Iterable[Network]) -> pd.DataFrame:
    """The layers of several networks, one network below the other, with each network's name in its first line."""
    frames = []
    for network in networks:
        frame = layers(network)
        frame.insert(0, "network", [network.name, *[""] * (len(frame) - 1)])
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def pairs(named: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """A line for each pair of teacher and student: hint and guided layer, regressor's kernel, its weights in one piece.

    Raises:
        BadInput: if a hint map is larger than the guided map.
    """
    return pd.DataFrame([_pair(NETWORKS[teacher], NETWORKS[student]) for teacher, student in named])


def _pair(teacher: Network, student: Network) -> dict[str, str]:
    hint, guided = teacher.middle_shape, student.middle_shape
    kernel = regressors.kernel_size(guided[1], hint[1])
    return {
        "teacher": teacher.name,
        "student": student.name,
        "hint layer": f"{teacher.middle} of {len(teacher.layers)}",
        "hint map": " × ".join(map(str, hint)),
        "guided layer": f"{student.middle} of {len(student.layers)}",
        "guided map": " × ".join(map(str, guided)),
        "regressor’s kernel": f"{kernel} × {kernel}",
        "weights a piece": f"{regressors.convolutional_parameters(guided, hint):,}",
    }
