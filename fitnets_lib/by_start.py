"""Figures that compare starts (rules for first weights): the gains of a method, and the signal in each layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from fitnets_lib.plots import LOOKS, Look, interval
from fitnets_lib.results import difference, signed

_COLOURS = [to_hex(colour) for colour in sns.color_palette("colorblind")]
_MARKERS = ("s", "o", "D", "^", "v", "P", "X", "*")


def gains(frame: pd.DataFrame, ours: str, others: Sequence[str]) -> Figure:
    """What recipe `ours` gains over each of the others: a panel for each of these, with a row for each start.

    Small markers are single seeds; the mean stands as a number beside its interval.

    Args:
        frame: a tidy table of runs of one depth with a column "start".
        ours: the recipe whose gains are shown.
        others: the recipes it is compared with.
    """
    starts = list(frame["start"].unique())
    figure = Figure(figsize=(7.4, 1.1 + 0.46 * len(starts)))
    axes = figure.subplots(1, len(others), sharey=True, sharex=True, squeeze=False)[0]
    for axis, other in zip(axes, others, strict=True):
        look = LOOKS[other]
        for place, start in enumerate(starts):
            rows = frame[frame["start"] == start]
            found, by_seed = difference(rows, ours, other), rows.pivot(index="seed", columns="recipe")["test accuracy"]
            seeds = (by_seed[ours] - by_seed[other]).tolist()
            interval(axis, found, place, look, seeds)
            at = (max([found.high, *seeds]) if np.isfinite(found.high) else found.mean, place)
            axis.annotate(f"  {signed(found.mean)}", at, va="center", fontsize="small", annotation_clip=False)
        axis.axvline(0, color="black", linewidth=1)
        axis.set(title=f"gain over {other}", xlabel="test accuracy (points)")
    axes[0].set_yticks(range(len(starts)), starts)
    axes[0].set_ylim(len(starts) - 0.4, -0.6)
    axes[0].margins(x=0.14)
    return figure


def signals(frame: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """Each layer's signal, geometric mean over seeds, on logarithmic axes: a panel per measure, a line per start.

    Args:
        frame: a row for each "start", seed and "layer", with what was measured.
        columns: what is drawn, a panel for each.
    """
    figure = Figure(figsize=(7.4, 3.4))
    axes = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    lines = ["-", "--", "-.", ":"]
    for axis, column in zip(axes, columns, strict=True):
        for place, (start, rows) in enumerate(frame.groupby("start", sort=False)):
            look = Look(_COLOURS[place % 10], _MARKERS[place % 8], lines[place % 4])
            mean = np.exp(np.log(rows[column]).groupby(rows["layer"]).mean())
            axis.plot(mean.index, mean, look.marker, linestyle=look.line, color=look.colour, label=str(start), ms=5)
        axis.set(yscale="log", title=column, xlabel="layer")
        axis.set_xticks(sorted(frame["layer"].unique())[::2])
    axes[0].set_ylabel("root mean square")
    axes[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    return figure
