"""Automations that run when there was no contact, or no activity, for a time: once until there is some again."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from db.claim import claim
from db.ids import new_id
from opv.actions import contact, reopen, transfer, withdraw
from opv.automation.run import MAX_REPEATS
from tests.opv.automation.told import automated, begun, due, later, ran, tell
from tests.opv.test_actions import do
from tests.pipeline import HOUSE, NOW, TABLES, Pipeline, Start, counted, lead

NO_CONTACT = automated("{key: quiet, on: {without: contact, for: 2 days}, do: [{notify: manager}]}")
DAY = timedelta(days=1)


def call(house: Pipeline, opv: Any) -> None:
    do(house, "paula", opv, lambda at: contact(at, "call"))


def test_it_runs_once_until_there_is_contact_again(start: Start) -> None:
    house, opv = begun(start, NO_CONTACT)
    assert due(house) == [NOW + 2 * DAY]
    later(house, days=1)
    call(house, opv)
    assert due(house) == [NOW + 2 * DAY]  # a contact moves no timer
    later(house, days=1)
    assert due(house) == [NOW + 3 * DAY]  # which finds it when it is due
    later(house, days=1, seconds=-1)
    assert ran(house) == []
    later(house, seconds=1)
    assert ran(house) == [("quiet", "timer:4", "done")]
    later(house, days=30)
    assert due(house) == []
    call(house, opv)
    call(house, opv)
    later(house, days=2)
    assert [occurrence for _, occurrence, _ in ran(house)] == ["timer:4", "timer:7"]


@pytest.mark.parametrize(
    ("kind", "actor", "data", "begins"),
    [
        ("contact.added", "person:ana", {"contact": "call", "first": True}, {"contact", "activity"}),
        ("contact.added", "automation:any", {"contact": "call", "first": False}, set()),
        ("contact.added", "person:ana", {"contact": "visit", "at": "2026-10-09", "scheduled": True}, {"activity"}),
        ("contact.added", "person:ana", {"contact": "visit", "missed": True}, {"activity"}),
        ("whatsapp.opened", "person:ana", {}, {"contact", "activity"}),
        ("comment.added", "person:ana", {}, {"activity"}),
        ("comment.added", "automation:any", {}, set()),
        ("message.received", "channel:site", {}, {"activity"}),
        ("call.received", "channel:site", {}, {"activity"}),
        ("opv.captured", "channel:site", {}, set()),
        ("opv.assigned", "distribution", {"broker": "bia"}, {"contact", "activity"}),
        ("opv.assigned", "distribution", {"broker": "bia", "part": "second"}, set()),
        ("opv.assigned", "person:ana", {"broker": "bia", "part": "second"}, {"activity"}),
    ],
)
def test_what_begins_the_time_anew(
    start_on_sqlite: Start, kind: str, actor: str, data: dict[str, Any], begins: set[str]
) -> None:
    lines = [
        f"{{key: {what}, on: {{without: {what}, for: 1 day}}, do: [{{notify: ana}}]}}"
        for what in ("contact", "activity")
    ]
    house, opv = begun(start_on_sqlite, automated(*lines))
    house.clock.forward(hours=23)
    tell(house, opv, kind, actor, **data)
    later(house, hours=1)
    assert {row.automation for row in house.rows("timers")} == begins
    later(house, hours=23)
    assert Counter(run.automation for run in house.runs()) == {"contact": 1, "activity": 1}
    assert due(house) == []
    tell(house, opv, kind, actor, **data)
    assert {row.automation for row in house.rows("timers")} == begins


def test_a_contact_between_due_and_run_wins(start: Start) -> None:
    house, opv = begun(start, NO_CONTACT)
    house.clock.forward(days=2)
    step = house.step("automation", 1)
    with house.database.write() as tx:
        taken = claim(tx, step.work_list, house.clock(), tried=False)
    assert taken is not None
    call(house, opv)
    with house.database.write() as tx:
        step.work(tx, taken.ids, taken.token, house.house(), house.clock())
    assert ran(house) == []
    assert due(house) == [NOW + 4 * DAY]


def test_a_killed_round_and_a_doubled_timer_have_their_effects_once(start: Start) -> None:
    house, opv = begun(start, NO_CONTACT)
    house.clock.forward(days=2)
    step = house.step("automation", 1)
    with house.database.write() as tx:
        taken = claim(tx, step.work_list, house.clock(), tried=False)
    assert taken is not None
    with house.database.write() as tx:
        assert step.work(tx, taken.ids, taken.token, house.house(), house.clock()) == {"outbound"}
        tx.rollback()  # the worker ends before its commit
    (timer,) = house.rows("timers")
    double = {**timer._mapping, "id": new_id(), "lease": None, "attempts": 0, "stage_seq": 3}
    with house.database.write() as tx:
        tx.execute(insert(TABLES["timers"]), double)
    later(house, minutes=2)
    assert ran(house) == [("quiet", "timer:3", "done")]
    assert house.kinds(opv).count("notice.queued") == len(house.rows("outbound_messages")) == 1
    assert house.rows("timers") == []


def test_many_workers_run_each_once(start_on_postgresql: Start) -> None:
    house = start_on_postgresql(NO_CONTACT)
    for number in range(40):
        house.deliver("site", lead(number))
    house.run()
    for opv in house.opvs()[:10]:
        call(house, opv.id)
    house.clock.forward(days=2)
    house.run_in_threads(4, batch=3)
    assert Counter(run.opportunity_id for run in house.runs()) == dict.fromkeys([opv.id for opv in house.opvs()], 1)


def test_a_round_costs_the_same_however_many_are_due_and_nothing_when_none_counts(start: Start) -> None:
    costs = []
    for number in (2, 30):
        house = start(NO_CONTACT)
        for one in range(number):
            house.deliver("site", lead(100 * number + one))
        house.run()
        house.clock.forward(days=2)
        with counted(house.database) as statements:
            house.round("automation", 1)
        costs.append(len(statements))
    assert costs[0] == costs[1]
    house = start(HOUSE)
    with counted(house.database) as statements:
        call(house, house.opvs()[0].id)
    assert not any("timers" in statement for statement in statements)


def test_a_closed_opv_is_left_alone_and_begins_anew_when_it_is_reopened(start: Start) -> None:
    house, opv = begun(start, NO_CONTACT)
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    later(house, days=2)
    assert ran(house) == due(house) == []
    do(house, "ana", opv, reopen)
    assert due(house) == [NOW + 4 * DAY]
    later(house, days=2)
    assert len(ran(house)) == 1


def test_a_new_broker_has_the_whole_time(start: Start) -> None:
    house, opv = begun(start, NO_CONTACT)
    later(house, days=1)
    do(house, "paula", opv, lambda at: transfer(at, "férias", broker="bia"))
    later(house, days=1)
    assert ran(house) == []
    later(house, days=1)
    assert len(ran(house)) == 1


def test_a_loop_over_days_ends(start: Start) -> None:
    house, _ = begun(start, automated("{key: on, on: {without: contact, for: 2 days}, do: [{redistribute: {}}]}"))
    for _ in range(MAX_REPEATS + 3):
        later(house, days=2)
    assert Counter(run.result for run in house.runs("on")) == {"done": MAX_REPEATS, "cut": 1}


def test_an_automation_that_assigns_begins_its_own_time_anew(start: Start) -> None:
    house, opv = begun(start, automated("{key: other, on: {without: contact, for: 2 days}, do: [{assign: bia}]}"))
    later(house, days=2)
    (timer,) = house.rows("timers")
    assert (house.opvs()[0].broker, timer.due_at, timer.chain) == ("bia", NOW + 4 * DAY, "other")
    call(house, opv)
    later(house, days=2, seconds=-1)
    later(house, seconds=1)
    assert [run.chain for run in house.runs()] == ["other", "other"]  # a person did something in between


@pytest.mark.parametrize(
    ("company", "wait", "begun_at", "over"),
    [
        ("America/Sao_Paulo, holidays: BR-SP", "1 business day", (2026, 2, 13, 15, 30), (2026, 2, 18, 15, 30)),
        ("America/Sao_Paulo, holidays: BR-SP", "90 business minutes", (2026, 2, 13, 20, 30), (2026, 2, 18, 13, 0)),
        ("America/Manaus, holidays: BR-AM", "90 business minutes", (2026, 2, 13, 20, 30), (2026, 2, 13, 22, 0)),
        ("America/Manaus, holidays: BR-AM", "90 business minutes", (2026, 2, 17, 15, 0), (2026, 2, 18, 14, 30)),
    ],
)  # Friday before Carnival; its Tuesday
def test_business_time_passes_over_carnival_in_the_companys_zone(
    start_on_sqlite: Start, company: str, wait: str, begun_at: tuple[int, ...], over: tuple[int, ...]
) -> None:
    text = automated(
        f"{{key: quiet, on: {{without: activity, for: {wait}}}, do: [{{notify: ana}}]}}",
        more=f"company: {{timezone: {company}, shifts: [mon-fri 09:00-18:00]}}\n",
    )
    moment = datetime(*begun_at, tzinfo=UTC)  # type: ignore[arg-type,misc] # a date as a tuple
    house, opv = begun(start_on_sqlite, text, moment - timedelta(minutes=10))
    house.clock.now = moment
    call(house, opv)
    house.clock.now = datetime(*over, tzinfo=UTC) - timedelta(seconds=1)  # type: ignore[arg-type,misc] # as above
    house.run()
    assert ran(house) == []
    later(house, seconds=1)
    assert len(ran(house)) == 1
