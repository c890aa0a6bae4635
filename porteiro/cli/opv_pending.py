"""`porteiro opv pending…`: what is still to be done for OPVs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from pydantic import ValidationError

from porteiro.cli.screen import AsJson, Limit, Opened, built, opened, read_moment, show_json, show_table
from schemas.errors import PorteiroError, Reject
from schemas.pending_items import PendingItem, PendingItemBody, PendingItemFilters

if TYPE_CHECKING:
    from opv.actions import Acting

Ident = Annotated[str, typer.Argument(help="Number or id.", metavar="OPV")]
Item = Annotated[UUID, typer.Argument(help="The item's id.", metavar="ITEM")]
As = Annotated[str, typer.Option("--as", help="Key of the person who does it.", metavar="PERSON")]

_LISTED = ("Id", "OPV", "Pendência", "Responsável", "Prazo", "Situação")
_STATES = {"open": "aberta", "done": "feita", "cancelled": "cancelada"}


def register(group: typer.Typer) -> None:
    """Adds the commands to `porteiro opv`."""
    group.command("pending")(list_items)
    group.command("pending-add")(add)
    group.command("pending-change")(change)
    group.command("pending-done")(finish)
    group.command("pending-cancel")(cancel)


def list_items(
    ident: Annotated[str | None, typer.Argument(help="Number or id; of all OPVs without.", metavar="[OPV]")] = None,
    owner: Annotated[str | None, typer.Option(help="Key of the person who has to do it.")] = None,
    state: Annotated[str | None, typer.Option(help="open, done or cancelled.")] = None,
    overdue: Annotated[bool | None, typer.Option(help="Past its time and open, or not.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Shows pending items, those due first."""
    from sqlalchemy import true

    from db.queries import opvs, pending_items

    try:
        filters = PendingItemFilters.model_validate(
            {"owner": owner, "state": state, "overdue": overdue, "limit": limit}
        )
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"]) from None
    with opened() as at:
        opv = opvs.find(at.tx, true(), ident) if ident is not None else None
        if ident is not None and opv is None:
            raise Reject("unknown_opv", f"there is no OPV {ident}", 404)
        page = pending_items.page(at.tx, true(), filters, at.program.clock(), opv)
        lines = [_line(item, at.moment) for item in page.items]
    if as_json:
        show_json(page)
    else:
        show_table("Pendências", _LISTED, lines)


def add(
    ident: Ident,
    title: Annotated[str, typer.Argument(help="What is to be done.")],
    by: As,
    due: Annotated[str, typer.Option(help="Until when, ISO 8601.")],
    owner: Annotated[str | None, typer.Option(help="Key of the person who has to do it, if another.")] = None,
    as_json: AsJson = False,
) -> None:
    """Adds a pending item."""
    from opv.pending_items import add_item

    def deed(at: Acting) -> UUID:
        values = {"title": title, "due_at": read_moment(due, at.batch.house.zone), "owner": owner}
        try:
            body = PendingItemBody.model_validate(values)
        except ValidationError as error:
            raise typer.BadParameter(error.errors()[0]["msg"]) from None
        return add_item(at, body.title, body.due_at, body.owner)

    _act(by, ident, deed, as_json)


def change(
    ident: Ident,
    item: Item,
    by: As,
    title: Annotated[str | None, typer.Option(help="What is to be done.")] = None,
    due: Annotated[str | None, typer.Option(help="Until when, ISO 8601.")] = None,
    owner: Annotated[str | None, typer.Option(help="Key of the person who has to do it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Changes title, time or owner of an open item."""
    from opv.pending_items import change_item

    if not (title or due or owner):
        raise typer.BadParameter("name a --title, a --due or an --owner")

    def deed(at: Acting) -> UUID:
        due_at = read_moment(due, at.batch.house.zone) if due else None
        return change_item(at, item, title=title, due_at=due_at, owner=owner)

    _act(by, ident, deed, as_json)


def finish(ident: Ident, item: Item, by: As, as_json: AsJson = False) -> None:
    """The item is done."""
    from opv.pending_items import end_item

    _act(by, ident, lambda at: end_item(at, item, "done"), as_json)


def cancel(ident: Ident, item: Item, by: As, as_json: AsJson = False) -> None:
    """The item need not be done any more."""
    from opv.pending_items import end_item

    _act(by, ident, lambda at: end_item(at, item, "cancelled"), as_json)


def _act(by: str, ident: str, deed: Callable[[Acting], UUID], as_json: bool) -> None:
    from db.queries import pending_items
    from opv.access import viewer_of
    from opv.by_people import act

    ids: list[UUID] = []
    with built() as program, program.database.write() as tx:
        house = program.houses.current(tx)
        viewer = viewer_of(by, house)
        if viewer is None:
            raise PorteiroError("unknown_person", f"there is no active person {by}")
        act(tx, house, viewer, program.clock(), ident, lambda at: ids.append(deed(at)))
        item = pending_items.one(tx, ids[0], program.clock())
        line = _line(item, Opened(program, tx, house.zone).moment)
    if as_json:
        show_json(item)
    else:
        show_table("Pendência", _LISTED, [line])


def _line(item: PendingItem, moment: Callable[[datetime | None], str]) -> tuple[object, ...]:
    state = "atrasada" if item.overdue else _STATES[item.state]
    return (item.id, item.number, item.title, item.owner, moment(item.due_at), state)
