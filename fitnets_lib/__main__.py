"""The command line: lists networks, counts what they cost, does one run, makes records, judges the claims.

python -m fitnets_lib networks
python -m fitnets_lib count cifar10/fitnet1 --json
python -m fitnets_lib run --teacher digits/teacher --student digits/student-11 --recipe hint-then-kd --json
python -m fitnets_lib records make table4-paper-start
python -m fitnets_lib claims --json
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click
import torch

from fitnets_lib import claims, paths, records, remade, trials
from fitnets_lib.complexity import Convention, cost
from fitnets_lib.divergence import Diverged
from fitnets_lib.errors import BadInput, OneLine
from fitnets_lib.files import Damaged
from fitnets_lib.networks import DIGITS_TEACHER, Network, digits_student
from fitnets_lib.optimisation import Training
from fitnets_lib.paper_networks import NETWORKS
from fitnets_lib.paper_runs import NAMED as NAMED_ROWS
from fitnets_lib.real_runs import ROWS
from fitnets_lib.recipes import BACKPROP, RECIPES
from fitnets_lib.runs import Run, Store, execute
from fitnets_lib.settings import EPOCHS, PARAMETERS, PRESETS
from fitnets_lib.sweep import RunsFailed

NAMED = {
    "digits/teacher": DIGITS_TEACHER,
    **{f"digits/student-{depth}": digits_student(depth) for depth in range(5, 27, 2)},
    **NETWORKS,
}
"""The networks that the command line knows."""


def named(name: str) -> Network:
    """The network called `name`.

    Raises:
        BadInput: if there is none; its message says how to list them.
    """
    if name not in NAMED:
        raise BadInput("network", name, "one of those that `python -m fitnets_lib networks` lists")
    return NAMED[name]


@click.group(no_args_is_help=False)
def main() -> None:
    """FitNets from the command line."""


@main.command()
def networks() -> None:
    """Lists the networks by name: those for digits, then the paper's."""
    click.echo("\n".join(NAMED))


@main.command()
@click.argument("name")
@click.option("--convention", type=click.Choice(["paper", "full"]), default="paper", help="How to count.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of a line to read.")
def count(name: str, convention: Convention, as_json: bool) -> None:
    """Counts the parameters and multiplications of the network NAME."""
    found = {"name": name, **asdict(cost(named(name), convention)), "convention": convention}
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(
            f"{name}: {found['layers']} layers, {found['parameters']:,} parameters, "
            f"{found['multiplications']:,} multiplications an image ({convention} convention)"
        )


