"""From stored deliveries to submissions: reading with the source, identity, repeats and conflicts."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, select, text

from db.bulk import any_of, insert_new, insert_rows, update_rows
from db.ids import new_id
from db.models import Base, Outcome, SubmissionState
from db.session import AnyRow
from db.statement import Statement
from opv.junk import JunkRules
from opv.late import is_late
from opv.normalize import NormalizedLead, normalize
from opv.step import fingerprint
from opv.submission_keys import (
    CONTENT_WINDOW,
    bounded_key,
    bucket_key,
    content_hash,
    namespace_of,
    pulled_key,
    trigger_hash,
)
from opv.tombstones import DETAIL, ERASED, tombstone, veiled
from schemas.errors import PorteiroError
from schemas.lead import Lead
from schemas.source import (
    IMPORT_HEADER,
    RECONCILED_HEADER,
    Entrance,
    NotALead,
    Pointer,
    ProcessStatus,
    Read,
    ReadLead,
    Request,
    Trigger,
)

_SUBMISSIONS = Base.metadata.tables["submissions"]

_GRAVES = Statement(
    lambda one_of: select(_SUBMISSIONS.c.namespace, _SUBMISSIONS.c.key, _SUBMISSIONS.c.id, _SUBMISSIONS.c.person).where(
        one_of(_SUBMISSIONS.c.namespace, "namespaces"), one_of(_SUBMISSIONS.c.key, "keys")
    )
)
"""Submissions of these keys in these namespaces."""

_CONTENT_LOCKS = text("SELECT pg_advisory_xact_lock(lock) FROM unnest(CAST(:locks AS bigint[])) AS lock")

log = logging.getLogger("porteiro.ingest")


@dataclass(slots=True)
class Received:
    """A delivery to read. `accepted`: a person said that none of its leads is junk."""

    id: UUID
    entrance: Entrance | None
    channel: int
    received_at: datetime
    request: Request
    replayed: bool
    accepted: bool = False


@dataclass(slots=True, eq=False)
class Submitted:
    """A submission in memory. `outcome` CAPTURED stands for a lead that is to be captured, or a status of a `process`
    or a `trigger` that is to be noted; `again` marks one that this very delivery captured before it was replayed. One
    with `by` is no row: that person typed it, for `broker`; `typed` is it word for word. `of_erased`: it repeats a lead
    of a person who was erased."""

    id: UUID
    delivery: UUID
    channel: int
    entrance: Entrance | None
    received_at: datetime
    position: int
    namespace: str
    key: str | None
    external_id: str | None
    outcome: Outcome
    reason: str | None = None
    detail: str | None = None
    lead: NormalizedLead | None = None
    pointer: str | None = None
    person: bytes | None = None
    repeat_of: UUID | None = None
    content: str | None = None
    again: bool = False
    conversation: str | None = None
    late: bool = False
    address: bytes | None = None
    by: str | None = None
    broker: str | None = None
    typed: dict[str, Any] | None = None
    process: ProcessStatus | None = None
    trigger: Trigger | None = None
    of_erased: bool = False

    def row(self, now: datetime) -> dict[str, Any]:
        """The submissions row."""
        waits = self.pointer is not None and self.outcome is Outcome.PENDING
        return {
            "id": self.id, "delivery_id": self.delivery, "position": self.position, "channel": self.channel,
            "namespace": self.namespace, "key": self.key, "external_id": self.external_id,
            "repeat_of": self.repeat_of, "outcome": self.outcome.value, "reason": self.reason,
            "detail": self.detail, "state": (SubmissionState.FETCH if waits else SubmissionState.DONE).value,
            "created_at": self.received_at, "done_at": None if waits else now, "due_at": now if waits else None,
            "pointer": self.pointer, "person": self.person, "address": self.address,
        }  # fmt: skip

    def park(self, reason: str, detail: str) -> None:
        """Keeps it, with the reason, until a person or a new configuration helps."""
        self.outcome, self.reason, self.detail = Outcome.PARKED, reason, detail

    def ignore(self, reason: str, detail: str) -> None:
        """Makes no OPV of it."""
        self.outcome, self.reason, self.detail = Outcome.IGNORED, reason, detail

    def repeat(self, first: UUID) -> None:
        """Counts it with the submission that it repeats."""
        self.outcome, self.repeat_of = Outcome.REPEATED, first
        self.reason = self.detail = self.pointer = None

    def bury(self, first: UUID) -> None:
        """Counts it with the submission of an erased person that it repeats, and forgets what it says."""
        self.repeat(first)
        self.of_erased, self.reason, self.detail = True, ERASED, DETAIL
        self.external_id = self.person = self.address = None


def read(received: Received, junk: JunkRules | None = None) -> list[Submitted]:
    """The submissions of a delivery; always at least one, so that every delivery has a visible outcome."""
    entrance = received.entrance
    if entrance is None:
        return [_whole(received, Outcome.PARKED, "unknown_channel", "the channel's source is not installed")]
    if entrance.retired:
        return [_whole(received, Outcome.PARKED, "channel_retired", "the channel is not in the configuration")]
    found = _found(received, entrance, None if received.accepted else junk)
    if mark := received.request.headers.get(RECONCILED_HEADER):
        for one in found:
            if one.key is None:  # it must be known by some key, or the next pull would bring it again
                one.namespace, one.key = namespace_of(entrance), pulled_key(mark)
    return found


def _found(received: Received, entrance: Entrance, junk: JunkRules | None) -> list[Submitted]:
    try:
        reads = _read(received.request, entrance)
    except PorteiroError as error:
        return [_whole(received, Outcome.PARKED, error.reason, error.detail)]
    except Exception as error:
        log.error("source %s could not read a delivery: %s", entrance.source.slug, fingerprint(error))  # noqa: TRY400 - see fingerprint
        return [_whole(received, Outcome.PARKED, "bug", f"the source's reader failed: {fingerprint(error)}")]
    if not reads:
        return [_whole(received, Outcome.IGNORED, "nothing_in_it", "the delivery holds no lead")]
    return [_submitted(received, entrance, position, one, junk) for position, one in enumerate(reads)]


def take(submission: Submitted, read_: ReadLead | NotALead, entrance: Entrance, junk: JunkRules | None) -> None:
    """Fills in what was read: a lead to capture, a test, something to ignore, or a lead without any contact."""
    if isinstance(read_, NotALead):
        submission.outcome = Outcome(read_.outcome)
        submission.reason, submission.detail = read_.reason, read_.detail
        return
    submission.conversation = read_.conversation
    lead = normalize(_with_defaults(read_.lead, entrance))
    submission.lead, submission.person = lead, person_marks(lead)
    submission.late = is_late(lead.submitted_at, submission.received_at, entrance.timezone)
    if read_.test:
        submission.outcome, submission.reason = Outcome.TEST, "test_lead"
        submission.detail = "the platform marks it as a test"
    elif junk is not None and (verdict := junk.judge(read_, lead, entrance, submission.received_at)):
        submission.ignore(*verdict)
    elif not lead.has_contact:
        submission.park("no_contact", "no usable phone or e-mail in it")
    else:
        submission.outcome = Outcome.CAPTURED


def store(tx: Connection, found: Sequence[Submitted], now: datetime) -> list[Submitted]:
    """Inserts submissions, each key once; gives those that are new. What was there before becomes `repeated`, or
    `conflict` (parked) when the same key brings another person's data."""
    _repeats_by_content(tx, found)
    keyed = sorted((s for s in found if s.key is not None), key=lambda s: (s.namespace, s.key or ""))
    inserted = insert_new(tx, _SUBMISSIONS, [s.row(now) for s in keyed], ("namespace", "key"), ("id",))
    known = [s for s in keyed if s.id not in inserted]
    _mark_known(known, _firsts(tx, known), inserted)
    _mark_erased(tx, [s for s in keyed if s.id in inserted], known, now)
    loose = [s for s in found if s.id not in inserted and not s.again]
    insert_rows(tx, _SUBMISSIONS, [s.row(now) for s in loose])
    return [s for s in found if s.repeat_of is None and not s.again]


