"""The queues of a batch: members as configured, turns under lock, written back in two statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from db.bulk import add_new, insert_rows, update_rows
from db.models import Base
from db.statement import Statement, pipelined, run_all
from opv.distribution import pickers
from opv.distribution.pickers import Member, Turns, turns_of
from opv.house import House
from schemas.config import Queue

_QUEUES = Base.metadata.tables["queues"]
_MEMBERS = Base.metadata.tables["queue_members"]

_LOCK = Statement(
    lambda one_of: (
        select(_QUEUES.c.key, _QUEUES.c.turn)
        .where(one_of(_QUEUES.c.key, "keys"))
        .order_by(_QUEUES.c.key)
        .with_for_update()
    )
)
_READ_MEMBERS = Statement(lambda one_of: select(*_MEMBERS.c).where(one_of(_MEMBERS.c.queue, "keys")))


@dataclass(frozen=True, slots=True)
class Line:
    """A queue as it stands for an OPV: its key, its teams and its brokers. A queue without teams or brokers is
    one line per development."""

    key: str
    teams: tuple[str, ...]
    brokers: tuple[str, ...]


def line_of(queue: Queue, development: str | None, house: House) -> Line:
    """The line that an OPV of the development stands in."""
    if queue.brokers:
        return Line(queue.key, (), tuple(queue.brokers))
    if queue.teams:
        return Line(queue.key, tuple(queue.teams), tuple(house.roster.brokers_of(queue.teams)))
    found = house.catalog.developments.get(development or "")
    teams = tuple(found.teams) if found else ()
    return Line(f"{queue.key}@{development or ''}", teams, tuple(house.roster.brokers_of(teams)))


def lock_queues(tx: Connection, lines: Iterable[Line]) -> dict[str, Turns]:
    """Locks the queues' rows in the order of their keys, then reads the members: in one statement for both, the
    members would be as they were before the wait."""
    by_key = {line.key: line for line in lines}
    if not by_key:
        return {}
    keys = sorted(by_key)
    with pipelined(tx):
        add_new(tx, _QUEUES, [{"key": key, "turn": 0} for key in keys], ("key",))
        locked, found = run_all(tx, (_LOCK, {"keys": keys}), (_READ_MEMBERS, {"keys": keys}))
    members: dict[str, list[Member]] = defaultdict(list)
    for row in found:
        members[row.queue].append(Member(row.broker, row.last_turn, row.served, row.position, row.active))
    return {row.key: turns_of(_in_turn(by_key[row.key]), row.turn, members[row.key], {}) for row in locked}


def write_queues(tx: Connection, queues: Mapping[str, Turns]) -> None:
    """Writes turns and members back."""
    changed = [(queue, member) for _, queue in sorted(queues.items()) for member in queue.changes()]
    update_rows(tx, _QUEUES, ("key",), [{"key": key, "turn": queues[key].turn} for key in sorted(queues)])
    insert_rows(tx, _MEMBERS, [_row(queue, member) for queue, member in changed if member.is_new])
    update_rows(
        tx, _MEMBERS, ("queue", "broker"), [_row(queue, member) for queue, member in changed if not member.is_new]
    )


def _in_turn(line: Line) -> pickers.Line:
    return pickers.Line(line.key, "round_robin", line.brokers)


def _row(queue: Turns, member: Member) -> dict[str, object]:
    return {
        "queue": queue.key, "broker": member.broker, "last_turn": member.last_turn, "served": member.served,
        "position": member.position, "active": member.active,
    }  # fmt: skip
