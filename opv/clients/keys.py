"""Contact keys of clients whose contacts people type, correct or put together: they follow what is held of the client.

A key that another client has stays with it, and makes a merge suggestion.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, select, tuple_, update

from db.bulk import add_new, any_of, insert_new
from db.models import Base
from opv.clients.records import Record
from opv.matching import LOCKED_KEYS, Key, contact_keys
from opv.normalize import names_agree

_KEYS = Base.metadata.tables["contact_keys"]
_SUGGESTIONS = Base.metadata.tables["merge_suggestions"]


@dataclass(frozen=True, slots=True)
class Owned:
    """Whose a contact key is, and the folded names heard with it."""

    client: UUID
    names: Sequence[str]
    stopped: bool


def keys_of_record(record: Record) -> list[Key]:
    """The contact keys of what is held of a client."""
    return contact_keys(record.name_key, record.document, record.phones, record.emails)


def claim(tx: Connection, before: Record, after: Record) -> dict[Key, Owned]:
    """Makes the keys exist that the client has after and not before, and locks those and all of its own."""
    own = {(row.kind, row.value) for row in tx.execute(_own(tx, [before.id]))}
    fresh = set(keys_of_record(after)) - own
    names = json.dumps([after.name_key] if after.name_key else [], ensure_ascii=False)
    found: dict[Key, Owned] = {}
    while True:
        rows = [
            {"kind": kind, "value": value, "client_id": after.id, "names": names, "stopped_at": None}
            for kind, value in sorted(fresh - found.keys())
        ]
        insert_new(tx, _KEYS, rows, ("kind", "value"), ("kind", "value"))
        found = lock_keys(tx, own | fresh)
        if fresh <= found.keys():  # else another gave one up in between
            return found


def follow(tx: Connection, before: Record, after: Record, known: dict[Key, Owned]) -> None:
    """Gives up the client's keys of what it no longer has. A new name is the only one heard with its document."""
    wanted = set(keys_of_record(after))
    gone = set(keys_of_record(before)) - wanted
    emails = tuple(f"{email}|" for email in set(before.emails) - set(after.emails))
    if emails:
        gone |= {key for key in known if key[0] == "email" and key[1].startswith(emails)}
    gone = {key for key in gone if key in known and known[key].client == after.id}
    if gone:
        tx.execute(delete(_KEYS).where(tuple_(_KEYS.c.kind, _KEYS.c.value).in_(sorted(gone))))
    if after.document and after.name_key != before.name_key:
        own = (_KEYS.c.kind == "document", _KEYS.c.value == after.document, _KEYS.c.client_id == after.id)
        tx.execute(update(_KEYS).where(*own).values(names=json.dumps([after.name_key], ensure_ascii=False)))


def lock_keys_of(tx: Connection, clients: Collection[UUID]) -> None:
    """Locks all keys of clients: no lead reaches them before this unit of work ends. Who held one of them may have
    given its client another; so it is looked again until there is nothing new."""
    held: set[Key] = set()
    while True:
        keys = {(row.kind, row.value) for row in tx.execute(_own(tx, clients))}
        if keys <= held:
            return
        lock_keys(tx, keys)
        held |= keys


def move_keys(tx: Connection, other: UUID, client: UUID) -> None:
    """Gives a client's keys to another."""
    tx.execute(update(_KEYS).where(_KEYS.c.client_id == other).values(client_id=client))


def rivals(record: Record, known: dict[Key, Owned]) -> list[tuple[UUID, str]]:
    """Other clients that have the client's keys and may be the same person, with the kind of key. Those who live
    together share a phone: it tells something when the names agree alone."""
    found: list[tuple[UUID, str]] = []
    for key in keys_of_record(record):
        one = known.get(key)
        if one is None or one.client == record.id or one.stopped:
            continue
        if key[0] == "document" or not one.names or any(names_agree(record.name_key, name) for name in one.names):
            found.append((one.client, key[0]))
    return found


def owners(tx: Connection, keys: Collection[Key]) -> dict[Key, Owned]:
    """Whose contact keys are, without a lock."""
    if not keys:
        return {}
    kinds, values = ({key[place] for key in keys} for place in (0, 1))
    wanted = set(keys)
    statement = select(_KEYS).where(any_of(tx, _KEYS.c.kind, sorted(kinds)), any_of(tx, _KEYS.c.value, sorted(values)))
    found = {(row.kind, row.value): _owned(row) for row in tx.execute(statement)}
    return {key: one for key, one in found.items() if key in wanted}


def suggest(tx: Connection, pairs: Iterable[tuple[UUID, UUID, str]], now: datetime) -> None:
    """Suggests that clients are one person, for a reason."""
    rows: dict[tuple[UUID, UUID], dict[str, Any]] = {}
    for one, other, because in pairs:
        pair = (min(one, other), max(one, other))
        rows.setdefault(pair, {"client_id": pair[0], "other_id": pair[1], "submission_id": None, "because": because,
                               "created_at": now})  # fmt: skip
    add_new(tx, _SUGGESTIONS, [rows[pair] for pair in sorted(rows)], ("client_id", "other_id"))


def _own(tx: Connection, clients: Collection[UUID]) -> Any:
    return select(_KEYS.c.kind, _KEYS.c.value).where(any_of(tx, _KEYS.c.client_id, sorted(clients)))


def lock_keys(tx: Connection, keys: Collection[Key]) -> dict[Key, Owned]:
    """Keys that are there, and others of their kinds and values, locked in their order."""
    if not keys:
        return {}
    kinds, values = ({key[place] for key in keys} for place in (0, 1))
    return {(row.kind, row.value): _owned(row) for row in LOCKED_KEYS.rows(tx, kinds=kinds, values=values)}


def _owned(row: Any) -> Owned:
    return Owned(row.client_id, json.loads(row.names), row.stopped_at is not None)
