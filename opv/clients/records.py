"""Clients' rows in memory, under lock, and the OPVs that they are involved in.

Locks are taken in the order of ingest (`opv.matching`): contact keys, clients by id, OPVs by id. Who holds a client's
row may trust that it gets no other OPV meanwhile: whoever involves a known client in one locks its row before.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, union

from db.bulk import any_of, update_rows
from db.models import Base
from db.queries.opvs import find
from opv.access import Viewer, sees, visible
from opv.batch import OPVS, Batch, Cause, Opv, opvs_by_id
from opv.clients.involved import CLIENT_COLUMNS
from opv.house import House
from opv.normalize.names import name_key
from schemas.client import ClientDetails, ClientRecord, Kind
from schemas.errors import Reject

_CLIENTS = Base.metadata.tables["clients"]
_INVOLVED = Base.metadata.tables["involved_clients"]
_OPVS = Base.metadata.tables["opportunities"]


@dataclass(slots=True)
class Record:
    """A client's row. `spouse` is a client's id."""

    id: UUID
    kind: Kind
    name: str | None
    document: str | None
    phones: list[str]
    emails: list[str]
    details: ClientDetails
    spouse: UUID | None
    created_at: datetime
    merged_into: UUID | None = None
    erased_at: datetime | None = None

    @property
    def name_key(self) -> str:
        """The folded name."""
        return name_key(self.name)

    def copy(self) -> Record:
        """The record as it is now."""
        return replace(self, phones=list(self.phones), emails=list(self.emails))

    def facts(self) -> dict[str, Any]:
        """What may be changed of it, as JSON holds it; details as `details.<name>`."""
        spouse = str(self.spouse) if self.spouse else None
        plain = {"kind": self.kind, "name": self.name, "document": self.document, "phones": list(self.phones),
                 "emails": list(self.emails), "spouse": spouse}  # fmt: skip
        return {**plain, **{f"details.{name}": one for name, one in self.details.model_dump(mode="json").items()}}

    def told(self) -> dict[str, Any]:
        """What is known of it, as the history keeps it."""
        details = self.details.model_dump(mode="json", exclude_defaults=True)
        plain = {"name": self.name, "document": self.document, "phones": self.phones, "emails": self.emails}
        return {name: value for name, value in {**plain, "details": details}.items() if value}

    def row(self) -> dict[str, Any]:
        """The columns that people change."""
        return {
            "id": self.id, "kind": self.kind, "name": self.name, "document": self.document,
            "phones": json.dumps(self.phones), "emails": json.dumps(self.emails), "details": self.details.stored(),
            "spouse_id": self.spouse,
        }  # fmt: skip

    def shown(self) -> ClientRecord:
        """As the API shows it."""
        return ClientRecord(**{name: getattr(self, name) for name in ClientRecord.model_fields})


def read_records(tx: Connection, ids: Iterable[UUID], *, lock: bool = False) -> dict[UUID, Record]:
    """Clients by id; locked in the order of their ids."""
    wanted = set(ids)
    if not wanted:
        return {}
    statement = select(*(_CLIENTS.c[name] for name in CLIENT_COLUMNS)).where(any_of(tx, _CLIENTS.c.id, sorted(wanted)))
    if lock:
        statement = statement.order_by(_CLIENTS.c.id).with_for_update(key_share=True)
    return {row.id: _record(row) for row in tx.execute(statement)}


def lock_couples(tx: Connection, ids: Iterable[UUID]) -> dict[UUID, Record]:
    """Clients and whom they are linked to as spouses, locked."""
    wanted = set(ids)
    peeked = read_records(tx, wanted)
    found = read_records(tx, wanted | _spouses(peeked), lock=True)
    late = _spouses({id_: one for id_, one in found.items() if id_ in wanted}) - found.keys()
    return {**found, **read_records(tx, late, lock=True)} if late else found


def living(records: dict[UUID, Record], id_: UUID) -> Record:
    """The client. Raises `Reject`: `unknown_client`, `client_merged`, `client_erased`."""
    record = records.get(id_)
    if record is None:
        raise unknown_client()
    if record.merged_into is not None:
        raise Reject("client_merged", f"this client was merged into {record.merged_into}", 409)
    if record.erased_at is not None:
        raise Reject("client_erased", "this client was erased on request", 409)
    return record


def unknown_client() -> Reject:
    """What is answered of a client that does not exist, or not for who asks."""
    return Reject("unknown_client", "no such client", 404)


def find_opv(tx: Connection, house: House, viewer: Viewer, ident: str) -> UUID:
    """The id of the OPV of this id or number. Raises `Reject` `unknown_opv` for one that the person does not see."""
    found = find(tx, visible(viewer, house), ident)
    if found is None:
        raise _unknown_opv()
    return found


def lock_opv(tx: Connection, house: House, viewer: Viewer, opv: UUID, others: Iterable[UUID]) -> dict[UUID, Opv]:
    """An OPV that the person sees, and others, locked. Raises `Reject` `unknown_opv` when it sees it no more."""
    found = opvs_by_id(OPVS.rows(tx, ids={opv, *others}))
    if opv not in found or not sees(viewer, house, found[opv]):
        raise _unknown_opv()
    return found


def involvements(tx: Connection, clients: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """The OPVs of clients, each with those of them that it involves."""
    wanted = sorted(set(clients))
    found: dict[UUID, set[UUID]] = defaultdict(set)
    statement = union(
        select(_INVOLVED.c.opportunity_id, _INVOLVED.c.client_id).where(any_of(tx, _INVOLVED.c.client_id, wanted)),
        select(_OPVS.c.id, _OPVS.c.client_id).where(any_of(tx, _OPVS.c.client_id, wanted)),
    )
    for opv, client in tx.execute(statement):
        found[opv].add(client)
    return dict(found)


def begin(house: House, now: datetime, opvs: dict[UUID, Opv]) -> Batch:
    """A batch of these OPVs."""
    batch = Batch(house, now)
    batch.opvs.update(opvs)
    return batch


def cause_of(viewer: Viewer) -> Cause:
    """Who does it."""
    return Cause(f"person:{viewer.person}")


def write_records(tx: Connection, records: Iterable[Record]) -> None:
    """Writes clients that were there before."""
    update_rows(tx, _CLIENTS, ("id",), sorted((one.row() for one in records), key=lambda row: row["id"]))


def _spouses(records: dict[UUID, Record]) -> set[UUID]:
    return {one.spouse for one in records.values() if one.spouse is not None}


def _record(row: Any) -> Record:
    return Record(
        id=row.id, kind=row.kind, name=row.name, document=row.document, phones=json.loads(row.phones),
        emails=json.loads(row.emails), details=ClientDetails.load(row.details), spouse=row.spouse_id,
        created_at=row.created_at, merged_into=row.merged_into, erased_at=row.erased_at,
    )  # fmt: skip


def _unknown_opv() -> Reject:
    return Reject("unknown_opv", "no such OPV", 404)
