"""How long training that was not done would take: an estimate from multiplications and a measured throughput."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fitnets_lib import speeds
from fitnets_lib.complexity import cost
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.runs import Run

BACKWARD = 2
"""A backward pass multiplies twice as often as a forward pass: once for the layer's input, once for its weights."""


def multiplications(run: Run, train: int, validation: int) -> int:
    """How many multiplications the training of `run` takes if no stage ends early.

    Every stage is counted over all of its epochs, in the layers that it trains: training images forwards and backwards,
    validation images forwards. Left out are regressors, the teacher's answers and the training of the teacher.

    Args:
        run: what would be trained.
        train: training images.
        validation: validation images, which are trained on too where the run asks for it.
    """
    stages, training = run.recipe.stages, run.training
    epochs = run.recipe.epochs_of_stages(training.epochs, training.each_stage)
    an_image = [cost(run.network, "full", stage.layers(run.network)).multiplications for stage in stages]
    images = (1 + BACKWARD) * train + validation
    if training.retrain:
        images += (1 + BACKWARD) * (train + validation)
    return sum(each * many * images for each, many in zip(an_image, epochs, strict=True))


def rates(record: Path) -> dict[str, float]:
    """The multiplications a second that were measured in training, by network, from a record of `make bench`.

    Raises:
        FileNotFoundError: if there is no record, as where the library is installed without the book.
    """
    rows = {row["what"]: row["ours"] for row in speeds.read(record)["rows"]}
    found = {}
    for name in ("fitnet1", "fitnet4"):
        images_a_second = rows[f"KD stage, {name}"]
        network = NETWORKS[f"cifar10/{name}"]
        found[network.name] = (1 + BACKWARD) * cost(network, "full").multiplications * images_a_second
    return found


def between(amount: int, measured: Iterable[float]) -> tuple[float, float]:
    """Seconds that `amount` multiplications take at the highest and at the lowest of the measured rates."""
    known = sorted(measured)
    return amount / known[-1], amount / known[0]


def in_words(seconds: float) -> str:
    """Two digits and a unit: 42 s, 3.5 min, 2.1 h, 12 days."""
    for unit, size in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 1.5 * size:
            value = seconds / size
            return f"{value:.1f} {unit}" if value < 9.95 else f"{float(f'{value:.2g}'):,.0f} {unit}"
    return f"{seconds:.0f} s"
