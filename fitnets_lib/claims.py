"""Claims as data: which comparisons would confirm each, and what the runs say of it.

A claim is reproduced if all its comparisons hold, not reproduced if one of them is contradicted, and otherwise
inconclusive. A comparison holds or is contradicted only if the whole 95 % interval of the paired difference is on one
side, on at least five seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from fitnets_lib import recipes
from fitnets_lib.recipes import Recipe
from fitnets_lib.results import difference, in_points
from fitnets_lib.statistics import Estimate, Outcome, Verdict, outcome, verdict


@dataclass(frozen=True)
class Better:
    """`ours` is more accurate than `theirs`."""

    ours: Recipe
    theirs: Recipe

    def holds(self, found: Estimate) -> Verdict:
        """Whether the difference ours minus theirs confirms this."""
        return verdict(found)


@dataclass(frozen=True)
class NoBetter:
    """`ours` is no more accurate than `theirs`; `margin` points more still count as no more."""

    ours: Recipe
    theirs: Recipe
    margin: float = 1.0

    def holds(self, found: Estimate) -> Verdict:
        """Whether the difference ours minus theirs confirms this: its whole interval lies below the margin."""
        other: dict[Verdict, Verdict] = {"yes": "no", "no": "yes"}
        moved = Estimate(found.mean - self.margin, found.low - self.margin, found.high - self.margin, found.n)
        said = verdict(moved)
        return other.get(said, said)


@dataclass(frozen=True)
class Claim:
    """A statement of the paper or of the field, with what would confirm it.

    Attributes:
        id: of the score card.
        source: where it is made.
        statement: in short.
        comparisons: all of them must hold.
    """

    id: str
    source: str
    statement: str
    comparisons: tuple[Better | NoBetter, ...]

    def judge(self, frame: pd.DataFrame) -> tuple[Outcome, list[Estimate]]:
        """The verdict over the runs in `frame`, of one depth, and the differences it rests on, in points."""
        found = [difference(frame, c.ours.name, c.theirs.name) for c in self.comparisons]
        said = [c.holds(estimate) for c, estimate in zip(self.comparisons, found, strict=True)]
        return outcome(said), found


def _no_better(ours: Recipe, theirs: Recipe) -> tuple[NoBetter]:
    return (NoBetter(ours, theirs),)


FAILED = (
    Claim(
        "F1",
        "3.1 (1)",
        "stage-wise training on labels fails in stage 2",
        _no_better(recipes.STAGEWISE_CLASSIFICATION, recipes.BACKPROP),
    ),
    Claim("F2", "3.1 (2)", "stage-wise KD fails in stage 2", _no_better(recipes.STAGEWISE_KD, recipes.KD)),
    Claim(
        "F3",
        "3.1 (3)",
        "a label hint trained jointly with classification does not learn",
        _no_better(recipes.JOINT_LABEL_HINT_AND_CLASSIFICATION, recipes.BACKPROP),
    ),
    Claim(
        "F4",
        "3.1 (4)",
        "a label hint trained jointly with KD does not help",
        _no_better(recipes.JOINT_LABEL_HINT_AND_KD, recipes.KD),
    ),
    Claim(
        "F5",
        "3.1",
        "label hints on every layer learn, but less well than hint training",
        (Better(recipes.DEEP_SUPERVISION, recipes.BACKPROP), Better(recipes.HINT_THEN_KD, recipes.DEEP_SUPERVISION)),
    ),
    Claim(
        "F7",
        "notes, field",
        "a teacher’s hint trained jointly with classification does not learn",
        (Better(recipes.HINT_THEN_KD, recipes.JOINT_HINT_AND_CLASSIFICATION),),
    ),
    Claim(
        "F8",
        "notes, field",
        "a teacher’s hint trained jointly with KD does not learn",
        (Better(recipes.HINT_THEN_KD, recipes.JOINT_HINT_AND_KD),),
    ),
)
"""What is said to have failed, as far as it needs no layers named."""


def several_hints(variants: Sequence[Recipe]) -> Claim:
    """F6 for recipes with several hint layers, which depend on the networks."""
    comparisons = tuple(NoBetter(variant, recipes.HINT_THEN_KD) for variant in variants)
    return Claim("F6", "notes", "several hint layers do not help", comparisons)


def table(claims: Sequence[Claim], frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each comparison of each claim, with its difference, and the claim's verdict."""
    rows = []
    for claim in claims:
        said, found = claim.judge(frame)
        for comparison, estimate in zip(claim.comparisons, found, strict=True):
            rows.append(
                {
                    "claim": claim.id,
                    "statement": claim.statement,
                    "difference": f"{comparison.ours.name} − {comparison.theirs.name}",
                    **in_points(estimate),
                    "verdict": said,
                }
            )
    return pd.DataFrame(rows)
