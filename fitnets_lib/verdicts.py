"""What a chapter says of the claims that it decides: the score card's own checks, on the tables at hand, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from fitnets_lib.errors import BadInput
from fitnets_lib.score_card import chosen
from fitnets_lib.trials import Claim, Count, Scale, Tables, given


def sentences(ids: Sequence[str], tables: Mapping[str, pd.DataFrame], scale: Scale = "embedded") -> str:
    """A list in Markdown, an item a claim: its statement, its verdict at `scale`, and what that rests on.

    Args:
        ids: of the claims, in the order wanted.
        tables: the evidence, by the names that the claims give it.
        scale: at which the claims are tried.

    Raises:
        BadInput: if there is no such claim, or it is not tried at this scale.
    """
    return "\n".join(f"- {_sentence(claim, given(tables), scale)}" for claim in chosen(*ids))


def _sentence(claim: Claim, tables: Tables, scale: Scale) -> str:
    trial = claim.trial(scale)
    if trial is None:
        raise BadInput("scale", scale, f"one of {', '.join(t.scale for t in claim.trials)}: claim {claim.id} has those")
    counts = [check for check in trial.checks if isinstance(check, Count)]
    rests_on = [_counted(counts)] if counts else []
    for check in trial.checks:
        if not isinstance(check, Count):
            row = check.row(tables)
            rests_on.append(
                f"{row['compared']} is {row['found']} ({row['95 % interval']}) and must be {row['must be']}"
            )
    said = f"{claim.statement} ({claim.source}): **{trial.verdict(tables)}**"
    return f"**{claim.id}**, {said}. {_upper('; '.join(rests_on))}."


def _counted(counts: Sequence[Count]) -> str:
    """How many counts agree with what is printed, and those that do not."""
    others = [f"{count.what} is {count.counted} and must be {count.printed}" for count in counts if not count.agrees]
    return "; ".join([f"of {len(counts)} counts {len(counts) - len(others)} agree", *others])


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
