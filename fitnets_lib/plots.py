"""Figures in one style: a method keeps its colour and marker throughout the book, intervals are drawn, text is legible.

Colours are seaborn's colour-blind palette; markers and line styles tell the methods apart in grey. The background is
white in both themes of the book, so that nothing drawn in black is lost on a dark page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from fitnets_lib.results import estimates, shared_epochs, within
from fitnets_lib.statistics import Estimate, estimate

_COLOURS = [mpl.colors.to_hex(colour) for colour in sns.color_palette("colorblind")]


@dataclass(frozen=True)
class Look:
    """How a method is drawn: colour, marker, line style."""

    colour: str
    marker: str
    line: str


LOOKS = {
    "backprop": Look("#555555", "s", ":"),
    "KD": Look(_COLOURS[0], "o", "--"),
    "hint then KD": Look(_COLOURS[2], "D", "-"),
    "joint hint + KD": Look(_COLOURS[1], "^", "-."),
    "joint hint + labels": Look(_COLOURS[4], "v", (0, (5, 1, 1, 1, 1, 1))),  # type: ignore[arg-type]
    "hint then labels": Look(_COLOURS[2], "d", "--"),
    "stage-wise labels": Look(_COLOURS[5], "<", "-"),
    "stage-wise KD": Look(_COLOURS[5], ">", "--"),
    "joint label hint + labels": Look(_COLOURS[3], "P", ":"),
    "joint label hint + KD": Look(_COLOURS[3], "X", "--"),
    "label hints everywhere": Look(_COLOURS[9], "*", "-."),
    "2 hints in turn": Look(_COLOURS[7], "p", "-"),
    "2 hints at once": Look(_COLOURS[7], "h", "--"),
}
"""The look of every method of the book, by the name of its recipe."""


def use_style() -> None:
    """Sets the book's style for all figures that follow, and asks Jupyter for vector graphics."""
    sns.set_theme(context="notebook", style="ticks", palette="colorblind")
    mpl.rcParams.update(
        {
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.figsize": (7.0, 3.6),
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "axes.labelsize": "medium",
            "legend.frameon": False,
            "svg.hashsalt": "fitnets",  # the same figure gives the same file
        }
    )
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None})
    except ImportError:
        pass


def _look(method: str) -> Look:
    family = method.split(",")[0]  # "KD, τ = 3" is drawn as KD
    return LOOKS.get(family, Look(_COLOURS[5], "P", "-"))


