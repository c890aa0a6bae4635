"""Commands that act on an OPV in a person's name, with the rules of the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer
from pydantic import BaseModel, ValidationError

from porteiro.cli.screen import AsJson, built, show_json
from schemas.errors import PorteiroError
from schemas.opv_actions import CommentBody, ContactBody, RegistrationBody, TransferBody, WithdrawalBody

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opv.access import Viewer
    from opv.actions import Acting
    from opv.by_people import Done
    from opv.house import House
    from schemas.lead import Lead

Read = TypeVar("Read", bound=BaseModel)

Ident = Annotated[str, typer.Argument(help="Number or id.", metavar="OPV")]
As = Annotated[str, typer.Option("--as", help="Key of the person who does it.", metavar="PERSON")]


def register(group: typer.Typer) -> None:
    """Adds the commands to `porteiro opv`."""
    group.command("new")(new)
    group.command("comment")(add_comment)
    group.command("contact")(add_contact)
    group.command("move")(move)
    group.command("transfer")(give)
    group.command("withdraw")(give_up)
    group.command("reopen")(open_again)
    group.command("win")(sell)


def new(
    by: As,
    name: Annotated[str | None, typer.Option(help="Name.")] = None,
    phone: Annotated[list[str] | None, typer.Option(help="Phone; may be given again.")] = None,
    email: Annotated[list[str] | None, typer.Option(help="E-mail; may be given again.")] = None,
    document: Annotated[str | None, typer.Option(help="CPF or CNPJ.")] = None,
    message: Annotated[str | None, typer.Option(help="What the client said.")] = None,
    development: Annotated[str | None, typer.Option(help="Key or name of the development.")] = None,
    broker: Annotated[str | None, typer.Option(help="Key of the broker who serves it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Registers a lead by hand."""
    body = _read(RegistrationBody,
        name=name, phones=phone or [], emails=email or [], document=document, message=message,
        development=development, broker=broker,
    )  # fmt: skip
    _register(by, body.lead(), body.broker, as_json)


def add_comment(ident: Ident, text: Annotated[str, typer.Argument()], by: As, as_json: AsJson = False) -> None:
    """Writes a comment into the history."""
    from opv.actions import comment

    body = _read(CommentBody, text=text)
    _act(by, ident, lambda at: comment(at, body.text), as_json)


def add_contact(
    ident: Ident,
    kind: Annotated[str, typer.Argument(help="call, whatsapp, email or visit.")],
    by: As,
    place: Annotated[str | None, typer.Option(help="Where the visit was.")] = None,
    outcome: Annotated[str | None, typer.Option(help="What came of it.")] = None,
    client: Annotated[UUID | None, typer.Option(help="Id of the client, when it is not the main one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Notes a contact with the client."""
    from opv.actions import contact

    body = _read(ContactBody, kind=kind, place=place, outcome=outcome, client=client)
    _act(by, ident, lambda at: contact(at, body.kind, **body.model_dump(exclude={"kind"})), as_json)


def move(
    ident: Ident, stage: Annotated[str, typer.Argument(help="Key of the stage.")], by: As, as_json: AsJson = False
) -> None:
    """Moves the OPV into another stage."""
    from opv.actions import move_stage

    _act(by, ident, lambda at: move_stage(at, stage), as_json)


def give(
    ident: Ident,
    by: As,
    reason: Annotated[str, typer.Option(help="Why.")],
    broker: Annotated[str | None, typer.Option(help="Key of the broker.")] = None,
    team: Annotated[str | None, typer.Option(help="Key of the team.")] = None,
    manager: Annotated[str | None, typer.Option(help="Key of the manager.")] = None,
    as_json: AsJson = False,
) -> None:
    """Transfers the OPV to another broker, or to a team's manager."""
    from opv.actions import transfer

    body = _read(TransferBody, broker=broker, team=team, manager=manager, reason=reason)
    to = body.model_dump(include={"broker", "team", "manager"})
    _act(by, ident, lambda at: transfer(at, body.reason, **to), as_json)


def give_up(
    ident: Ident,
    reason: Annotated[str, typer.Argument(help="Key of the reason.")],
    by: As,
    remarks: Annotated[str | None, typer.Option(help="In the client's words.")] = None,
    as_json: AsJson = False,
) -> None:
    """Closes the OPV as lost."""
    from opv.actions import withdraw

    body = _read(WithdrawalBody, reason=reason, remarks=remarks)
    _act(by, ident, lambda at: withdraw(at, body.reason, body.remarks), as_json)


def open_again(ident: Ident, by: As, as_json: AsJson = False) -> None:
    """Opens a withdrawn OPV again."""
    from opv.actions import reopen

    _act(by, ident, reopen, as_json)


def sell(
    ident: Ident,
    by: As,
    value: Annotated[str, typer.Option(help="In reais, as 450000.50.")],
    unit: Annotated[str, typer.Option(help="What was sold.")],
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The day of the sale.")],
    as_json: AsJson = False,
) -> None:
    """Closes the OPV as sold; or asks the sales module for a process, where sales go through documentation."""
    from opv.actions import win

    try:
        reais = Decimal(value)
    except InvalidOperation:
        raise typer.BadParameter(f"{value!r} is no value: write for example 450000.50") from None
    _act(by, ident, lambda at: win(at, reais, unit, day.date()), as_json)


def _read(model: type[Read], **values: object) -> Read:
    """The options as the API's body, with its checks."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise typer.BadParameter(told) from None


def _act(by: str, ident: str, deed: Callable[[Acting], object], as_json: bool) -> None:
    from opv.by_people import act

    _done(by, lambda tx, house, viewer, now: act(tx, house, viewer, now, ident, deed), as_json)


def _register(by: str, lead: Lead, broker: str | None, as_json: bool) -> None:
    from opv.by_people import register as register_opv

    _done(by, lambda tx, house, viewer, now: register_opv(tx, house, viewer, now, lead, broker), as_json)


def _done(by: str, do: Callable[[Connection, House, Viewer, datetime], Done], as_json: bool) -> None:
    """Does it in one unit of work; workers find what it made due within seconds."""
    from sqlalchemy import true

    from db.queries import opvs
    from opv.access import viewer_of

    with built() as program, program.database.write() as tx:
        house = program.houses.current(tx)
        viewer = viewer_of(by, house)
        if viewer is None:
            raise PorteiroError("unknown_person", f"there is no active person {by}")
        done = do(tx, house, viewer, program.clock())
        opv = opvs.one(tx, true(), str(done.opv))
    if opv is None:
        raise PorteiroError("unknown_opv", f"OPV {done.opv} is gone")
    if as_json:
        show_json(opv)
    else:
        typer.echo(f"OPV {opv.number}: {opv.status}, stage {opv.stage}, broker {opv.broker or 'none'}")
