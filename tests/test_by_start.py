from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from fitnets_lib.by_start import gains, signals
from fitnets_lib.plots import LOOKS

# Seed s has 10 s points by backprop, 10 s + 1 by KD; hints add 20, 30, 40 to backprop from one start, 1 from the other.
FRAME = pd.DataFrame(
    [
        {"start": start, "recipe": recipe, "seed": seed, "test accuracy": 10 * seed + more}
        for start, gain in (("small", (20, 30, 40)), ("scaled", (1, 1, 1)))
        for seed in range(3)
        for recipe, more in (("backprop", 0), ("KD", 1), ("hint then KD", gain[seed]))
    ]
)


def drawn(axis: Axes, size: float) -> list[tuple[list[float], list[float]]]:
    def both(line: Line2D) -> tuple[list[float], list[float]]:
        return np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()

    return [both(line) for line in axis.lines if line.get_markersize() == size and line.get_marker() != "None"]


def test_each_panel_shows_each_starts_mean_and_seeds_over_one_other_recipe() -> None:
    figure = gains(FRAME, "hint then KD", ["backprop", "KD"])
    over_backprop, over_kd = figure.axes
    assert [label.get_text() for label in over_backprop.get_yticklabels()] == ["small", "scaled"]
    assert [axis.get_title() for axis in figure.axes] == ["gain over backprop", "gain over KD"]
    assert drawn(over_backprop, 8) == [([30.0], [0]), ([1.0], [1])]
    assert drawn(over_kd, 8) == [([29.0], [0]), ([0.0], [1])]
    assert [seeds for seeds, _ in drawn(over_backprop, 4)] == [[20, 30, 40], [1, 1, 1]]
    assert {line.get_color() for line in over_kd.lines[:-1]} == {LOOKS["KD"].colour}


def test_the_interval_is_students_and_the_mean_stands_beside_it() -> None:
    axis, _ = gains(FRAME, "hint then KD", ["backprop", "KD"]).axes
    bars = [np.asarray(line.get_xdata()).tolist() for line in axis.lines if line.get_marker() == "None"]
    margin = 4.302653 * 10 / 3**0.5  # t of two degrees of freedom, deviation 10, three seeds
    assert bars[0] == pytest.approx([30 - margin, 30 + margin], rel=1e-5)
    assert [text.get_text().strip() for text in axis.texts] == ["+30.0", "+1.0"]


def test_a_single_seed_has_a_mean_and_no_interval() -> None:
    axis, _ = gains(FRAME[FRAME["seed"] == 0], "hint then KD", ["backprop", "KD"]).axes
    assert drawn(axis, 8) == [([20.0], [0]), ([1.0], [1])]
    assert len([line for line in axis.lines if line.get_marker() == "None"]) == 1  # the line at 0


def test_the_signal_of_a_layer_is_the_geometric_mean_over_seeds_on_a_logarithmic_axis() -> None:
    frame = pd.DataFrame(
        [
            {"start": start, "seed": seed, "layer": layer, "size": factor**layer * (1 + 3 * seed), "other": 5.0}
            for start, factor in (("small", 0.1), ("scaled", 1.0))
            for seed in (0, 1)
            for layer in (1, 2)
        ]
    )
    axis, other = signals(frame, ["size", "other"]).axes
    assert axis.get_yscale() == other.get_yscale() == "log"
    assert (axis.get_title(), other.get_title()) == ("size", "other")
    assert np.asarray(other.lines[0].get_ydata()).tolist() == pytest.approx([5, 5])
    found = [np.asarray(line.get_ydata()).tolist() for line in axis.lines]
    assert found[0] == pytest.approx([0.1 * 2, 0.01 * 2])  # the geometric mean of 1 and 4 is 2
    assert found[1] == pytest.approx([2, 2])
    assert len({(line.get_color(), line.get_marker(), line.get_linestyle()) for line in axis.lines}) == 2
    legend = other.get_legend()
    assert legend is not None and [text.get_text() for text in legend.get_texts()] == ["small", "scaled"]
