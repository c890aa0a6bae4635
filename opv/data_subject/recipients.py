"""Where data of a person went (LGPD, art. 18, VII)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Connection, and_, or_, select

from db.bulk import any_of
from db.models import Base
from db.queries.forwarding import KIND
from db.session import AnyRow
from opv.access import Viewer
from opv.data_subject.answering import check_answers, person_ids
from opv.data_subject.held import Held, held_of
from opv.house import House
from schemas.data_subject import Recipient
from schemas.page import Page

_MESSAGES = Base.metadata.tables["outbound_messages"]
_SALES = Base.metadata.tables["sale_processes"]

SALES_MODULE = "sales_module"


def recipients_of(tx: Connection, house: House, viewer: Viewer, client: UUID) -> Page[Recipient]:
    """The systems and people of the house that data of the person went to, the oldest first. All in one part.

    Raises `Reject`: `not_allowed` (403), `unknown_client` (404)."""
    check_answers(viewer, house)
    held = held_of(tx, person_ids(tx, client))
    return Page(items=recipients(messages_of(tx, held), sales_of(tx, held)))


def recipients(messages: Iterable[AnyRow], sales: Iterable[AnyRow]) -> list[Recipient]:
    """As `recipients_of`, of what was loaded."""
    found = [_recipient(row) for row in messages]
    found += [
        Recipient(
            system=SALES_MODULE, kind="sale_process", to=row.process_id or "", state=row.state, asked_at=row.at,
            sent_at=None if row.process_id is None else row.at, opv=row.opportunity_id,
        )
        for row in sales
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.asked_at)


def messages_of(tx: Connection, held: Held) -> list[AnyRow]:
    """Messages about the person's OPVs, and those that sent its deliveries on."""
    m = _MESSAGES.c
    about = and_(m.opportunity_id.is_not(None), any_of(tx, m.opportunity_id, held.opvs))
    sent_on = and_(any_of(tx, m.id, held.deliveries), m.kind == KIND)
    return list(tx.execute(select(*_MESSAGES.c).where(or_(about, sent_on)).order_by(m.id)))


def sales_of(tx: Connection, held: Held) -> list[AnyRow]:
    """Sales of the person's OPVs that go through documentation."""
    s = _SALES.c
    return list(tx.execute(select(*_SALES.c).where(any_of(tx, s.opportunity_id, held.opvs)).order_by(s.at)))


def _recipient(row: AnyRow) -> Recipient:
    forwarded = row.kind == KIND
    to = json.loads(row.body).get("url", row.recipient) if forwarded else row.recipient
    return Recipient(
        system=row.target, kind=row.kind, to=to, state=row.state, asked_at=row.created_at, sent_at=row.sent_at,
        opv=row.opportunity_id, delivery=row.id if forwarded else None,
    )  # fmt: skip
