"""The command line: `porteiro`. One file per group of commands, each with `register(app)`."""

from __future__ import annotations

import io
import sys
from importlib import metadata
from typing import Annotated

import typer

from porteiro.cli import (
    automations,
    availability,
    channels,
    client,
    configuration,
    deliveries,
    distribution,
    funnel,
    history,
    importing,
    operations,
    opv,
    opv_acceptance,
    outbound,
    queues,
    reconcile,
    report,
    retention,
    run,
    schedules,
    source,
    token,
    undistributed,
    unmapped,
    why,
)

app = typer.Typer(
    name="porteiro",
    help="Receives every real-estate lead, turns it into an assigned, advancing OPV, and loses none.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"porteiro {metadata.version('porteiro')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Options before the command."""


for group in (
    run, configuration, deliveries, importing, opv, opv_acceptance, funnel, client, operations, automations, schedules,
    availability, queues, undistributed, distribution, channels, outbound, reconcile, unmapped, token, history, source,
    report, retention, why,
):  # fmt: skip
    group.register(app)


def main() -> None:
    """Runs the command line. What a person can mend is one line on stderr and exit code 1; the rest a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character must not end the program
    try:
        app()
    except Exception as error:
        from porteiro.cli.trouble import explain

        line = explain(error)
        if line is None:
            raise
        typer.echo(f"porteiro: {line}", err=True)
        sys.exit(1)
