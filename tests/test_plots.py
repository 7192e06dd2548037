from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from fitnets_lib import plots, recipes
from fitnets_lib.statistics import Estimate

NAMES = ["backprop", "KD", "hint then KD"]
FRAME = pd.DataFrame(
    [
        {"depth": depth, "recipe": name, "seed": seed, "test accuracy": 10.0 * place + seed}
        for depth in (5, 11)
        for place, name in enumerate(NAMES, start=1)
        for seed in range(5)
    ]
)
EPOCHS = pd.DataFrame(
    [
        {
            "recipe": name,
            "seed": seed,
            "epoch": epoch,
            "validation accuracy": epoch + seed if epoch > 1 or name == "KD" else None,
        }
        for name in ("KD", "hint then KD")
        for seed in (0, 2)
        for epoch in (1, 2, 3)
    ]
)


def points(figure: Figure, axis: int = 0) -> list[tuple[list[float], list[float]]]:
    return [
        (np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist())
        for line in figure.axes[axis].lines
    ]


def labels(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_every_method_has_a_marker_of_its_own_and_a_line_of_its_own() -> None:
    looks = plots.LOOKS.values()
    assert len({look.marker for look in looks}) == len(looks)
    assert len({(look.colour, look.line) for look in looks}) == len(looks)


def test_every_recipe_has_a_look() -> None:
    several = [recipes.hints_in_turn([(1, 1), (2, 2)]), recipes.hints_at_once([(1, 1), (2, 2)])]
    assert {recipe.name.split(",")[0] for recipe in [*recipes.RECIPES.values(), *several]} == plots.LOOKS.keys()


def test_a_variant_of_a_method_is_drawn_as_the_method() -> None:
    assert plots._look("KD, τ = 3") == plots.LOOKS["KD"]
    assert plots._look("something new") not in plots.LOOKS.values()


def test_accuracy_draws_seeds_mean_and_interval_of_each_method_at_each_depth() -> None:
    figure = plots.accuracy(FRAME, Estimate(98, 97, 99, 5))
    assert [axis.get_title() for axis in figure.axes] == ["5 layers", "11 layers"]
    assert labels(figure) == NAMES
    drawn = points(figure, axis=1)
    assert ([10.0, 11.0, 12.0, 13.0, 14.0], [0.2] * 5) in drawn
    assert ([12.0], [0]) in drawn
    margin = 2.776445 * 0.5**0.5  # t(.975, 4) times the standard error of 10 to 14
    assert any(x == pytest.approx([12 - margin, 12 + margin]) for x, _ in drawn if len(x) == 2)
    assert any(x == [98.0, 98.0] for x, _ in drawn)


def test_an_interval_of_accuracies_is_cut_at_100() -> None:
    frame = FRAME[FRAME["recipe"] == "KD"].assign(**{"test accuracy": [60.0, 100, 100, 100, 100] * 2})
    drawn = points(plots.accuracy_by(frame, "recipe"))
    assert max(max(x) for x, _ in drawn) == 100.0


def test_differences_are_drawn_beside_the_line_at_zero() -> None:
    found: dict[tuple[object, ...], Estimate] = {(5, "against KD", "KD"): Estimate(3, 1, 5, 5)}
    figure = plots.differences(found, "points")
    assert ([1, 5], [0, 0]) in points(figure)
    assert ([3], [0]) in points(figure)
    assert any(x == [0, 0] for x, _ in points(figure))
    assert labels(figure) == ["5 layers: against KD"]
    assert figure.axes[0].get_xlabel() == "points"


def test_a_learning_curve_is_the_mean_over_seeds_where_there_is_an_output() -> None:
    figure = plots.learning_curves(EPOCHS)
    assert points(figure) == [([1, 2, 3], [2.0, 3.0, 4.0]), ([2, 3], [3.0, 4.0])]
    assert figure.axes[0].get_ylabel() == "validation accuracy (%)"
    assert sorted(text.get_text().strip() for text in figure.axes[0].texts) == ["KD", "hint then KD"]


def test_names_at_the_ends_of_lines_do_not_overlap() -> None:
    figure = plots.learning_curves(EPOCHS)
    low, high = figure.axes[0].get_ylim()
    heights = sorted(text.get_position()[1] for text in figure.axes[0].texts)
    assert heights[1] - heights[0] > (high - low) * 0.05


def test_softened_outputs_stand_beside_their_image() -> None:
    figure = plots.softened_outputs(torch.zeros(8, 8), {1.0: torch.tensor([0.9, 0.1]), 3.0: torch.tensor([0.6, 0.4])})
    heights = [[round(bar.get_height(), 3) for bar in axis.patches] for axis in figure.axes[1:]]  # type: ignore[attr-defined]
    assert heights == [[0.9, 0.1], [0.6, 0.4]]
    assert [axis.get_title() for axis in figure.axes[1:]] == ["temperature 1", "temperature 3"]


def test_lines_are_named_and_may_have_logarithmic_axes() -> None:
    table = pd.DataFrame({"x": [1, 10, 1, 10], "y": [1, 0.1, 1, 1], "kind": ["falls", "falls", "stays", "stays"]})
    figure = plots.lines(table, "x", "y", "kind", logarithmic=True)
    assert points(figure) == [([1, 10], [1, 0.1]), ([1, 10], [1, 1])]
    assert figure.axes[0].get_xscale() == figure.axes[0].get_yscale() == "log"
    assert [text.get_text().strip() for text in figure.axes[0].texts] == ["falls", "stays"]


@pytest.mark.parametrize("logarithmic", [False, True])
def test_names_of_lines_that_end_at_one_point_stand_apart(logarithmic: bool) -> None:
    table = pd.DataFrame({"x": [1, 10] * 3, "y": [1.0, 5, 2, 5, 4, 5], "kind": list("aabbcc")})
    figure = plots.lines(table, "x", "y", "kind", logarithmic)
    axis = figure.axes[0]
    low, *others = sorted(
        axis.transAxes.inverted().transform(axis.transData.transform(text.xy))[1]  # type: ignore[attr-defined]
        for text in axis.texts
    )
    assert low == pytest.approx(axis.transAxes.inverted().transform(axis.transData.transform((10, 5)))[1])
    assert [round(b - a, 3) for a, b in zip([low, *others], others, strict=False)] == [0.075, 0.075]


def test_accuracy_over_depth_has_a_line_a_method_with_intervals() -> None:
    figure = plots.accuracy_over_depth(FRAME)
    drawn = [(np.round(x).tolist(), y) for x, y in points(figure)]
    for place in (1, 2, 3):
        assert ([5.0, 11.0], [10.0 * place + 2] * 2) in drawn
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == NAMES
    bars = figure.axes[0].collections[0]
    (low, high) = bars.get_segments()[0][:, 1]  # type: ignore[attr-defined]
    margin = 2.776445 * 0.5**0.5
    assert [low, high] == pytest.approx([12 - margin, 12 + margin])


def test_over_depth_a_line_goes_from_left_to_right_and_a_single_seed_has_no_interval() -> None:
    rows = [("KD", 5, 0, 40.0), ("KD", 11, 0, 20.0), ("KD", 11, 1, 22.0), ("KD", 7, 1, 30.0)]
    figure = plots.accuracy_over_depth(pd.DataFrame(rows, columns=["recipe", "depth", "seed", "test accuracy"]))
    drawn = [(np.round(x).tolist(), y) for x, y in points(figure)]
    assert ([5.0, 7.0, 11.0], [40.0, 30.0, 21.0]) in drawn
    bars = figure.axes[0].collections[0].get_segments()  # type: ignore[attr-defined]
    margin = 12.7062  # Student's t with one degree of freedom, times a standard error of 1
    assert [bar[:, 1].tolist() for bar in bars[:2]] == [[40, 40], [30, 30]]
    assert bars[2][:, 1] == pytest.approx([21 - margin, 21 + margin])


def test_sizes_are_named_points_on_logarithmic_axes() -> None:
    table = pd.DataFrame({"network": ["teacher", "student"], "cost": [100.0, 1.0], "time": [20.0, 2.0]})
    figure = plots.sizes(table, "cost", "time", "network")
    axis = figure.axes[0]
    assert points(figure) == [([100.0], [20.0]), ([1.0], [2.0])]
    assert [text.get_text().strip() for text in axis.texts] == ["teacher", "student"]
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("cost", "time")


@pytest.mark.parametrize(
    "draw",
    [
        plots.learning_curves,
        plots.gradients,
        plots.accuracy_over_depth,
        lambda frame: plots.accuracy_by(frame, "recipe"),
    ],
    ids=["curves", "gradients", "over depth", "by recipe"],
)
def test_where_nothing_was_run_a_figure_says_so(draw: Callable[[pd.DataFrame], Figure]) -> None:
    columns = ["recipe", "seed", "epoch", "validation accuracy", "layer", "gradient", "depth", "test accuracy"]
    kept = pd.DataFrame(columns=columns)
    (axis,) = draw(kept).axes
    assert [text.get_text() for text in axis.texts] == ["not run"]
    assert len(axis.get_xticks()) == 0 and axis.get_legend() is None
    some = pd.DataFrame([("KD", 0, 1, 50.0, 1, 1.0, 5, 50.0), ("KD", 0, 2, 60.0, 2, 1.0, 7, 60.0)], columns=columns)
    assert "not run" not in {text.get_text() for text in draw(some).axes[0].texts}


def test_gradients_are_a_geometric_mean_over_seeds_by_layer() -> None:
    rows = [("KD", 0, 1, 1e-4), ("KD", 0, 2, 1.0), ("KD", 1, 1, 1e-2), ("KD", 1, 2, 1.0)]
    figure = plots.gradients(pd.DataFrame(rows, columns=["recipe", "seed", "layer", "gradient"]))
    ((layers, sizes),) = points(figure)
    assert layers == [1, 2]
    assert sizes == pytest.approx([1e-3, 1.0])
    assert figure.axes[0].get_yscale() == "log"


def test_figures_are_drawn_on_white_and_none_is_left_open() -> None:
    plots.use_style()
    plots.accuracy(FRAME, Estimate(98, 97, 99, 5))
    assert plt.get_fignums() == []
    assert Figure().get_facecolor() == (1.0, 1.0, 1.0, 1.0)
