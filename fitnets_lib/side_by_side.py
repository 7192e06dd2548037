"""What the paper prints beside what was recorded here, in tables that are right with no record, some, or all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from fitnets_lib import gaps as gaps_at
from fitnets_lib import records
from fitnets_lib.data_cards import CARDS
from fitnets_lib.durations import between, in_words, multiplications
from fitnets_lib.outcomes import Result
from fitnets_lib.printed_results import Line
from fitnets_lib.records import Row
from fitnets_lib.results import EPOCHS, in_points
from fitnets_lib.runs import Run
from fitnets_lib.statistics import Estimate, estimate, verdict
from fitnets_lib.terms import Distillation, Hint
from fitnets_lib.trials import Comparison, Quantity, given

COLUMNS = (
    "depth", "recipe", "seed", "test accuracy", "validation accuracy", "seconds", "network", "start", "epochs"
)  # fmt: skip
"""Columns of the evidence of a row."""
LAYERS = ("recipe", "seed", "layer", "gradient")
"""Columns of the gradients of a row before the first step."""
PROBED = ("seed", "features", "accuracy")
"""Columns of the linear classifiers of a row."""
GAPS = (*gaps_at.COLUMNS, "gap")
"""Columns of the gaps of a row at equal training loss."""
NONE = "not run"
DEVICES = {"cpu": "CPU", "cuda": "GPU"}


class Kind(NamedTuple):
    """What the runs behind one line of a table share, one run for each seed."""

    data: str
    network: str
    recipe: str
    start: str
    teacher: str
    device: str


Outcomes = Sequence[tuple[Run, Result | None]]
"""Runs, each with its result if it is recorded."""


def evidence(row: Row) -> pd.DataFrame:
    """The recorded runs of `row`, one a line, as `records.write_tables` keeps them; without records, columns only."""
    found = records.recorded(row.runs)
    return records.tidy(found) if found else pd.DataFrame(columns=list(COLUMNS))


def tables(rows: Iterable[Row]) -> dict[str, pd.DataFrame]:
    """The evidence of those of `rows` that have records, under the names that claims use."""
    found = {row.name: evidence(row) for row in rows}
    return {name: kept for name, kept in found.items() if len(kept)}


def curves(row: Row) -> pd.DataFrame:
    """The learning curves of the recorded runs of `row`, one epoch a line; without records, the columns."""
    found = records.recorded(row.runs)
    return records.curves(found) if found else pd.DataFrame(columns=list(EPOCHS))


def gradients(row: Row) -> pd.DataFrame:
    """The first gradients of the runs of `row`, one layer a line; the columns alone if they were not measured.

    Raises:
        files.Damaged: if their table is not as it was written.
    """
    return _measured(row, records.GRADIENTS, LAYERS)


def probes(row: Row) -> pd.DataFrame:
    """How well linear classifiers do on the layers of the runs of `row`; the columns alone if none was fitted.

    Raises:
        files.Damaged: if their table is not as it was written.
    """
    return _measured(row, records.PROBES, PROBED)


def gaps(row: Row) -> pd.DataFrame:
    """The gaps of the runs of `row` at equal training loss, one run a line; the columns alone if not measured.

    Raises:
        files.Damaged: if their table is not as it was written.
    """
    return _measured(row, records.GAPS, GAPS)


def _measured(row: Row, ending: str, columns: Sequence[str]) -> pd.DataFrame:
    found = records.read_measured(row, ending)
    return pd.DataFrame(columns=list(columns)) if found is None else found


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
            made.append({"start": start, "difference": said["compared"], **_judged(found, str(said["seeds"]), 2)})
    return pd.DataFrame(made)


def _judged(found: Estimate | None, seeds: str, digits: int = 1) -> dict[str, str]:
    cells = dict.fromkeys(("points", "95 % interval"), "–") if found is None else in_points(found, digits)
    return {**cells, "seeds": seeds, "above 0?": NONE if found is None else verdict(found)}


def over_teachers(rows: Iterable[Row]) -> pd.DataFrame:
    """A line for each kind of student in `rows` that looks at a teacher: its test accuracy minus its teacher's.

    In points, over the seeds for which both the student and its own teacher are recorded.
    """
    made = []
    for kind, runs in _kinds(rows).items():
        if kind.teacher == "–":
            continue
        taught = [(result, records.result(run.teacher)) for run, result in runs if run.teacher is not None]
        differences = [100 * (theirs.test_error - ours.test_error) for ours, theirs in taught if ours and theirs]
        found = estimate(differences) if differences else None
        what = {"student": kind.network, "teacher": kind.teacher, "recipe": kind.recipe, "start": kind.start}
        made.append({**what, "device": kind.device, **_judged(found, f"{len(differences)} of {len(runs)}")})
    return pd.DataFrame(made)


def runs_of(rows: Iterable[Row]) -> list[Run]:
    """The runs of `rows`, each once: rows may share runs."""
    return list(dict.fromkeys(run for row in rows for run in row.runs))


def _kinds(rows: Iterable[Row]) -> dict[Kind, Outcomes]:
    """The runs of `rows` by kind."""
    found: dict[Kind, list[tuple[Run, Result | None]]] = {}
    for run in runs_of(rows):
        kind = Kind(run.data, run.network.name, run.recipe.name, records.start(run), _teacher(run), DEVICES[run.device])
        found.setdefault(kind, []).append((run, records.result(run)))
    return dict(found)


def _teacher(run: Run) -> str:
    """The name of the teacher's network if a loss of the recipe looks at the teacher, else a dash."""
    terms = [term for stage in run.recipe.stages for _, term in stage.loss.terms]
    looked_at = any(isinstance(term, Distillation | Hint) for term in terms)
    return run.teacher.network.name if looked_at and run.teacher is not None else "–"


