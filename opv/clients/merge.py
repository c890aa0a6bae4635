"""Putting together two clients that are one person.

All that points at the one that goes points at the one that stays afterwards: contact keys, parts in OPVs, OPVs, capture
cards, files, the spouse, suggestions, brokers who are not to have it. The row that goes keeps its data and says into
which it was merged; a client into which others were merged before passes them on, so that `merged_into` always names a
client that lives. Histories stay as they are: they name the client that it was then.

A lead of the one that goes may arrive meanwhile. It finds its client by a contact key, which is locked here before
anything is read: it is captured before, and what it wrote is moved, or waits and finds the client that stays.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import get_args
from uuid import UUID

from sqlalchemy import Connection, delete, or_, select, update

from db.bulk import any_of, update_rows
from db.models import Base
from opv import history
from opv.access import Viewer, sees, visible
from opv.batch import OPVS, Opv, opvs_by_id
from opv.clients.duplicates import conflicts, suggested
from opv.clients.excluded import move_pairs
from opv.clients.keys import lock_keys_of, move_keys, suggest
from opv.clients.reach import seen_clients
from opv.clients.records import (
    Record,
    begin,
    cause_of,
    involvements,
    living,
    lock_couples,
    unknown_client,
    write_records,
)
from opv.clients.typed import filled_details
from opv.clients.writing import noting_completion
from opv.house import House
from schemas.client import OF_LEGAL, OF_NATURAL, Merged, Role
from schemas.errors import Reject

_CLIENTS = Base.metadata.tables["clients"]
_INVOLVED = Base.metadata.tables["involved_clients"]
_SUGGESTIONS = Base.metadata.tables["merge_suggestions"]
_CAPTURES = Base.metadata.tables["capture_origins"]
_ATTACHMENTS = Base.metadata.tables["attachments"]

_ROLES = get_args(Role)
_WORDS = {
    "document": "they have different documents", "kind": "one is a natural, the other a legal person",
    "birth_date": "they were born on different days", "spouse": "they are each other's spouse",
}  # fmt: skip


def merge_clients(
    tx: Connection, house: House, viewer: Viewer, now: datetime, client: UUID, other: UUID, *, force: bool = False
) -> tuple[Merged, set[str]]:
    """Merges `other` into `client`; gives what came of it, and the steps to wake after the commit.

    Who sees every OPV of both may; managers already who see one of each. Raises `Reject`: `unknown_client` for one of
    whom the person sees no OPV, `same_client`, `client_merged`, `client_erased`, `not_allowed`, and without `force`
    `clients_differ`, for documents, kinds or birth dates that are not of one person."""
    if client == other:
        raise Reject("same_client", "a client is not merged with itself", 422)
    if len(seen_clients(tx, visible(viewer, house), [client, other])) < 2:
        raise unknown_client()
    lock_keys_of(tx, [client, other])
    records = lock_couples(tx, [client, other])
    stays, goes = living(records, client), living(records, other)
    of_both = involvements(tx, [client, other])
    opvs = opvs_by_id(OPVS.rows(tx, ids=set(of_both)))
    _check_allowed(viewer, house, of_both, opvs)
    against = conflicts(stays, goes)
    if against and not force:
        raise Reject(
            "clients_differ", f"{'; '.join(_WORDS[one] for one in against)}: merge by force if you are sure", 409
        )
    told = {"stays": stays.told(), "goes": goes.told()}
    before = {id_: record.copy() for id_, record in records.items()}
    _take(stays, goes)
    _take_spouse(records, stays, goes)
    batch = begin(house, now, opvs)
    for opv in opvs.values():
        data = {"client": str(client), "other": str(other), "conflicts": against}
        batch.record(opv, history.CLIENTS_MERGED, cause_of(viewer), data, told)
        if opv.client_id == other:
            opv.client_id = client
    with noting_completion(tx, batch, viewer, client):
        write_records(tx, [one for id_, one in records.items() if one.facts() != before[id_].facts()])
        _point(tx, client, other, of_both)
    batch.write(tx)
    move_pairs(tx, client, other)
    _resuggest(tx, client, other, now)
    return Merged(client=stays.shown(), other=other, opvs=sorted(of_both)), batch.woken


def _check_allowed(viewer: Viewer, house: House, of_both: dict[UUID, set[UUID]], opvs: dict[UUID, Opv]) -> None:
    """Under lock, since OPVs may have changed hands before it was had."""
    seen = {id_ for id_, opv in opvs.items() if sees(viewer, house, opv)}
    reached = set().union(*(of_both[id_] for id_ in seen)) if seen else set()
    if len(reached) < 2:
        raise unknown_client()
    if seen != of_both.keys() and viewer.role != "manager":
        raise Reject("not_allowed", "these clients have OPVs of others: a manager or director merges them", 403)


def _take(stays: Record, goes: Record) -> None:
    """What is known of the one that goes, where nothing is known of the one that stays. Contacts are put together.
    Details that a person of the kind does not have are left out."""
    stays.name = stays.name or goes.name
    if stays.document is None and goes.document:
        stays.document, stays.kind = goes.document, goes.kind
    stays.phones += [one for one in goes.phones if one not in stays.phones]
    stays.emails += [one for one in goes.emails if one not in stays.emails]
    foreign = OF_NATURAL if stays.kind == "legal" else OF_LEGAL
    details = filled_details(stays.details, goes.details)
    stays.details = details.model_copy(update=dict.fromkeys(foreign))


def _take_spouse(records: dict[UUID, Record], stays: Record, goes: Record) -> None:
    """The spouse of the one that stays, else that of the one that goes; nobody is linked to the one that goes."""
    inherited = records.get(goes.spouse) if goes.spouse else None
    goes.spouse = None
    if stays.spouse == goes.id:
        stays.spouse = None
    if inherited is None or inherited.id == stays.id:
        return
    if inherited.spouse == goes.id:
        inherited.spouse = None
    if stays.spouse is None:
        stays.spouse, inherited.spouse = inherited.id, stays.id


def _point(tx: Connection, client: UUID, other: UUID, of_both: dict[UUID, set[UUID]]) -> None:
    """Whatever pointed at the one that goes points at the one that stays."""
    c = _CLIENTS.c
    opvs = [id_ for id_, involved in of_both.items() if other in involved]
    move_keys(tx, other, client)
    tx.execute(update(_CLIENTS).where(or_(c.id == other, c.merged_into == other)).values(merged_into=client))
    _move_parts(tx, client, other, [id_ for id_ in opvs if client in of_both[id_]])
    for table in (_CAPTURES, _ATTACHMENTS):
        of_other = (any_of(tx, table.c.opportunity_id, opvs), table.c.client_id == other)
        tx.execute(update(table).where(*of_other).values(client_id=client))


def _move_parts(tx: Connection, client: UUID, other: UUID, of_both: Collection[UUID]) -> None:
    """Where both took part it is one part: the one named first in `Role`."""
    i = _INVOLVED.c
    if of_both:
        roles: dict[UUID, str] = {}
        for row in tx.execute(
            select(_INVOLVED).where(any_of(tx, i.opportunity_id, of_both), any_of(tx, i.client_id, [client, other]))
        ):
            roles[row.opportunity_id] = min(row.role, roles.get(row.opportunity_id, row.role), key=_ROLES.index)
        tx.execute(delete(_INVOLVED).where(i.client_id == other, any_of(tx, i.opportunity_id, of_both)))
        rows = [{"opportunity_id": id_, "client_id": client, "role": role} for id_, role in sorted(roles.items())]
        update_rows(tx, _INVOLVED, ("opportunity_id", "client_id"), rows)
    tx.execute(update(_INVOLVED).where(i.client_id == other).values(client_id=client))


def _resuggest(tx: Connection, client: UUID, other: UUID, now: datetime) -> None:
    """Suggestions of the one that goes are the other's; that the two are one is no longer suggested."""
    inherited = list(suggested(tx, [other]))
    s = _SUGGESTIONS.c
    tx.execute(delete(_SUGGESTIONS).where(or_(s.client_id == other, s.other_id == other)))
    named = [(b if a == other else a, because) for a, b, because in inherited]
    suggest(tx, [(client, one, because) for one, because in named if one != client], now)