def _mark_erased(tx: Connection, new: Sequence[Submitted], known: Sequence[Submitted], now: datetime) -> None:
    """Makes repeats of those just inserted whose lead is known by a tombstone, and of those that repeat them. After
    they were inserted: an erasure that takes their key away meanwhile has been waited for."""
    graves = {(s.namespace, tombstone(s.key)): s for s in new if s.key is not None}
    if not graves:
        return
    namespaces, keys = ({place[index] for place in graves} for index in (0, 1))
    changed: dict[UUID, Submitted] = {}
    for row in _GRAVES.rows(tx, namespaces=namespaces, keys=keys):
        submission = graves.get((row.namespace, row.key))
        if submission is None or submission.id == row.id:
            continue
        marks = veiled(submission.person, submission.key or "")
        submission.key = None
        if other_person(row.person, marks):
            submission.repeat_of = row.id
            submission.park("conflict", "the same id came before with another person's data")
        else:
            submission.bury(row.id)
        changed[submission.id] = submission
    for submission in known:
        if submission.outcome is Outcome.REPEATED and (first := changed.get(submission.repeat_of or submission.id)):
            submission.bury(first.repeat_of or first.id)
    update_rows(tx, _SUBMISSIONS, ("id",), [submission.row(now) for submission in changed.values()])


