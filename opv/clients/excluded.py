"""Brokers who are not to have a client: distribution leaves them out for its leads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, select

from db.bulk import add_new, any_of
from db.models import Base
from opv import history
from opv.access import Viewer, oversees, visible
from opv.batch import OPVS, opvs_by_id
from opv.clients.reach import seen_clients
from opv.clients.records import begin, cause_of, involvements, living, lock_couples, read_records, unknown_client
from opv.house import House
from schemas.client import ExcludedBroker
from schemas.errors import Reject

_PAIRS = Base.metadata.tables["excluded_pairs"]


def excluded(tx: Connection, house: House, viewer: Viewer, client: UUID) -> list[ExcludedBroker]:
    """Who is not to have the client. Raises `Reject`: `unknown_client` for one of whom the viewer sees no OPV,
    `client_merged`, `client_erased`."""
    _check_seen(tx, house, viewer, client)
    living(read_records(tx, [client]), client)
    return pairs_of(tx, [client])


def pairs_of(tx: Connection, clients: Collection[UUID]) -> list[ExcludedBroker]:
    """Who is not to have one of the clients."""
    rows = tx.execute(select(*_PAIRS.c).where(any_of(tx, _PAIRS.c.client_id, clients)).order_by(_PAIRS.c.broker))
    return [ExcludedBroker(broker=row.broker, at=row.at, by=row.by) for row in rows]


def exclude(
    tx: Connection, house: House, viewer: Viewer, now: datetime, client: UUID, broker: str
) -> tuple[Sequence[ExcludedBroker], set[str]]:
    """The broker is not to have the client; gives all who are not, and the steps to wake after the commit. What the
    broker serves of it already stays. Raises as `excluded` does, `not_allowed` (403), `unknown_broker` (422)."""
    if not house.roster.has_role(broker, "broker", "presales"):
        raise Reject("unknown_broker", f"there is no broker {broker}", 422)
    return _change(tx, house, viewer, now, client, broker, excluded=True)


def allow(
    tx: Connection, house: House, viewer: Viewer, now: datetime, client: UUID, broker: str
) -> tuple[Sequence[ExcludedBroker], set[str]]:
    """The broker may have the client again; as `exclude`."""
    return _change(tx, house, viewer, now, client, broker, excluded=False)


def move_pairs(tx: Connection, client: UUID, other: UUID) -> None:
    """Who was not to have `other`, which is merged into `client`, is not to have that."""
    rows = tx.execute(select(*_PAIRS.c).where(_PAIRS.c.client_id == other)).all()
    moved = [{**row._mapping, "client_id": client} for row in rows]
    add_new(tx, _PAIRS, moved, ("client_id", "broker"))
    forget_pairs(tx, [other])


def forget_pairs(tx: Connection, clients: Collection[UUID]) -> None:
    """Forgets who was not to have the clients."""
    tx.execute(delete(_PAIRS).where(any_of(tx, _PAIRS.c.client_id, clients)))


def _change(
    tx: Connection, house: House, viewer: Viewer, now: datetime, client: UUID, broker: str, *, excluded: bool
) -> tuple[Sequence[ExcludedBroker], set[str]]:
    _check_seen(tx, house, viewer, client)
    if not oversees(viewer):
        raise Reject("not_allowed", "managers and directors say which brokers are not to have a client", 403)
    living(lock_couples(tx, [client]), client)
    there = broker in {one.broker for one in pairs_of(tx, [client])}
    if there == excluded:
        return pairs_of(tx, [client]), set()
    if excluded:
        add_new(tx, _PAIRS, [{"client_id": client, "broker": broker, "at": now, "by": viewer.person}],
                ("client_id", "broker"))  # fmt: skip
    else:
        tx.execute(delete(_PAIRS).where(_PAIRS.c.client_id == client, _PAIRS.c.broker == broker))
    batch = begin(house, now, opvs_by_id(OPVS.rows(tx, ids=set(involvements(tx, [client])))))
    kind = history.BROKER_EXCLUDED if excluded else history.BROKER_ALLOWED
    for opv in batch.opvs.values():
        batch.record(opv, kind, cause_of(viewer), {"client": str(client), "broker": broker})
    batch.write(tx)
    return pairs_of(tx, [client]), batch.woken


def _check_seen(tx: Connection, house: House, viewer: Viewer, client: UUID) -> None:
    if not seen_clients(tx, visible(viewer, house), [client]):
        raise unknown_client()
