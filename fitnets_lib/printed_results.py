"""What the paper prints of its networks' errors (Tables 1 to 5, section 3.4), as data.

No figure has an interval: the paper gives neither a number of seeds nor a deviation. AFLW's are errors on its
validation images, all others on test images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["accuracy", "error"]


@dataclass(frozen=True)
class Line:
    """One line of a table.

    Attributes:
        source: where it is printed.
        data: name of the data set.
        method: as the paper calls it.
        printed: the printed number, in per cent.
        kind: whether that is the share of images classified rightly or wrongly.
        parameters: as printed, or empty.
        network: the network's name in `paper_networks`; empty for the methods of others.
        recipe: the name of the recipe that trains it; empty for the methods of others.
    """

    source: str
    data: str
    method: str
    printed: float
    kind: Kind
    parameters: str = ""
    network: str = ""
    recipe: str = ""

    @property
    def error(self) -> float:
        """Share of images misclassified, in per cent, to as many decimals as are printed."""
        return self.printed if self.kind == "error" else round(100 - self.printed, 2)


def _table(
    source: str, data: str, kind: Kind, *rows: tuple[str, str, float] | tuple[str, str, float, str, str]
) -> list[Line]:
    return [Line(source, data, row[0], row[2], kind, row[1], *row[3:]) for row in rows]


BACKPROP, KD, HINTS = "backprop", "KD", "hint then KD"

LINES = (
    *_table(
        "Table 1", "cifar10", "accuracy",
        ("FitNet", "~2.5M", 91.61, "cifar10/fitnet4", HINTS),
        ("Teacher", "~9M", 90.18, "cifar10/teacher", BACKPROP),
        ("Mimic single", "~54M", 84.6),
        ("Mimic single, larger", "~70M", 84.9),
        ("Mimic ensemble", "~70M", 85.8),
        ("Maxout", "", 90.65),
        ("Network in Network", "", 91.2),
        ("Deeply-Supervised Networks", "", 91.78),
        ("Deeply-Supervised Networks, 19 layers", "", 88.2),
    ),
    *_table(
        "Table 2", "cifar100", "accuracy",
        ("FitNet", "~2.5M", 64.96, "cifar100/fitnet4", HINTS),
        ("Teacher", "~9M", 63.54, "cifar100/teacher", BACKPROP),
        ("Maxout", "", 61.43),
        ("Network in Network", "", 64.32),
        ("Deeply-Supervised Networks", "", 65.43),
    ),
    *_table(
        "Table 3", "svhn", "error",
        ("FitNet", "~1.5M", 2.42, "svhn/fitnet-by-text", HINTS),
        ("Teacher", "~4.9M", 2.38, "svhn/teacher", BACKPROP),
        ("Maxout", "", 2.47),
        ("Network in Network", "", 2.35),
        ("Deeply-Supervised Networks", "", 1.92),
    ),
    *_table(
        "Table 4", "mnist", "error",
        ("Teacher", "~361K", 0.55, "mnist/teacher", BACKPROP),
        ("Standard backprop", "~30K", 1.9, "mnist/fitnet", BACKPROP),
        ("KD", "~30K", 0.65, "mnist/fitnet", KD),
        ("FitNet", "~30K", 0.51, "mnist/fitnet", HINTS),
        ("Maxout", "", 0.45),
        ("Network in Network", "", 0.47),
        ("Deeply-Supervised Networks", "", 0.39),
    ),
    *_table(
        "3.4", "aflw", "error",
        ("Teacher", "", 4.21, "aflw/teacher", BACKPROP),
        ("FitNet 1, KD", "", 4.58, "aflw/fitnet1", KD),
        ("FitNet 1", "", 2.55, "aflw/fitnet1", HINTS),
        ("FitNet 2, KD", "", 1.95, "aflw/fitnet2", KD),
        ("FitNet 2", "", 1.85, "aflw/fitnet2", HINTS),
    ),
    *_table(
        "Table 5", "cifar10", "accuracy",
        ("Teacher", "~9M", 90.18, "cifar10/teacher", BACKPROP),
        ("FitNet 1", "~250K", 89.01, "cifar10/fitnet1", HINTS),
        ("FitNet 2", "~862K", 91.06, "cifar10/fitnet2", HINTS),
        ("FitNet 3", "~1.6M", 91.10, "cifar10/fitnet3", HINTS),
        ("FitNet 4", "~2.5M", 91.61, "cifar10/fitnet4", HINTS),
    ),
)  # fmt: skip
"""Every line, table by table. Table 1 has two lines "Mimic single"; the larger one is marked here."""


def lines(source: str, own: bool = True) -> list[Line]:
    """The lines printed in `source`, in their order.

    Args:
        source: such as "Table 4".
        own: whether only those of the paper's own networks are wanted.
    """
    return [line for line in LINES if line.source == source and (line.network or not own)]


@dataclass(frozen=True)
class Margin:
    """How large a printed difference is.

    Attributes:
        points: theirs minus ours, in per cent of the images: above 0 if ours has the smaller error.
        images: the same, as a number of images.
        deviation: the difference's standard deviation by chance alone, in points, had each network its own test images.
    """

    points: float
    images: float
    deviation: float


def margin(ours: Line, theirs: Line, tested: int) -> Margin:
    """The difference between two printed errors, each of which was counted over `tested` images.

    An error p counted over n images has the variance p (1 - p) / n. Networks that are tested on the same images tend
    to miss the same ones, so that their difference varies less by chance than `deviation` says.
    """
    points = round(theirs.error - ours.error, 2)
    variance = sum(line.error * (100 - line.error) / tested for line in (ours, theirs))
    return Margin(points, points / 100 * tested, variance**0.5)
