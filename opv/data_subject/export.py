"""All that is held of a person, in one machine-readable answer (LGPD, arts. 18 and 19)."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, and_, select

from db.bulk import any_of
from db.models import Base
from db.queries.opvs import capture_of, fact_of
from db.session import AnyRow, Database
from opv import history
from opv.access import Viewer
from opv.answers.values import fields_of, tags_of
from opv.batch import OPVS, opvs_by_id
from opv.clients.excluded import pairs_of
from opv.clients.records import begin, cause_of, read_records
from opv.data_subject.answering import check_answers, person_ids
from opv.data_subject.blanking import subjects
from opv.data_subject.consents import consents
from opv.data_subject.held import Held, held_of
from opv.data_subject.known import known_of
from opv.data_subject.recipients import messages_of, recipients, sales_of
from opv.house import House
from schemas.data_subject import CaptureHeld, ExportRecord, HistoryHeld, PartHeld

_T = Base.metadata.tables
_MESSAGE = ("id", "opportunity_id", "target", "kind", "recipient", "state", "created_at", "sent_at", "body")
_ITEM = (
    "id",
    "opportunity_id",
    "title",
    "owner",
    "due_at",
    "state",
    "created_by",
    "created_at",
    "ended_by",
    "ended_at",
)
_FILE = (
    "id", "opportunity_id", "client_id", "name", "content_type", "size", "sha256", "added_by", "added_at", "removed_at",
    "erased_at",
)  # fmt: skip
_SUBMISSION = (
    "id", "delivery_id", "external_id", "key", "repeat_of", "opportunity_id", "outcome", "reason", "detail",
    "created_at", "pointer", "fetched",
)  # fmt: skip
_DELIVERY = ("id", "channel", "received_at", "erased_at", "sha256", "url", "headers", "body")


def export_person(
    database: Database, house: House, viewer: Viewer, clock: Callable[[], datetime], client: UUID
) -> tuple[ExportRecord, set[str]]:
    """All that is held of the person whom the client stands for; the history of each of its OPVs notes who exported it.
    Gives the steps to wake, too. Leads that no card leads to are looked for beforehand, which may take seconds: on
    SQLite nobody could write meanwhile.

    Raises `Reject`: `not_allowed` (403), `unknown_client` (404)."""
    check_answers(viewer, house)
    with database.read() as tx:
        known = known_of(tx, person_ids(tx, client))
    with database.write() as tx:
        return _export(tx, house, viewer, clock(), known.held)


def _export(tx: Connection, house: House, viewer: Viewer, now: datetime, before: Held) -> tuple[ExportRecord, set[str]]:
    """A fixed number of statements."""
    ids = person_ids(tx, before.ids[0])
    records = read_records(tx, ids)
    held = held_of(tx, ids, strays=before.submissions)
    opvs = opvs_by_id(OPVS.rows(tx, ids=set(held.opvs)))
    messages, sales = messages_of(tx, held), sales_of(tx, held)
    living, *merged = (records[id_] for id_ in ids)
    record = ExportRecord(
        exported_at=now,
        exported_by=viewer.person,
        company=house.configuration.company.name,
        officer=house.configuration.legal.officer,
        client=living.shown(),
        merged=[one.shown() for one in merged],
        contact_keys=_contact_keys(tx, ids),
        excluded_brokers=pairs_of(tx, ids),
        parts=_parts(tx, held, opvs.values()),
        captures=_captures(held.cards),
        consents=consents(held.cards, records.values()),
        recipients=recipients(messages, sales),
        history=_history(tx, held),
        submissions=_submissions(tx, held),
        deliveries=_deliveries(tx, held, house),
        messages=_messages(tx, held, messages),
        pending_items=[_plain(row, _ITEM) for row in _of_opvs(tx, _T["pending_items"], held.own)],
        attachments=_attachments(tx, held),
        sale_processes=[_plain(row, tuple(_T["sale_processes"].c.keys())) for row in sales],
    )
    batch = begin(house, now, opvs)
    for opv in opvs.values():
        data = {"client": str(ids[0]), "also": [str(id_) for id_ in ids[1:]]}
        batch.record(opv, history.PERSONAL_DATA_EXPORTED, cause_of(viewer), data)
    batch.write(tx)
    return record, batch.woken


def _captures(cards: Sequence[AnyRow]) -> list[CaptureHeld]:
    by_opv: defaultdict[UUID, list[AnyRow]] = defaultdict(list)
    for card in sorted(cards, key=lambda one: -one.seq):
        by_opv[card.opportunity_id].append(card)
    return [
        CaptureHeld(**capture_of(card, by_opv[card.opportunity_id]).model_dump(), id=card.id, opv=card.opportunity_id)
        for card in cards
    ]


def _contact_keys(tx: Connection, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    k = _T["contact_keys"].c
    rows = tx.execute(select(*k).where(any_of(tx, k.client_id, ids)).order_by(k.kind, k.value))
    return [{**_plain(row, ("kind", "value", "stopped_at")), "names": json.loads(row.names)} for row in rows]


def _parts(tx: Connection, held: Held, opvs: Iterable[Any]) -> list[PartHeld]:
    i = _T["involved_clients"].c
    rows = tx.execute(select(*i).where(any_of(tx, i.opportunity_id, held.opvs), any_of(tx, i.client_id, held.ids)))
    roles = {row.opportunity_id: row.role for row in rows}
    names = ("number", "stage", "status", "development", "team", "manager", "broker", "created_at")
    return [
        PartHeld(
            opv=opv.id,
            role=roles.get(opv.id),
            main=main,
            **{name: getattr(opv, name) for name in names},
            tags=tags_of(opv.tags if main else None),
            fields=fields_of(opv.fields if main else None),
        )
        for opv in opvs
        for main in (opv.id in held.own,)
    ]


def _history(tx: Connection, held: Held) -> list[HistoryHeld]:
    """Of its own OPVs all but what is about somebody else; of others what is about the person."""
    e, c = _T["history_entries"].c, _T["history_contents"].c
    same = and_(c.opportunity_id == e.opportunity_id, c.seq == e.seq)
    statement = (
        select(*e, c.content, c.erased_at)
        .join_from(_T["history_entries"], _T["history_contents"], same, isouter=True)
        .where(any_of(tx, e.opportunity_id, held.opvs))
        .order_by(e.opportunity_id, e.seq)
    )
    ids = set(map(str, held.ids))
    found = []
    for row in tx.execute(statement):
        about = subjects(row.data)
        if not about.isdisjoint(ids) or (not about and row.opportunity_id in held.own):
            found.append(HistoryHeld(**fact_of(row).model_dump(), opv=row.opportunity_id))
    return found


def _submissions(tx: Connection, held: Held) -> list[dict[str, Any]]:
    s = _T["submissions"].c
    rows = tx.execute(
        select(*(s[name] for name in _SUBMISSION)).where(any_of(tx, s.id, held.submissions)).order_by(s.id)
    )
    return [_plain(row, _SUBMISSION) for row in rows]


def _deliveries(tx: Connection, held: Held, house: House) -> list[dict[str, Any]]:
    d, s = _T["deliveries"].c, _T["submissions"].c
    columns = (d[name] for name in _DELIVERY)
    rows = tx.execute(select(*columns).where(any_of(tx, d.id, held.deliveries)).order_by(d.id)).all()
    beside = tx.execute(select(s.id, s.delivery_id).where(any_of(tx, s.delivery_id, held.deliveries)))
    shared = {row.delivery_id for row in beside if row.id not in held.submissions}
    found = []
    for row in rows:
        entrance = house.entrances.get(row.channel)
        names = tuple(name for name in _DELIVERY if row.id not in shared or name not in ("url", "headers", "body"))
        channel = {"channel": entrance.key, "source": entrance.source.slug} if entrance else {}
        found.append({**_plain(row, names), **channel, "shared": row.id in shared})
    return found


def _messages(tx: Connection, held: Held, messages: Sequence[AnyRow]) -> list[dict[str, Any]]:
    """Those about its OPVs; of one that involves others too without the text, which may be about them."""
    i = _T["involved_clients"].c
    rows = tx.execute(select(*i).where(any_of(tx, i.opportunity_id, held.own))).all()
    beside = {row.opportunity_id for row in rows if row.client_id not in held.ids}
    own = [row for row in messages if row.opportunity_id in held.own]
    short = tuple(name for name in _MESSAGE if name != "body")
    return [_plain(row, short if row.opportunity_id in beside else _MESSAGE) for row in own]


def _attachments(tx: Connection, held: Held) -> list[dict[str, Any]]:
    rows = _of_opvs(tx, _T["attachments"], held.opvs)
    mine = (r for r in rows if r.client_id in held.ids or (r.client_id is None and r.opportunity_id in held.own))
    return [_plain(row, _FILE) for row in mine]


def _of_opvs(tx: Connection, table: Table, opvs: Iterable[UUID]) -> Sequence[AnyRow]:
    return tx.execute(select(*table.c).where(any_of(tx, table.c.opportunity_id, opvs)).order_by(table.c.id)).all()


def _plain(row: AnyRow, names: Iterable[str]) -> dict[str, Any]:
    """Columns as JSON holds them: hashes in hexadecimal, other bytes as text, with base64 beside what is no UTF-8."""
    found: dict[str, Any] = {}
    for name in names:
        value = row._mapping[name]
        if isinstance(value, bytes | memoryview):
            raw = bytes(value)
            found[name] = raw.hex() if name == "sha256" else raw.decode("utf-8", "replace")
            if name != "sha256" and raw.decode("utf-8", "replace").encode() != raw:
                found[f"{name}_base64"] = base64.b64encode(raw).decode()
        else:
            found[name] = value
    return found