def accuracy(frame: pd.DataFrame, teacher: Estimate) -> Figure:
    """Test accuracy of each recipe, a panel for each depth: every seed, the mean and its 95 % interval.

    Args:
        frame: a tidy table of runs, from `results.tidy`.
        teacher: the teacher's test accuracy in per cent, drawn as a line across the panels.
    """
    depths = list(frame["depth"].unique())
    methods = list(frame["recipe"].unique())
    figure = Figure(figsize=(7.4, max(3.2, 0.9 + 0.36 * len(methods))))
    axes = figure.subplots(1, len(depths), sharey=True, sharex=True, squeeze=False)
    for axis, depth in zip(axes[0], depths, strict=True):
        rows = frame[frame["depth"] == depth]
        for place, method in enumerate(methods):
            seeds = rows.loc[rows["recipe"] == method, "test accuracy"].tolist()
            interval(axis, within(estimate(seeds)), place, _look(method), seeds)
        axis.axvline(teacher.mean, color="black", linewidth=1, linestyle=(0, (1, 2)))
        axis.set_title(f"{depth} layers")
        axis.set_xlabel("test accuracy (%)")
    axes[0][0].set_yticks(range(len(methods)), methods)
    axes[0][0].invert_yaxis()
    axes[0][0].set_xlim(-4, 104)
    axes[0][0].annotate(
        "teacher", (teacher.mean, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize="small"
    )
    return figure


def interval(axis: Axes, found: Estimate, place: float, look: Look, singles: Sequence[float] = ()) -> None:
    """Draws a mean with its interval at height `place`, and below it the single values that it is the mean of."""
    axis.plot(singles, [place + 0.2] * len(singles), look.marker, color=look.colour, alpha=0.45, markersize=4)
    if np.isfinite(found.low):
        axis.plot([found.low, found.high], [place, place], color=look.colour, linewidth=2)
    axis.plot(found.mean, place, look.marker, color=look.colour, markersize=8)


def differences(found: dict[tuple[object, ...], Estimate], unit: str) -> Figure:
    """Paired differences with their 95 % intervals, one line each, and the line at 0 that an interval must not touch.

    Args:
        found: for each (depth, "ours − theirs", theirs) its estimate; the look is that of `theirs`.
        unit: what the horizontal axis measures.
    """
    figure = Figure(figsize=(7.0, 0.9 + 0.36 * len(found)))
    axis = figure.subplots()
    for place, ((_, _, theirs), difference) in enumerate(found.items()):
        interval(axis, difference, place, _look(str(theirs)))
    axis.axvline(0, color="black", linewidth=1)
    axis.set_yticks(range(len(found)), [f"{depth} layers: {name}" for depth, name, _ in found])
    axis.invert_yaxis()
    axis.set_xlabel(unit)
    return figure


def learning_curves(frame: pd.DataFrame, column: str = "validation accuracy", unit: str = "%") -> Figure:
    """`column` over epochs, a line for each recipe: mean of the seeds, shaded from worst to best, as far as all ran.

    Args:
        frame: a tidy table of epochs of one depth, from `results.curves`; if it is empty, the figure says "not run".
        column: what is drawn; epochs without it (stage 1 has no output) are left out.
        unit: of `column`.
    """
    figure = Figure()
    axis = figure.subplots()
    rows = shared_epochs(frame, column)
    ends: list[tuple[float, str, str]] = []
    for method, group in rows.groupby("recipe", sort=False):
        look, by_epoch = _look(str(method)), group.groupby("epoch")[column]
        mean = by_epoch.mean()
        axis.plot(mean.index, mean, color=look.colour, linestyle=look.line, linewidth=2)
        axis.fill_between(mean.index, by_epoch.min(), by_epoch.max(), color=look.colour, alpha=0.12, linewidth=0)
        ends.append((float(mean.iloc[-1]), str(method), look.colour))
    _label_ends(axis, ends, rows["epoch"].max())
    _said_if_empty(axis, rows)
    axis.set_xlabel("epoch, over all stages")
    axis.set_ylabel(f"{column} ({unit})")
    return figure


def _label_ends(axis: Axes, ends: list[tuple[float, str, str]], last: float) -> None:
    """Names each line (height, name, colour) where x is `last`, pushing names apart that would overlap."""
    place, back = (np.log10, lambda height: 10**height) if axis.get_yscale() == "log" else (float, float)
    low, high = map(place, axis.get_ylim())
    gap, least = (high - low) * 0.075, -np.inf
    for height, name, colour in sorted(ends):
        least = max(place(height), least + gap)
        at = (last, back(least))
        axis.annotate(f" {name}", at, color=colour, va="center", annotation_clip=False, fontsize="small")


def softened_outputs(image: Tensor, outputs: dict[float, Tensor]) -> Figure:
    """An image beside what the teacher says of it at several temperatures.

    Args:
        image: (height, width).
        outputs: for each temperature the softened probabilities, (classes,).
    """
    figure = Figure(figsize=(7.4, 2.4))
    axes = figure.subplots(1, len(outputs) + 1, width_ratios=[0.9, *[1.2] * len(outputs)])
    axes[0].imshow(image.numpy(), cmap="gray_r")
    axes[0].set_xticks([])
    axes[0].set_yticks([])
    for axis, (temperature, probabilities) in zip(axes[1:], outputs.items(), strict=True):
        axis.bar(range(len(probabilities)), probabilities.numpy(), color=_COLOURS[0])
        axis.set_title(f"temperature {temperature:g}")
        axis.set_ylim(0, 1)
        axis.set_xticks(range(len(probabilities)))
        axis.tick_params(axis="x", labelsize="x-small")
        axis.set_xlabel("class")
    axes[1].set_ylabel("probability")
    for axis in axes[2:]:
        axis.set_yticklabels([])
    return figure


def lines(table: pd.DataFrame, x: str, y: str, by: str, logarithmic: bool = False) -> Figure:
    """`y` against `x`, a line for each value of `by`, named at the right end."""
    figure = Figure(figsize=(6.4, 3.2))
    axis = figure.subplots()
    styles = ["-", "--", "-.", ":"]
    ends = []
    for place, (name, group) in enumerate(table.groupby(by, sort=False)):
        colour = _COLOURS[place % len(_COLOURS)]
        axis.plot(group[x], group[y], color=colour, linestyle=styles[place % 4], linewidth=2)
        ends.append((float(group[y].iloc[-1]), str(name), colour))
    if logarithmic:
        axis.set(xscale="log", yscale="log")
    _label_ends(axis, ends, table[x].max())
    axis.set(xlabel=x, ylabel=y)
    return figure


def accuracy_by(frame: pd.DataFrame, column: str) -> Figure:
    """Test accuracy for each value of `column`: every seed, the mean and its 95 % interval.

    Args:
        frame: a tidy table of runs with the extra column; if it has none, the figure says "not run".
        column: what tells the rows apart; its values name them.
    """
    found = estimates(frame, [column], "test accuracy")
    figure = Figure(figsize=(6.4, max(1.4, 0.9 + 0.5 * len(found))))
    axis = figure.subplots()
    for place, ((value,), mean) in enumerate(found.items()):
        rows = frame[frame[column] == value]
        interval(axis, within(mean), place, _look(rows["recipe"].iloc[0]), rows["test accuracy"].tolist())
    axis.set_yticks(range(len(found)), [str(value) for (value,) in found])
    axis.set(xlabel="test accuracy (%)", ylim=axis.get_ylim()[::-1])
    _said_if_empty(axis, frame)
    return figure


def accuracy_over_depth(frame: pd.DataFrame) -> Figure:
    """Test accuracy over depth, a line for each method: mean over seeds, and 95 % interval if there are several.

    Args:
        frame: a tidy table of runs; if it has none, the figure says "not run".
    """
    figure, frame = Figure(), frame.sort_values("depth", kind="stable")
    axis = figure.subplots()
    for place, (method, group) in enumerate(frame.groupby("recipe", sort=False)):
        look = _look(str(method))
        found = {depth: within(mean) for (depth,), mean in estimates(group, ["depth"], "test accuracy").items()}
        shifted = [float(str(depth)) + 0.1 * (place - 1) for depth in found]  # bars beside each other
        means = [mean.mean for mean in found.values()]
        bars = np.transpose([(m.mean - m.low, m.high - m.mean) if m.n > 1 else (0, 0) for m in found.values()])
        (drawn, *_) = axis.errorbar(shifted, means, bars, label=str(method), capsize=2, color=look.colour)
        drawn.set(marker=look.marker, linestyle=look.line)
    axis.set(xlabel="layers of the student", ylabel="test accuracy (%)", xticks=sorted(frame["depth"].unique()))
    if not _said_if_empty(axis, frame):
        axis.legend(fontsize="small")
    return figure


def sizes(table: pd.DataFrame, x: str, y: str, names: str) -> Figure:
    """Two costs of some networks on logarithmic axes, each point named, the teacher a square.

    Args:
        table: a row for each network.
        x: column on the horizontal axis.
        y: column on the vertical axis.
        names: column with the names.
    """
    figure = Figure(figsize=(6.4, 3.8))
    axis = figure.subplots()
    for _, row in table.iterrows():
        marker, colour = ("s", "#555555") if row[names] == "teacher" else ("D", _COLOURS[2])
        axis.plot(row[x], row[y], marker, color=colour, markersize=8)
        at = (row[x], row[y])
        axis.annotate(str(row[names]), at, (0, 8), textcoords="offset points", ha="center", fontsize="small")
    axis.set(xscale="log", yscale="log", xlabel=x, ylabel=y)
    axis.margins(0.25)
    return figure


def gradients(frame: pd.DataFrame) -> Figure:
    """The gradient of each layer on a logarithmic axis, a line for each method: geometric mean over seeds.

    Args:
        frame: a row for each method ("recipe"), seed and "layer", with its "gradient"; if empty, "not run" is shown.
    """
    figure = Figure()
    axis = figure.subplots()
    for method, group in frame.groupby("recipe", sort=False):
        look = _look(str(method))
        mean = np.exp(np.log(group.set_index("layer")["gradient"]).groupby("layer").mean())
        axis.plot(mean.index, mean, look.marker, linestyle=look.line, color=look.colour, label=str(method))
    axis.set(yscale="log", xlabel="layer, from the image upwards", ylabel="length of the gradient")
    axis.set_xticks(sorted(frame["layer"].unique()))
    if not _said_if_empty(axis, frame):
        axis.legend(fontsize="small")
    return figure


def _said_if_empty(axis: Axes, frame: pd.DataFrame) -> bool:
    if frame.empty:
        axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center", va="center")
        axis.set(yscale="linear", xticks=[], yticks=[])
    return frame.empty
