"""Finding the persons that a request may be about, by a contact in any spelling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from db.models import Client, ContactKey
from opv.access import Viewer
from opv.clients.records import involvements, read_records
from opv.clients.typed import typed_document, typed_emails, typed_phones
from opv.data_subject.answering import check_answers
from opv.house import House
from schemas.data_subject import FoundPerson, PersonQuery
from schemas.page import Page


def find_persons(tx: Connection, house: House, viewer: Viewer, query: PersonQuery) -> Page[FoundPerson]:
    """Whoever has one of the contacts: by contact keys, and those too whose contact is another's key. The latter looks
    at every client. All in one part; nobody, when nothing is asked for.

    Raises `Reject`: `not_allowed` (403), `phone_invalid`, `email_invalid`, `document_invalid` (422)."""
    check_answers(viewer, house)
    keys = list(_keys(query))
    if not keys:
        return Page(items=[])
    k, c = ContactKey, Client
    owners = select(k.client_id).where(or_(*(_is_key(kind, value) for kind, value in keys)))
    living = select(func.coalesce(c.merged_into, c.id)).where(
        or_(c.id.in_(owners), *(_has(kind, value) for kind, value in keys))
    )
    records = read_records(tx, tx.execute(living).scalars())
    opvs: dict[UUID, list[UUID]] = defaultdict(list)
    for opv, clients in sorted(involvements(tx, records).items()):
        for client in clients:
            opvs[client].append(opv)
    found = [FoundPerson(**one.shown().model_dump(), opvs=opvs[id_]) for id_, one in sorted(records.items())]
    return Page(items=found)


def _keys(query: PersonQuery) -> Iterator[tuple[str, str]]:
    if query.phone:
        yield from (("phone", phone) for phone in typed_phones([query.phone]))
    if query.email:
        yield from (("email", email) for email in typed_emails([query.email]))
    if query.document:
        yield "document", typed_document(query.document)


def _is_key(kind: str, value: str) -> ColumnElement[bool]:
    """An e-mail's key has the first name too."""
    key = ContactKey.value.expression
    same = key.startswith(f"{value}|", autoescape=True) if kind == "email" else key == value
    return and_(ContactKey.kind == kind, same)


def _has(kind: str, value: str) -> ColumnElement[bool]:
    if kind == "document":
        return Client.document == value
    listed = Client.phones if kind == "phone" else Client.emails
    return listed.expression.contains(f'"{value}"', autoescape=True)
