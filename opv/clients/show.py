"""The clients of an OPV as people read them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection

from db.queries.clients import history_of
from opv.clients.completeness import completeness
from opv.clients.divergences import divergences_of
from opv.clients.involved import involved_of
from opv.clients.records import unknown_client
from opv.house import House
from schemas.client import InvolvedClient, InvolvedClients
from schemas.opv import HistoryFilters, HistoryItem
from schemas.page import Page


def involved_clients(tx: Connection, house: House, opv: UUID) -> InvolvedClients:
    """All clients of the OPV, with what does not fit and what is missing. A fixed number of statements."""
    people = involved_of(tx, opv)
    return InvolvedClients(
        items=[one.shown() for one in people],
        divergences=divergences_of(tx, people),
        completeness=completeness(people, house),
    )


def involved_client(tx: Connection, opv: UUID, client: UUID) -> InvolvedClient:
    """One of them. Raises `Reject` `unknown_client`."""
    for one in involved_of(tx, opv):
        if one.id == client:
            return one.shown()
    raise unknown_client()


def history_of_client(tx: Connection, opv: UUID, client: UUID, filters: HistoryFilters) -> Page[HistoryItem]:
    """What of the OPV's history concerns the client, also of one that was taken out. Raises `Reject`
    `unknown_client` for one that the OPV never had."""
    own = next((one for one in involved_of(tx, opv) if one.id == client), None)
    page = history_of(tx, opv, client, filters, main=own is not None and own.main)
    if own is None and not page.items and filters.cursor is None:
        raise unknown_client()
    return page
