from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from fitnets_lib.error_bars import TEACHER, look, over_splits, printed_and_found
from fitnets_lib.plots import LOOKS
from fitnets_lib.printed_results import lines
from fitnets_lib.statistics import Estimate


def points(figure: Figure, marker: str, filled: bool = True) -> list[tuple[float, float]]:
    """Where large markers of this kind are."""
    return [
        (float(np.asarray(line.get_xdata())[0]), float(np.asarray(line.get_ydata())[0]))
        for line in figure.axes[0].lines
        if line.get_marker() == marker
        and line.get_markersize() >= 8
        and (line.get_fillstyle() != "none") == filled
        and len(np.asarray(line.get_xdata()))
    ]


def test_a_teacher_has_a_look_of_its_own_and_a_student_that_of_its_recipe() -> None:
    assert look("faces/teacher", "backprop") is TEACHER
    assert look("faces/fitnet1", "backprop") is LOOKS["backprop"]
    assert TEACHER.marker not in {known.marker for name, known in LOOKS.items() if name in ("backprop", "KD")}


def test_every_split_the_mean_and_the_interval_if_there_is_one_are_drawn_and_cut_at_a_hundred() -> None:
    found = {
        ("faces/teacher", "backprop"): ([90.0, 100.0], Estimate(95, 85, 105, 2)),
        ("faces/fitnet1", "KD"): ([80.0], Estimate(80, -np.inf, np.inf, 1)),
    }
    figure = over_splits(found, "test accuracy (%)")
    axis = figure.axes[0]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["faces/teacher", "faces/fitnet1: KD"]
    assert points(figure, TEACHER.marker) == [(95, 0)]
    assert points(figure, LOOKS["KD"].marker) == [(80, 1)]
    bars = [list(np.asarray(line.get_xdata())) for line in axis.lines if line.get_marker() == "None"]
    assert bars == [[85, 100]]  # a single split has no interval


def test_printed_errors_are_hollow_and_ours_filled_only_where_there_are_some() -> None:
    printed = lines("Table 4")
    none = printed_and_found({"MNIST": [(line, None) for line in printed]})
    assert points(none, TEACHER.marker, filled=False) == [(0.55, -0.1)]
    assert [x for x, _ in points(none, LOOKS["hint then KD"].marker, filled=False)] == [0.51]
    assert points(none, LOOKS["hint then KD"].marker) == []
    ours = Estimate(1.1, 0.9, 1.3, 5)
    some = printed_and_found({"MNIST": [(line, ours if line.method == "FitNet" else None) for line in printed]})
    assert points(some, LOOKS["hint then KD"].marker) == [(1.1, 0.2)]
    legend = some.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["teacher", "backprop", "KD", "hint then KD"]
