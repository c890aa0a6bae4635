"""Messages that were parked: shown, and sent again by a person, with the key that they always had."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, true, update

from db.bulk import any_of
from db.models import Base
from db.queries.forwarding import KIND as FORWARD
from db.queries.opvs import find
from db.queries.outbound import one, page
from db.session import AnyRow
from opv.house import House
from opv.sales.asking import KIND as SALE
from opv.tombstones import ERASED
from schemas.errors import Reject
from schemas.outbound import MessageDetail, MessageFilters, MessageItem, MessageReplay, MessageReplayAnswer
from schemas.page import Page

NOTHING_TO_SEND = {
    ERASED: "the data of its person were erased",
    "delivery_gone": "its delivery is not stored any more",
    "opv_gone": "there is nothing to tell any more",
    "not_linked": "the OPV is with somebody else by now",
    "not_offered": "the OPV was claimed, or its offer is over",
}
"""Reasons of messages that would be parked again, whatever a person mends."""

log = logging.getLogger("porteiro.outbound")

_MESSAGES = Base.metadata.tables["outbound_messages"]


def listed(tx: Connection, filters: MessageFilters) -> Page[MessageItem]:
    """Messages that match, the newest first; none when the OPV is unknown."""
    opv = None if filters.opv is None else find(tx, true(), filters.opv)
    return Page(items=[]) if filters.opv is not None and opv is None else page(tx, filters, opv)


def detail(tx: Connection, message: UUID, house: House) -> MessageDetail:
    """A message with its body. Raises `Reject` `unknown_message` (404)."""
    row = _known(tx, message)
    against = _against(row, house)
    return MessageDetail(**row._mapping, no_replay=against.detail if against else None)


def replay_message(tx: Connection, message: UUID, house: House, now: datetime, by: str) -> MessageItem:
    """Sends a parked message again, with the same key, as if it had never failed.

    Raises `Reject`: `unknown_message` (404), `not_parked`, `asked_on_the_opv`, `not_forwarded`, `nothing_to_send`."""
    row = _known(tx, message)
    if (against := _against(row, house)) is not None:
        raise against
    if not _put_back(tx, _MESSAGES.c.id == message, now, by):
        raise _not_parked("pending")  # by somebody else, a moment ago
    return MessageItem.model_validate(_known(tx, message)._mapping)


def replay_messages(tx: Connection, wanted: MessageReplay, house: House, now: datetime, by: str) -> MessageReplayAnswer:
    """The same of all that match, the oldest first. Those of which `replay_message` says no are left. Three
    statements."""
    c = _MESSAGES.c
    matches = [c.state == "parked"]
    matches += [c.target == wanted.target] if wanted.target else []
    matches += [c.reason == wanted.reason] if wanted.reason else []
    sensible = _sensible(house)
    left = tx.execute(select(func.count()).select_from(_MESSAGES).where(*matches, ~sensible)).scalar_one()
    found = tx.execute(select(c.id).where(*matches, sensible).order_by(c.id).limit(wanted.limit + 1)).scalars().all()
    done = _put_back(tx, any_of(tx, c.id, found[: wanted.limit]), now, by) if found else 0
    return MessageReplayAnswer(messages=done, more=len(found) > wanted.limit, left=left)


def _put_back(tx: Connection, which: ColumnElement[bool], now: datetime, by: str) -> int:
    fresh: dict[str, Any] = {
        "state": "pending", "due_at": now, "lease": None, "attempts": 0, "failures": 0, "replayed_at": now,
        "replayed_by": by,
    }  # fmt: skip
    count = tx.execute(update(_MESSAGES).where(which, _MESSAGES.c.state == "parked").values(fresh)).rowcount
    log.info("%d messages put back by %s", count, by)
    return count


def _known(tx: Connection, message: UUID) -> AnyRow:
    row = one(tx, message)
    if row is None:
        raise Reject("unknown_message", "no such message", 404)
    return row


def _against(row: AnyRow, house: House) -> Reject | None:
    """Why the message is not sent again."""
    if row.state != "parked":
        return _not_parked(row.state)
    if row.kind == SALE:
        told = "ask for the process again on the OPV: its history has to tell of it"
        return Reject("asked_on_the_opv", told, 409)
    if row.reason in NOTHING_TO_SEND:
        return Reject("nothing_to_send", f"{NOTHING_TO_SEND[row.reason]}: there is nothing to send", 409)
    if row.kind == FORWARD and row.recipient not in house.forwards:
        told = f"channel {row.recipient} does not send its deliveries on any more: set its `forward_to` first"
        return Reject("not_forwarded", told, 409)
    return None


def _sensible(house: House) -> ColumnElement[bool]:
    """The same as a condition on parked messages: nothing is against it."""
    c = _MESSAGES.c
    return and_(
        c.kind != SALE,
        func.coalesce(c.reason, "").not_in(list(NOTHING_TO_SEND)),
        or_(c.kind != FORWARD, c.recipient.in_(list(house.forwards))),
    )


def _not_parked(state: str) -> Reject:
    return Reject("not_parked", f"the message is {state}: only what is parked is sent again", 409)
