"""Whose lead it is: people meet in `contact_keys`.

Order of keys: CPF/CNPJ, then phone in canonical form (mobiles always with the ninth digit), then e-mail together
with a name that agrees. Keys that point at different clients give the first of that order and a merge suggestion.
A phone seen under five different names stops matching. Two different documents are two people: a phone or e-mail of
somebody who has another document gives no client, but a suggestion.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from db.bulk import insert_new, update_rows
from db.ids import new_id
from db.models import Base
from db.statement import Statement
from opv.normalize import NormalizedLead, names_agree
from opv.normalize.names import name_key

_KEYS = Base.metadata.tables["contact_keys"]
_CLIENTS = Base.metadata.tables["clients"]

LOCKED_KEYS = Statement(
    lambda one_of: (
        select(_KEYS.c.kind, _KEYS.c.value, _KEYS.c.client_id, _KEYS.c.names, _KEYS.c.stopped_at)
        .where(one_of(_KEYS.c.kind, "kinds"), one_of(_KEYS.c.value, "values"))
        .order_by(_KEYS.c.kind, _KEYS.c.value)
        .with_for_update(key_share=True)
    )
)
"""The contact keys of any of `kinds` and any of `values`, locked in their order."""

_LOCKED_CLIENTS = Statement(
    lambda one_of: (
        select(*(_CLIENTS.c[name] for name in ("id", "kind", "name", "document", "phones", "emails")))
        .where(one_of(_CLIENTS.c.id, "ids"))
        .order_by(_CLIENTS.c.id)
        .with_for_update(key_share=True)
    )
)

NAMES_UNTIL_STOPPED = 5

Key = tuple[str, str]


@dataclass(slots=True)
class KnownKey:
    """A contact key's row in memory. `client` is None while the key belongs to nobody yet; `names` are the folded ones
    seen with it, of a document those that its owner does not bear too."""

    client: UUID | None
    names: list[str]
    stopped: bool = False
    stored: tuple[UUID | None, int, bool] = (None, 0, False)

    def changed(self) -> bool:
        """Whether the row must be written."""
        return (self.client, len(self.names), self.stopped) != self.stored


@dataclass(slots=True)
class Person:
    """A client in memory. `phones` and `emails` in order, the first is the main one."""

    id: UUID
    kind: str
    name: str | None
    document: str | None
    phones: list[str]
    emails: list[str]
    is_new: bool
    changed: bool = False

    def learn(self, lead: NormalizedLead) -> None:
        """Fills what is empty and adds contacts; never blanks or overwrites what is known."""
        if not self.name and lead.name:
            self.name, self.changed = lead.name, True
        if not self.document and lead.document:
            self.document, self.kind, self.changed = lead.document, lead.kind, True
        for known, brought in ((self.phones, lead.phones), (self.emails, lead.emails)):
            fresh = [one for one in brought if one not in known]
            known.extend(fresh)
            self.changed = self.changed or bool(fresh)


@dataclass(slots=True)
class Matched:
    """The people of a batch: the client of each lead by position, pairs that look like one person, and phones
    that stopped matching in this batch."""

    people: list[Person]
    same: list[tuple[UUID, UUID, int, str]] = field(default_factory=list)
    stopped: list[tuple[str, int]] = field(default_factory=list)


def keys_of(lead: NormalizedLead) -> list[Key]:
    """Contact keys in the order in which they decide."""
    return contact_keys(lead.name_key, lead.document, lead.phones, lead.emails)


def contact_keys(name_key: str, document: str | None, phones: Iterable[str], emails: Iterable[str]) -> list[Key]:
    """As `keys_of`, of normalized values."""
    keys: list[Key] = [("document", document)] if document else []
    keys += [("phone", phone) for phone in phones]
    keys += [("email", f"{email}|{name_key.partition(' ')[0]}") for email in emails]
    return keys


def match(tx: Connection, leads: Sequence[NormalizedLead], now: datetime, *, phone_needs_name: bool = False) -> Matched:
    """The client of each lead, under lock, new ones made. Writes contact keys; clients are the caller's to write.
    `phone_needs_name`: a phone decides together with its owner's name alone, as those who live together share one."""
    keys = [keys_of(lead) for lead in leads]
    known, tentative = _lock_keys(tx, leads, keys)
    people = _load_clients(tx, {one.client for one in known.values() if one.client and not one.stopped})
    documents = {id_: person.document for id_, person in people.items()}
    names = {id_: name_key(person.name) for id_, person in people.items()} if phone_needs_name else None
    chosen, matched = _decide(leads, keys, known, tentative, documents, names)
    changes = sorted(key for key, one in known.items() if one.changed())
    update_rows(tx, _KEYS, ("kind", "value"), [_key_row(key, known[key], now) for key in changes])
    for lead, (client, _) in zip(leads, chosen, strict=True):
        person = people.get(client)
        if person is None:
            person = Person(
                client, lead.kind, lead.name, lead.document, list(lead.phones), list(lead.emails), is_new=True
            )
            people[client] = person
        else:
            person.learn(lead)
        matched.people.append(person)
    return matched


def client_row(person: Person, now: datetime) -> dict[str, Any]:
    """The clients row of a new person."""
    return {**client_changes(person), "created_at": now}


