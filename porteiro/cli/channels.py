"""Commands about the entrances: `porteiro channels [list]`, `check`, `forwarded`, `resend`, `drift`."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from porteiro.cli.channel_health import check, list_channels, list_unless_told
from porteiro.cli.screen import AsJson, built, opened, show_json, show_table

_FORWARDED = ("Canal", "Recebidas", "Reenviadas", "Esperam", "Paradas", "Motivos", "Sem reenvio")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Channels: how they do, what is sent on, and what their platforms changed.")
    group.callback(invoke_without_command=True)(list_unless_told)
    group.command("list")(list_channels)
    group.command("check")(check)
    group.command("forwarded")(forwarded)
    group.command("resend")(resend_parked)
    group.command("drift")(drift)
    app.add_typer(group, name="channels")


def forwarded(
    day: Annotated[str | None, typer.Option(help="A day, as 2026-03-01; today, when none is named.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compares what came in at a day with what was sent on of it (`forward_to`), channel by channel."""
    from db.queries.forwarding import forwarding

    with opened() as at:
        house = at.program.houses.current(at.tx)
        wanted = _day(day) if day else at.program.clock().astimezone(house.zone).date()
        found = forwarding(at.tx, wanted, house.zone, house.forwards.keys())
    if as_json:
        show_json({"items": found, "next": None})
        return
    rows = [
        (
            one.channel,
            one.received,
            one.forwarded,
            one.waiting,
            one.parked,
            ", ".join(f"{reason} {count}" for reason, count in sorted(one.parked_by_reason.items())),
            one.unsent,
        )
        for one in found
    ]
    show_table(f"Reenvio em {wanted:%d/%m/%Y}", _FORWARDED, rows)


def resend_parked(channel: Annotated[str, typer.Argument(help="Key of the channel.", metavar="CHANNEL")]) -> None:
    """Sends on again what the other system did not take, after it is mended."""
    from opv.forward import resend

    with built() as program, program.database.write() as tx:
        count = resend(tx, channel, program.clock())
    typer.echo(f"{count} deliveries of {channel} are sent on again; workers do so within seconds")


def drift(as_json: AsJson = False) -> None:
    """Shows the fields that platforms sent and their source does not know, the newest first."""
    from db.queries.drift import drifted

    with opened() as at:
        found = drifted(at.tx)
    if as_json:
        show_json({"items": found, "next": None})
        return
    rows = [(one.source, one.field, one.channel, at.moment(one.first_at), one.delivery) for one in found]
    show_table("Campos desconhecidos", ("Fonte", "Campo", "Canal", "Desde", "Primeira entrega"), rows)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day: write for example 2026-03-01") from None