def foresee(tx: Connection, found: Sequence[Submitted], taken: set[tuple[str, str]]) -> None:
    """Marks submissions of deliveries that are read anew as `store` would, without writing. `taken` are keys that
    submissions before these would have, and gets those of these."""
    _repeats_by_content(tx, found)
    firsts = _firsts(tx, found)
    forgotten = {s.delivery for s in found}
    for submission in sorted((s for s in found if s.key is not None), key=lambda s: s.received_at):
        place = (submission.namespace, submission.key or "")
        there = firsts.get(place)
        if there is not None and (there.delivery_id not in forgotten or there.outcome == Outcome.CAPTURED.value):
            _mark_known([submission], firsts, ())
        elif place in taken and submission.outcome is not Outcome.TEST:
            submission.outcome, submission.reason = Outcome.REPEATED, None
        taken.add(place)


def forget_unfinished(tx: Connection, deliveries: Iterable[UUID]) -> None:
    """Before a replayed delivery is read anew: drops its submissions that made no capture."""
    where = any_of(tx, _SUBMISSIONS.c.delivery_id, deliveries)
    tx.execute(delete(_SUBMISSIONS).where(where, _SUBMISSIONS.c.outcome != Outcome.CAPTURED.value))


def _read(request: Request, entrance: Entrance) -> Sequence[Read]:
    """With the source, by where the delivery came from: the sender, an imported file, or reconciliation."""
    if IMPORT_HEADER in request.headers:
        return entrance.source.read_import(request, entrance)
    if RECONCILED_HEADER in request.headers:
        return [entrance.source.read_recent(request.body, entrance)]
    return entrance.source.read(request, entrance)


def person_marks(lead: NormalizedLead) -> bytes:
    """Short hashes of the lead's contacts, to tell a repeat from another person's data under the same key."""
    contacts = {*lead.phones, *lead.emails, *([lead.document] if lead.document else [])}
    return b"".join(sorted(hashlib.sha256(c.encode()).digest()[:8] for c in contacts))


def other_person(a: bytes | None, b: bytes | None) -> bool:
    """Whether the `person_marks` of two leads are of two persons: both have contacts, and none in common."""
    if not a or not b:
        return False
    marks = {a[i : i + 8] for i in range(0, len(a), 8)}
    return marks.isdisjoint(b[i : i + 8] for i in range(0, len(b), 8))


def _submitted(received: Received, entrance: Entrance, position: int, one: Read, junk: JunkRules | None) -> Submitted:
    source = entrance.source
    namespace = namespace_of(entrance)
    external = bounded_key(one.key)
    submission = Submitted(
        new_id(), received.id, received.channel, entrance, received.received_at, position, namespace,
        external, external, Outcome.PENDING,
    )  # fmt: skip
    if isinstance(one, Pointer):
        submission.pointer = json.dumps(one.data)
        return submission
    if isinstance(one, ProcessStatus):
        submission.process, submission.outcome = one, Outcome.CAPTURED
        return submission
    try:
        if isinstance(one, Trigger):
            _take_trigger(submission, one)
            return submission
        take(submission, one, entrance, junk)
    except Exception as error:
        log.error("a lead of source %s could not be normalized: %s", source.slug, fingerprint(error))  # noqa: TRY400 - see fingerprint
        submission.park("bug", f"normalizing failed: {fingerprint(error)}")
        return submission
    if IMPORT_HEADER in received.request.headers:
        submission.late = False  # a person brought it now, and automations shall not run as if it had waited here
    if junk is not None and isinstance(one, ReadLead):
        submission.address = junk.address(one, received.request, entrance)
    if submission.outcome is Outcome.PARKED:
        submission.key = None  # the sender may send the id again, with a contact this time
    if isinstance(one, ReadLead) and external is None and submission.outcome is Outcome.CAPTURED:
        submission.content = content_hash(one.lead)
        submission.key = bucket_key(submission.content, received.received_at)
    return submission


