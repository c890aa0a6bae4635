"""Queues are paused and resumed, and shown as they are at present."""

from __future__ import annotations

import pytest

from opv.distribution import pauses
from opv.distribution.show import queues
from schemas.operations import QueueItem
from tests.opv.conversion import PRESALES_HOUSE, inactive, refused, viewer
from tests.opv.distribution.test_availability import say
from tests.pipeline import NOW, Pipeline, Start, lead

FALLS_BACK = PRESALES_HOUSE.replace(
    "distribution: {rules: [{key: any, queue: {teams: [sul]}}]}",
    """queues: [{key: first, teams: [sul]}, {key: spare, brokers: [caio], logged_in: true}, {key: each}]
distribution: {rules: [{key: any, queue: first, fallback: [spare]}]}
""",
)


def switch(house: Pipeline, by: str, queue: str, on: bool) -> set[str]:
    in_force = house.house()
    with house.database.write() as tx:
        if not on:
            item = pauses.pause(tx, in_force, viewer(in_force, by), house.clock(), queue)
            assert item.by is not None
            return set()
        return pauses.resume(tx, in_force, viewer(in_force, by), house.clock(), queue)[1]


def shown(house: Pipeline) -> dict[str, QueueItem]:
    in_force = house.house()
    with house.database.read() as tx:
        return {item.key: item for item in queues(tx, in_force, house.clock())}


def left_out(item: QueueItem) -> dict[str, str | None]:
    return {member.broker: member.left_out for member in item.members}


def test_a_paused_queue_gives_nothing_until_it_is_resumed(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    switch(house, "paula", "any", on=False)
    switch(house, "olga", "any", on=False)
    house.deliver("site", lead(1))
    house.run()
    (waits,) = house.rows("distribution_work")
    assert (waits.reason, waits.due_at) == ("queue_paused", None)
    (queue,) = shown(house).values()
    assert queue.paused is not None
    assert (queue.paused.by, queue.paused.at, queue.next) == ("paula", NOW, None)
    assert switch(house, "rui", "any", on=True) == {"distribution"}
    house.run()
    assert house.opvs()[0].broker == "ana"
    assert (switch(house, "rui", "any", on=True), shown(house)["any"].paused) == (set(), None)


def test_what_falls_back_from_a_paused_queue_is_tried_again_when_somebody_may_be_there(start: Start) -> None:
    house = start(FALLS_BACK)
    switch(house, "rui", "first", on=False)
    house.deliver("site", lead(1))
    house.run()
    (waits,) = house.rows("distribution_work")
    assert (waits.reason, waits.due_at is not None) == ("queue_paused", True)
    assert say(house, "caio", "caio", "available")[1] == {"distribution"}
    house.run()
    assert house.opvs()[0].broker == "caio"


def test_queues_show_who_is_next_and_who_is_left_out(start: Start) -> None:
    house = start(FALLS_BACK)
    for number in range(3):
        house.deliver("site", lead(number))
        house.run()
    say(house, "bia", "bia", "paused")
    found = shown(house)
    assert found.keys() == {"first", "spare", "each@"}
    first, spare = found["first"], found["spare"]
    assert (first.strategy, first.next, left_out(first)) == ("round_robin", "ana", {"ana": None, "bia": "paused"})
    assert {m.broker: (m.served, m.share) for m in first.members} == {"ana": (2, 0.6667), "bia": (1, 0.3333)}
    (said,) = (m.said for m in first.members if m.said)
    assert (said.state, said.by, said.since) == ("paused", "bia", NOW)
    assert (spare.next, left_out(spare)) == (None, {"caio": "not_logged_in"})
    house.apply(inactive("ana", FALLS_BACK).replace("queue: first, fallback: [spare]", "queue: spare").replace(
        "{key: first, teams: [sul]}, ", ""
    ))  # fmt: skip
    gone = shown(house)["first"]
    assert (gone.strategy, left_out(gone)) == (None, {"ana": "not_in_queue", "bia": "not_in_queue"})


def test_rows_of_teams_and_of_locks_are_no_brokers(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(PRESALES_HOUSE)
    house.deliver("site", lead(1))
    house.run()
    house.execute(
        "INSERT INTO queues (key, turn) VALUES ('@loads', 0)",
        "INSERT INTO queue_members (queue, broker, last_turn, served, position, active) "
        "VALUES ('any', '@sul', 1, 1, 2, true)",
    )
    (queue,) = shown(house).values()
    assert [(team.team, team.served, team.share) for team in queue.teams] == [("sul", 1, 1.0)]
    assert left_out(queue).keys() == {"ana", "bia"}


@pytest.mark.parametrize(
    ("by", "queue", "reason"),
    [
        ("marta", "first", "not_allowed"),
        ("paula", "spare", "not_allowed"),
        ("ana", "first", "not_allowed"),
        ("rui", "nobody", "unknown_queue"),
    ],
)
def test_refused(start_on_sqlite: Start, by: str, queue: str, reason: str) -> None:
    house = start_on_sqlite(FALLS_BACK)
    refused(house, reason, lambda: switch(house, by, queue, on=False))
    refused(house, reason, lambda: switch(house, by, queue, on=True))
