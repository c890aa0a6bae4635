"""Notices within the program: those that go to no target but the house's own are kept for the person to read."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from db.models import OutboundMessage
from db.queries.paging import newest_first
from opv.house import House
from opv.notices import notice_to_send
from schemas.errors import Park, Reject
from schemas.notice import KIND, Notice
from schemas.notices import NoticeFilters, NoticeItem
from schemas.page import Page
from schemas.target import Message

TARGET = "log"
"""The house's own target: a line in the log, and the person's list."""

_M = OutboundMessage
_COLUMNS = (_M.id, _M.idempotency_key, _M.recipient, _M.opportunity_id, _M.body, _M.created_at, _M.read_at)


def notices_of(tx: Connection, house: House, person: str, now: datetime, filters: NoticeFilters) -> Page[NoticeItem]:
    """What the person was told, the newest first, as it reads now."""
    statement = select(*_COLUMNS).where(*_of(person))
    if filters.unread:
        statement = statement.where(_M.read_at.is_(None))
    rows, next_ = newest_first(tx, statement, _M.id.expression, filters)
    return Page(items=[_item(tx, house, row, now) for row in rows], next=next_)


def mark_read(tx: Connection, house: House, person: str, now: datetime, id_: UUID) -> NoticeItem:
    """Notes that the person read it, once. Raises `Reject` `unknown_notice` (404) for one of somebody else."""
    where = (*_of(person), _M.id == id_)
    tx.execute(update(_M).where(*where, _M.read_at.is_(None)).values(read_at=now))
    row = tx.execute(select(*_COLUMNS).where(*where)).one_or_none()
    if row is None:
        raise Reject("unknown_notice", "no such notice", 404)
    return _item(tx, house, row, now)


def _of(person: str) -> tuple[Any, ...]:
    return (_M.recipient == person, _M.target == TARGET, _M.kind == KIND)


def _item(tx: Connection, house: House, row: Any, now: datetime) -> NoticeItem:
    item = NoticeItem(id=row.id, at=row.created_at, opv=row.opportunity_id, read_at=row.read_at)
    message = Message(row.idempotency_key, KIND, row.recipient, row.body)
    try:
        told = notice_to_send(tx, message, row.opportunity_id, house, now)
    except Park as parked:
        return item.model_copy(update={"reason": parked.reason})
    notice = Notice.model_validate_json(told.body)
    said = {"number": notice.opv, "subject": notice.subject, "text": notice.text, "url": notice.url}
    return item.model_copy(update=said)
