"""Which clients a person may see: those of the OPVs that it sees."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select

from db.bulk import any_of
from db.models import Client, InvolvedClient, Opportunity


def seen_clients(tx: Connection, seen: ColumnElement[bool], clients: Iterable[UUID]) -> set[UUID]:
    """Those of the clients that are involved in an OPV for which `seen` (`opv.access.visible`) holds; of one that was
    merged, the client into which it was."""
    wanted = sorted(set(clients))
    if not wanted:
        return set()
    statement = (
        select(Client.id)
        .join(InvolvedClient, InvolvedClient.client_id == func.coalesce(Client.merged_into, Client.id))
        .join(Opportunity, Opportunity.id == InvolvedClient.opportunity_id)
        .where(any_of(tx, Client.id.expression, wanted), seen)
        .distinct()
    )
    return set(tx.execute(statement).scalars())


def seen_opvs(tx: Connection, seen: ColumnElement[bool], clients: Iterable[UUID]) -> list[UUID]:
    """The OPVs for which `seen` holds that involve one of the clients."""
    statement = (
        select(InvolvedClient.opportunity_id)
        .join(Opportunity, Opportunity.id == InvolvedClient.opportunity_id)
        .where(any_of(tx, InvolvedClient.client_id.expression, sorted(set(clients))), seen)
        .distinct()
    )
    return sorted(tx.execute(statement).scalars())
