"""Pending items of an OPV: who has to do what until when, and each change in the history."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import true

from db.queries.pending_items import page
from opv.access import viewer_of, visible
from opv.actions import Acting, withdraw
from opv.pending_items import add_item, change_item, end_item
from schemas.errors import Reject
from schemas.pending_items import PendingItem, PendingItemFilters
from tests.opv.test_actions import do, everything
from tests.pipeline import HOUSE, NOW, Pipeline, Start, lead

DAY = timedelta(days=1)
REASONS = "withdrawal_reasons: [{key: price, name: Preço}]\n"


def served(start: Start) -> tuple[Pipeline, UUID]:
    house = start(HOUSE + REASONS)
    house.deliver("site", lead())
    house.run()
    return house, house.opvs()[0].id


def act(house: Pipeline, person: str, opv: UUID, deed: Callable[[Acting], UUID]) -> UUID:
    ids: list[UUID] = []
    do(house, person, opv, lambda at: ids.append(deed(at)))
    return ids[0]


def shown(house: Pipeline, person: str | None = None, **filters: Any) -> list[PendingItem]:
    with house.database.read() as tx:
        viewer = viewer_of(person, house.house()) if person else None
        seen = visible(viewer, house.house()) if viewer else true()
        return page(tx, seen, PendingItemFilters(**filters), house.clock()).items


def facts(house: Pipeline, opv: UUID) -> list[tuple[str, dict[str, Any], Any]]:
    contents = {row.seq: json.loads(row.content) for row in house.rows("history_contents", opportunity_id=opv)}
    return [
        (row.kind, json.loads(row.data), contents.get(row.seq))
        for row in house.rows("history_entries", opportunity_id=opv)
        if row.kind.startswith("pending.")
    ]


def test_an_item_from_its_beginning_to_its_end(start: Start) -> None:
    house, opv = served(start)
    id_ = act(house, "ana", opv, lambda at: add_item(at, "pedir o RG de Maria", NOW + DAY, None))
    act(
        house,
        "paula",
        opv,
        lambda at: change_item(at, id_, title="pedir RG e CPF", due_at=NOW + 2 * DAY, owner="paula"),
    )
    house.clock.forward(days=3)
    (item,) = shown(house)
    assert (item.title, item.owner, item.state, item.overdue) == ("pedir RG e CPF", "paula", "open", True)
    act(house, "ana", opv, lambda at: end_item(at, id_, "done"))
    (item,) = shown(house)
    assert (item.state, item.overdue, item.ended_by, item.ended_at) == ("done", False, "ana", house.clock())
    key, due = str(id_), "2026-09-2{}T12:00:00.000000+00:00"
    assert facts(house, opv) == [
        ("pending.added", {"item": key, "due_at": due.format(2), "owner": "ana"}, {"title": "pedir o RG de Maria"}),
        (
            "pending.changed",
            {"item": key, "fields": ["title", "due_at", "owner"], "due_at": due.format(3), "owner": "paula"},
            {"title": "pedir RG e CPF"},
        ),
        ("pending.done", {"item": key, "owner": "paula"}, {"title": "pedir RG e CPF"}),
    ]


def test_what_is_refused_changes_nothing(start: Start) -> None:
    house, opv = served(start)
    id_ = act(house, "ana", opv, lambda at: add_item(at, "ligar", NOW + DAY, "paula"))
    ended = act(house, "ana", opv, lambda at: add_item(at, "visitar", NOW + DAY, "rui"))
    act(house, "ana", opv, lambda at: end_item(at, ended, "cancelled"))
    house.deliver("site", lead(2))
    house.run()
    other = house.opvs()[1]
    assert other.broker == "bia"
    before = everything(house)
    refused: tuple[tuple[Callable[[Acting], UUID], str], ...] = (
        (lambda at: add_item(at, " ", NOW + DAY, None), "empty_title"),
        (lambda at: add_item(at, "x", NOW, None), "due_in_past"),
        (lambda at: add_item(at, "x", NOW + DAY, "ivo"), "unknown_person"),
        (lambda at: add_item(at, "x", NOW + DAY, "bia"), "owner_not_linked"),
        (lambda at: change_item(at, id_, owner="marta"), "owner_not_linked"),
        (lambda at: change_item(at, id_, due_at=NOW - DAY), "due_in_past"),
        (lambda at: change_item(at, id_, title="ligar", owner="paula", due_at=NOW + DAY), "nothing_changed"),
        (lambda at: change_item(at, ended, title="x"), "item_ended"),
        (lambda at: end_item(at, ended, "done"), "item_ended"),
        (lambda at: end_item(at, uuid4(), "done"), "unknown_item"),
    )
    for deed, reason in refused:
        with pytest.raises(Reject) as error:
            act(house, "ana", opv, deed)
        assert (error.value.reason, everything(house) == before) == (reason, True)
    with pytest.raises(Reject) as error:  # an item of another OPV
        act(house, "bia", other.id, lambda at: end_item(at, id_, "done"))
    assert (error.value.reason, everything(house) == before) == ("unknown_item", True)


def test_closed_opvs_have_items_too(start: Start) -> None:
    house, opv = served(start)
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    id_ = act(house, "ana", opv, lambda at: add_item(at, "devolver as chaves", NOW + DAY, None))
    act(house, "ana", opv, lambda at: end_item(at, id_, "done"))


def test_lists_by_owner_state_and_time_over_what_a_person_sees(start: Start) -> None:
    house, opv = served(start)
    house.deliver("site", lead(2))
    house.run()
    other = house.opvs()[1].id
    for number, (person, where, owner) in enumerate(
        (("ana", opv, None), ("ana", opv, "paula"), ("bia", other, None), ("ana", opv, None))
    ):
        due = NOW + DAY * (4 - number)
        act(house, person, where, lambda at, due=due, owner=owner: add_item(at, "ligar", due, owner))  # type: ignore[misc] # the loop's value, bound now
    first = shown(house)[0]
    act(house, "ana", opv, lambda at: end_item(at, first.id, "cancelled"))
    house.clock.forward(days=2.5)
    assert [item.owner for item in shown(house)] == ["ana", "bia", "paula", "ana"]  # the one due first comes first
    assert [item.owner for item in shown(house, "ana")] == ["ana", "paula", "ana"]
    assert [item.owner for item in shown(house, "paula", state="open")] == ["bia", "paula", "ana"]
    assert [item.owner for item in shown(house, overdue=True)] == ["bia"]
    assert [item.owner for item in shown(house, overdue=False)] == ["ana", "paula", "ana"]
    assert [item.opv for item in shown(house, owner="bia")] == [other]
    assert shown(house, "marta") == []


def test_pages_follow_one_another(start: Start) -> None:
    house, opv = served(start)
    for _ in range(5):
        act(house, "ana", opv, lambda at: add_item(at, "ligar", NOW + DAY, None))  # all due at once
    found, cursor = [], None
    with house.database.read() as tx:
        while True:
            part = page(tx, true(), PendingItemFilters(limit=2, cursor=cursor), NOW)
            found += [item.id for item in part.items]
            cursor = part.next
            if cursor is None:
                break
    assert found == sorted(row.id for row in house.rows("pending_items"))
    assert len(found) == 5
