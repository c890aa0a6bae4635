"""Reads of attachments, of OPVs that the viewer was found to see."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from db.models import Attachment
from db.queries.paging import newest_first
from schemas.attachments import AttachmentFilters, AttachmentItem
from schemas.page import Page

_SHOWN = ("name", "content_type", "size", "added_by", "added_at", "removed_at", "erased_at")
_COLUMNS = (Attachment.id, Attachment.client_id, Attachment.sha256, *(getattr(Attachment, name) for name in _SHOWN))


def page(tx: Connection, opv: UUID, filters: AttachmentFilters) -> Page[AttachmentItem]:
    """Files of the OPV, newest first; those that are gone only when asked for."""
    statement = select(*_COLUMNS).where(Attachment.opportunity_id == opv)
    if not filters.removed:
        statement = statement.where(Attachment.removed_at.is_(None), Attachment.erased_at.is_(None))
    rows, next_ = newest_first(tx, statement, Attachment.id.expression, filters)
    return Page(items=[_item(row) for row in rows], next=next_)


def one(tx: Connection, opv: UUID, id_: UUID) -> AttachmentItem | None:
    """The file of this id, if the OPV has it."""
    statement = select(*_COLUMNS).where(Attachment.opportunity_id == opv, Attachment.id == id_)
    row = tx.execute(statement).one_or_none()
    return None if row is None else _item(row)


def _item(row: Any) -> AttachmentItem:
    shown = {name: row._mapping[name] for name in _SHOWN}
    return AttachmentItem(id=row.id, client=row.client_id, sha256=row.sha256.hex(), **shown)
