from __future__ import annotations

import pytest

from fitnets_lib import printed, recipes
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.printed_results import LINES, Line, lines, margin


def errors(source: str, own: bool = True) -> dict[str, float]:
    return {line.method: line.error for line in lines(source, own)}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("Table 1", {"FitNet": 8.39, "Teacher": 9.82}),
        ("Table 2", {"FitNet": 35.04, "Teacher": 36.46}),
        ("Table 3", {"FitNet": 2.42, "Teacher": 2.38}),
        ("Table 4", {"Teacher": 0.55, "Standard backprop": 1.9, "KD": 0.65, "FitNet": 0.51}),
        (
            "3.4",
            {"Teacher": 4.21, "FitNet 1, KD": 4.58, "FitNet 1": 2.55, "FitNet 2, KD": 1.95, "FitNet 2": 1.85},
        ),
        ("Table 5", {"Teacher": 9.82, "FitNet 1": 10.99, "FitNet 2": 8.94, "FitNet 3": 8.90, "FitNet 4": 8.39}),
    ],
)
def test_the_papers_own_networks_have_the_printed_errors(source: str, found: dict[str, float]) -> None:
    assert errors(source) == pytest.approx(found, abs=1e-9)


def test_the_methods_of_others_are_there_with_their_accuracies() -> None:
    shown = {line.method: line.printed for line in lines("Table 1", own=False) if not line.network}
    assert shown == {
        "Mimic single": 84.6,
        "Mimic single, larger": 84.9,
        "Mimic ensemble": 85.8,
        "Maxout": 90.65,
        "Network in Network": 91.2,
        "Deeply-Supervised Networks": 91.78,
        "Deeply-Supervised Networks, 19 layers": 88.2,
    }
    assert [line.printed for line in lines("Table 2", own=False)] == [64.96, 63.54, 61.43, 64.32, 65.43]
    assert [line.printed for line in lines("Table 3", own=False)] == [2.42, 2.38, 2.47, 2.35, 1.92]
    assert [line.printed for line in lines("Table 4", own=False)] == [0.55, 1.9, 0.65, 0.51, 0.45, 0.47, 0.39]


def test_an_accuracy_is_turned_into_an_error_to_the_printed_decimals() -> None:
    assert Line("Table 1", "cifar10", "x", 90.18, "accuracy").error == 9.82
    assert Line("Table 4", "mnist", "x", 0.51, "error").error == 0.51


def test_own_lines_name_a_network_for_their_data_and_a_recipe_of_the_library() -> None:
    known = {recipe.name for recipe in recipes.RECIPES.values()}
    own = [line for line in LINES if line.network]
    assert len(own) == 2 + 2 + 2 + 4 + 5 + 5
    for line in own:
        assert line.network.split("/")[0] == line.data and line.network in NETWORKS
        assert line.recipe in known


def test_printed_parameters_are_those_that_the_counts_are_held_against() -> None:
    units = {"K": 1e3, "M": 1e6}
    for line in LINES:
        if line.network and line.parameters:
            number = float(line.parameters[1:-1]) * units[line.parameters[-1]]
            known = printed.PARAMETERS[line.network.replace("cifar100", "cifar10")]  # but for the classes the same nets
            assert number == known.value


def test_a_difference_is_so_many_images_and_has_the_deviation_of_two_counts() -> None:
    fitnet, teacher = Line("", "mnist", "a", 10.0, "error"), Line("", "mnist", "b", 20.0, "error")
    found = margin(fitnet, teacher, tested=10_000)
    assert (found.points, found.images) == (10.0, 1000.0)
    # Shares .1 and .2 over 10,000 images: variances .09 / 10,000 and .16 / 10,000; their sum's root is .005.
    assert found.deviation == pytest.approx(0.5)
    assert margin(teacher, fitnet, 10_000).points == -10.0
