"""What the paper prints beside what was recorded here, in tables that are right with no record, some, or all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from fitnets_lib import records
from fitnets_lib.data_cards import CARDS
from fitnets_lib.durations import between, in_words, multiplications
from fitnets_lib.printed_results import Line
from fitnets_lib.records import Row
from fitnets_lib.runs import Result, Run
from fitnets_lib.statistics import Estimate, estimate

COLUMNS = (
    "depth", "recipe", "seed", "test accuracy", "validation accuracy", "seconds", "network", "start", "epochs"
)  # fmt: skip
"""Of the evidence of a row."""
NONE = "not run"
A_DEVICE = 1e13
"""Multiplications a second of a device that nobody measured: a round number to scale by."""

Kind = tuple[str, str, str]
"""Network, recipe and start: what the seeds of a table's line share."""


def evidence(row: Row) -> pd.DataFrame:
    """The recorded runs of `row`, one a line, as `records.write_tables` keeps them; without records, their columns."""
    return records.tidy(records.recorded(row.runs)).reindex(columns=list(COLUMNS))


def _kinds(row: Row) -> dict[Kind, list[tuple[Run, Result | None]]]:
    """The runs of `row` by kind, each with its result if it is recorded."""
    found: dict[Kind, list[tuple[Run, Result | None]]] = {}
    for run in row.runs:
        kind = (run.network.name, run.recipe.name, records.start(run))
        found.setdefault(kind, []).append((run, records.result(run)))
    return found


def _found(runs: Sequence[tuple[Run, Result | None]]) -> Estimate | None:
    """The test error in per cent over those seeds that are recorded."""
    errors = [100 * result.test_error for _, result in runs if result is not None]
    return estimate(errors) if errors else None


def table(lines: Sequence[Line], rows: Sequence[Row]) -> pd.DataFrame:
    """For each printed line its error beside the recorded one; a line is repeated for each start that a row tries.

    Args:
        lines: of the paper.
        rows: rows of records, on any data.
    """
    kinds = [(kind, runs) for row in rows for kind, runs in _kinds(row).items()]
    made = []
    for line in lines:
        matching = [(start, runs) for (network, recipe, start), runs in kinds if _same(line, network, recipe)]
        for start, runs in matching or [("–", [])]:
            cells = {"network": line.method, "parameters": line.parameters or "–", "printed (%)": f"{line.error:.2f}"}
            made.append({**cells, "start": start, **_cells(runs)})
    return pd.DataFrame(made)


def _same(line: Line, network: str, recipe: str) -> bool:
    return (line.network, line.recipe) == (network, recipe)


def _cells(runs: Sequence[tuple[Run, Result | None]]) -> dict[str, str]:
    results, found = [result for _, result in runs if result is not None], _found(runs)
    if found is None:
        return {"here (%)": NONE, "95 % interval": "–", "seeds": f"0 of {len(runs)}", "epochs": "–", "took": "–"}
    low, high = max(found.low, 0), min(found.high, 100)
    epochs = sorted({len(result.curve) for result in results})
    return {
        "here (%)": f"{found.mean:.2f}",
        "95 % interval": f"{low:.2f} to {high:.2f}" if found.n > 1 else "–",
        "seeds": f"{found.n} of {len(runs)}",
        "epochs": f"{epochs[0]} to {epochs[-1]}" if len(epochs) > 1 else f"{epochs[0]}",
        "took": in_words(sum(result.seconds for result in results)),
    }


def errors(lines: Sequence[Line], rows: Sequence[Row]) -> list[tuple[Line, Estimate | None]]:
    """Each printed line with what the first row that has its network and recipe found of it, for a figure."""
    kinds = [(kind, runs) for row in rows for kind, runs in _kinds(row).items()]
    pairs = []
    for line in lines:
        matching = [_found(runs) for (network, recipe, _), runs in kinds if _same(line, network, recipe)]
        pairs.append((line, matching[0] if matching else None))
    return pairs


def commands(rows: Sequence[Row]) -> pd.DataFrame:
    """A line a row: what it makes, how many of its runs are recorded, what these took, and the command for the rest."""
    made = []
    for row in rows:
        found = records.recorded(row.runs)
        made.append(
            {
                "about": row.about,
                "recorded": f"{len(found)} of {len(row.runs)}",
                "took": in_words(sum(result.seconds for _, result in found)) if found else "–",
                "command": f"`python -m fitnets_lib records make {row.name}`",
            }
        )
    return pd.DataFrame(made)


def expected(rows: Sequence[Row], measured: Mapping[str, float]) -> pd.DataFrame:
    """An estimate of what the lacking runs of `rows` take at most.

    Args:
        rows: whose networks are about as large as those that were measured.
        measured: multiplications a second in training, by network (`durations.rates`).
    """
    cards = {card.name: card for card in CARDS}
    made = []
    for row in rows:
        card = cards[row.data]
        amount = sum(multiplications(run, card.train, card.validation) for run in row.missing())
        low, high = between(amount, measured.values())
        made.append(
            {
                "row": f"`{row.name}`",
                "runs lacking": len(row.missing()),
                "multiplications, at most": f"{amount:.1e}",
                "two cores, at the measured rates": f"{in_words(low)} to {in_words(high)}",
                f"at {A_DEVICE:.0e} a second": in_words(amount / A_DEVICE),
            }
        )
    return pd.DataFrame(made)
