"""Whose contacts they are, without a lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from db.bulk import any_of
from db.models import ContactKey


def clients_of(tx: Connection, contacts: Collection[tuple[str, str]]) -> dict[tuple[str, str], frozenset[UUID]]:
    """Clients by contact: kind (`document`, `phone`, `email`) and normalized value. An e-mail may be several persons';
    a phone that stopped matching is nobody's."""
    if not contacts:
        return {}
    k = ContactKey
    exact = [one for one in contacts if one[0] != "email"]
    emails = [value for kind, value in contacts if kind == "email"]
    wanted: list[ColumnElement[bool]] = []
    if emails:
        wanted.append(and_(k.kind == "email", or_(*(_of_email(tx, one) for one in emails))))
    if exact:
        kinds, values = ({one[place] for one in exact} for place in (0, 1))
        wanted.append(and_(any_of(tx, k.kind.expression, kinds), any_of(tx, k.value.expression, values)))
    found: dict[tuple[str, str], set[UUID]] = defaultdict(set)
    rows = tx.execute(select(k.kind, k.value, k.client_id).where(or_(*wanted), k.stopped_at.is_(None)))
    for kind, value, client in rows:
        found[kind, value.rpartition("|")[0] if kind == "email" else value].add(client)
    return {key: frozenset(clients) for key, clients in found.items()}


def _of_email(tx: Connection, email: str) -> ColumnElement[bool]:
    """Keys of an e-mail, with whatever first name; by an index of their own on PostgreSQL, where text has no order that
    a prefix could be found by."""
    value = ContactKey.value.expression
    if tx.dialect.name == "postgresql":
        return value.startswith(f"{email}|", autoescape=True)
    return and_(value >= f"{email}|", value < f"{email}}}")
