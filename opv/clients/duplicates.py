"""Clients that may be one person: what was suggested, and who has the contact keys of what is held of a client."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from uuid import UUID

from sqlalchemy import Connection, or_, select

from db.bulk import any_of
from db.models import Base
from opv.access import Viewer, visible
from opv.clients.keys import keys_of_record, owners
from opv.clients.reach import seen_clients
from opv.clients.records import Record, living, read_records, unknown_client
from opv.house import House
from opv.normalize import names_agree
from opv.normalize.names import name_key
from schemas.client import Duplicate
from schemas.page import Page

_SUGGESTIONS = Base.metadata.tables["merge_suggestions"]

MOST = 200
"""Most candidates that are told of a client, the newest suggestions first."""

_NEAR = 0.85
"""From this likeness on (0 to 1, of difflib) two names are one, misspelled."""


def duplicates(tx: Connection, house: House, viewer: Viewer, client: UUID) -> Page[Duplicate]:
    """Who may be the same person as the client. A fixed number of statements.

    Raises `Reject`: `unknown_client` for one of whom the person sees no OPV, `client_merged`, `client_erased`."""
    seen = visible(viewer, house)
    if not seen_clients(tx, seen, [client]):
        raise unknown_client()
    record = living(read_records(tx, [client]), client)
    because: dict[UUID, dict[str, None]] = defaultdict(dict)
    for one, other, why in suggested(tx, [client]):
        because[other if one == client else one][why] = None
    for key, owner in owners(tx, keys_of_record(record)).items():
        if owner.client != client and not owner.stopped:
            because[owner.client][key[0]] = None
    others = read_records(tx, because)
    reached = seen_clients(tx, seen, others)
    items = [
        Duplicate(
            id=other.id, because=sorted(because[other.id]), conflicts=conflicts(record, other),
            client=other.shown() if other.id in reached else None,
        )
        for other in _alike(record, others, because)
    ]  # fmt: skip
    return Page(items=items[:MOST])


def conflicts(one: Record, other: Record) -> list[str]:
    """What speaks against two clients being one person: `document`, `kind`, `birth_date`, `spouse` (of each other)."""
    pairs = {
        "document": (one.document, other.document),
        "kind": (one.kind if one.document else None, other.kind if other.document else None),
        "birth_date": (one.details.birth_date, other.details.birth_date),
    }
    found = [name for name, (a, b) in pairs.items() if a is not None and b is not None and a != b]
    return [*found, "spouse"] if one.spouse == other.id or other.spouse == one.id else found


def suggested(tx: Connection, clients: Iterable[UUID]) -> Iterator[tuple[UUID, UUID, str]]:
    """Suggested pairs with any of the clients, and why, the newest first."""
    s = _SUGGESTIONS.c
    wanted = sorted(set(clients))
    where = or_(any_of(tx, s.client_id, wanted), any_of(tx, s.other_id, wanted))
    for row in tx.execute(select(s.client_id, s.other_id, s.because).where(where).order_by(s.created_at.desc())):
        yield row.client_id, row.other_id, row.because


def names_near(one: str | None, other: str | None) -> bool:
    """Whether two names can be of one person, a slip of the keys allowed; a missing one can be any."""
    a, b = name_key(one), name_key(other)
    return not a or not b or names_agree(a, b) or SequenceMatcher(None, a, b).ratio() >= _NEAR


def _alike(record: Record, others: dict[UUID, Record], because: dict[UUID, dict[str, None]]) -> Iterator[Record]:
    """Those who live. A shared phone alone, under another name, is no sign."""
    for id_, reasons in because.items():
        other = others.get(id_)
        if other is None or other.merged_into is not None or other.erased_at is not None:
            continue
        if set(reasons) != {"phone"} or names_near(record.name, other.name):
            yield other
