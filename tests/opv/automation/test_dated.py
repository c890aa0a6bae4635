"""Automations that run so long before or after a time of the OPV: the one that was set last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from db.claim import claim
from db.ids import new_id
from opv.actions import contact, transfer, withdraw
from tests.opv.automation.told import automated, begun, due, later, ran, tell
from tests.opv.test_actions import do
from tests.pipeline import NOW, TABLES, Pipeline, Start

DAY = timedelta(days=1)
REMINDER = automated("{key: remind, on: {before: visit_at, by: 1 day}, do: [{notify: broker}]}")
SIGNING = "fields: [{key: signing, name: Assinatura, kind: date}]\n"


def agree(house: Pipeline, opv: UUID, when: datetime) -> None:
    do(house, "ana", opv, lambda at: contact(at, "visit", when=when))


def test_of_a_visit_that_was_moved_the_last_time_counts(start: Start) -> None:
    house, opv = begun(start, REMINDER)
    agree(house, opv, NOW + 3 * DAY)
    agree(house, opv, NOW + 5 * DAY)
    assert due(house) == [NOW + 2 * DAY, NOW + 4 * DAY]
    later(house, days=3)
    assert ran(house) == []
    later(house, days=1, seconds=-1)
    assert ran(house) == []
    later(house, seconds=1)
    later(house, days=30)
    assert ran(house) == [("remind", "timer:5", "done")]
    assert due(house) == []


def test_a_visit_that_was_moved_forward_is_told_of_in_time(start_on_sqlite: Start) -> None:
    house, opv = begun(start_on_sqlite, REMINDER)
    agree(house, opv, NOW + 5 * DAY)
    agree(house, opv, NOW + 3 * DAY)
    later(house, days=2)
    assert len(ran(house)) == 1
    later(house, days=10)
    assert len(ran(house)) == 1


def test_what_it_is_too_late_for_is_not_done(start_on_sqlite: Start) -> None:
    house, opv = begun(start_on_sqlite, REMINDER)
    agree(house, opv, NOW + timedelta(hours=23))
    assert due(house) == []
    agree(house, opv, NOW + 2 * DAY)
    house.clock.forward(days=2)  # all workers are down until the visit
    house.run()
    assert ran(house) == due(house) == []


def test_a_killed_round_and_a_doubled_timer_have_their_effects_once(start: Start) -> None:
    house, opv = begun(start, REMINDER)
    agree(house, opv, NOW + 3 * DAY)
    house.clock.forward(days=2)
    step = house.step("automation", 1)
    with house.database.write() as tx:
        taken = claim(tx, step.work_list, house.clock(), tried=False)
    assert taken is not None
    with house.database.write() as tx:
        assert step.work(tx, taken.ids, taken.token, house.house(), house.clock()) == {"outbound"}
        tx.rollback()  # the worker ends before its commit
    (timer,) = house.rows("timers")
    with house.database.write() as tx:
        double = {**timer._mapping, "id": new_id(), "lease": None, "attempts": 0, "stage_seq": 2}
        tx.execute(insert(TABLES["timers"]), double)
    later(house, minutes=2)
    assert ran(house) == [("remind", "timer:4", "done")]
    assert house.rows("timers") == []
    assert house.kinds(opv).count("notice.queued") == 1


def test_after_each_time_that_an_opv_has(start: Start) -> None:
    names = ("created_at", "assigned_at", "first_contact_at", "visit_at")
    lines = [f"{{key: {name}, on: {{after: {name}, by: 10 days}}, do: [{{notify: ana}}]}}" for name in names]
    house, opv = begun(start, automated(*lines))
    house.clock.forward(days=1)
    do(house, "paula", opv, lambda at: transfer(at, "férias", broker="bia"))
    house.clock.forward(days=1)
    earlier = house.clock() - timedelta(hours=5)
    do(house, "bia", opv, lambda at: contact(at, "call", when=earlier))
    do(house, "bia", opv, lambda at: contact(at, "call"))
    do(house, "bia", opv, lambda at: contact(at, "visit", when=NOW + 7 * DAY))
    for _ in range(24 * 20):
        later(house, hours=1)
    found: dict[str, Any] = {run.automation: run.at - NOW for run in house.runs()}
    assert found == {
        "created_at": 10 * DAY, "assigned_at": 11 * DAY, "first_contact_at": 12 * DAY - timedelta(hours=5),
        "visit_at": 17 * DAY,
    }  # fmt: skip
    assert len(house.runs()) == 4


def test_a_date_of_the_houses_fields_begins_at_eight_in_the_companys_zone(start: Start) -> None:
    text = automated(
        "{key: ready, on: {before: signing, by: 2 hours}, do: [{notify: ana}]}",
        "{key: done, on: {after: signing, by: 1 day}, do: [{notify: ana}]}",
        more=SIGNING + "company: {timezone: America/Manaus, holidays: BR-AM}\n",
    )
    house, opv = begun(start, text)
    tell(house, opv, "field.changed", field="signing", to="2026-09-25")
    tell(house, opv, "field.changed", field="other", to="2026-09-23")
    tell(house, opv, "field.changed", field="signing", **{"from": "2026-09-25", "to": "2026-09-29"})
    house.clock.now = datetime(2026, 9, 29, 10, 0, tzinfo=UTC) - timedelta(seconds=1)
    house.run()
    assert ran(house) == []
    later(house, seconds=1)
    assert [run.automation for run in house.runs()] == ["ready"]
    house.clock.now = datetime(2026, 9, 30, 12, 0, tzinfo=UTC)
    house.run()
    assert [run.automation for run in house.runs()] == ["ready", "done"]


@pytest.mark.parametrize("to", [None, "depois do Natal", 5])
def test_a_date_that_was_taken_away_is_waited_for_no_more(start_on_sqlite: Start, to: object) -> None:
    text = automated("{key: ready, on: {before: signing, by: 2 hours}, do: [{notify: ana}]}", more=SIGNING)
    house, opv = begun(start_on_sqlite, text)
    tell(house, opv, "field.changed", field="signing", to="2026-09-25")
    tell(house, opv, "field.changed", field="signing", to=to)
    later(house, days=10)
    assert ran(house) == due(house) == []


def test_a_closed_opv_is_left_alone(start_on_sqlite: Start) -> None:
    house, opv = begun(start_on_sqlite, REMINDER)
    agree(house, opv, NOW + 3 * DAY)
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    later(house, days=2)
    assert ran(house) == due(house) == []


@pytest.mark.parametrize(
    ("by", "over"),
    [
        ("2 business days", (2026, 2, 12, 11, 0)),  # Ash Wednesday at 8: Carnival and a weekend before it
        ("90 business minutes", (2026, 2, 13, 19, 30)),  # from 16:30 to 18:00 on Friday
    ],
)
def test_business_time_is_counted_back_over_carnival(start_on_sqlite: Start, by: str, over: tuple[int, ...]) -> None:
    text = automated(
        f"{{key: ready, on: {{before: signing, by: {by}}}, do: [{{notify: ana}}]}}",
        more=SIGNING + "company: {timezone: America/Sao_Paulo, holidays: BR-SP, shifts: [mon-fri 09:00-18:00]}\n",
    )
    house, opv = begun(start_on_sqlite, text, datetime(2026, 2, 9, 12, 0, tzinfo=UTC))
    tell(house, opv, "field.changed", field="signing", to="2026-02-18")
    assert due(house) == [datetime(*over, tzinfo=UTC)]  # type: ignore[arg-type,misc] # a date as a tuple
