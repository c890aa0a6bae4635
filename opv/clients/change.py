"""Correcting a client of an OPV, changing its part, and taking it out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, delete, update

from db.models import Base
from opv import history
from opv.access import Viewer
from opv.by_people import Done
from opv.clients.couples import check_spouse, link
from opv.clients.involved import Involved, involved_of
from opv.clients.keys import claim, follow, rivals, suggest
from opv.clients.records import (
    Record,
    begin,
    cause_of,
    find_opv,
    involvements,
    living,
    lock_couples,
    lock_opv,
    read_records,
    unknown_client,
    write_records,
)
from opv.clients.typed import (
    changed_details,
    check_details,
    typed_document,
    typed_emails,
    typed_name,
    typed_phones,
)
from opv.clients.writing import note_changes, noting_completion
from opv.house import House
from opv.normalize.documents import kind_of
from schemas.client import ClientChangeBody
from schemas.errors import Reject

_INVOLVED = Base.metadata.tables["involved_clients"]


def change_client(
    tx: Connection, house: House, viewer: Viewer, now: datetime, ident: str, client: UUID, body: ClientChangeBody
) -> Done:
    """Changes what is held of a client of the OPV, and its part there. Its contact keys follow. What is written must be
    rolled back when it is refused. On a closed OPV too: data are corrected whenever they are wrong.

    Raises `Reject`: `unknown_opv`, `unknown_client`, `client_erased`, and what `opv.clients.typed` and `.couples`
    refuse."""
    opv_id = find_opv(tx, house, viewer, ident)
    _part(involved_of(tx, opv_id), client)
    peeked = living(read_records(tx, [client]), client)
    future = peeked.copy()
    _apply(future, body)
    known = claim(tx, peeked, future)
    spouse = {body.spouse} if body.spouse is not None else set()
    records = lock_couples(tx, {client, *spouse}) if "spouse" in body.model_fields_set else _locked(tx, client)
    before = {id_: record.copy() for id_, record in records.items()}
    record = living(records, client)
    _apply(record, body)
    check_details(record.details, record.kind, now.astimezone(house.zone).date())
    of_all = involvements(tx, records)
    opvs = lock_opv(tx, house, viewer, opv_id, of_all)
    people = involved_of(tx, opv_id)
    part = _part(people, client)
    role = body.role or part.role
    if "spouse" in body.model_fields_set and body.spouse != record.spouse:
        if body.spouse is not None:
            check_spouse(record, records.get(body.spouse), {one.id for one in people})
        link(records, record, body.spouse)
    if record.kind == "legal" and (role == "spouse" or record.spouse is not None):
        raise Reject("spouse_is_natural", "a spouse is a natural person", 422)
    batch = begin(house, now, opvs)
    change = (part.role, role) if role != part.role else None
    note_changes(batch, viewer, of_all, before, records, own=(opv_id, client), role=change)
    with noting_completion(tx, batch, viewer, client):
        write_records(tx, [one for id_, one in records.items() if one.facts() != before[id_].facts()])
        if change:
            tx.execute(update(_INVOLVED).where(_of(opv_id, client)).values(role=role))
    batch.write(tx)
    follow(tx, before[client], record, known)
    suggest(tx, [(client, other, because) for other, because in rivals(record, known)], now)
    return Done(opv_id, batch.woken)


def remove_client(tx: Connection, house: House, viewer: Viewer, now: datetime, ident: str, client: UUID) -> Done:
    """Takes a client out of the OPV; what is held of it stays, and so does its history.

    Raises `Reject`: `unknown_opv`, `unknown_client`, `opv_closed`, `main_client`."""
    opv_id = find_opv(tx, house, viewer, ident)
    _locked(tx, client)
    opvs = lock_opv(tx, house, viewer, opv_id, ())
    part = _part(involved_of(tx, opv_id), client)
    if opvs[opv_id].status != "open":
        raise Reject("opv_closed", "the OPV is closed", 409)
    if part.main:
        raise Reject("main_client", "the OPV is this client's: it cannot be taken out", 409)
    batch = begin(house, now, opvs)
    batch.record(opvs[opv_id], history.CLIENT_REMOVED, cause_of(viewer), {"client": str(client), "role": part.role})
    with noting_completion(tx, batch, viewer, client):
        tx.execute(delete(_INVOLVED).where(_of(opv_id, client)))
    batch.write(tx)
    return Done(opv_id, batch.woken)


def _apply(record: Record, body: ClientChangeBody) -> None:
    """Puts what is given into the record; all but the spouse, which is a link of two."""
    given = body.model_fields_set
    if "name" in given:
        record.name = typed_name(body.name) if body.name else None
    if "document" in given:
        record.document = typed_document(body.document) if body.document else None
        if record.document:
            record.kind = kind_of(record.document)
    if body.kind is not None and body.kind != record.kind:
        if record.document:
            raise Reject("kind_differs", f"the document is not of a {body.kind} person", 422)
        record.kind = body.kind
    if "phones" in given:
        record.phones = typed_phones(body.phones or ())
    if "emails" in given:
        record.emails = typed_emails(body.emails or ())
    if body.details is not None:
        record.details = changed_details(record.details, body.details)


def _locked(tx: Connection, client: UUID) -> dict[UUID, Record]:
    return read_records(tx, [client], lock=True)


def _part(people: Iterable[Involved], client: UUID) -> Involved:
    for one in people:
        if one.id == client:
            return one
    raise unknown_client()


def _of(opv: UUID, client: UUID) -> ColumnElement[bool]:
    return and_(_INVOLVED.c.opportunity_id == opv, _INVOLVED.c.client_id == client)
