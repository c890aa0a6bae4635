"""Involving a client in an OPV: a person as typed, matched as leads are, or one that is known by its id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from db.bulk import insert_rows
from db.ids import new_id
from db.models import Base
from opv import history
from opv.access import Viewer, visible
from opv.by_people import Done
from opv.clients.couples import check_spouse, link
from opv.clients.involved import Involved, involved_of
from opv.clients.keys import suggest
from opv.clients.reach import seen_clients
from opv.clients.records import (
    Record,
    begin,
    cause_of,
    find_opv,
    involvements,
    living,
    lock_couples,
    lock_opv,
    unknown_client,
    write_records,
)
from opv.clients.typed import check_details, filled_details, typed_document, typed_emails, typed_name, typed_phones
from opv.clients.writing import note_changes, noting_completion
from opv.house import House
from opv.matching import keys_of, match
from opv.normalize import NormalizedLead, normalize
from opv.normalize.documents import kind_of
from schemas.client import MOST_INVOLVED, InvolvementBody, Kind
from schemas.errors import Reject
from schemas.lead import Lead, SentPhone

_CLIENTS = Base.metadata.tables["clients"]
_INVOLVED = Base.metadata.tables["involved_clients"]


@dataclass(frozen=True, slots=True)
class Added:
    """The client, and what was done."""

    client: UUID
    done: Done


@dataclass(frozen=True, slots=True)
class _Found:
    """Whom the body means. `same`: clients that may be the same person, with the kind of key."""

    client: UUID
    is_new: bool
    lead: NormalizedLead | None = None
    same: Sequence[tuple[UUID, UUID, str]] = ()


def add_client(tx: Connection, house: House, viewer: Viewer, now: datetime, ident: str, body: InvolvementBody) -> Added:
    """Involves the client in the OPV of this id or number. What is written must be rolled back when it is refused.

    A person as typed is matched by document, else by phone or e-mail together with the name; what the house knows of
    it is filled up, not overwritten. Raises `Reject`: `unknown_opv`, `unknown_client`, `opv_closed`,
    `already_involved`, `too_many_clients`, `nobody_named`, and what `opv.clients.typed` and `.couples` refuse."""
    opv_id = find_opv(tx, house, viewer, ident)
    found = _known(tx, house, viewer, body.client) if body.client is not None else _typed(tx, body, now)
    wanted = {found.client} if body.spouse is None else {found.client, body.spouse}
    records = lock_couples(tx, wanted)
    before = {id_: record.copy() for id_, record in records.items()}
    if found.is_new:
        records[found.client] = _new(found, body, now)
    record = living(records, found.client)
    of_others = involvements(tx, records)
    opvs = lock_opv(tx, house, viewer, opv_id, of_others)
    if opvs[opv_id].status != "open":
        raise Reject("opv_closed", "the OPV is closed", 409)
    _check_room(involved_of(tx, opv_id), record.id)
    if found.lead is not None and not found.is_new:
        _learn(record, found.lead, body)
    check_details(record.details, record.kind, now.astimezone(house.zone).date())
    if body.role == "spouse" and record.kind == "legal":
        raise Reject("spouse_is_natural", "a spouse is a natural person", 422)
    if body.spouse is not None:
        check_spouse(record, records.get(body.spouse), {one.id for one in involved_of(tx, opv_id)})
        link(records, record, body.spouse)
    batch = begin(house, now, opvs)
    data = {"client": str(record.id), "role": body.role, "known": not found.is_new}
    if record.spouse is not None:
        data["spouse"] = str(record.spouse)
    batch.record(opvs[opv_id], history.CLIENT_ADDED, cause_of(viewer), data, record.told())
    note_changes(batch, viewer, of_others, before, records)
    with noting_completion(tx, batch, viewer, record.id):
        if found.is_new:
            insert_rows(tx, _CLIENTS, [{**record.row(), "created_at": now}])
        write_records(tx, [one for id_, one in records.items() if id_ in before and one.facts() != before[id_].facts()])
        insert_rows(tx, _INVOLVED, [{"opportunity_id": opv_id, "client_id": record.id, "role": body.role}])
    batch.write(tx)
    suggest(tx, found.same, now)
    return Added(record.id, Done(opv_id, batch.woken))


def _known(tx: Connection, house: House, viewer: Viewer, client: UUID) -> _Found:
    """A client by its id, of whom the person sees an OPV."""
    if client not in seen_clients(tx, visible(viewer, house), [client]):
        raise unknown_client()
    return _Found(client, is_new=False)


def _typed(tx: Connection, body: InvolvementBody, now: datetime) -> _Found:
    name = typed_name(body.name) if body.name else None
    document = typed_document(body.document) if body.document else None
    phones, emails = typed_phones(body.phones), typed_emails(body.emails)
    if not (name or document or phones or emails):
        raise Reject("nobody_named", "name the client: a name, a document, a phone or an e-mail", 422)
    _check_kind(body.kind, document)
    lead = normalize(
        Lead(name=name, document=document, phones=[SentPhone(value=phone) for phone in phones], emails=emails)
    )
    if body.kind is not None:
        lead.kind = body.kind
    if not keys_of(lead):
        return _Found(new_id(), is_new=True, lead=lead)
    matched = match(tx, [lead], now, phone_needs_name=True)
    person = matched.people[0]
    return _Found(person.id, person.is_new, lead, [(one, other, because) for one, other, _, because in matched.same])


def _check_kind(kind: Kind | None, document: str | None) -> None:
    if kind is not None and document is not None and kind != kind_of(document):
        raise Reject("kind_differs", f"the document is not of a {kind} person", 422)


def _new(found: _Found, body: InvolvementBody, now: datetime) -> Record:
    lead = found.lead
    if lead is None:
        raise ValueError("a new client was typed")
    return Record(
        found.client, lead.kind, lead.name, lead.document, list(lead.phones), list(lead.emails), body.details, None, now
    )


def _learn(record: Record, lead: NormalizedLead, body: InvolvementBody) -> None:
    record.name = record.name or lead.name
    if record.document is None and lead.document:
        record.document, record.kind = lead.document, lead.kind
    for known, brought in ((record.phones, lead.phones), (record.emails, lead.emails)):
        known.extend(one for one in brought if one not in known)
    record.details = filled_details(record.details, body.details)


def _check_room(people: Sequence[Involved], client: UUID) -> None:
    if any(one.id == client for one in people):
        raise Reject("already_involved", "this client is involved in the OPV already", 409)
    if len(people) >= MOST_INVOLVED:
        raise Reject("too_many_clients", f"an OPV has {MOST_INVOLVED} clients at most", 409)
