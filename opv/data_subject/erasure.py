"""Erasing a person: everything it could be told by goes, that it was a lead of the house stays.

Two kinds of units of work. First the raw requests and what was read out of them, some at a time; then, in one, the
person's OPVs, contact keys and client, with the entries in the histories. Whatever ends the process in between, the
same call goes on from there: nothing is marked as erased before the last unit, and each blanks only what still holds
something. The last one locks as ingest does (contact keys, clients, OPVs), so that a lead of the person is either taken
before, and blanked, or makes a new client.

The chains stay whole: an entry commits to a salted hash of its content, and content and salt go (`opv.history`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection

from db.session import Database, is_transient
from opv import history
from opv.access import Viewer
from opv.batch import OPVS, opvs_by_id
from opv.clients.excluded import forget_pairs
from opv.clients.keys import lock_keys_of
from opv.clients.records import begin, cause_of, lock_couples
from opv.data_subject.answering import check_answers, person_ids
from opv.data_subject.blanking import blank_fields, blank_opvs, files_of
from opv.data_subject.forgetting import (
    blank_clients,
    blank_submissions,
    forget_keys,
    lock_shared_keys,
    others_parked,
    unblanked,
)
from opv.data_subject.held import held_of
from opv.data_subject.known import Known, known_beside, known_of
from opv.data_subject.traces import Traces
from opv.house import House
from schemas.data_subject import Blanked, Erased, ErasureBody
from schemas.errors import Reject

AT_ONCE = 100
"""Submissions blanked in one unit of work, with their deliveries."""

REPEATS = 5
LOG_TRIES = 10

Given = TypeVar("Given")
Remove = Callable[[UUID], None]
"""Removes the file of an attachment, if it is there."""


def erase(
    database: Database,
    house: House,
    viewer: Viewer,
    clock: Callable[[], datetime],
    remove: Remove,
    client: UUID,
    body: ErasureBody,
) -> Erased:
    """Erases the person whom the client stands for, and those merged into it. Done again, it blanks what came since.

    Raises `Reject`: `not_allowed` (403), `unknown_client` (404), `reason_names_person` (422), `others_parked` (409)."""
    check_answers(viewer, house)
    with database.read() as tx:
        known = known_of(tx, person_ids(tx, client))
        _check(tx, known, body)
        submissions = unblanked(tx, known.held.submissions)
        files = files_of(tx, known.held)
    for file in files:
        remove(file)
    blanked = Blanked()
    waiting = iter(submissions)
    while part := list(islice(waiting, AT_ONCE)):
        blanked = _sum(blanked, _retried(database, partial(blank_submissions, ids=part, now=clock())))
    erased = _retried(database, lambda tx: _erase(tx, house, viewer, clock(), client, body.reason, known, blanked))
    for file in files:
        remove(file)
    return erased.model_copy(update={"file_clean": _empty_log(database)})


def _check(tx: Connection, known: Known, body: ErasureBody) -> None:
    if known.traces.found_in(body.reason):
        raise Reject("reason_names_person", "the reason stays in the history: say it without naming the person", 422)
    parked = others_parked(tx, known.held)
    if parked and not body.force:
        told = f"{parked} parked leads of others came in the same deliveries, and could not be read again: replay them "
        raise Reject("others_parked", f"{told}first, or erase by force", 409)


def _erase(
    tx: Connection, house: House, viewer: Viewer, now: datetime, client: UUID, reason: str, before: Known, done: Blanked
) -> Erased:
    """All that is left, under lock."""
    ids = person_ids(tx, client)
    lock_keys_of(tx, ids)
    same = lock_shared_keys(tx, ids, before.traces)
    records = lock_couples(tx, ids)
    opvs = opvs_by_id(OPVS.rows(tx, ids=set(held_of(tx, ids).opvs)))
    known = known_beside(tx, ids, before.held.submissions)
    held, traces = known.held, _together(before.traces, known.traces)
    blanked = _sum(done, blank_submissions(tx, unblanked(tx, held.submissions), now))
    blanked = _sum(blanked, blank_opvs(tx, held, traces, now))
    blanked = _sum(blanked, Blanked(fields=blank_fields(opvs.values(), held, traces, house)))
    forget_keys(tx, ids, same, traces)
    living = [records[id_] for id_ in ids if records[id_].erased_at is None]
    blank_clients(tx, records, ids, now)
    forget_pairs(tx, ids)
    batch = begin(house, now, opvs)
    if living or blanked.anything:
        data = {"client": str(ids[0]), "also": [str(id_) for id_ in ids[1:]], "blanked": blanked.model_dump()}
        for opv in opvs.values():
            batch.record(opv, history.PERSONAL_DATA_ERASED, cause_of(viewer), data, {"reason": reason})
    batch.write(tx)
    since = now if living else max(at for id_ in ids if (at := records[id_].erased_at))
    return Erased(
        client=ids[0], also=list(ids[1:]), erased_at=since, opvs=held.opvs, blanked=blanked,
        same_contacts=sorted({one.client for one in same.values()}), file_clean=True,
    )  # fmt: skip


def _together(one: Traces, other: Traces) -> Traces:
    """What was known before the first unit of work, and what came since."""
    return Traces(*(getattr(one, name) | getattr(other, name) for name in Traces.__dataclass_fields__))


def _sum(one: Blanked, other: Blanked) -> Blanked:
    return Blanked(**{name: value + getattr(other, name) for name, value in one})


def _retried(database: Database, work: Callable[[Connection], Given]) -> Given:
    """A unit of work, tried again when the database says that this may help: others lock what it locks."""
    for attempt in range(1, REPEATS + 1):
        try:
            with database.write() as tx:
                return work(tx)
        except Exception as error:
            if attempt == REPEATS or not is_transient(error):
                raise
            time.sleep(0.05 * attempt)
    raise AssertionError("unreachable")


def _empty_log(database: Database) -> bool:
    """Whether SQLite's log, which has the pages as they were, could be emptied; readers hold it for moments."""
    for _ in range(LOG_TRIES):
        if database.empty_log():
            return True
        time.sleep(0.1)
    return False
