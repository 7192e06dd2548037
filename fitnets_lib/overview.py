"""The score card at a glance: a row for each claim, a column for each scale, a word and a colour for each verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fitnets_lib.trials import SCALES, WORDS, Scale, Verdict

COLOURS: dict[Verdict, str] = {
    "reproduced": "#0173b2",
    "not reproduced": "#d55e00",
    "inconclusive": "#949494",
    "not run": "#ffffff",
}
"""The colour of each verdict; on dark colours its word is white."""


def card(found: Mapping[str, Mapping[Scale, Verdict]], columns: int = 2) -> Figure:
    """Draws the verdicts of some claims, in columns of equal height.

    Args:
        found: for each claim its verdicts by scale; a scale at which it is not tried stays empty.
        columns: blocks side by side.
    """
    names = list(found)
    height = -(-len(names) // columns)
    figure = Figure(figsize=(4.4 * columns, 0.27 * height + 0.6))
    for number, axis in enumerate(figure.subplots(1, columns, squeeze=False)[0]):
        block = names[number * height : (number + 1) * height]
        for row, name in enumerate(block):
            for scale, verdict in found[name].items():
                _cell(axis, SCALES.index(scale), row, verdict)
        axis.set(xlim=(-0.5, len(SCALES) - 0.5), ylim=(height - 0.5, -0.5))
        axis.set_yticks(range(len(block)), block)
        axis.set_xticks(range(len(SCALES)), SCALES)
        axis.xaxis.tick_top()
        axis.tick_params(length=0, labelsize="small")
        for spine in axis.spines.values():
            spine.set_visible(False)
    return figure


def _cell(axis: Axes, column: int, row: int, verdict: Verdict) -> None:
    axis.add_patch(Rectangle((column - 0.47, row - 0.42), 0.94, 0.84, facecolor=COLOURS[verdict], edgecolor="#949494"))
    ink = "black" if verdict in ("not run", "inconclusive") else "white"
    axis.text(column, row, WORDS[verdict], color=ink, ha="center", va="center", fontsize="x-small")


def counted(found: Mapping[str, Mapping[Scale, Verdict]], scales: Sequence[Scale] = SCALES) -> dict[Verdict, int]:
    """How many trials at these scales ended in each verdict."""
    said = [verdict for verdicts in found.values() for scale, verdict in verdicts.items() if scale in scales]
    return {verdict: said.count(verdict) for verdict in COLOURS}
