"""What a chapter says of the claims that it decides: the score card's own checks, on the tables at hand, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from fitnets_lib import trials
from fitnets_lib.claims import chosen
from fitnets_lib.errors import BadInput
from fitnets_lib.trials import Claim, Comparison, Count, Quantity, Scale, Tables, given


def sentences(
    ids: Sequence[str],
    tables: Mapping[str, pd.DataFrame],
    scale: Scale = "embedded",
    brief: bool = False,
    **instead: str | float,
) -> str:
    """A list in Markdown, an item a claim: its statement, its verdict at `scale`, and what that rests on.

    Args:
        ids: of the claims, in the order wanted.
        tables: the evidence, by the names that the claims give it.
        scale: at which the claims are tried.
        brief: leaves out what the verdicts rest on, for pages where a table has this.
        instead: values that the rows of the evidence have in place of those the score card names, such as `depth=7`
            in a chapter that was run with other layers.

    Raises:
        BadInput: if there is no such claim, it is not tried at this scale, or it does not choose rows by such a value.
    """
    return "\n".join(f"- {_sentence(claim, given(tables), brief)}" for claim in _moved(ids, scale, instead))


def table(
    ids: Sequence[str], tables: Mapping[str, pd.DataFrame], scale: Scale = "embedded", **instead: str | float
) -> pd.DataFrame:
    """A row for each check: what is compared, what it must be, what was found; arguments as in `sentences`."""
    found = trials.table(_moved(ids, scale, instead), scale, given(tables))
    return found[["claim", "compared", "must be", "found", "95 % interval", "verdict"]]


def _moved(ids: Sequence[str], scale: Scale, instead: Mapping[str, str | float]) -> list[Claim]:
    """The claims, tried at `scale` alone and on evidence of other rows."""
    found = []
    for claim in chosen(*ids):
        trial = claim.trial(scale)
        if trial is None:
            there = ", ".join(other.scale for other in claim.trials)
            raise BadInput("scale", scale, f"one of {there}: claim {claim.id} has those")
        _check_names(claim, trial.checks, instead)
        checks = tuple(_elsewhere(check, instead) for check in trial.checks)
        found.append(replace(claim, trials=(replace(trial, checks=checks),)))
    return found


def _check_names(claim: Claim, checks: Sequence[Comparison | Count], instead: Mapping[str, str | float]) -> None:
    compared = [check for check in checks if isinstance(check, Comparison)]
    sides = [side for check in compared for side in (check.ours, check.theirs) if isinstance(side, Quantity)]
    known = {name for side in sides for name, _ in side.where}
    for name in instead:
        if compared and name not in known:
            right = f"one of {', '.join(sorted(known))}, by which claim {claim.id} chooses its rows"
            raise BadInput("column", name, right)


def _elsewhere(check: Comparison | Count, instead: Mapping[str, str | float]) -> Comparison | Count:
    if isinstance(check, Count):
        return check

    def there(side: Quantity) -> Quantity:
        return replace(side, where=tuple((name, instead.get(name, value)) for name, value in side.where))

    theirs = there(check.theirs) if isinstance(check.theirs, Quantity) else check.theirs
    return replace(check, ours=there(check.ours), theirs=theirs)


def _sentence(claim: Claim, tables: Tables, brief: bool) -> str:
    (trial,) = claim.trials
    counts = [check for check in trial.checks if isinstance(check, Count)]
    rests_on = [_counted(counts)] if counts else []
    for check in trial.checks:
        if not isinstance(check, Count):
            row = check.row(tables)
            rests_on.append(f"{row['compared']}: {row['found']} ({row['95 % interval']}), must be {row['must be']}")
    said = f"{claim.statement} ({claim.source}): **{trial.verdict(tables)}**"
    return f"**{claim.id}**, {said}." if brief else f"**{claim.id}**, {said} [{'; '.join(rests_on)}]."


def _counted(counts: Sequence[Count]) -> str:
    """How many counts agree with what is printed, and those that do not."""
    others = [f"{count.what}: {count.counted}, must be {count.printed}" for count in counts if not count.agrees]
    agree = "the count agrees" if len(counts) == 1 else f"{len(counts) - len(others)} of {len(counts)} counts agree"
    return "; ".join([others[0]] if others and len(counts) == 1 else [agree, *others])
