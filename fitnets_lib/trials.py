"""Claims as data: what would confirm each at each scale, and what the evidence says of it.

A claim is tried at one scale or several. A trial has checks, all of which must hold: comparisons, which give the bounds
between which a difference must lie, and counts. A comparison holds only if the whole 95 % interval of the
difference, paired by seed, lies within its bounds, and is contradicted only if the whole interval lies outside; on
fewer than five seeds it is neither. Evidence is a folder of tidy tables (`report.evidence`, `records.write_tables`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import pandas as pd

from fitnets_lib import paths, sealed
from fitnets_lib.results import signed
from fitnets_lib.statistics import LEAST_SEEDS, Estimate, estimate

Verdict = Literal["reproduced", "not reproduced", "inconclusive", "not run"]
Scale = Literal["counts", "embedded", "MNIST", "jpeg", "GPU"]
SCALES: tuple[Scale, ...] = ("counts", "embedded", "MNIST", "jpeg", "GPU")
"""From arithmetic to the paper's own data and sizes."""

WORDS: dict[Verdict, str] = {"reproduced": "yes", "not reproduced": "no", "inconclusive": "open", "not run": "not run"}
"""The word for each verdict in tables and figures."""

Tables = Callable[[str], pd.DataFrame | None]
"""Finds an evidence table by its name; None if there is none."""


@dataclass(frozen=True)
class Quantity:
    """One value for each seed: a column of an evidence table, in the rows whose columns have the values in `where`."""

    table: str
    where: tuple[tuple[str, str | float], ...] = ()
    column: str = "test accuracy"
    seed: str = "seed"

    def values(self, tables: Tables) -> pd.Series | None:
        """The values by seed, or None if the table or its rows are not there.

        Raises:
            ValueError: if the table lacks a column that is asked for, or has two values for one seed.
        """
        frame = tables(self.table)
        if frame is None:
            return None
        lacking = {self.column, self.seed, *(name for name, _ in self.where)} - set(frame.columns)
        if lacking:
            raise ValueError(f"evidence {self.table!r} has no column {', '.join(sorted(lacking))}")
        for name, value in self.where:
            frame = frame[frame[name] == value]
        found = frame.set_index(self.seed)[self.column].sort_index()
        if not found.index.is_unique:
            raise ValueError(f"evidence {self.table!r} has several rows for one seed of {self}")
        return found if len(found) else None

    def named(self, leave_out: Iterable[tuple[str, str | float]] = ()) -> str:
        """The quantity in words, without the conditions in `leave_out`."""
        told = set(leave_out)
        there = ", ".join(_word(name, value) for name, value in self.where if (name, value) not in told)
        return there or self.column


def _word(name: str, value: str | float) -> str:
    return value if isinstance(value, str) else f"{name} {value:g}"


@dataclass(frozen=True)
class Comparison:
    """`ours` minus `theirs` lies above `above` and below `below`.

    If `theirs` is a number, a row shows the measured value instead of a difference, with the bounds around the number.

    Attributes:
        ours: what is compared.
        theirs: what it is compared with; only seeds that both have are used.
        above: the lower bound of the difference.
        below: its upper bound.
        overlap: test images divided by training images, if seeds are splits of the same few images (`statistics`).
    """

    ours: Quantity
    theirs: Quantity | float = 0.0
    above: float = -math.inf
    below: float = math.inf
    overlap: float = 0.0

    def found(self, tables: Tables) -> Estimate | None:
        """The difference with its interval, or None if one of the two was not measured; no number if a run diverged."""
        ours = self.ours.values(tables)
        theirs = self.theirs.values(tables) if isinstance(self.theirs, Quantity) else self.theirs
        if ours is None or theirs is None:
            return None
        if isinstance(theirs, pd.Series):
            both = ours.index.intersection(theirs.index)
            ours, theirs = ours[both], theirs[both]
        differences = ours - theirs  # without a value where a run diverged, and then the mean has none either
        return estimate(differences.tolist(), self.overlap) if len(differences) else None

    def holds(self, tables: Tables) -> Verdict:
        """Whether the difference is within the bounds."""
        found = self.found(tables)
        if found is None:
            return "not run"
        if found.n < LEAST_SEEDS:
            return "inconclusive"
        if found.low > self.above and found.high < self.below:
            return "reproduced"
        return "not reproduced" if found.high < self.above or found.low > self.below else "inconclusive"

    def __str__(self) -> str:
        if not isinstance(self.theirs, Quantity):
            return self.ours.named() + self._column(self.ours.where)
        same = [pair for pair in self.ours.where if pair in self.theirs.where]
        there = ", ".join(_word(name, value) for name, value in same)
        told = f"{self.ours.named(same)} − {self.theirs.named(same)}"
        return told + (f" ({there})" if there else "") + self._column(self.ours.where)

    def _column(self, where: tuple[tuple[str, str | float], ...]) -> str:
        return f": {self.ours.column}" if where and self.ours.column != "test accuracy" else ""

    @property
    def _fixed(self) -> float:
        """The number that `ours` is compared with; 0 where two quantities are."""
        return 0.0 if isinstance(self.theirs, Quantity) else self.theirs

    def bounds(self) -> str:
        """What must hold for the value that the row shows, in words."""
        sides = {"above": self.above, "below": self.below}
        return " and ".join(f"{side} {self._fixed + at:.7g}" for side, at in sides.items() if math.isfinite(at))

    def _shown(self, value: float) -> str:
        return f"{self._fixed + value:.{self.digits}f}" if self._fixed else signed(value, self.digits)

    def row(self, tables: Tables) -> dict[str, str]:
        """The line of a table: what is compared, what must hold, what was found."""
        said = WORDS[self.holds(tables)]
        found = self.found(tables)
        if found is None:
            return _row(str(self), self.bounds(), "–", "–", "–", said)
        if math.isnan(found.mean):
            return _row(str(self), self.bounds(), "a run diverged", "–", str(found.n), said)
        points, low, high = map(self._shown, (found.mean, found.low, found.high))
        interval = f"{low} to {high}" if found.n > 1 else "–"
        return _row(str(self), self.bounds(), points, interval, str(found.n), said)

    @property
    def digits(self) -> int:
        """Decimals to show: two for bounds below 1 and for columns other than the test accuracy, else one."""
        small = [abs(bound) for bound in (self.above, self.below) if math.isfinite(bound) and bound]
        return 2 if self.ours.column != "test accuracy" or any(bound < 1 for bound in small) else 1


