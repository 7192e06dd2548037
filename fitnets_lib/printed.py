"""The costs that the paper prints for its networks (Tables 2 to 5, section 3.4), beside the costs counted here."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from fitnets_lib.complexity import cost
from fitnets_lib.networks import Network
from fitnets_lib.paper_networks import NETWORKS


@dataclass(frozen=True)
class Figure:
    """A printed number, such as ~862K.

    Attributes:
        value: in units of one.
        step: what the last printed digit stands for; a count agrees if it rounds to the printed number.
    """

    value: float
    step: float

    def agrees(self, count: int) -> bool:
        """Whether `count`, rounded as the paper rounds, is the printed number."""
        return abs(count - self.value) <= self.step / 2


PARAMETERS = {
    "cifar10/teacher": Figure(9e6, 1e6),
    "cifar10/fitnet1": Figure(250e3, 1e3),
    "cifar10/fitnet2": Figure(862e3, 1e3),
    "cifar10/fitnet3-as-printed": Figure(1.6e6, 1e5),
    "cifar10/fitnet3": Figure(1.6e6, 1e5),
    "cifar10/fitnet4": Figure(2.5e6, 1e5),
    "cifar100/teacher": Figure(9e6, 1e6),
    "cifar100/fitnet4": Figure(2.5e6, 1e5),
    "svhn/teacher": Figure(4.9e6, 1e5),
    "svhn/fitnet-by-text": Figure(1.5e6, 1e5),
    "svhn/fitnet-by-appendix": Figure(1.5e6, 1e5),
    "mnist/teacher": Figure(361e3, 1e3),
    "mnist/fitnet": Figure(30e3, 1e3),
}
"""Parameters, by network: Tables 5, 2, 3 and 4."""

MULTIPLICATIONS = {
    "cifar10/teacher": Figure(725e6, 1e6),
    "cifar10/fitnet1": Figure(30e6, 1e6),
    "cifar10/fitnet2": Figure(108e6, 1e6),
    "cifar10/fitnet3-as-printed": Figure(392e6, 1e6),
    "cifar10/fitnet3": Figure(392e6, 1e6),
    "cifar10/fitnet4": Figure(382e6, 1e6),
    **{f"cifar10/depth-30M-{depth}": Figure(30e6, 0.2 * 30e6) for depth in (5, 7, 9, 11)},
    **{f"cifar10/depth-107M-{depth}": Figure(107e6, 0.2 * 107e6) for depth in (5, 7, 9, 11)},
}
"""Multiplications for one image, by network: Table 5, and the two budgets of section 4, each to within a tenth."""

SPEED_UP = {"cifar10/fitnet1": 13.36, "cifar10/fitnet2": 4.64, "cifar10/fitnet3": 1.37, "cifar10/fitnet4": 1.52}
"""How many times faster than the teacher, on a GPU that the paper does not name: Table 5."""

FEWER_MULTIPLICATIONS = {"aflw/fitnet1": 15.0, "aflw/fitnet2": 2.5}
"""How many times fewer multiplications than AFLW's teacher: section 3.4."""

WHY_NOT = {
    "cifar10/fitnet3-as-printed": "widths in Table 7 and counts in Table 5 contradict each other",
    "cifar100/fitnet4": "Table 2 repeats Table 1’s size for ten classes; with a hundred it rounds to 2.6M",
    "svhn/fitnet-by-appendix": "text and appendix A.3 contradict each other",
}
"""Why a count and the printed figure differ, where that is known."""


def table() -> pd.DataFrame:
    """A row for each network of the paper: layers, counts in both ways, the printed figures, and whether they agree.

    Where they do not, `WHY_NOT` has the reason if it is known.
    """
    return pd.DataFrame([_row(network) for network in NETWORKS.values() if not network.name.startswith("faces")])


def _row(network: Network) -> dict[str, str | int]:
    paper, full = cost(network, "paper"), cost(network, "full")
    counted = [
        (paper.parameters, PARAMETERS.get(network.name)),
        (paper.multiplications, MULTIPLICATIONS.get(network.name)),
    ]
    known = [(count, figure) for count, figure in counted if figure is not None]
    agree = all(figure.agrees(count) for count, figure in known)
    return {
        "network": network.name,
        "layers": paper.layers,
        "parameters": f"{paper.parameters:,}",
        "parameters, printed": _short(PARAMETERS.get(network.name)),
        "parameters in full": f"{full.parameters:,}",
        "multiplications": f"{paper.multiplications / 1e6:.1f}M",
        "multiplications, printed": _short(MULTIPLICATIONS.get(network.name)),
        "multiplications in full": f"{full.multiplications / 1e6:.1f}M",
        "equal?": "–" if not known else "yes" if agree else "no",
    }


def _short(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    unit, letter = (1e6, "M") if figure.value >= 1e6 else (1e3, "K")
    return f"~{figure.value / unit:g}{letter}"
