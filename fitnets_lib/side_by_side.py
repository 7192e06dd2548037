"""What the paper prints beside what was recorded here, in tables that are right with no record, some, or all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from fitnets_lib import records
from fitnets_lib.data_cards import CARDS
from fitnets_lib.durations import between, in_words, multiplications
from fitnets_lib.outcomes import Result
from fitnets_lib.printed_results import Line
from fitnets_lib.records import Row
from fitnets_lib.results import NEAR_CHANCE, in_points, percent_right
from fitnets_lib.runs import Run
from fitnets_lib.statistics import Estimate, estimate
from fitnets_lib.terms import Classification, Distillation, Hint
from fitnets_lib.trials import Comparison, Quantity, given

COLUMNS = (
    "depth", "recipe", "seed", "test accuracy", "validation accuracy", "seconds", "network", "start", "epochs"
)  # fmt: skip
"""Of the evidence of a row."""
EPOCHS = ("depth", "recipe", "seed", "stage", "epoch", "train loss", "validation loss", "validation accuracy")
"""Of the learning curves of a row."""
LAYERS = ("recipe", "seed", "layer", "gradient")
"""Of the gradients of a row before the first step."""
NONE = "not run"

Kind = tuple[str, str, str, str]
"""Data set, network, recipe and start: what the seeds of a table's line share."""
Outcomes = Sequence[tuple[Run, Result | None]]
"""Runs, each with its result if it is recorded."""


def evidence(row: Row) -> pd.DataFrame:
    """The recorded runs of `row`, one a line, as `records.write_tables` keeps them; without records, their columns."""
    return records.tidy(records.recorded(row.runs)).reindex(columns=list(COLUMNS))


def tables(rows: Iterable[Row]) -> dict[str, pd.DataFrame]:
    """The evidence of those of `rows` that have records, under the names that claims have for it."""
    found = {row.name: evidence(row) for row in rows}
    return {name: kept for name, kept in found.items() if len(kept)}


def curves(row: Row) -> pd.DataFrame:
    """The learning curves of the recorded runs of `row`, one epoch a line; without records, the columns."""
    return records.curves(records.recorded(row.runs)).reindex(columns=list(EPOCHS))


def gradients(row: Row) -> pd.DataFrame:
    """The first gradients of the runs of `row`, one layer a line; the columns alone if they were not measured.

    Raises:
        files.Damaged: if their table is not as it was written.
    """
    found = records.read_gradients(row)
    return pd.DataFrame(columns=list(LAYERS)) if found is None else found


