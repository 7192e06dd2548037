"""Images as a page shows them: a grid of small pictures, each with a word or two under it."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
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
        axis.set_title(text, y=-0.35, fontsize="small")
    return figure
