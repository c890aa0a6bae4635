"""Commands about who is there to take leads: `porteiro availability`."""

from __future__ import annotations

from typing import Annotated

import typer

from porteiro.cli.in_name import As, named, read
from porteiro.cli.screen import AsJson, Opened, built, opened, read_moment, show_json, show_table
from schemas.availability import AvailabilityBody, AvailabilityItem

Person = Annotated[str, typer.Argument(help="Key of the person.", metavar="PERSON")]
Until = Annotated[str | None, typer.Option(help="Until when, ISO 8601.")]

_LISTED = ("Pessoa", "Situação", "Plantão", "Desde", "Até", "Por")
_STATES = {"available": "disponível", "paused": "em pausa"}


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(no_args_is_help=True, help="Who takes leads: check-in, pauses.")
    group.command("list")(list_people)
    group.command("available")(available)
    group.command("pause")(pause)
    group.command("clear")(clear)
    app.add_typer(group, name="availability")


def list_people(by: As, as_json: AsJson = False) -> None:
    """Shows what people said of themselves."""
    from opv.distribution.availability import listed

    with opened() as at:
        house, viewer = named(at.program, at.tx, by)
        items = listed(at.tx, house, viewer, at.program.clock())
    if as_json:
        show_json({"items": items, "next": None})
    else:
        show_table("Disponibilidade", _LISTED, [_line(item, at) for item in items])


def available(
    person: Person,
    by: As,
    stand: Annotated[str | None, typer.Option(help="Key of the stand at which it checks in.")] = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Says that a person takes leads, at a stand or anywhere."""
    _say(person, by, "available", stand, until, as_json)


def pause(person: Person, by: As, until: Until = None, as_json: AsJson = False) -> None:
    """Says that a person takes no leads for now."""
    _say(person, by, "paused", None, until, as_json)


def clear(person: Person, by: As) -> None:
    """Takes back what was said."""
    from opv.distribution.availability import take_back

    with built() as program, program.database.write() as tx:
        house, viewer = named(program, tx, by)
        take_back(tx, house, viewer, program.clock(), person)


def _say(person: str, by: str, state: str, stand: str | None, until: str | None, as_json: bool) -> None:
    from opv.distribution.availability import say

    with built() as program, program.database.write() as tx:
        house, viewer = named(program, tx, by)
        moment = read_moment(until, house.zone) if until else None
        body = read(AvailabilityBody, state=state, stand=stand, until=moment)
        item, _ = say(tx, house, viewer, program.clock(), person, body)
        at = Opened(program, tx, house.zone)
    if as_json:
        show_json(item)
    else:
        typer.echo(f"{person}: {item.state}{f' until {at.moment(item.until)}' if item.until else ''}")


def _line(item: AvailabilityItem, at: Opened) -> tuple[object, ...]:
    state = _STATES.get(item.state or "", "")
    return (item.person, state, item.stand, at.moment(item.since), at.moment(item.until), item.by)
