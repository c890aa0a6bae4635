"""The queues as the people see them who run the house: whose turn it is, who is left out at present, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from db.models import Availability, PausedQueue, QueueMember, QueueTurn
from opv.distribution.gates import Gates, Said, is_capped
from opv.distribution.loads import load_all
from opv.distribution.pickers import Member
from opv.distribution.queues import LOADS, Lane, Locked, Open, lane_of, open_all, queue_key
from opv.house import House
from schemas.availability import AvailabilityItem
from schemas.operations import PauseItem, QueueItem, QueueMemberItem, QueueTeamItem

TEAM = "@"
"""What begins the row of a team in a queue in which teams take turns."""


def queues(tx: Connection, house: House, now: datetime) -> list[QueueItem]:
    """Every line that gave something, and the queues of the configuration that gave nothing yet. A fixed number of
    statements; nothing is locked or written."""
    turns = {row.key: row.turn for row in tx.execute(select(QueueTurn.key, QueueTurn.turn)) if row.key != LOADS}
    members = tx.execute(select(*QueueMember.__table__.columns)).all()
    paused = {row.queue: PauseItem(**row._mapping) for row in tx.execute(select(*PausedQueue.__table__.columns))}
    said = {row.person: row for row in tx.execute(select(*Availability.__table__.columns))}
    lanes = _lanes(house, turns)
    gates = Gates(house, now, {key: Said(row.state, row.stand, row.until) for key, row in said.items()})
    capped = {b for one in lanes.values() if is_capped(one.queue, house, one.brokers) for b in one.brokers}
    gates.loads = load_all(tx, capped, now, house.zone)
    lines = open_all(lanes.values(), Locked(turns, members), set(paused), gates.loads, house)
    told = {key: AvailabilityItem(**row._mapping) for key, row in said.items() if gates.said[key].holds(now)}
    found = [_item(line, turns.get(key, 0), gates, paused, told) for key, line in lines.items()]
    for key in turns.keys() - lines.keys():
        rows = [Member(r.broker, r.last_turn, r.served, r.position, False, r.owed) for r in members if r.queue == key]
        found.append(
            QueueItem(
                key=key, queue=queue_key(key), development=_development(key), strategy=None, turn=turns[key],
                paused=paused.get(queue_key(key)), next=None, members=_members(rows, {}, {}), teams=_teams(rows),
            )
        )  # fmt: skip
    return sorted(found, key=lambda item: item.key)


def _lanes(house: House, stored: Iterable[str]) -> dict[str, Lane]:
    """Lines by key: those stored of queues that are configured, and one of each other queue."""
    parts = {queue.key: one.rule.part for one in house.rules for queue in one.queues}
    lanes: dict[str, Lane] = {}
    for key, queue in house.queues.items():
        developments = [_development(line) for line in stored if queue_key(line) == key]
        for development in developments or [None]:
            lane = lane_of(queue, parts.get(key, "sales"), development, house)
            lanes[lane.key] = lane
    return lanes


def _development(line: str) -> str | None:
    return line.partition("@")[2] or None


def _item(
    line: Open, turn: int, gates: Gates, paused: Mapping[str, PauseItem], said: Mapping[str, AvailabilityItem]
) -> QueueItem:
    lane = line.lane
    line.ask(gates)
    left_out = {broker: closed.reason if closed else None for broker, closed in line.standing.closed.items()}
    rows = list(line.turns.members.values())
    members, teams = _members(rows, left_out, said), _teams(rows)
    nobody = line.paused or lane.queue.strategy in ("first_to_claim", "manual")
    return QueueItem(
        key=lane.key, queue=lane.queue.key, development=_development(lane.key), strategy=lane.queue.strategy,
        turn=turn, paused=paused.get(lane.queue.key), members=members, teams=teams,
        next=None if nobody else line.turns.pick(line.standing.closed.get).broker,
    )  # fmt: skip


def _members(
    rows: Iterable[Member], left_out: Mapping[str, str | None], said: Mapping[str, AvailabilityItem]
) -> list[QueueMemberItem]:
    people = [row for row in rows if not row.broker.startswith(TEAM)]
    total = sum(row.served for row in people)
    return [
        QueueMemberItem(
            broker=row.broker, last_turn=row.last_turn, served=row.served, share=_share(row, total),
            active=row.active, position=row.position, owed=row.owed,
            left_out=left_out.get(row.broker, "not_in_queue"), said=said.get(row.broker),
        )
        for row in sorted(people, key=lambda row: (row.last_turn, row.position))
    ]  # fmt: skip


def _teams(rows: Iterable[Member]) -> list[QueueTeamItem]:
    teams = [row for row in rows if row.broker.startswith(TEAM)]
    total = sum(row.served for row in teams)
    return [
        QueueTeamItem(
            team=row.broker.removeprefix(TEAM), last_turn=row.last_turn, served=row.served, share=_share(row, total),
            owed=row.owed,
        )
        for row in sorted(teams, key=lambda row: (row.last_turn, row.position))
    ]  # fmt: skip


def _share(row: Member, total: int) -> float:
    return round(row.served / total, 4) if total else 0.0
