"""The queues of a batch: members as configured, turns under lock, written back in a fixed number of statements."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from db.bulk import add_new, insert_rows, update_rows
from db.models import Base
from db.session import AnyRow
from db.statement import Statement, pipelined, run_all
from opv import history
from opv.distribution.gates import Gates, Standing
from opv.distribution.pickers import STRATEGIES, Line, Load, Member, Turns, turns_of
from opv.house import House
from schemas.config import Queue

_QUEUES = Base.metadata.tables["queues"]
_MEMBERS = Base.metadata.tables["queue_members"]
_SNAPSHOTS = Base.metadata.tables["queue_snapshots"]

LOADS = "@loads"
"""The key that is locked along with queues in which caps count, so that two queues do not fill a broker at once."""

CLAIMED = "round_robin"
"""How turns are kept of a queue whose brokers take leads themselves."""

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
class Lane:
    """A queue as it is for an OPV: its line of brokers, and the teams they are placed in. A queue without teams or
    brokers is one line per development."""

    key: str
    queue: Queue
    part: str
    teams: tuple[str, ...]
    brokers: tuple[str, ...]


def lane_of(queue: Queue, part: str, development: str | None, house: House) -> Lane:
    """The lane of an OPV of the development."""
    if queue.brokers:
        return Lane(queue.key, queue, part, (), tuple(queue.brokers))
    if queue.teams:
        teams, key = tuple(queue.teams), queue.key
    else:
        found = house.catalog.developments.get(development or "")
        teams, key = tuple(found.teams) if found else (), f"{queue.key}@{development or ''}"
    return Lane(key, queue, part, teams, house.roster.members_of(teams, part))


def lane_at(line: str, part: str, house: House) -> Lane | None:
    """The lane of a line; None when its queue is no longer configured."""
    key, _, development = line.partition("@")
    queue = house.queues.get(key)
    return None if queue is None else lane_of(queue, part, development or None, house)


def lines_of(person: str, house: House) -> Iterable[str]:
    """Keys of the lines that the person is on."""
    teams = {place.team for place in house.roster.places(person)}
    for queue in house.queues.values():
        if person in queue.brokers or teams.intersection(queue.teams):
            yield queue.key
        elif not queue.brokers and not queue.teams:
            for development in house.catalog.developments.values():
                if teams.intersection(development.teams):
                    yield f"{queue.key}@{development.key}"


def queue_key(line: str) -> str:
    """The key of the queue that a line is of."""
    return line.partition("@")[0]


class Open:
    """A line under its lock: whose turn it is, who is left out whatever the lead, and since when it is paused."""

    def __init__(self, lane: Lane, turns: Turns, paused: bool) -> None:
        self.lane = lane
        self.turns = turns
        self.paused = paused
        self.standing = Standing({}, datetime.max.replace(tzinfo=UTC))
        self.snapshot: dict[str, Any] = {}

    def ask(self, gates: Gates) -> None:
        """Asks who is left out at present, when the answer at hand does not hold any more."""
        if self.snapshot and gates.now < self.standing.until:
            return
        self.standing = gates.standing(self.lane.queue, self.lane.brokers, self.lane.part)
        self.turns.reset_lasting()
        members = [[broker, closed.reason if closed else None] for broker, closed in self.standing.closed.items()]
        text = history.text_of(members)
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        self.snapshot = {"queue": self.lane.key, "digest": digest, "at": gates.now, "members": text}


@dataclass(frozen=True, slots=True)
class Locked:
    """What locking the lines' rows gave."""

    turns: Mapping[str, int]
    members: Iterable[AnyRow]


def open_all(
    lanes: Iterable[Lane], locked: Locked, paused: Collection[str], loads: Mapping[str, Load], house: House
) -> dict[str, Open]:
    """Lines by key, out of their rows; `paused`: keys of queues that give nothing."""
    by_line: dict[str, list[Member]] = defaultdict(list)
    for row in locked.members:
        by_line[row.queue].append(
            Member(row.broker, row.last_turn, row.served, row.position, row.active, row.owed, row.balance)
        )
    return {
        lane.key: Open(
            lane,
            turns_of(_line(lane, house), locked.turns.get(lane.key, 0), by_line[lane.key], loads),
            lane.queue.key in paused,
        )
        for lane in lanes
    }


def lock_queues(tx: Connection, lanes: Collection[Lane], *, counted: bool) -> Locked:
    """Locks the lines' rows in the order of their keys, then reads the members: in one statement for both, the members
    would be as they were before the wait. `counted`: what brokers have is about to be counted."""
    lines = sorted({lane.key for lane in lanes})
    if not lines:
        return Locked({}, ())
    keys = sorted([*lines, *([LOADS] if counted else [])])
    with pipelined(tx):
        add_new(tx, _QUEUES, [{"key": key, "turn": 0} for key in keys], ("key",))
        locked, found = run_all(tx, (_LOCK, {"keys": keys}), (_READ_MEMBERS, {"keys": lines}))
    return Locked({row.key: row.turn for row in locked}, found)


def write_queues(tx: Connection, lines: Mapping[str, Open], used: Collection[str]) -> None:
    """Writes turns and members back, and the snapshots that decisions refer to."""
    changed = [(line, member) for _, line in sorted(lines.items()) for member in line.turns.changes()]
    update_rows(tx, _QUEUES, ("key",), [{"key": key, "turn": lines[key].turns.turn} for key in sorted(lines)])
    insert_rows(tx, _MEMBERS, [_row(line, member) for line, member in changed if member.is_new])
    update_rows(
        tx, _MEMBERS, ("queue", "broker"), [_row(line, member) for line, member in changed if not member.is_new]
    )
    add_new(tx, _SNAPSHOTS, [lines[key].snapshot for key in sorted(used)], ("queue", "digest"))


def _line(lane: Lane, house: House) -> Line:
    queue = lane.queue
    places = {broker: house.roster.place(broker, lane.teams).team for broker in lane.brokers}
    cap = queue.caps.day
    own = {
        broker: min(person.caps.day, cap or person.caps.day)
        for broker in lane.brokers
        if (person := house.roster.people.get(broker)) and person.caps.day is not None
    }
    strategy = queue.strategy if queue.strategy in STRATEGIES else CLAIMED
    return Line(
        key=lane.key, strategy=strategy, brokers=lane.brokers, missed=queue.missed,
        weights=dict(queue.weights), teams={broker: team for broker, team in places.items() if team},
        team_shares=dict(queue.team_shares), room=cap, rooms=own,
    )  # fmt: skip


def _row(line: Open, member: Member) -> dict[str, object]:
    return {
        "queue": line.lane.key, "broker": member.broker, "last_turn": member.last_turn, "served": member.served,
        "position": member.position, "active": member.active, "owed": member.owed, "balance": member.balance,
    }  # fmt: skip
