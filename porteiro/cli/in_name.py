"""What the commands share that do something in a person's name, with the rules of the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from porteiro.cli.screen import built, show_json
from schemas.errors import PorteiroError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opv.access import Viewer
    from opv.actions import Acting
    from opv.by_people import Done
    from opv.house import House
    from porteiro.build import Runtime
    from schemas.conversion import RequestItem
    from schemas.lead import Lead
    from schemas.opv import Opv

    Deed = Callable[[Connection, House, Viewer, datetime], Done]

Read = TypeVar("Read", bound=BaseModel)

Ident = Annotated[str, typer.Argument(help="Number or id.", metavar="OPV")]
As = Annotated[str, typer.Option("--as", help="Key of the person who does it.", metavar="PERSON")]


def read(model: type[Read], **values: object) -> Read:
    """The options as the API's body, with its checks."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise typer.BadParameter(told) from None


def named(program: Runtime, tx: Connection, by: str) -> tuple[House, Viewer]:
    """The house in force, and the person as a viewer. Raises `PorteiroError` when there is no such active person."""
    from opv.access import viewer_of

    house = program.houses.current(tx)
    viewer = viewer_of(by, house)
    if viewer is None:
        raise PorteiroError("unknown_person", f"there is no active person {by}")
    return house, viewer


def act_on(by: str, ident: str, deed: Callable[[Acting], object], as_json: bool) -> None:
    """Does the deed to the OPV and shows it."""
    from opv.by_people import act

    do(by, lambda tx, house, viewer, now: act(tx, house, viewer, now, ident, deed), as_json)


def register_lead(by: str, lead: Lead, broker: str | None, as_json: bool) -> None:
    """Registers the lead and shows the OPV, or the request for the one that another broker serves."""
    from opv.by_people import register

    do(by, lambda tx, house, viewer, now: register(tx, house, viewer, now, lead, broker), as_json)


def do(by: str, deed: Deed, as_json: bool) -> None:
    """Does it in one unit of work and shows what came of it; workers find what it made due within seconds."""
    from sqlalchemy import true

    from db.queries import opvs
    from opv.conversion import requests

    with built() as program, program.database.write() as tx:
        house, viewer = named(program, tx, by)
        done = deed(tx, house, viewer, program.clock())
        item: Opv | RequestItem | None
        if done.request is not None:
            item = requests.one(tx, house, viewer, done.request)
        else:
            item = opvs.one(tx, true(), str(done.opv))
    if item is None:
        raise PorteiroError("unknown_opv", f"OPV {done.opv} is gone")
    if as_json:
        show_json(item)
    else:
        typer.echo(_line(item))


def _line(item: Opv | RequestItem) -> str:
    from schemas.opv import Opv

    if isinstance(item, Opv):
        return f"OPV {item.number}: {item.status}, stage {item.stage}, broker {item.broker or 'none'}"
    of = "another broker serves the client" if item.number is None else f"OPV {item.number}"
    whom = "" if item.kind == "invalid" else f" for {item.broker or 'whoever the rules find'}"
    return f"{of}: request {item.id} ({item.kind}){whom}, {item.state}"
