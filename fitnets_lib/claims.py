"""The 40 claims of the score card, read from `claims.yml`, and the counts that decide some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from fitnets_lib import printed, regressors
from fitnets_lib.complexity import cost
from fitnets_lib.errors import BadInput
from fitnets_lib.paper_networks import HINT_PAIRS, NETWORKS
from fitnets_lib.printed import Figure
from fitnets_lib.trials import SCALES, Claim, Comparison, Count, Quantity, Scale, Trial

FILE = Path(__file__).with_name("claims.yml")
FOLDERS: dict[Scale, str | None] = {"counts": None, "embedded": None, "MNIST": "mnist", "jpeg": "cifar10-jpeg-10000"}
"""The folder of a scale's evidence below `results/`; None is the build's preset. A GPU trial names its own folder."""


def chosen(*ids: str) -> list[Claim]:
    """The claims with these ids.

    Raises:
        BadInput: if there is no such claim.
    """
    known = {claim.id: claim for claim in CLAIMS}
    for name in ids:
        if name not in known:
            raise BadInput("claim", name, f"one of {', '.join(known)}")
    return [known[name] for name in ids]


def parse(name: str, said: Mapping[str, Any]) -> Claim:
    """One claim as `claims.yml` has it.

    Raises:
        BadInput: naming the claim and what cannot be read in it.
    """
    fixed = ("source", "statement", "confirmed", "chapter")
    if lacking := [key for key in fixed if key not in said]:
        raise BadInput(f"claim {name}", lacking, f"a claim has {', '.join(fixed)}")
    scales = [scale for scale in said if scale not in (*fixed, "remark")]
    for scale in scales:
        if scale not in SCALES:
            raise BadInput(f"claim {name}", scale, f"a scale: {', '.join(SCALES)}")
    trials = tuple(_read(name, scale, said[scale]) for scale in SCALES if scale in scales)
    source, statement, confirmed, chapter = (str(said[key]) for key in fixed)
    return Claim(name, source, statement, confirmed, chapter, trials, said.get("remark", ""))


def _read(name: str, scale: Scale, said: Any) -> Trial:  # noqa: ANN401  as YAML gives it
    try:
        return _trial(name, scale, said)
    except BadInput:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"claim {name}, {scale}", said, "checks with tables, quantities and bounds") from error


def _trial(name: str, scale: Scale, said: Any) -> Trial:  # noqa: ANN401  as YAML gives it
    if scale == "counts":
        if said not in COUNTS:
            raise BadInput(f"claim {name}, counts", said, f"one of {', '.join(COUNTS)}")
        return Trial(scale, COUNTS[said]())
    folder, checks = (said["folder"], said["checks"]) if scale == "GPU" else (FOLDERS[scale], said)
    return Trial(scale, tuple(_comparison(f"claim {name}, {scale}", check) for check in checks), folder)


_KEYS = {"table", "where", "column", "seed", "ours", "theirs", "above", "below", "overlap"}


def _comparison(place: str, said: Mapping[str, Any]) -> Comparison:
    if unknown := said.keys() - _KEYS:
        raise BadInput(place, sorted(unknown), f"keys out of {', '.join(sorted(_KEYS))}")
    if "table" not in said or not said.keys() & {"above", "below"}:
        raise BadInput(place, dict(said), "a table and a bound, above or below")

    def quantity(side: Mapping[str, Any]) -> Quantity:
        where = {**said.get("where", {}), **{key: value for key, value in side.items() if key != "table"}}
        names = {key: said[key] for key in ("column", "seed") if key in said}
        return Quantity(side.get("table", said["table"]), tuple(where.items()), **names)

    theirs = said.get("theirs", 0.0)
    bounds = {key: float(said[key]) for key in ("above", "below", "overlap") if key in said}
    other = quantity(theirs) if isinstance(theirs, Mapping) else float(theirs)
    return Comparison(quantity(said.get("ours", {})), other, **bounds)


# --------------------------------------------------------------------------------------------------------------------
# What is decided by counting.

_TABLE5 = [f"cifar10/{name}" for name in ("teacher", "fitnet1", "fitnet2", "fitnet3-as-printed", "fitnet4")]


def _table5(what: str, figures: Mapping[str, Figure]) -> tuple[Count, ...]:
    """The figures that Table 5 prints for `what`, beside counts for the widths that Table 7 prints."""
    return tuple(_count(name, what, figures[name]) for name in _TABLE5)


def _count(name: str, what: str, figure: Figure, same: bool = True) -> Count:
    counted = getattr(cost(NETWORKS[name]), what)
    said = ("about " if same else "not ") + f"{figure.value:,.0f}"
    return Count(f"{what}, {name}", f"{counted:,}", said, figure.agrees(counted) == same)


def _times_fewer(student: str, what: str, said: float, teacher: str = "cifar10/teacher") -> Count:
    """A ratio that is to agree with the printed one within one per cent: the paper divides rounded numbers."""
    one, other = (getattr(cost(NETWORKS[name]), what) for name in (teacher, student))
    return Count(
        f"times fewer {what}, {student}", f"{one / other:.2f}", f"{said:g}", abs(one / other / said - 1) < 0.01
    )


def _regressor(teacher: str, student: str) -> Count:
    """Far fewer, as the claim says, means here at least ten times fewer."""
    u, v = NETWORKS[teacher].middle_shape, NETWORKS[student].middle_shape
    small, large = regressors.convolutional_parameters(v, u), regressors.fully_connected_parameters(v, u)
    said = f"{large / small:,.1f} ({large:,} and {small:,})"
    return Count(f"times fewer weights, regressor of {student}", said, "10 or more", large >= 10 * small)


COUNTS: dict[str, Callable[[], tuple[Count, ...]]] = {
    "parameters": lambda: _table5("parameters", printed.PARAMETERS),
    "multiplications": lambda: _table5("multiplications", printed.MULTIPLICATIONS),
    "smaller_fitnet1": lambda: (_times_fewer("cifar10/fitnet1", "parameters", 36.0),),
    "smaller_fitnet2": lambda: (_times_fewer("cifar10/fitnet2", "parameters", 10.44),),
    "aflw_ratios": lambda: tuple(
        _times_fewer(name, "multiplications", said, "aflw/teacher")
        for name, said in printed.FEWER_MULTIPLICATIONS.items()
    ),
    "regressors": lambda: tuple(_regressor(teacher, student) for teacher, student in HINT_PAIRS),
    "fitnet3_contradiction": lambda: (
        _count(
            "cifar10/fitnet3-as-printed", "parameters", printed.PARAMETERS["cifar10/fitnet3-as-printed"], same=False
        ),
        _count(
            "cifar10/fitnet3-as-printed",
            "multiplications",
            printed.MULTIPLICATIONS["cifar10/fitnet3-as-printed"],
            same=False,
        ),
    ),
}
"""The counts, by the names that `claims.yml` gives them."""

CLAIMS: tuple[Claim, ...] = tuple(
    parse(name, said) for name, said in yaml.safe_load(FILE.read_text(encoding="utf-8")).items()
)
"""All 40 claims, in the order in which `claims.yml` has them."""