@main.command("run")
@click.option("--data", default="digits", show_default=True, help="Data set.")
@click.option("--student", required=True, help="Name of the network to train.")
@click.option("--teacher", help="Name of its teacher; without one, only backprop and its like can be run.")
@click.option("--recipe", type=click.Choice(list(RECIPES)), default="hint-then-kd", show_default=True)
@click.option("--seed", type=click.IntRange(min=0, max=2**63 - 1), default=0, show_default=True)
@click.option("--epochs", type=click.IntRange(1, EPOCHS), default=40, show_default=True, help="In all stages together.")
@click.option("--teacher-epochs", type=click.IntRange(1, EPOCHS), default=20, show_default=True)
@click.option("--batch", type=click.IntRange(1, 2**20), default=32, show_default=True, help="Images a step.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), default=1e-3, show_default=True)
@click.option("--spread", type=click.FloatRange(min=0, min_open=True), default=0.005, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of a line to read.")
def run_one(
    data: str, student: str, teacher: str | None, recipe: str, seed: int, epochs: int, teacher_epochs: int, batch: int,
    learning_rate: float, spread: float, device: str, as_json: bool,
) -> None:  # fmt: skip
    """Trains one student, after its teacher, or reads the run back if it was made before.

    The student's first weights come from U(-spread, spread), the teacher's from torch's default rule.
    """
    if not PARAMETERS["device"].accepts(device):
        raise BadInput("device", device, PARAMETERS["device"].right)
    ours = Training(epochs, patience=epochs, learning_rate=learning_rate, batch=batch, spread=spread)
    taught = Training(teacher_epochs, patience=teacher_epochs, learning_rate=learning_rate, batch=batch, spread=None)
    by = None if teacher is None else Run(data, named(teacher), BACKPROP, taught, seed, device=device)
    run = Run(data, named(student), RECIPES[recipe], ours, seed, by, device)
    paths.check_writable(paths.runs())
    result = execute(run, Store(paths.runs()))
    errors = {"test_error": result.test_error, "validation_error": result.validation_error}
    found = {"run": run.name, "data": data, "student": student, "teacher": teacher, "recipe": recipe, "seed": seed,
             "epochs": len(result.curve), **errors, "seconds": result.seconds}  # fmt: skip
    told = f"{100 * result.test_error:.2f} % of the test images wrong"
    if result.diverged is not None:  # JSON has no nan
        found |= {**dict.fromkeys(errors), "diverged": str(result.diverged)}
        told = f"diverged: {result.diverged}"
    click.echo(json.dumps(found) if as_json else f"{run}: {told}")


@main.command("claims")
@click.option(
    "--preset", type=click.Choice(PRESETS), default="embedded", show_default=True, help="Whose build is judged."
)
@click.option("--json", "as_json", is_flag=True, help="Every claim with all that it was judged by.")
def judge_claims(preset: str, as_json: bool) -> None:
    """Judges the 40 claims of the score card by the evidence below results/."""
    try:
        if as_json:
            lines = [json.dumps(trials.as_json(claims.CLAIMS, preset), ensure_ascii=False, indent=1)]
        else:
            lines = [_judged(claim, preset) for claim in claims.CLAIMS]
    except BadInput:
        raise
    except (ValueError, KeyError, TypeError, OSError) as error:  # a table is cut short, or the file is no table
        right = f"tables as a build and the records wrote them ({error})"
        raise BadInput("evidence", str(paths.home() / "results"), right) from error
    click.echo("\n".join(lines))


def _judged(claim: trials.Claim, preset: str) -> str:
    said = ", ".join(f"{scale}: {verdict}" for scale, verdict in trials.verdicts(claim, preset).items())
    return f"{claim.id}: {claim.statement}. {said}"


@main.group("records", no_args_is_help=False)
def records_group() -> None:
    """Runs on real data that are kept with the book. A row is the runs that make one table."""


@records_group.command("list")
def list_records() -> None:
    """Lists the rows and how many of their runs are recorded; those with the paper's own data and sizes come last."""
    for name, row in NAMED_ROWS.items():
        click.echo(f"{name}: {len(row.runs) - len(row.missing())} of {len(row.runs)} runs recorded; {row.about}")


@records_group.command("make")
@click.argument("names", nargs=-1)
@click.option("--processes", type=click.IntRange(min=1), help="Runs at a time; as many as processors without it.")
def make_records(names: tuple[str, ...], processes: int | None) -> None:
    """Makes the missing records of the rows NAMES, in any number of sittings.

    Without a name: those of all rows except the paper's own and, where there is no GPU, except rows that need one.
    """
    rows = [_row(name) for name in names] or [row for row in ROWS if torch.cuda.is_available() or not row.on_gpu]
    paths.check_writable(paths.runs(), *(paths.results(row.data) for row in rows))
    for row in rows:
        records.make(row, Store(paths.runs()), processes)
        click.echo(f"{row.name}: {len(row.runs) - len(row.missing())} of {len(row.runs)} runs recorded")


@records_group.command("check")
@click.argument("name")
def check_record(name: str) -> None:
    """Makes the record NAME again, a file of results/<data>/records/ without .json, and says whether it is the same."""
    run = remade.find(name, NAMED_ROWS.values())
    paths.check_writable(paths.home() / "_build")
    click.echo(remade.check(run))


@records_group.command("gradients")
@click.argument("name")
def make_gradients(name: str) -> None:
    """For the row NAME, measures the gradient at each layer before the first step; teachers are trained first."""
    row = _row(name)
    paths.check_writable(paths.runs(), paths.results(row.data))
    records.write_gradients(row, Store(paths.runs()))
    click.echo(f"{row.name}: gradients measured")


@records_group.command("probes")
@click.argument("name")
@click.option("--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="Each has its own teacher.")
def make_probes(name: str, seeds: int) -> None:
    """For the row NAME, fits linear classifiers to pixels, hint layer and guided layer; teachers are trained first."""
    row = _row(name)
    paths.check_writable(paths.runs(), paths.results(row.data))
    records.write_probes(row, Store(paths.runs()), seeds)
    click.echo(f"{row.name}: probes fitted")


@records_group.command("gaps")
@click.argument("name")
def make_gaps(name: str) -> None:
    """For the row NAME, measures the gap of training and validation accuracy at equal training loss.

    The runs are trained where they are not kept, and once more, to be watched.
    """
    row = _row(name)
    paths.check_writable(paths.runs(), paths.results(row.data))
    records.write_gaps(row, Store(paths.runs()))
    click.echo(f"{row.name}: gaps measured")


def _row(name: str) -> records.Row:
    """The row called `name`.

    Raises:
        BadInput: if there is none, or it needs a GPU and there is none.
    """
    if name not in NAMED_ROWS:
        raise BadInput("row", name, "one of those that `python -m fitnets_lib records list` lists")
    if NAMED_ROWS[name].on_gpu and not torch.cuda.is_available():
        raise BadInput("row", name, "a row for this machine: it needs a GPU, and torch finds none")
    return NAMED_ROWS[name]


def run(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status: 0 done, 1 failed, 2 bad input, 130 interrupted.

    Whatever went wrong is reported in one line; if runs failed, in one line for each of them.
    """
    try:
        main(arguments, standalone_mode=False)
    except BadInput as error:
        click.echo(str(error), err=True)
        return 2
    except Damaged as error:
        click.echo(f"{error}: take it from where it was copied, or remove it and it is made again", err=True)
        return 2
    except click.ClickException as error:
        click.echo(str(OneLine(f"{error.format_message()} (--help lists what there is)")), err=True)
        return error.exit_code
    except (OneLine, RunsFailed, Diverged) as error:
        click.echo(str(error), err=True)
        return 1
    except OSError as error:  # such as a full disk
        click.echo(f"{error}: what was finished before is kept", err=True)
        return 1
    except click.Abort:
        click.echo("Interrupted: the same command goes on where this one stopped", err=True)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(run())