def client_changes(person: Person) -> dict[str, Any]:
    """The columns of a client that a lead may change."""
    return {
        "id": person.id, "kind": person.kind, "name": person.name, "document": person.document,
        "phones": json.dumps(person.phones), "emails": json.dumps(person.emails),
    }  # fmt: skip


def _lock_keys(
    tx: Connection, leads: Sequence[NormalizedLead], keys: Sequence[Sequence[Key]]
) -> tuple[dict[Key, KnownKey], dict[Key, UUID]]:
    """Makes the batch's keys exist, and locks those that others made, in the order of the keys. One that is given up
    in between, as somebody's number is corrected, is made anew."""
    tentative: dict[Key, UUID] = {}
    names: dict[Key, list[str]] = {}
    for lead, own in zip(leads, keys, strict=True):
        client = next((tentative[key] for key in own if key in tentative), None) or new_id()
        for key in own:
            if key not in tentative:
                tentative[key] = client
                names[key] = [lead.name_key] if lead.name_key else []
    rows = [
        {"kind": kind, "value": value, "client_id": tentative[kind, value], "stopped_at": None,
         "names": json.dumps(names[kind, value], ensure_ascii=False)}
        for kind, value in sorted(tentative)
    ]  # fmt: skip
    known: dict[Key, KnownKey] = {}
    while rows:
        inserted = insert_new(tx, _KEYS, rows, ("kind", "value"), ("kind", "value"))
        for key in inserted:
            known[key] = KnownKey(None, list(names[key]), stored=(tentative[key], len(names[key]), False))
        _lock_others(tx, [key for key in tentative if key not in known], known)
        rows = [row for row in rows if (row["kind"], row["value"]) not in known]
    return known, tentative


def _lock_others(tx: Connection, others: Sequence[Key], known: dict[Key, KnownKey]) -> None:
    if not others:
        return
    wanted = set(others)
    kinds, values = ({key[place] for key in others} for place in (0, 1))
    for kind, value, client, text, stopped in LOCKED_KEYS.rows(tx, kinds=kinds, values=values):
        if (kind, value) in wanted:
            seen = json.loads(text)
            stored = (client, len(seen), stopped is not None)
            known[kind, value] = KnownKey(client, seen, stopped is not None, stored)


def _decide(
    leads: Sequence[NormalizedLead],
    keys: Sequence[Sequence[Key]],
    known: dict[Key, KnownKey],
    tentative: dict[Key, UUID],
    documents: dict[UUID, str | None],
    names: dict[UUID, str] | None,
) -> tuple[list[tuple[UUID, bool]], Matched]:
    matched = Matched([])
    chosen: list[tuple[UUID, bool]] = []
    made: set[UUID] = set()
    for position, (lead, own) in enumerate(zip(leads, keys, strict=True)):
        for key in own:
            if _hear_name(key, known[key], lead.name_key):
                matched.stopped.append((key[1], position))
        pointing = [(key, client) for key in own if (client := _points_at(key, known[key], lead.name_key, names))]
        fitting = (
            client
            for key, client in pointing
            if key[0] == "document" or lead.document is None or documents.get(client) in (None, lead.document)
        )
        client = next(fitting, None)
        if client is None:
            client = tentative[own[0]]
            if client in made:  # met through a phone that no longer matches, or is of somebody with another document
                client = new_id()
            made.add(client)
        documents[client] = documents.get(client) or lead.document
        matched.same.extend(
            (min(client, other), max(client, other), position, key[0]) for key, other in pointing if other != client
        )
        for key in own:
            if known[key].client is None:
                known[key].client = client
        chosen.append((client, client in made))
    return chosen, matched


def _points_at(key: Key, one: KnownKey, name_key: str, names: dict[UUID, str] | None) -> UUID | None:
    if one.client is None or one.stopped:
        return None
    if key[0] == "email" and one.names and name_key and not any(names_agree(name_key, n) for n in one.names):
        return None
    if key[0] == "phone" and names and name_key and (own := names.get(one.client)) and not names_agree(name_key, own):
        return None
    return one.client


def _hear_name(key: Key, one: KnownKey, name_key: str) -> bool:
    """Notes a name seen with a phone or document; True when the phone stops matching now. A document never stops."""
    if key[0] == "email" or one.stopped or not name_key or len(one.names) >= NAMES_UNTIL_STOPPED:
        return False
    if any(names_agree(name_key, name) for name in one.names):
        return False
    one.names.append(name_key)
    one.stopped = key[0] == "phone" and len(one.names) >= NAMES_UNTIL_STOPPED
    return one.stopped


def _key_row(key: Key, one: KnownKey, now: datetime) -> dict[str, Any]:
    return {
        "kind": key[0], "value": key[1], "client_id": one.client,
        "names": json.dumps(one.names, ensure_ascii=False), "stopped_at": now if one.stopped else None,
    }  # fmt: skip


def _load_clients(tx: Connection, ids: set[UUID]) -> dict[UUID, Person]:
    """Clients by id, locked in the order of their ids: leads that reach one client by different keys wait here."""
    if not ids:
        return {}
    return {
        row.id: Person(row.id, row.kind, row.name, row.document, json.loads(row.phones), json.loads(row.emails), False)
        for row in _LOCKED_CLIENTS.rows(tx, ids=ids)
    }
