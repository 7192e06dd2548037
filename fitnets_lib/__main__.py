"""The command line: `python -m fitnets_lib networks`, `python -m fitnets_lib count cifar10/fitnet1 --json`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from fitnets_lib.complexity import Convention, cost
from fitnets_lib.errors import BadInput
from fitnets_lib.networks import Network
from fitnets_lib.paper_networks import NETWORKS


def named(name: str) -> Network:
    """The network of the paper called `name`.

    Raises:
        BadInput: if there is none; it says how to list them.
    """
    if name not in NETWORKS:
        raise BadInput("network", name, "one of those that `python -m fitnets_lib networks` lists")
    return NETWORKS[name]


@click.group()
def main() -> None:
    """FitNets from the command line."""


@main.command()
def networks() -> None:
    """Lists the paper's networks by name."""
    click.echo("\n".join(NETWORKS))


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


def run(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status, 2 for bad input."""
    try:
        main(arguments, standalone_mode=False)
    except BadInput as error:
        click.echo(str(error), err=True)
        return 2
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(run())
