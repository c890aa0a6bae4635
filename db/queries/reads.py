"""The log of reads of personal data: noted at each read, listed, and taken up to be sealed into the histories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, case, or_, select
from sqlalchemy.dialects import sqlite

from db.bulk import any_of, update_rows
from db.literals import array, array_form
from db.models import Base, Opportunity, PersonalRead
from db.queries.paging import cut, decode, encode
from db.session import AnyRow
from schemas.page import Page, Paging
from schemas.reads import ReadItem

_READS = Base.metadata.tables["personal_reads"]
_KEY = ("opportunity_id", "day", "person", "what")
_ID, _WHAT = array_form(_READS.c.opportunity_id.type), array_form(_READS.c.what.type)

_NOTE = """
INSERT INTO personal_reads AS r (opportunity_id, day, person, what, first_at, last_at, times)
SELECT v.id, %(day)s, %(person)s, v.what, %(now)s, %(now)s, 1
FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(whats)s AS text[])) AS v (id, what)
ON CONFLICT (opportunity_id, day, person, what)
DO UPDATE SET last_at = greatest(r.last_at, excluded.last_at), times = r.times + 1"""


def note(tx: Connection, person: str, read: Iterable[tuple[UUID, str]], now: datetime) -> None:
    """Notes that the person read personal data of these OPVs, each with what of it: one statement, whatever their
    number. Rows are written in the order of their keys, so that two notes cannot wait for each other."""
    pairs = sorted(set(read))
    if not pairs:
        return
    day = now.astimezone(UTC).date()
    if tx.dialect.name == "postgresql":
        arrays = {"ids": array(_ID, [opv for opv, _ in pairs]), "whats": array(_WHAT, [what for _, what in pairs])}
        tx.exec_driver_sql(_NOTE, {"day": day, "person": person, "now": now, **arrays})
        return
    insert = sqlite.insert(_READS)
    last = case((insert.excluded.last_at > _READS.c.last_at, insert.excluded.last_at), else_=_READS.c.last_at)
    upsert = insert.on_conflict_do_update(index_elements=_KEY, set_={"last_at": last, "times": _READS.c.times + 1})
    rows = [
        {"opportunity_id": opv, "day": day, "person": person, "what": what, "first_at": now, "last_at": now, "times": 1}
        for opv, what in pairs
    ]
    tx.execute(upsert, rows)


def page(tx: Connection, opv: UUID, paging: Paging) -> Page[ReadItem]:
    """Who read personal data of the OPV, the newest day first."""
    one = PersonalRead
    statement = select(one.day, one.person, one.what, one.first_at, one.last_at, one.times, one.sealed_seq).where(
        one.opportunity_id == opv
    )
    if paging.cursor is not None:
        day, person, what = decode(paging.cursor, date.fromisoformat, str, str)
        later: ColumnElement[bool] = or_(one.person > person, and_(one.person == person, one.what > what))
        statement = statement.where(or_(one.day < day, and_(one.day == day, later)))
    rows = list(tx.execute(statement.order_by(one.day.desc(), one.person, one.what).limit(paging.limit + 1)))
    shown, next_ = cut(rows, paging, lambda row: encode(row.day.isoformat(), row.person, row.what))
    return Page(items=[ReadItem(**row._mapping) for row in shown], next=next_)


def unsealed_opvs(tx: Connection, before: date, limit: int) -> Sequence[UUID]:
    """OPVs with reads of days before `before` that are not sealed, the oldest days first; at most so many."""
    statement = (
        select(PersonalRead.opportunity_id)
        .join(Opportunity, Opportunity.id == PersonalRead.opportunity_id)
        .where(PersonalRead.sealed_seq.is_(None), PersonalRead.day < before)
        .order_by(PersonalRead.day)
        .limit(limit)
    )
    return list(dict.fromkeys(tx.execute(statement).scalars()))


def unsealed(tx: Connection, opvs: Sequence[UUID], before: date) -> Sequence[AnyRow]:
    """Reads of these OPVs of days before `before` that are not sealed, locked, in the order of their keys."""
    statement = (
        select(*_READS.c)
        .where(any_of(tx, _READS.c.opportunity_id, opvs), _READS.c.sealed_seq.is_(None), _READS.c.day < before)
        .order_by(*(_READS.c[name] for name in _KEY))
        .with_for_update()
    )
    return list(tx.execute(statement))


def seal(tx: Connection, sealed: Sequence[tuple[AnyRow, int]]) -> None:
    """Writes to each read the history entry that it is sealed in; from then on the database refuses to change it."""
    rows = [{**{name: row._mapping[name] for name in _KEY}, "sealed_seq": seq} for row, seq in sealed]
    update_rows(tx, _READS, _KEY, rows)
