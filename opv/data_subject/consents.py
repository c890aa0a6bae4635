"""What a person agreed to, with the evidence, and what it takes back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db.session import AnyRow
from opv import history
from opv.access import Viewer
from opv.batch import OPVS, opvs_by_id
from opv.clients.records import Record, begin, cause_of, involvements, living, read_records, write_records
from opv.data_subject.answering import check_answers, person_ids
from opv.data_subject.held import held_of
from opv.house import House
from schemas.client import ClientDetails, ConsentNote
from schemas.data_subject import ConsentItem, ConsentWithdrawalBody
from schemas.errors import Reject
from schemas.page import Page

_MOST_NOTES = 50


def consents_of(tx: Connection, house: House, viewer: Viewer, client: UUID) -> Page[ConsentItem]:
    """The person's consents, the oldest first, what came with leads and what was noted of it. All in one part.

    Raises `Reject`: `not_allowed` (403), `unknown_client` (404)."""
    check_answers(viewer, house)
    ids = person_ids(tx, client)
    records = read_records(tx, ids)
    return Page(items=consents(held_of(tx, ids).cards, records.values()))


def consents(cards: Iterable[AnyRow], records: Iterable[Record]) -> list[ConsentItem]:
    """As `consents_of`, of what was loaded."""
    found = [item for card in cards for item in _of_card(card)]
    found += [
        ConsentItem(what=note.purpose, granted=note.granted, at=note.at, evidence=note.evidence)
        for record in records
        for note in record.details.consents
    ]
    return sorted(found, key=lambda one: (one.at is None, one.at.timestamp() if one.at else 0))


def withdraw_consent(
    tx: Connection, house: House, viewer: Viewer, now: datetime, client: UUID, body: ConsentWithdrawalBody
) -> set[str]:
    """Notes that the person takes a consent back: in what is held of it and in the history of each OPV, and that it is
    not to be contacted in those ways. Gives the steps to wake after the commit. What is written must be rolled
    back when it is refused.

    Raises `Reject`: `not_allowed` (403), `unknown_client` (404), `client_erased`, `too_many_notes` (409)."""
    check_answers(viewer, house)
    ids = person_ids(tx, client)
    record = living(read_records(tx, ids[:1], lock=True), ids[0])
    details = record.details
    if len(details.consents) >= _MOST_NOTES:
        raise Reject("too_many_notes", f"a client has {_MOST_NOTES} notes of consents at most", 409)
    note = ConsentNote(purpose=body.what, granted=False, at=body.at or now, evidence=body.evidence)
    record.details = _without_ways(details.model_copy(update={"consents": [*details.consents, note]}), body)
    opvs = opvs_by_id(OPVS.rows(tx, ids=set(involvements(tx, ids[:1]))))
    batch = begin(house, now, opvs)
    told = body.model_dump(mode="json", exclude_none=True, include={"what", "evidence", "at"})
    for opv in opvs.values():
        data = {"client": str(record.id), "ways": list(body.ways)}
        batch.record(opv, history.CONSENT_WITHDRAWN, cause_of(viewer), data, told)
    batch.write(tx)
    write_records(tx, [record])
    return batch.woken


def _without_ways(details: ClientDetails, body: ConsentWithdrawalBody) -> ClientDetails:
    preferences = details.preferences
    wanted = [way for way in preferences.wanted if way not in body.ways]
    unwanted = list(dict.fromkeys([*preferences.unwanted, *body.ways]))
    return details.model_copy(
        update={"preferences": preferences.model_copy(update={"wanted": wanted, "unwanted": unwanted})}
    )


def _of_card(card: AnyRow) -> Iterator[ConsentItem]:
    for item in json.loads(card.details).get("consent") or ():
        said: Mapping[str, Any] = item if isinstance(item, dict) else {"key": str(item)}
        granted = said.get("granted")
        yield ConsentItem(
            what=str(said.get("key") or said.get("text") or "consent"),
            granted=granted if isinstance(granted, bool) else None,
            at=card.submitted_at or card.received_at,
            evidence=item,
            source=card.source,
            channel=card.channel,
            capture=card.id,
            opv=card.opportunity_id,
            delivery=card.delivery_id,
        )
