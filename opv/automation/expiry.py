"""Stages that expire: an OPV that its broker leaves in one for too long returns, as one that it does not accept."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, or_, select

from db.models import Base
from db.statement import Statement
from opv import history
from opv.batch import Batch, Cause, Opv
from opv.distribution.returns import give_back, way_back
from opv.distribution.rules import is_exempt
from opv.distribution.waiting import waiting_row
from opv.facts import OpvFacts
from opv.house import House
from schemas.config import Expiry

EXPIRED = "stage_expired"
"""Why the OPV returned."""

_ENTRIES = Base.metadata.tables["history_entries"]

_GIVEN_AND_RETURNED = Statement(
    lambda one_of: (
        select(_ENTRIES.c.opportunity_id, _ENTRIES.c.seq, _ENTRIES.c.kind, _ENTRIES.c.data)
        .where(
            one_of(_ENTRIES.c.opportunity_id, "opvs"),
            or_(_ENTRIES.c.kind == history.ASSIGNED, _ENTRIES.c.kind == history.RETURNED),
        )
        .order_by(_ENTRIES.c.opportunity_id, _ENTRIES.c.seq)
    )
)


@dataclass(slots=True)
class Stay:
    """How an OPV's brokers have left it in its stage: since which entry the present one does, by which line it came to
    that broker, and who let it go."""

    since: int
    line: str | None = None
    let_go: list[str] = field(default_factory=list)


def stay_of(tx: Connection, batch: Batch, opv: Opv, known: dict[UUID, Stay]) -> Stay:
    """The OPV's stay in its stage. The first question loads it into `known` for all OPVs of the batch."""
    if opv.id not in known:
        known.update(_load(tx, batch, batch.opvs.keys() - known.keys()))
    return known[opv.id]


def spared(house: House, expiry: Expiry, opv: Opv, facts: OpvFacts) -> str | None:
    """Why the OPV stays where it is all the same; None when it returns."""
    if expiry.spare_contacted and opv.first_contact_at is not None:
        return "the client was contacted"
    return "leads like this one are exempt" if is_exempt(house, facts) else None


def expire(batch: Batch, opv: Opv, cause: Cause, expiry: Expiry, stay: Stay) -> dict[str, Any] | None:
    """Takes the OPV from its broker; gives its row on the list, None when it waits for nobody. What stays with an alert
    expires anew, until the hops are over."""
    hops, broker = len(stay.let_go), opv.broker
    way = way_back(expiry, hops)
    changes = give_back(batch, opv, cause, expiry, EXPIRED, hops=hops, line=stay.line, tried=stay.let_go)
    stay.let_go.append(broker or "")
    if way == "alert" and hops < expiry.hops:
        stay.since = opv.history_seq
        batch.begin_expiry(opv, stay.since)
    return None if changes is None else {**waiting_row(opv.id, batch.now, cause=cause), **changes}


def _load(tx: Connection, batch: Batch, opvs: Collection[UUID]) -> dict[UUID, Stay]:
    stays = {id_: Stay(batch.opvs[id_].stage_seq) for id_ in opvs}
    rows: Iterable[Any] = _GIVEN_AND_RETURNED.rows(tx, opvs=opvs)
    for row in rows:
        stay, data = stays[row.opportunity_id], json.loads(row.data)
        expired = row.kind == history.RETURNED and data["because"] == EXPIRED
        given = row.kind == history.ASSIGNED and "part" not in data and data["broker"] is not None
        if given:
            stay.line = data.get("queue")
        if row.seq < stay.since:
            continue
        if expired:
            stay.let_go.append(data["broker"])
        if given or (expired and data["otherwise"] == "alert"):
            stay.since = row.seq
    return stays