def _take_trigger(submission: Submitted, one: Trigger) -> None:
    """Fills in what a trigger says. It is no lead: nothing is junk in it."""
    submission.trigger, submission.outcome = one, Outcome.CAPTURED
    submission.lead = normalize(one.client)
    submission.person = person_marks(submission.lead) or None  # whose data it holds is then looked for in the request
    if submission.key is None:
        submission.content = trigger_hash(one)
        submission.key = bucket_key(submission.content, submission.received_at)


def _whole(received: Received, outcome: Outcome, reason: str, detail: str) -> Submitted:
    return Submitted(
        new_id(), received.id, received.channel, received.entrance, received.received_at, 0,
        f"delivery:{received.id}", None, None, outcome, reason, detail,
    )  # fmt: skip


def _with_defaults(lead: Lead, entrance: Entrance) -> Lead:
    lacking = {name: value for name, value in entrance.defaults.items() if not getattr(lead, name)}
    return lead.model_copy(update=lacking) if lacking else lead


def _repeats_by_content(tx: Connection, found: Sequence[Submitted]) -> None:
    """Marks content that was there in the 10-minute bucket before or after, in the database or in this batch. The
    unique key finds it within a bucket; across its edge, a lock on the content keeps two workers apart."""
    hashed = [s for s in found if s.content is not None]
    if not hashed:
        return
    _lock_contents(tx, {s.content or "" for s in hashed})
    beside = {bucket_key(s.content or "", s.received_at, back) for s in hashed for back in (1, -1)}
    c = _SUBMISSIONS.c
    rows = tx.execute(select(c.namespace, c.key, c.id, c.created_at).where(*_keyed(tx, hashed, beside)))
    seen = {(row.namespace, row.key): (row.id, row.created_at) for row in rows}
    for submission in sorted(hashed, key=lambda s: s.received_at):
        content, at = submission.content or "", submission.received_at
        near = [seen.get((submission.namespace, bucket_key(content, at, back))) for back in (1, -1)]
        first = next((one for one in near if one and abs(at - one[1]) <= CONTENT_WINDOW), None)
        if first:
            submission.key = None
            submission.repeat(first[0])
        else:
            seen.setdefault((submission.namespace, bucket_key(content, at)), (submission.id, at))


def _lock_contents(tx: Connection, contents: set[str]) -> None:
    """Until the end of the unit of work, in order; SQLite has one writer anyway."""
    if tx.dialect.name == "postgresql":
        locks = sorted(int(content[:15], 16) for content in contents)
        tx.execute(_CONTENT_LOCKS, {"locks": locks})


def _firsts(tx: Connection, known: Iterable[Submitted]) -> Mapping[tuple[str, str | None], AnyRow]:
    """The stored submissions that have the keys of these."""
    c = _SUBMISSIONS.c
    keyed = [s for s in known if s.key is not None]
    if not keyed:
        return {}
    columns = (c.namespace, c.key, c.id, c.delivery_id, c.outcome, c.person)
    rows = tx.execute(select(*columns).where(*_keyed(tx, keyed, {s.key for s in keyed})))
    return {(row.namespace, row.key): row for row in rows}


def _keyed(tx: Connection, found: Iterable[Submitted], keys: Iterable[str | None]) -> tuple[ColumnElement[bool], ...]:
    """Rows of these keys in the submissions' namespaces: both columns of the unique index, or it is of no use."""
    c = _SUBMISSIONS.c
    return any_of(tx, c.namespace, {s.namespace for s in found}), any_of(tx, c.key, keys)


def _mark_known(
    known: Sequence[Submitted], firsts: Mapping[tuple[str, str | None], AnyRow], inserted: Container[UUID]
) -> None:
    for submission in known:
        there = firsts[submission.namespace, submission.key]
        submission.key = None
        if there.delivery_id == submission.delivery and there.id not in inserted:
            submission.again, submission.outcome = True, Outcome.CAPTURED
            continue
        submission.repeat_of = there.id
        if submission.outcome is Outcome.TEST:
            continue  # a platform's test button sends the same id each time
        if other_person(there.person, submission.person):
            submission.park("conflict", "the same id came before with another person's data")
        else:
            submission.repeat(there.id)