def differences(rows: Sequence[Row], network: str, pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """A line for each row and pair of recipes (ours, theirs) by which `network` was trained, as far as recorded.

    Test accuracy by ours minus that by theirs, in points to hundredths, paired by the seeds that both have.
    """
    made, pairs = [], list(pairs)
    for row in rows:
        start = records.start(next(run for run in row.runs if run.network.name == network))
        table = evidence(row)
        tables = given({row.name: table[table["network"] == network]})
        for pair in pairs:
            ours, theirs = (Quantity(row.name, (("recipe", recipe),)) for recipe in pair)
            compared = Comparison(ours, theirs, above=0)
            found, said = compared.found(tables), compared.row(tables)
            cells = dict.fromkeys(("points", "95 % interval"), "–") if found is None else in_points(found, 2)
            told = {"seeds": said["seeds"], "above 0?": said["holds?"]}
            made.append({"start": start, "difference": said["compared"], **cells, **told})
    return pd.DataFrame(made)


def _runs(rows: Iterable[Row]) -> list[Run]:
    """The runs of `rows`, each once: rows may share runs."""
    return list(dict.fromkeys(run for row in rows for run in row.runs))


def _kinds(rows: Iterable[Row]) -> dict[Kind, Outcomes]:
    """The runs of `rows` by kind."""
    found: dict[Kind, list[tuple[Run, Result | None]]] = {}
    for run in _runs(rows):
        kind = (run.data, run.network.name, run.recipe.name, records.start(run))
        found.setdefault(kind, []).append((run, records.result(run)))
    return dict(found)


def _of(line: Line, kinds: Mapping[Kind, Outcomes]) -> dict[str, Outcomes]:
    """What was tried of a printed line, on its data: the runs by start."""
    wanted = (line.data, line.network, line.recipe)
    return {start: runs for (*kind, start), runs in kinds.items() if tuple(kind) == wanted}


def _found(runs: Outcomes) -> Estimate | None:
    """The test error in per cent over those seeds that are recorded."""
    errors = [100 * result.test_error for _, result in runs if result is not None]
    return estimate(errors) if errors else None


def table(lines: Sequence[Line], rows: Sequence[Row]) -> pd.DataFrame:
    """For each printed line its error beside the recorded one on the same data; repeated for each start that was tried.

    Args:
        lines: of the paper.
        rows: rows of records, on any data.
    """
    kinds, made = _kinds(rows), []
    for line in lines:
        for start, runs in (_of(line, kinds) or {"–": []}).items():
            cells = {"in the paper": line.source, "network": line.method, "parameters": line.parameters or "–"}
            found = _cells(runs) if line.network else dict.fromkeys(_cells([]), "–")  # others are not run here
            made.append({**cells, "printed (%)": f"{line.error:.2f}", "start": start, **found})
    return pd.DataFrame(made)


def _cells(runs: Outcomes) -> dict[str, str]:
    results, found = [result for _, result in runs if result is not None], _found(runs)
    if found is None:
        seeds = f"0 of {len(runs)}" if runs else "–"
        return {"here (%)": NONE, "95 % interval": "–", "seeds": seeds, "epochs": "–", "took": "–"}
    low, high, lost = max(found.low, 0), min(found.high, 100), sum(result.diverged is not None for result in results)
    epochs = sorted({len(result.curve) for result in results})
    return {
        "here (%)": f"{lost} of {found.n} diverged" if lost else f"{found.mean:.2f}",
        "95 % interval": f"{low:.2f} to {high:.2f}" if found.n > 1 and not lost else "–",
        "seeds": f"{found.n} of {len(runs)}",
        "epochs": f"{epochs[0]} to {epochs[-1]}" if len(epochs) > 1 else f"{epochs[0]}",
        "took": in_words(sum(result.seconds for result in results)),
    }


def recorded(rows: Sequence[Row]) -> pd.DataFrame:
    """A line for each data set, network, recipe and start in `rows`: the test error as far as there are records.

    A row without any record is one line.
    """
    begun = [row for row in rows if len(row.missing()) < len(row.runs)]
    lines = [
        {"data": data, "network": network, "recipe": recipe, "start": start, **_cells(runs)}
        for (data, network, recipe, start), runs in _kinds(begun).items()
    ]
    for row in rows:
        if row not in begun:
            lines.append({"data": row.data, "network": f"all of {row.name}", "recipe": "–", "start": "–", **_cells([])})
    return pd.DataFrame(lines)


def left_alone(run: Run) -> int | None:
    """How many layers no hint has trained when labels or the teacher's answers are first looked at: those above it.

    All layers without a hint; None for recipes that look at labels otherwise, or at hints in more than one stage.
    """
    *before, last = run.recipe.stages
    kinds = [{type(term) for _, term in stage.loss.terms} for stage in run.recipe.stages]
    if len(before) > 1 or not kinds[-1] <= {Classification, Distillation} or any(kind != {Hint} for kind in kinds[:-1]):
        return None
    return last.layers(run.network) - (before[0].layers(run.network) if before else 0)


def _ends(rows: Iterable[Row]) -> dict[tuple[int, int, str], list[float]]:
    """Test accuracies of the recorded runs of `rows` by layers left alone, layers and recipe."""
    found: dict[tuple[int, int, str], list[float]] = {}
    for run, result in records.recorded(_runs(rows)):
        if (left := left_alone(run)) is not None:
            key = (left, len(run.network.layers), run.recipe.name)
            found.setdefault(key, []).append(percent_right(result.test_error))
    return dict(sorted(found.items()))


def by_layers_left_alone(rows: Iterable[Row]) -> pd.DataFrame:
    """How the recorded runs of `rows` end, by the number of layers that no hint has trained, and by network and recipe.

    A run that ends at `results.NEAR_CHANCE` or above has learned. Without a record, one line says so.
    """
    made = []
    for (left, layers, recipe), accuracies in _ends(rows).items():
        learned = f"{sum(accuracy >= NEAR_CHANCE for accuracy in accuracies)} of {len(accuracies)}"
        made.append([left, layers, recipe, learned, f"{min(accuracies):.1f} to {max(accuracies):.1f}"])
    columns = ["layers left alone", "layers", "recipe", "learned", "accuracy (%)"]
    return pd.DataFrame(made or [["–", "–", "–", NONE, "–"]], columns=columns)


def where_learning_ends(rows: Iterable[Row]) -> tuple[int, int] | None:
    """The most layers left alone with which runs learn, and the fewest with which they do not; None if these overlap.

    None too if all learn, or none does.
    """
    ends = {True: set[int](), False: set[int]()}
    for (left, _, _), accuracies in _ends(rows).items():
        for accuracy in accuracies:
            ends[accuracy >= NEAR_CHANCE].add(left)
    if not all(ends.values()) or max(ends[True]) >= min(ends[False]):
        return None
    return max(ends[True]), min(ends[False])


def errors(lines: Sequence[Line], rows: Sequence[Row]) -> list[tuple[Line, Estimate | None]]:
    """Each printed line with what was found of it by the first start that the rows try, for a figure."""
    kinds = _kinds(rows)
    firsts = [next(iter(_of(line, kinds).values()), []) for line in lines]
    return [(line, _found(runs)) for line, runs in zip(lines, firsts, strict=True)]


def without_dashes(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` without the columns that have nothing to say in any line."""
    return frame.loc[:, (frame != "–").any()]


def provenance(rows: Iterable[Row]) -> str:
    """A sentence on where, when and with which torch the recorded runs of `rows` were made."""
    kept = [record["provenance"] for run in _runs(rows) if (record := records.read(run)) is not None]
    if not kept:
        return "No run has been recorded yet."
    devices, versions = (", ".join(sorted({str(one[key]) for one in kept})) for key in ("device", "torch"))
    days = sorted({str(one["finished"])[:10] for one in kept})
    when = f"on {days[0]}" if len(days) == 1 else f"between {days[0]} and {days[-1]}"
    runs = "1 run was" if len(kept) == 1 else f"{len(kept)} runs were"
    return f"{runs} recorded {when}, on {devices}, with torch {versions}."


def commands(rows: Mapping[str, Row]) -> pd.DataFrame:
    """A line a row: what it makes, how many of its runs are recorded, what these took, and the command for the rest.

    Args:
        rows: by the names that the command line has for them.
    """
    made = []
    for name, row in rows.items():
        found = records.recorded(row.runs)
        made.append(
            {
                "about": row.about,
                "recorded": f"{len(found)} of {len(row.runs)}",
                "took": in_words(sum(result.seconds for _, result in found)) if found else "–",
                "command": f"python -m fitnets_lib records make {name}",
            }
        )
    return pd.DataFrame(made)


def expected(rows: Mapping[str, Row], measured: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """An estimate of what the lacking runs of `rows` take at most, one after the other.

    Args:
        rows: by name, rows whose networks are about as large as those that were measured.
        measured: by machine, multiplications a second in training by network (`durations.rates`).
    """
    cards = {card.name: card for card in CARDS}
    made = []
    for name, row in rows.items():
        card = cards[row.data]
        amount = sum(multiplications(run, card.train, card.validation) for run in row.missing())
        spans = {machine: map(in_words, between(amount, rates.values())) for machine, rates in measured.items()}
        made.append(
            {
                "row": name,
                "runs lacking": len(row.missing()),
                "multiplications, at most": f"{amount:.1e}",
                **{f"on {machine}": " to ".join(span) for machine, span in spans.items()},
            }
        )
    return pd.DataFrame(made)