def _of(line: Line, kinds: Mapping[Kind, Outcomes]) -> list[tuple[str, Outcomes]]:
    """The runs of a printed line's network and recipe, on its data, for each start."""
    wanted = (line.data, line.network, line.recipe)
    return [(kind.start, runs) for kind, runs in kinds.items() if (kind.data, kind.network, kind.recipe) == wanted]


def _found(runs: Outcomes) -> Estimate | None:
    """The test error in per cent over those seeds that are recorded."""
    errors = [100 * result.test_error for _, result in runs if result is not None]
    return estimate(errors) if errors else None


def table(lines: Sequence[Line], rows: Sequence[Row]) -> pd.DataFrame:
    """For each printed line and each start tried with it, the printed error beside that recorded on the same data.

    Args:
        lines: of the paper.
        rows: rows of records, on any data.
    """
    kinds, made = _kinds(rows), []
    for line in lines:
        for start, runs in _of(line, kinds) or [("–", [])]:
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
    """A line for each kind of run in `rows`: the test error as far as there are records.

    A row without any record is one line.
    """
    begun = [row for row in rows if len(row.missing()) < len(row.runs)]
    lines = [{**kind._asdict(), **_cells(runs)} for kind, runs in _kinds(begun).items()]
    for row in rows:
        if row not in begun:
            lines.append({**Kind(row.data, f"all of {row.name}", "–", "–", "–", "–")._asdict(), **_cells([])})
    return pd.DataFrame(lines)


def errors(lines: Sequence[Line], rows: Sequence[Row]) -> list[tuple[Line, Estimate | None]]:
    """Each printed line with the error recorded for the first start that the rows try, for a figure."""
    kinds = _kinds(rows)
    firsts = [next((runs for _, runs in _of(line, kinds)), []) for line in lines]
    return [(line, _found(runs)) for line, runs in zip(lines, firsts, strict=True)]


def without_dashes(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` without the columns that have a dash in every line."""
    return frame.loc[:, (frame != "–").any()]


def provenance(rows: Iterable[Row]) -> str:
    """A sentence on where, when and with which torch the recorded runs of `rows` were made."""
    kept = [record["provenance"] for run in runs_of(rows) if (record := records.read(run)) is not None]
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


def spent(rows: Iterable[Row]) -> pd.DataFrame:
    """A line a data set and kind of device: the recorded runs of `rows`, each counted once, and their machine time."""
    seconds: dict[tuple[str, str], list[float]] = {}
    for run, result in records.recorded(runs_of(rows)):
        seconds.setdefault((run.data, DEVICES[run.device]), []).append(result.seconds)
    lines = [[*kind, f"{len(each):,}", in_words(sum(each))] for kind, each in seconds.items()]
    return pd.DataFrame(lines or [["–", "–", "0", NONE]], columns=["data", "on", "runs", "took"])


def expected(rows: Mapping[str, Row], measured: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """An estimate of the time that the missing runs of `rows` take at most, one after the other.

    Args:
        rows: rows by their names; their networks are about as large as those that were measured.
        measured: for each machine and network, multiplications a second in training (`durations.rates`).
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
