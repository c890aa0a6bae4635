"""Notices within the program: each person's own, in the words of the moment, marked as read once."""

from __future__ import annotations

import pytest

from db.ids import new_id
from opv.actions import transfer
from opv.inbox import mark_read, notices_of
from schemas.errors import Reject
from schemas.notices import NoticeFilters, NoticeItem
from tests.opv.test_actions import do
from tests.pipeline import HOUSE, Pipeline, Start, lead

TOLD = """
automations:
  - key: call
    name: Ligar
    on: opv.assigned
    do: [{notify: {to: [broker, manager], text: "Ligue para {{ client.name }}"}}]
"""


def told(house: Pipeline, person: str, *, unread: bool = False) -> list[NoticeItem]:
    with house.database.read() as tx:
        return notices_of(tx, house.house(), person, house.clock(), NoticeFilters(unread=unread)).items


def read(house: Pipeline, person: str, one: NoticeItem) -> NoticeItem:
    with house.database.write() as tx:
        return mark_read(tx, house.house(), person, house.clock(), one.id)


def begun(start: Start, leads: int = 1) -> Pipeline:
    house = start(HOUSE + TOLD)
    for number in range(1, leads + 1):
        house.deliver("site", lead(number))
    house.run()
    return house


def test_each_person_finds_what_it_was_told(start: Start) -> None:
    house = begun(start, 2)
    (first, second) = house.opvs()
    (mine,) = told(house, first.broker)
    assert (mine.opv, mine.number, mine.at, mine.read_at) == (first.id, 1, house.clock(), None)
    assert "Ligue para Bruno Exemplo 1" in (mine.text or "")
    assert [one.opv for one in told(house, "paula")] == [second.id, first.id]
    assert told(house, "rui") == []
    assert "Bruno" not in "".join(row.body for row in house.rows("outbound_messages"))


def test_what_is_somebody_elses_now_is_not_told(start: Start) -> None:
    house = begun(start)
    (opv,) = house.opvs()
    other = "bia" if opv.broker == "ana" else "ana"
    do(house, "paula", opv.id, lambda at: transfer(at, "férias", broker=other))
    (one,) = told(house, opv.broker)
    assert (one.text, one.reason) == (None, "not_linked")


def test_a_notice_is_read_once_and_by_its_person_alone(start: Start) -> None:
    house = begun(start, 2)
    newer, older = told(house, "paula")
    at = house.clock()
    assert read(house, "paula", older).read_at == at
    house.clock.forward(hours=1)
    assert read(house, "paula", older).read_at == at
    assert [one.id for one in told(house, "paula", unread=True)] == [newer.id]
    for person, id_ in (("ana", newer.id), ("paula", new_id())):
        with pytest.raises(Reject) as refused:
            read(house, person, newer.model_copy(update={"id": id_}))
        assert refused.value.reason == "unknown_notice"
