"""Figures of errors as points with intervals: the paper's errors beside ours, and errors over splits of few images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from fitnets_lib.plots import LOOKS, Look, interval
from fitnets_lib.printed_results import Line
from fitnets_lib.results import within
from fitnets_lib.statistics import Estimate

TEACHER = Look("#000000", "*", "-")
"""How a teacher is drawn: it is trained by backprop, too, but is no student."""


def look(network: str, recipe: str) -> Look:
    """How a network is drawn: by the recipe that trained it, or as a teacher."""
    return TEACHER if network.endswith("teacher") else LOOKS[recipe]


def over_splits(found: Mapping[tuple[str, str], tuple[Sequence[float], Estimate]], unit: str) -> Figure:
    """A row for each network and recipe: a small marker for each split, the mean and its interval.

    Args:
        found: for each network and recipe, the values of the splits and their mean with its interval.
        unit: what the horizontal axis measures, in per cent.
    """
    figure = Figure(figsize=(7.0, 0.9 + 0.36 * len(found)))
    axis = figure.subplots()
    for place, ((network, recipe), (values, mean)) in enumerate(found.items()):
        drawn = look(network, recipe)
        interval(axis, within(mean), place, drawn, values)
    names = [network if network.endswith("teacher") else f"{network}: {recipe}" for network, recipe in found]
    axis.set_yticks(range(len(found)), names)
    axis.invert_yaxis()
    axis.set_xlabel(unit)
    return figure


def printed_and_found(blocks: Mapping[str, Sequence[tuple[Line, Estimate | None]]]) -> Figure:
    """A row for each block, on a logarithmic axis: hollow markers for printed errors, below them filled ones for ours.

    Args:
        blocks: under the text that names a row, its printed lines, each with what was found for it here, or None.
    """
    figure = Figure(figsize=(7.2, 1.3 + 0.55 * len(blocks)))
    axis, shown = figure.subplots(), dict[str, Look]()
    for place, pairs in enumerate(blocks.values()):
        for line, found in pairs:
            drawn = look(line.network, line.recipe)
            shown.setdefault("teacher" if drawn is TEACHER else line.recipe, drawn)
            axis.plot(line.error, place - 0.1, drawn.marker, color=drawn.colour, markersize=9, fillstyle="none")
            if found is not None:
                interval(axis, within(found, low=line.error / 10), place + 0.2, drawn)
    axis.set(xscale="log", xlabel="test error (%)")
    ticks = (0.5, 1, 2, 5, 10, 20, 40, 80)
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_xticks([], minor=True)
    axis.set_yticks(range(len(blocks)), list(blocks))
    axis.invert_yaxis()
    for name, drawn in shown.items():
        axis.plot([], [], drawn.marker, color=drawn.colour, markersize=9, fillstyle="none", label=name)
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
