"""Commands about brokers who are not to have a client: `porteiro client excluded|exclude|allow`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import typer

from porteiro.cli.in_name import As, named
from porteiro.cli.screen import AsJson, built, opened, show_json, show_table
from schemas.client import ExcludedBroker

ClientId = Annotated[UUID, typer.Argument(help="The client's id.", metavar="CLIENT")]
Broker = Annotated[str, typer.Argument(help="Key of the broker.", metavar="BROKER")]


def register(group: typer.Typer) -> None:
    """Adds the commands to `porteiro client`."""
    group.command("excluded")(list_excluded)
    group.command("exclude")(exclude_broker)
    group.command("allow")(allow_broker)


def list_excluded(client: ClientId, by: As, as_json: AsJson = False) -> None:
    """Shows the brokers who are not to have the client."""
    from opv.clients.excluded import excluded

    with opened() as at:
        house, viewer = named(at.program, at.tx, by)
        items = excluded(at.tx, house, viewer, client)
        if as_json:
            show_json({"items": items, "next": None})
        else:
            rows = [(one.broker, at.moment(one.at), one.by) for one in items]
            show_table("Corretores excluídos", ("Corretor", "Desde", "Por"), rows)


def exclude_broker(client: ClientId, broker: Broker, by: As, as_json: AsJson = False) -> None:
    """Leaves the broker out whenever a lead of the client is distributed."""
    from opv.clients.excluded import exclude

    with built() as program, program.database.write() as tx:
        house, viewer = named(program, tx, by)
        items, _ = exclude(tx, house, viewer, program.clock(), client, broker)
    _tell(items, as_json)


def allow_broker(client: ClientId, broker: Broker, by: As, as_json: AsJson = False) -> None:
    """Lets the broker have the client again."""
    from opv.clients.excluded import allow

    with built() as program, program.database.write() as tx:
        house, viewer = named(program, tx, by)
        items, _ = allow(tx, house, viewer, program.clock(), client, broker)
    _tell(items, as_json)


def _tell(items: Sequence[ExcludedBroker], as_json: bool) -> None:
    if as_json:
        show_json({"items": items, "next": None})
    else:
        typer.echo(f"excluded: {', '.join(one.broker for one in items) or 'nobody'}")
