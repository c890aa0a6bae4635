"""The clients of an OPV in memory."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from db.models import Base
from db.statement import Statement
from schemas.client import ClientDetails, InvolvedClient, Kind, Role

_CLIENTS = Base.metadata.tables["clients"]
_INVOLVED = Base.metadata.tables["involved_clients"]
_OPVS = Base.metadata.tables["opportunities"]

CLIENT_COLUMNS = (
    "id", "kind", "name", "document", "phones", "emails", "created_at", "details", "spouse_id", "merged_into",
    "erased_at",
)  # fmt: skip

_OF_OPVS = Statement(
    lambda one_of: (
        select(
            *(_CLIENTS.c[name] for name in CLIENT_COLUMNS), _INVOLVED.c.role,
            (_OPVS.c.client_id == _CLIENTS.c.id).label("main"), _OPVS.c.id.label("opv"),
        )
        .join(_INVOLVED, _INVOLVED.c.client_id == _CLIENTS.c.id)
        .join(_OPVS, _OPVS.c.id == _INVOLVED.c.opportunity_id)
        .where(one_of(_OPVS.c.id, "opvs"))
        .order_by(_CLIENTS.c.id)
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Involved:
    """A client and its part in an OPV. `main`: the OPV is this client's; `spouse` is a client's id."""

    id: UUID
    kind: Kind
    role: Role
    main: bool
    name: str | None
    document: str | None
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    spouse: UUID | None
    details: ClientDetails
    created_at: datetime
    erased_at: datetime | None = None

    def shown(self) -> InvolvedClient:
        """As the API shows it."""
        return InvolvedClient(**{name: getattr(self, name) for name in InvolvedClient.model_fields})


def involved_of(tx: Connection, opv: UUID) -> list[Involved]:
    """The clients of an OPV, the main one first, then in the order in which the house came to know them."""
    return involved_of_all(tx, {opv}).get(opv, [])


def involved_of_all(tx: Connection, opvs: Collection[UUID]) -> dict[UUID, list[Involved]]:
    """As `involved_of`, of many OPVs in one statement."""
    found: dict[UUID, list[Involved]] = defaultdict(list)
    for row in _OF_OPVS.rows(tx, opvs=opvs):
        found[row.opv].append(_involved(row))
    return {opv: sorted(people, key=lambda one: not one.main) for opv, people in found.items()}


def is_involved(tx: Connection, opv: UUID, client: UUID) -> bool:
    """Whether the client takes part in the OPV."""
    i = _INVOLVED.c
    found = select(i.client_id).where(i.opportunity_id == opv, i.client_id == client)
    return tx.execute(found).one_or_none() is not None


def _involved(row: Any) -> Involved:
    return Involved(
        id=row.id, kind=row.kind, role=row.role, main=bool(row.main), name=row.name, document=row.document,
        phones=tuple(json.loads(row.phones)), emails=tuple(json.loads(row.emails)), spouse=row.spouse_id,
        details=ClientDetails.load(row.details), created_at=row.created_at, erased_at=row.erased_at,
    )  # fmt: skip
