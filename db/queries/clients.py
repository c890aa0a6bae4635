"""Reads of clients' own histories."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select

from db.models import Client, HistoryEntry
from db.queries.opvs import history
from schemas.opv import HistoryFilters, HistoryItem
from schemas.page import Page

_OF_MAIN = ("contact.added",)
"""Kinds of entries that concern the main client when they name none."""


def ids_of(tx: Connection, client: UUID) -> list[UUID]:
    """The client's id and those of the clients that were merged into it."""
    return [client, *tx.execute(select(Client.id).where(Client.merged_into == client).order_by(Client.id)).scalars()]


def history_of(tx: Connection, opv: UUID, client: UUID, filters: HistoryFilters, *, main: bool) -> Page[HistoryItem]:
    """Facts of the OPV that concern the client, in order: those that name it, or one that was merged into it, and when
    it is the main client, contacts that name nobody."""
    return history(tx, opv, filters, _concerning(ids_of(tx, client), main=main))


def _concerning(ids: list[UUID], *, main: bool) -> ColumnElement[bool]:
    """Facts name clients by their ids, which stand nowhere else."""
    data = HistoryEntry.data.expression
    unnamed = and_(HistoryEntry.kind.in_(_OF_MAIN), ~data.contains('"client":')) if main else false()
    return or_(unnamed, *(data.contains(str(id_)) for id_ in ids))
