"""Where things of a person are: its OPVs, cards, submissions and deliveries."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select
from sqlalchemy.orm import aliased

from db.bulk import any_of
from db.models import CaptureOrigin, Delivery, HistoryEntry, Opportunity, Outcome, Submission
from db.session import AnyRow
from opv import history
from opv.clients.records import involvements
from opv.data_subject.traces import Traces
from opv.tombstones import ERASED

LOOKED_AT_ONCE = 5_000
"""Submissions read at a time while those are looked for that no card leads to."""

READ_AT_ONCE = 100
"""Raw requests read at a time."""

_MARK = 8


@dataclass(slots=True)
class Held:
    """What belongs to a person known under `ids`. `own`: OPVs of which it is the main client; `others`: those in which
    it takes part otherwise, or did. `cards` are its capture cards; `submissions` its leads and messages, repeats
    included, and leads that made no OPV and carry its contacts; `deliveries` what they came in."""

    ids: Sequence[UUID]
    own: set[UUID] = field(default_factory=set)
    others: set[UUID] = field(default_factory=set)
    cards: Sequence[AnyRow] = ()
    submissions: set[UUID] = field(default_factory=set)
    deliveries: set[UUID] = field(default_factory=set)

    @property
    def opvs(self) -> list[UUID]:
        """All of the OPVs, in order."""
        return sorted(self.own | self.others)


def held_of(tx: Connection, ids: Sequence[UUID], *, strays: Iterable[UUID] = ()) -> Held:
    """What is held of the person. `strays`: what `strays_of` gave. A fixed number of statements; one of them looks at
    every history, for OPVs that the person was taken out of."""
    held = Held(ids)
    for opv, involved in _own(tx, ids).items():
        (held.own if involved else held.others).add(opv)
    held.cards = _cards(tx, held)
    s = Submission
    of_cards = [row.submission_id for row in held.cards if row.submission_id is not None]
    found = tx.execute(
        select(s.id, s.delivery_id).where(
            or_(
                any_of(tx, s.id.expression, {*of_cards, *strays}),
                and_(s.opportunity_id.is_not(None), any_of(tx, s.opportunity_id.expression, held.own)),
            )
        )
    ).all()
    firsts = {row.id for row in found}
    # Another person's data under the same id repeat nothing: that lead is parked, and not this person's.
    repeats = and_(any_of(tx, s.repeat_of.expression, firsts), s.outcome == Outcome.REPEATED.value)
    again = tx.execute(select(s.id, s.delivery_id).where(s.repeat_of.is_not(None), repeats)).all()
    held.submissions = firsts | {row.id for row in again}
    held.deliveries = {row.delivery_id for row in (*found, *again)}
    held.submissions |= _beside(tx, held)
    return held


def strays_of(tx: Connection, contacts: Iterable[str]) -> list[UUID]:
    """Submissions that made no OPV (parked, ignored, tests, repeats) and carry one of the contacts. No index has them
    by contact: all such are looked through, a few thousand at a time."""
    marks = {mark_of(contact) for contact in contacts}
    if not marks:
        return []
    return [row.id for row in _unfinished(tx) if not marks.isdisjoint(_marks(row.person))]


def unread_of(tx: Connection, traces: Traces) -> list[UUID]:
    """Submissions of requests that nobody could be read out of (unreadable, receipts, reactions, …) and that carry a
    contact of the person. All such requests are looked through, a hundred at a time."""
    if not traces.contacts:
        return []
    return [
        id_
        for id_, request in _unread(tx)
        if any(traces.contact_in(bytes(raw)) for raw in (request.body, request.url, request.headers))
    ]


def mark_of(contact: str) -> bytes:
    """One of the marks of `opv.submissions.person_marks`."""
    return hashlib.sha256(contact.encode()).digest()[:_MARK]


def naming(ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Condition on history entries: those that name one of the clients, whose ids stand nowhere else."""
    data = HistoryEntry.data.expression
    return or_(*(data.contains(str(id_)) for id_ in ids))


def _own(tx: Connection, ids: Sequence[UUID]) -> dict[UUID, bool]:
    """The person's OPVs, and whether it is the main client."""
    o = Opportunity
    main = set(tx.execute(select(o.id).where(any_of(tx, o.client_id.expression, ids))).scalars())
    e = HistoryEntry
    left = select(e.opportunity_id).where(e.kind == history.CLIENT_REMOVED, naming(ids)).distinct()
    involved = {*involvements(tx, ids), *tx.execute(left).scalars()}
    return {**dict.fromkeys(involved, False), **dict.fromkeys(main, True)}


def _cards(tx: Connection, held: Held) -> Sequence[AnyRow]:
    c = CaptureOrigin
    of_opvs = any_of(tx, c.opportunity_id.expression, held.opvs)
    statement = select(*CaptureOrigin.__table__.columns).where(of_opvs, any_of(tx, c.client_id.expression, held.ids))
    return tx.execute(statement.order_by(c.received_at, c.id)).all()


def _unfinished(tx: Connection) -> Iterator[AnyRow]:
    s = Submission
    statement = (
        select(s.id, s.person)
        .where(s.person.is_not(None), s.outcome != Outcome.CAPTURED.value, s.outcome != Outcome.PENDING.value)
        .where(or_(s.reason.is_(None), s.reason != ERASED))
        .order_by(s.id)
        .limit(LOOKED_AT_ONCE)
    )
    rows = tx.execute(statement).all()
    while rows:
        yield from rows
        rows = tx.execute(statement.where(s.id > rows[-1].id)).all()


def _beside(tx: Connection, held: Held) -> set[UUID]:
    """What is no lead in the person's deliveries (receipts, reactions, …), unless leads of others are in them too."""
    s = Submission
    beside = tx.execute(
        select(s.id, s.delivery_id, s.person.is_not(None).label("marked"), s.outcome).where(
            any_of(tx, s.delivery_id.expression, held.deliveries)
        )
    ).all()
    shared = {row.delivery_id for row in beside if row.marked and row.id not in held.submissions}
    no_leads = (Outcome.IGNORED.value, Outcome.TEST.value)
    return {row.id for row in beside if not row.marked and row.outcome in no_leads and row.delivery_id not in shared}


def _unread(tx: Connection) -> Iterator[tuple[UUID, AnyRow]]:
    """Submissions of requests without a lead, each with its request."""
    s, d, marked = Submission, Delivery, aliased(Submission)
    statement = (
        select(s.id, s.delivery_id)
        .where(s.person.is_(None), s.outcome != Outcome.CAPTURED.value, s.outcome != Outcome.PENDING.value)
        .where(or_(s.reason.is_(None), s.reason != ERASED))
        .where(~exists().where(marked.delivery_id == s.delivery_id, marked.person.is_not(None)))
    )
    waiting = iter(tx.execute(statement).all())
    while part := list(islice(waiting, READ_AT_ONCE)):
        ids = any_of(tx, d.id.expression, {row.delivery_id for row in part})
        rows = tx.execute(select(d.id, d.url, d.headers, d.body).where(ids, d.erased_at.is_(None)))
        requests = {row.id: row for row in rows}
        yield from ((row.id, requests[row.delivery_id]) for row in part if row.delivery_id in requests)


def _marks(person: bytes) -> Iterator[bytes]:
    return (person[i : i + _MARK] for i in range(0, len(person), _MARK))
