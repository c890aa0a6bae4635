"""Commands that act on an OPV in a person's name, with the rules of the API."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from porteiro.cli.in_name import As, Ident
from porteiro.cli.in_name import act_on as _act
from porteiro.cli.in_name import read as _read
from porteiro.cli.in_name import register_lead as _register
from porteiro.cli.screen import AsJson, read_moment
from schemas.opv_actions import CommentBody, ContactBody, RegistrationBody, TransferBody, WithdrawalBody

if TYPE_CHECKING:
    from opv.actions import Acting


def register(group: typer.Typer) -> None:
    """Adds the commands to `porteiro opv`."""
    group.command("new")(new)
    group.command("comment")(add_comment)
    group.command("contact")(add_contact)
    group.command("move")(move)
    group.command("status")(status)
    group.command("undo")(undo)
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
    text: Annotated[str | None, typer.Option(help="What was said.")] = None,
    when: Annotated[
        str | None, typer.Option("--at", help="When it was, ISO 8601, if not just now; a visit may be to come.")
    ] = None,
    client: Annotated[UUID | None, typer.Option(help="Id of the client, when it is not the main one.")] = None,
    missed: Annotated[bool, typer.Option("--missed", help="The client did not come to the visit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Notes a contact with the client."""
    from opv.actions import contact

    body = _read(ContactBody, kind=kind, place=place, outcome=outcome, text=text, client=client, missed=missed)
    said = body.model_dump(exclude={"kind", "at"})

    def note(at: Acting) -> int:
        return contact(at, body.kind, when=read_moment(when, at.batch.house.zone) if when else None, **said)

    _act(by, ident, note, as_json)


def move(
    ident: Ident,
    stage: Annotated[str, typer.Argument(help="Key of the stage.")],
    by: As,
    status: Annotated[str | None, typer.Option(help="Key of the status there; the first, if none is named.")] = None,
    as_json: AsJson = False,
) -> None:
    """Moves the OPV into another stage."""
    from opv.actions import move_stage

    _act(by, ident, lambda at: move_stage(at, stage, status), as_json)


def status(
    ident: Ident, status: Annotated[str, typer.Argument(help="Key of the status.")], by: As, as_json: AsJson = False
) -> None:
    """Gives the OPV another status within its stage."""
    from opv.actions import set_status

    _act(by, ident, lambda at: set_status(at, status), as_json)


def undo(ident: Ident, by: As, as_json: AsJson = False) -> None:
    """Takes back the person's last move, within a minute of it."""
    from opv.undo import undo_move

    _act(by, ident, undo_move, as_json)


def give(
    ident: Ident,
    by: As,
    reason: Annotated[str, typer.Option(help="Why.")],
    broker: Annotated[str | None, typer.Option(help="Key of the broker.")] = None,
    team: Annotated[str | None, typer.Option(help="Key of the team.")] = None,
    manager: Annotated[str | None, typer.Option(help="Key of the manager.")] = None,
    part: Annotated[str, typer.Option(help="sales, presales or second.")] = "sales",
    as_json: AsJson = False,
) -> None:
    """Transfers the OPV, or a part of it, to another broker or to a team's manager."""
    from opv.conversion.parts import give as give_part

    body = _read(TransferBody, part=part, broker=broker, team=team, manager=manager, reason=reason)
    to = body.model_dump(include={"broker", "team", "manager"})
    _act(by, ident, lambda at: give_part(at, body.part, body.reason, **to), as_json)


def give_up(
    ident: Ident,
    reason: Annotated[str, typer.Argument(help="Key of the reason.")],
    by: As,
    sub_reason: Annotated[str | None, typer.Option(help="Key of the reason within the reason.")] = None,
    remarks: Annotated[str | None, typer.Option(help="In the client's words.")] = None,
    as_json: AsJson = False,
) -> None:
    """Closes the OPV as lost."""
    from opv.actions import withdraw

    body = _read(WithdrawalBody, reason=reason, sub_reason=sub_reason, remarks=remarks)
    _act(by, ident, lambda at: withdraw(at, body.reason, body.remarks, sub_reason=body.sub_reason), as_json)


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