@dataclass(frozen=True)
class Count:
    """A counted number, and whether it is the printed one."""

    what: str
    counted: str
    printed: str
    agrees: bool

    def holds(self, tables: Tables) -> Verdict:
        """Whether it is as the claim says."""
        return "reproduced" if self.agrees else "not reproduced"

    def row(self, tables: Tables) -> dict[str, str]:
        """The line of a table."""
        return _row(self.what, self.printed, self.counted, "–", "–", WORDS[self.holds(tables)])


def _row(compared: str, bounds: str, found: str, interval: str, seeds: str, holds: str) -> dict[str, str]:
    return {
        "compared": compared,
        "must be": bounds,
        "found": found,
        "95 % interval": interval,
        "seeds": seeds,
        "holds?": holds,
    }


@dataclass(frozen=True)
class Trial:
    """What decides a claim at one scale.

    Attributes:
        scale: how large the experiment is.
        checks: all must hold.
        folder: the one below `results/` with the evidence; None means that of the build's preset.
    """

    scale: Scale
    checks: tuple[Comparison | Count, ...]
    folder: str | None = None

    def verdict(self, tables: Tables) -> Verdict:
        """Not reproduced if a check is contradicted, reproduced if all hold."""
        said = {check.holds(tables) for check in self.checks}
        if "not reproduced" in said:
            return "not reproduced"
        if "not run" in said:
            return "not run"
        return "inconclusive" if "inconclusive" in said else "reproduced"


@dataclass(frozen=True)
class Claim:
    """A statement of the paper or of the field, and what decides it.

    Attributes:
        id: its short name, as fixed before any run.
        source: where the statement is made.
        statement: in short.
        confirmed: what would confirm it, in words.
        chapter: the file in which it is explained and tried.
        trials: one a scale.
        remark: what was found out about it, where it was not reproduced.
    """

    id: str
    source: str
    statement: str
    confirmed: str
    chapter: str
    trials: tuple[Trial, ...]
    remark: str = ""

    def __post_init__(self) -> None:
        scales = [trial.scale for trial in self.trials]
        if len(set(scales)) < len(scales) or not scales:
            raise ValueError(f"claim {self.id}: one trial a scale, not {scales}")

    def trial(self, scale: Scale) -> Trial | None:
        """What decides the claim at `scale`, if anything does."""
        return next((trial for trial in self.trials if trial.scale == scale), None)


def evidence(folder: str) -> Tables:
    """The evidence tables below `results/<folder>/`.

    Looking one up raises `files.Damaged` if its lines are not those that were written.
    """
    kept: dict[str, pd.DataFrame | None] = {}

    def find(name: str) -> pd.DataFrame | None:
        if name not in kept:
            kept[name] = sealed.read(paths.evidence(folder) / f"{name}.csv")
        return kept[name]

    return find


def given(tables: Mapping[str, pd.DataFrame]) -> Tables:
    """Evidence tables that are at hand, as in the chapter that made them."""
    return tables.get


def verdicts(claim: Claim, preset: str) -> dict[Scale, Verdict]:
    """The verdict of `claim` at each scale at which it is tried; the build's own evidence is that of `preset`."""
    return {trial.scale: trial.verdict(evidence(trial.folder or preset)) for trial in claim.trials}


def table(claims: Sequence[Claim], scale: Scale, tables: Tables) -> pd.DataFrame:
    """A row for each check of each claim that is tried at `scale`, with the claim's verdict there."""
    return pd.DataFrame(
        [
            {"claim": claim.id, "statement": claim.statement, **check.row(tables), "verdict": trial.verdict(tables)}
            for claim in claims
            if (trial := claim.trial(scale)) is not None
            for check in trial.checks
        ]
    )


def as_json(claims: Sequence[Claim], preset: str) -> list[dict[str, object]]:
    """Every claim with its verdicts and the checks behind them, as JSON."""
    return [
        {
            **{name: value for name, value in asdict(claim).items() if name != "trials"},
            "trials": [
                {
                    "scale": trial.scale,
                    "evidence": f"results/{trial.folder or preset}/evidence",
                    "verdict": trial.verdict(tables),
                    "checks": [check.row(tables) for check in trial.checks],
                }
                for trial in claim.trials
                for tables in [evidence(trial.folder or preset)]
            ],
        }
        for claim in claims
    ]
