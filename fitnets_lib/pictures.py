"""Images, feature maps and tables of numbers as a page shows them: grids of small pictures, each with its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor


def grid(images: Tensor, under: Sequence[str], columns: int) -> Figure:
    """Grey images in rows of `columns`.

    Args:
        images: (n, 1, height, width); each is shown from its darkest to its brightest value.
        under: a short text for each.
        columns: images a row.
    """
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(0.85 * columns, 1.1 * rows))
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.set_axis_off()
    for axis, image, text in zip(axes, images, under, strict=False):
        axis.imshow(image[0].numpy(), cmap="gray")
        frame = Rectangle((0, 0), 1, 1, transform=axis.transAxes, fill=False, color="#888888", linewidth=0.8)
        axis.add_patch(frame)  # a white image on a white page would have no edge
        axis.set_title(text, y=-0.35, fontsize="small")
    return figure


def feature_maps(rows: Mapping[str, Tensor], shared: Sequence[Sequence[str]] = ()) -> Figure:
    """Feature maps of one image, a row of channels for each layer, named at its left.

    Args:
        rows: by name, (channels, height, width); rows may differ in all three.
        shared: groups of names; the rows of a group are drawn in one scale of grey, so that they can be compared. Every
            other row has its own scale, from its least value to its largest.
    """
    columns = max(len(maps) for maps in rows.values())
    figure = Figure(figsize=(7.4, 0.78 * len(rows)))
    grid_of_axes = figure.subplots(len(rows), columns, squeeze=False)
    for axes, (name, maps) in zip(grid_of_axes, rows.items(), strict=True):
        group = next((names for names in shared if name in names), (name,))
        low, high = min(float(rows[n].min()) for n in group), max(float(rows[n].max()) for n in group)
        for axis in axes:
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
        for axis, channel in zip(axes, maps, strict=False):
            axis.imshow(channel.numpy(), cmap="gray", vmin=low, vmax=high)
        axes[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize="small")
    return figure


def heat_map(table: pd.DataFrame, unit: str, digits: int = 0) -> Figure:
    """A table of numbers in shaded cells, darker for larger numbers; the cell of a missing number is white.

    Args:
        table: index and columns name the axes.
        unit: of the numbers, shown beside the colour bar.
        digits: decimals of a number.
    """
    values = table.to_numpy(dtype=float)
    figure = Figure(figsize=(1.9 + 0.55 * table.shape[1], 1.0 + 0.42 * len(table)))
    axis = figure.subplots()
    drawn = axis.imshow(values, cmap="cividis_r", aspect="auto")
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for (row, column), number in np.ndenumerate(values):
        if np.isfinite(number):
            ink = "white" if number > middle else "black"
            axis.text(column, row, f"{number:.{digits}f}", ha="center", va="center", color=ink, fontsize="small")
    axis.set_xticks(range(table.shape[1]), [str(name) for name in table.columns])
    axis.set_yticks(range(len(table)), [str(name) for name in table.index])
    axis.set(xlabel=table.columns.name, ylabel=table.index.name)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    figure.colorbar(drawn, label=unit)
    return figure
