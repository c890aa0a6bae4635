"""The state in which a simulation begins, as far as the rows tell: turns, pauses, excluded pairs, what brokers had."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Select, and_, func, or_, select

from db.models import Base
from db.session import AnyRow
from opv.distribution.queues import Locked

_TABLES = Base.metadata.tables
_OPVS = _TABLES["opportunities"]
_DECISIONS = _TABLES["decisions"]
_GIVEN = _TABLES["assignments"]
_ENDS = (_TABLES["withdrawals"], _TABLES["won_sales"])

MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Seat:
    """A member of a line as it was: a row of `queue_members`."""

    queue: str
    broker: str
    last_turn: int
    served: int
    position: int
    active: bool
    owed: int
    balance: int


class TurnsThen:
    """Lines as they were at a moment. Whoever was served since then goes back to the turn of the last decision before;
    who was not is as at present; who came since is not there yet."""

    def __init__(self, tx: Connection, at: datetime) -> None:
        d = _DECISIONS.c
        newest = (
            select(d.queue, d.broker, func.max(d.at).label("at"), func.count().label("served"))
            .where(d.queue.is_not(None), d.broker.is_not(None), d.at < at)
            .group_by(d.queue, d.broker)
            .subquery()
        )
        same = and_(d.queue == newest.c.queue, d.broker == newest.c.broker, d.at == newest.c.at)
        self._last: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
        for row in tx.execute(select(d.queue, d.broker, d.explanation, newest.c.served).join(newest, same)):
            turn = orjson.loads(row.explanation).get("turn")
            of_line = self._last[row.queue]
            if turn is not None and turn >= of_line.get(row.broker, (0, 0))[0]:
                of_line[row.broker] = (turn, row.served)
        self._members: dict[str, list[AnyRow]] = defaultdict(list)
        for member in tx.execute(select(*_TABLES["queue_members"].c)):
            self._members[member.queue].append(member)

    def of(self, line: str) -> Locked:
        """The line's row and members, as if they had been locked then."""
        last = self._last.get(line, {})
        turn = max((turn for turn, _ in last.values()), default=0)
        seats: list[Any] = []
        for row in self._members.get(line, ()) if turn else ():
            if row.last_turn <= turn:
                seats.append(row)
            elif row.broker in last:
                seats.append(Seat(line, row.broker, *last[row.broker], row.position, True, 0, 0))
        return Locked({line: turn}, seats)


def pauses(tx: Connection) -> list[AnyRow]:
    """Queues that are paused, and since when."""
    paused = _TABLES["paused_queues"].c
    return list(tx.execute(select(paused.queue, paused.at)))


def excluded_pairs(tx: Connection) -> list[tuple[datetime, tuple[UUID, str]]]:
    """Clients and the brokers they are not to have, with the moment since when."""
    pairs = _TABLES["excluded_pairs"].c
    return [(row.at, (row.client_id, row.broker)) for row in tx.execute(select(*pairs))]


def held_then(tx: Connection, at: datetime) -> list[AnyRow]:
    """How many open OPVs each broker had at the moment, and how many of these were not contacted yet, out of the OPVs
    that are older; each counts with the broker whom it has at present."""
    ended = or_(*(select(end.c.at).where(end.c.opportunity_id == _OPVS.c.id, end.c.at >= at).exists() for end in _ENDS))
    alive = or_(_OPVS.c.status == "open", ended)
    early = or_(_OPVS.c.first_contact_at.is_(None), _OPVS.c.first_contact_at >= at)
    broker = func.coalesce(_OPVS.c.broker, _OPVS.c.presales_broker).label("broker")
    statement = (
        select(broker, func.count().label("open"), func.count().filter(early).label("backlog"))
        .where(_OPVS.c.created_at < at, broker.is_not(None), alive)
        .group_by(broker)
    )
    return list(tx.execute(statement))


def ends_after(tx: Connection, at: datetime) -> Iterator[AnyRow]:
    """When which broker lost an OPV older than the moment, since it ended, and whether it had been contacted."""
    for end in _ENDS:
        broker = func.coalesce(_OPVS.c.broker, _OPVS.c.presales_broker).label("broker")
        statement = (
            select(broker, func.max(end.c.at).label("at"), _OPVS.c.first_contact_at)
            .join(_OPVS, _OPVS.c.id == end.c.opportunity_id)
            .where(end.c.at >= at, _OPVS.c.created_at < at, _OPVS.c.status != "open", broker.is_not(None))
            .group_by(_OPVS.c.id, broker, _OPVS.c.first_contact_at)
        )
        yield from tx.execute(statement)


def contacts_after(tx: Connection, at: datetime) -> list[AnyRow]:
    """When which broker first contacted the client of an OPV older than the moment."""
    broker = func.coalesce(_OPVS.c.broker, _OPVS.c.presales_broker).label("broker")
    statement = select(broker, _OPVS.c.first_contact_at.label("at")).where(
        _OPVS.c.created_at < at, _OPVS.c.first_contact_at >= at, broker.is_not(None)
    )
    return list(tx.execute(statement))


def given_before(tx: Connection, at: datetime, brokers: Collection[str]) -> list[tuple[datetime, str]]:
    """Leads given in the 30 days before the moment, in order."""
    statement: Select[Any] = (
        select(_GIVEN.c.since, _GIVEN.c.broker)
        .where(
            _GIVEN.c.broker.is_not(None), _GIVEN.c.since >= at - MONTH, _GIVEN.c.since < at,
            _GIVEN.c.part != "second",
        )
        .order_by(_GIVEN.c.since)
    )  # fmt: skip
    return [(row.since, row.broker) for row in tx.execute(statement) if row.broker in brokers]
