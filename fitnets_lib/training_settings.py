"""How each data set's networks are trained: what the paper says, what was released, what is done here.

An empty cell means that the source says nothing about this choice.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from fitnets_lib.data_cards import CARDS
from fitnets_lib.optimisation import Training
from fitnets_lib.terms import Distillation

SETTINGS = (
    "first weights",
    "optimiser",
    "precision",
    "learning rate",
    "rate of convolutions",
    "batch",
    "validation images",
    "a stage ends",
    "trained again on all",
    "preprocessing",
    "random views",
    "largest norms",
    "temperature",
    "lambda",
)
"""What is chosen, in the order of the tables."""


@dataclass(frozen=True)
class Said:
    """What two sources say of one choice."""

    paper: str = ""
    released: str = ""


_CIFAR = {
    "first weights": Said("U(−.005, .005)", "U(−.005, .005)"),
    "optimiser": Said("SGD with RMSProp", "RMSProp, decay .9, divisor at least 1e-5"),
    "precision": Said(),
    "learning rate": Said(".005 at first", ".005"),
    "rate of convolutions": Said("", ".05 of it: .00025"),
    "batch": Said("128", "128"),
    "validation images": Said("10,000 of 50,000", "10,000 of 50,000"),
    "a stage ends": Said(
        "after 100 epochs without gain, or 500 epochs", "after 100 epochs without gain, or 500 epochs"
    ),
    "trained again on all": Said("yes, for the epochs found", "yes, for 288 epochs"),
    "preprocessing": Said("contrast normalisation, ZCA", "contrast normalisation to 55, ZCA with .1"),
    "random views": Said("flips", "flips, and cuts after padding by 8"),
    "largest norms": Said("", ".9 convolutions, 1.9 hidden, 1.9365 output"),
    "temperature": Said("3", "3, and it seems not to reach the student"),
    "lambda": Said("4 to 1, linearly over 500 epochs", "4 to 1, linearly from epoch 5 to 400"),
}

SAID: dict[str, dict[str, Said]] = {
    "cifar10": _CIFAR,
    "cifar100": {
        **_CIFAR,
        "validation images": Said("none: all 50,000 are trained on", "none"),
        "a stage ends": Said("after as many epochs as on CIFAR-10", "after 288 epochs"),
        "trained again on all": Said(),
    },
    "svhn": {
        **{name: Said(said.paper) for name, said in _CIFAR.items()},
        "validation images": Said("as Goodfellow et al. (2013): 6,000"),
        "trained again on all": Said("no"),
        "preprocessing": Said("as Goodfellow et al. (2013)"),
        "random views": Said(),
    },
    "mnist": {
        "first weights": Said("U(−.005, .005)", "U(−.005, .005)"),
        "optimiser": Said("SGD", "RMSProp, decay .9, divisor at least 1e-5"),
        "precision": Said(),
        "learning rate": Said(".0005, fixed", ".0005"),
        "rate of convolutions": Said("", "the same"),
        "batch": Said("128", "128"),
        "validation images": Said("10,000 of 60,000", "10,000 of 60,000"),
        "a stage ends": Said("after 100 epochs without gain, or 500 epochs", "after 100 epochs without gain"),
        "trained again on all": Said(),
        "preprocessing": Said(),
        "random views": Said(),
        "largest norms": Said("", ".9 lower and 1.9365 higher convolutions"),
        "temperature": Said("3", "3, and it seems not to reach the student"),
        "lambda": Said("4 to 1, linearly over 150 epochs", "4 to 0, linearly from epoch 5 to 150"),
    },
    "aflw": {
        "first weights": Said("U(−.05, .05)"),
        "optimiser": Said("SGD, momentum .1 to .9 at epoch 100"),
        "precision": Said(),
        "learning rate": Said(".001, “decayed” over 100 epochs until .01: printed so, though it would rise"),
        "rate of convolutions": Said(),
        "batch": Said("128"),
        "validation images": Said("a tenth"),
        "a stage ends": Said("after 500 epochs, the best on validation is kept"),
        "trained again on all": Said("no"),
        "preprocessing": Said("patches resized to 16 × 16"),
        "random views": Said(),
        "largest norms": Said(),
        "temperature": Said("3"),
        "lambda": Said(),
    },
}
"""For each data set, what the paper (A.1 to A.4) and the released configurations say (none for SVHN and AFLW)."""

PREPARED = {
    **dict.fromkeys(("digits", "svhn"), "one mean and deviation for all pixels"),
    **dict.fromkeys(("faces", "aflw"), "patches resized to 16 × 16, one mean and deviation for all pixels"),
    "mnist": "scaled to 0 to 1",
    **dict.fromkeys((card.name for card in CARDS if card.name.startswith("cifar")), "contrast normalisation, ZCA"),
}
"""How this book prepares each data set (`data.LOADERS`)."""


def described(training: Training, data: str) -> dict[str, str]:
    """A `Training` on data set `data` in the words of the tables."""
    card = next(card for card in CARDS if card.name == data)
    loss, norms, views = Distillation(), training.max_norm, training.augmentation
    spread, epochs = training.spread, training.epochs
    own = training.start is not None
    return {
        "first weights": str(training.start) if own else "torch’s default" if spread is None else _uniform(spread),
        "optimiser": f"RMSProp, decay .9, {_short(training.floor)} added to the divisor",
        "precision": training.precision,
        "learning rate": _short(training.learning_rate),
        "rate of convolutions": _short(training.learning_rate * training.convolution_scale),
        "batch": str(training.batch),
        "validation images": f"{card.validation:,} of {card.train + card.validation:,}",
        "a stage ends": _ends(epochs, training.patience, training.each_stage),
        "trained again on all": "yes, for the epochs found" if training.retrain else "no",
        "preprocessing": PREPARED[data],
        "random views": ", ".join(["flips"] * views.flip + [f"cuts after padding by {views.pad}"] * (views.pad > 0))
        or "none",
        "largest norms": "none"
        if norms is None
        else f"{_short(norms.convolutions)} convolutions, {_short(norms.hidden)} hidden, {_short(norms.output)} output",
        "temperature": _short(loss.temperature),
        "lambda": f"{_short(loss.lam.start)} to {_short(loss.lam.end)}, linearly over the stage",
    }


def _ends(epochs: int, patience: int, each_stage: bool) -> str:
    many = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    whole = many if each_stage else f"its share of {many}"
    return f"after {patience} epochs without gain, or {whole}" if patience < epochs else f"after {whole}"


def _uniform(spread: float) -> str:
    return f"U(−{_short(spread)}, {_short(spread)})"


def _short(value: float) -> str:
    """As the paper writes numbers: .005 for 0.005, and 1e-5."""
    text = f"{value:g}".replace("e-0", "e-")
    return text.removeprefix("0") if text.startswith("0.") else text


def table(data: str, here: dict[str, Training], teachers: Collection[str] = ()) -> pd.DataFrame:
    """A line for each choice: the paper, the released configuration where there is one, and what is done here.

    Args:
        data: the data set.
        here: each `Training` of this book, by the heading of its column.
        teachers: headings of the columns of networks that learn on labels alone, without temperature and lambda.
    """
    said = SAID.get(data, {})
    columns: dict[str, list[str]] = {"choice": list(SETTINGS)}
    if said:
        columns["paper"] = [said[name].paper or "–" for name in SETTINGS]
    if any(one.released for one in said.values()):
        columns["released configuration"] = [said[name].released or "–" for name in SETTINGS]
    for heading, training in here.items():
        own = described(training, data)
        if heading in teachers:
            own |= {"temperature": "–", "lambda": "–"}
        columns[heading] = [own[name] for name in SETTINGS]
    return pd.DataFrame(columns)
