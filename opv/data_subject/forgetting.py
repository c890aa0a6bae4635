"""Taking a person out of what leads come in by: requests, submissions, contact keys, clients."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, or_, select, update

from db.bulk import any_of, update_rows
from db.models import Base, Outcome, SubmissionState
from opv.clients.keys import Owned, lock_keys
from opv.clients.records import Record
from opv.data_subject.held import Held
from opv.data_subject.traces import Traces
from opv.ingest import refresh_outcomes
from opv.matching import Key
from opv.tombstones import DETAIL, ERASED, take_off, tombstone, veiled
from schemas.data_subject import Blanked

_T = Base.metadata.tables
_SUBMISSIONS, _DELIVERIES = _T["submissions"], _T["deliveries"]
_CLIENTS, _KEYS, _SUGGESTIONS = _T["clients"], _T["contact_keys"], _T["merge_suggestions"]


def unblanked(tx: Connection, submissions: Collection[UUID]) -> list[UUID]:
    """Those of the submissions that still hold something, or whose delivery does."""
    s, d = _SUBMISSIONS.c, _DELIVERIES.c
    whole = or_(s.reason.is_(None), s.reason != ERASED, d.erased_at.is_(None), func.length(d.sha256) > 0)
    statement = (
        select(s.id)
        .join(_DELIVERIES, d.id == s.delivery_id, isouter=True)
        .where(any_of(tx, s.id, submissions), whole)
        .order_by(s.id)
    )
    return list(tx.execute(statement).scalars())


def others_parked(tx: Connection, held: Held) -> int:
    """Parked leads of others in the person's deliveries, which could not be read again without them."""
    s, d = _SUBMISSIONS.c, _DELIVERIES.c
    statement = (
        select(s.id)
        .join(_DELIVERIES, d.id == s.delivery_id)
        .where(any_of(tx, s.delivery_id, held.deliveries), s.outcome == Outcome.PARKED.value, d.erased_at.is_(None))
    )
    return len(set(tx.execute(statement).scalars()) - held.submissions)


def blank_submissions(tx: Connection, ids: Sequence[UUID], now: datetime) -> Blanked:
    """Blanks submissions and their deliveries. A delivery that waits to be read anew is taken off the list; parked
    leads become ignored ones, as erased. A fixed number of statements."""
    s, d = _SUBMISSIONS.c, _DELIVERIES.c
    if not ids:
        return Blanked()
    found = tx.execute(select(s.delivery_id).where(any_of(tx, s.id, ids)).distinct()).scalars()
    deliveries = sorted(found)
    # Whoever reads them now is waited for; afterwards its lease is gone.
    tx.execute(select(d.id).where(any_of(tx, d.id, deliveries)).order_by(d.id).with_for_update())
    take_off(tx, deliveries, now)
    columns = (s.id, s.key, s.person, s.outcome, s.reason)
    rows = tx.execute(select(*columns).where(any_of(tx, s.id, ids)).order_by(s.id).with_for_update()).all()
    update_rows(tx, _SUBMISSIONS, ("id",), [_blank(row, now) for row in rows if row.reason != ERASED])
    refresh_outcomes(tx, deliveries)
    return Blanked(submissions=len(rows), deliveries=len(deliveries))


def names_heard(tx: Connection, ids: Sequence[UUID]) -> set[str]:
    """The folded names that came with the person's own contact keys."""
    k = _KEYS.c
    texts = tx.execute(select(k.names).where(any_of(tx, k.client_id, ids))).scalars()
    return {name for text in texts for name in json.loads(text)}


def lock_shared_keys(tx: Connection, ids: Sequence[UUID], traces: Traces) -> dict[Key, Owned]:
    """Contact keys of the person's phones and documents that other clients have, locked."""
    keys = [("phone", phone) for phone in traces.phones] + [("document", one) for one in traces.documents]
    return {key: one for key, one in lock_keys(tx, keys).items() if one.client not in ids}


def forget_keys(tx: Connection, ids: Sequence[UUID], same: Mapping[Key, Owned], traces: Traces) -> None:
    """Gives up the person's contact keys, and takes its names from those that it shared with others."""
    k, g = _KEYS.c, _SUGGESTIONS.c
    tx.execute(delete(_KEYS).where(any_of(tx, k.client_id, ids)))
    rows = [
        {"kind": kind, "value": value, "names": json.dumps(left, ensure_ascii=False)}
        for (kind, value), one in sorted(same.items())
        if (left := [name for name in one.names if name not in traces.names]) != list(one.names)
    ]
    update_rows(tx, _KEYS, ("kind", "value"), rows)
    tx.execute(delete(_SUGGESTIONS).where(or_(any_of(tx, g.client_id, ids), any_of(tx, g.other_id, ids))))


def blank_clients(tx: Connection, records: Mapping[UUID, Record], ids: Sequence[UUID], now: datetime) -> None:
    """Blanks the clients' rows; what kind of person it was stays. Nobody is linked to it as a spouse any more."""
    rows = [
        {
            "id": id_, "name": None, "document": None, "phones": "[]", "emails": "[]", "details": "{}",
            "spouse_id": None, "erased_at": records[id_].erased_at or now,
        }
        for id_ in sorted(ids)
    ]  # fmt: skip
    update_rows(tx, _CLIENTS, ("id",), rows)
    linked = [one.id for one in records.values() if one.spouse in ids and one.id not in ids]
    if linked:
        tx.execute(update(_CLIENTS).where(any_of(tx, _CLIENTS.c.id, linked)).values(spouse_id=None))


def _blank(row: Any, now: datetime) -> dict[str, Any]:
    parked = row.outcome == Outcome.PARKED.value
    return {
        "id": row.id, "key": row.key and tombstone(row.key), "person": row.key and veiled(row.person, row.key),
        "external_id": None, "pointer": None, "fetched": None, "address": None, "reason": ERASED, "detail": DETAIL,
        "outcome": Outcome.IGNORED.value if parked else row.outcome, "state": SubmissionState.DONE.value,
        "due_at": None, "lease": None, "done_at": now,
    }  # fmt: skip
