"""Reconciliation: what the webhook did not bring is captured once, counted and told; a pull survives anything."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from opv.channels.by_hand import reconcile
from opv.channels.reconcile import SETTLE
from schemas.errors import Park, Reject, Retry
from schemas.source import HttpAnswer
from tests.opv.channels.meta_graph import HOUSE_WITH_PAGE, Page, always, refusal, tell, well
from tests.pipeline import HOUSE, NOW, Pipeline, Start, counted

ONLY = "only_by_reconciliation"


def hourly(house: Pipeline) -> None:
    """The clock goes on to the next reconciliation, and all is done that is due then."""
    house.clock.forward(minutes=64)
    house.run("upkeep")
    house.run()


def alarms(house: Pipeline, kind: str = ONLY) -> list[Any]:
    """Alarms of a kind, the oldest first."""
    return house.rows("alarms", kind=kind)


def pulls(house: Pipeline) -> list[tuple[int, int, str | None]]:
    """Seen, found and reason of each pull."""
    return [(row.seen, row.found, row.reason) for row in house.rows("reconciliations")]


def started(start: Start, page: Page) -> Pipeline:
    """A house whose channels have been there for a while."""
    house = start(HOUSE_WITH_PAGE, http=page)
    house.run("upkeep")
    assert pulls(house) == [(0, 0, None)]
    return house


def test_what_an_hour_without_webhook_did_not_bring_is_captured_once_and_told(start: Start) -> None:
    page = Page()
    house = started(start, page)
    told = [page.submit(number, house.clock()) for number in (1, 2)]
    tell(house, *told)
    house.run()
    for number in range(10, 22):  # the webhook is off
        house.clock.forward(minutes=4)
        page.submit(number, house.clock(), form="78"[number % 2])
    last = page.submit(22, house.clock() + timedelta(minutes=60))
    hourly(house)
    assert sorted(int(card.external_id) for card in house.captures()) == [1, 2, *range(10, 22)]
    assert all(opv.broker for opv in house.opvs())
    assert pulls(house)[-1] == (14, 12, None)
    (alarm,) = alarms(house)
    assert "12 leads came only by reconciliation" in alarm.detail
    assert alarm.cleared_at is None
    notices = house.rows("outbound_messages", kind="alarm")
    assert [(row.recipient, row.state, json.loads(row.body)["channel"]) for row in notices] == [("rui", "sent", "meta")]

    tell(house, last, *told)  # the webhook is on again, and repeats itself
    house.run()
    hourly(house)
    hourly(house)
    assert len(house.captures()) == len(house.opvs()) == 15
    assert pulls(house)[-1] == (15, 0, None)
    assert alarms(house)[0].cleared_at is not None
    assert len(house.rows("outbound_messages", kind="alarm")) == 1


def test_a_late_webhook_is_a_repeat_and_keeps_the_campaign(start: Start) -> None:
    page = Page()
    house = started(start, page)
    change = page.submit(1, house.clock())
    hourly(house)
    tell(house, change)
    house.run()
    assert house.delivered() == ["captured", "repeated"]
    (card,) = house.captures()
    assert (card.source, card.channel, card.external_id) == ("meta_lead_ads", "meta", "1")
    assert card.submitted_at == NOW


def test_the_newest_leads_are_left_to_the_webhook(start: Start) -> None:
    page = Page()
    house = started(start, page)
    house.clock.forward(hours=1)
    for number, before in ((1, SETTLE), (2, SETTLE - timedelta(minutes=5))):
        page.submit(number, house.clock() - before)
    house.clock.forward(minutes=4)
    house.run("upkeep")
    house.run()
    assert [card.external_id for card in house.captures()] == ["1"]


def test_leads_from_before_the_channel_are_nobodys_to_find(start: Start) -> None:
    page = Page()
    page.submit(1, NOW - timedelta(hours=1))
    house = started(start, page)
    hourly(house)
    assert house.rows("deliveries") == []
    by_hand = reconcile(house.database, house.house(), house.house().entrance_by_key["meta"], page, house.clock,
                        NOW - timedelta(days=1))  # fmt: skip
    assert [(one.seen, one.found) for one in by_hand][-1] == (1, 1)
    house.run()
    assert len(house.captures()) == 1
    assert alarms(house) == []


def test_after_days_without_workers_all_since_the_last_pull_are_asked_for(start: Start) -> None:
    page = Page()
    house = started(start, page)
    page.submit(1, house.clock() - SETTLE / 2)  # too young for the first pull
    page.submit(2, house.clock() + timedelta(hours=3))
    house.set("chores", {"planned_at": NOW - timedelta(days=30)})
    house.clock.forward(days=9)
    house.run("upkeep")
    house.run()
    assert {card.external_id for card in house.captures()} == {"1", "2"}


class Died(BaseException):
    """The worker's process is gone."""


def test_a_pull_that_dies_in_the_middle_is_gone_on_with(start: Start) -> None:
    def die(path: str) -> HttpAnswer | None:
        if path == "7/leads" and page.asked.count(path) == asked + 3:
            raise Died
        return None

    page = Page()
    house = started(start, page)
    for number in range(1, 11):
        page.submit(number, house.clock())
    asked, page.before = page.asked.count("7/leads"), die
    house.clock.forward(minutes=64)
    with pytest.raises(Died):
        house.run("upkeep")
    assert len(house.rows("deliveries")) == 6
    house.run()
    house.clock.forward(minutes=6)
    house.run("upkeep")
    house.run()
    assert pulls(house)[-1] == (10, 10, None)
    assert "10 leads" in alarms(house)[0].detail
    assert len(house.captures()) == 10
    assert page.asked.count("7/leads") == asked + 5


def test_a_rate_limit_in_the_middle_is_waited_for(start: Start) -> None:
    def limit(path: str) -> HttpAnswer | None:
        return refusal(429, 4, retry_after="9") if path == "7/leads" and page.asked.count(path) in refused else None

    page = Page()
    house = started(start, page)
    for number in range(1, 8):
        page.submit(number, house.clock())
    asked = page.asked.count("7/leads")
    page.before, refused = limit, (asked + 2, asked + 3)
    hourly(house)
    (chore,) = house.rows("chores", key="reconcile:meta")
    assert (chore.reason, chore.failures) == ("rate_limited", 1)
    assert timedelta(seconds=7) < chore.due_at - house.clock() < timedelta(seconds=12)
    for _ in range(2):
        house.clock.forward(seconds=40)
        house.run("upkeep")
    house.run()
    assert pulls(house)[-1] == (7, 7, None)
    assert page.asked.count("104/leadgen_forms") == 2


def test_a_long_pull_makes_room_and_keeps_its_place(start: Start) -> None:
    page = Page()
    house = started(start, page)
    for number in range(1, 11):
        page.submit(number, house.clock())
    house.step("upkeep").budget = 0.0
    house.clock.forward(minutes=64)
    asked = len(page.asked)
    while len(page.asked) == asked:  # other chores are due as well
        house.round("upkeep")
    assert len(house.rows("deliveries")) == 3
    house.run("upkeep")
    house.run()
    assert pulls(house)[-1] == (10, 10, None)


def test_two_workers_do_not_pull_twice(start: Start) -> None:
    def other_worker(path: str) -> HttpAnswer | None:
        if path == "7/leads":
            page.before = well
            house.clock.forward(minutes=6)  # the first one's lease ends while it waits for the platform
            other.run("upkeep")
        return None

    page = Page(at_once=100)
    house = started(start, page)
    other = start(HOUSE_WITH_PAGE, http=page)
    other.clock = house.clock
    other.steps = other.new_steps(other.woken.append)
    for number in range(1, 6):
        page.submit(number, house.clock())
    house.clock.forward(minutes=64)
    page.before = other_worker
    house.run("upkeep")
    house.run()
    assert house.delivered() == ["captured"] * 5
    assert [found for _, found, _ in pulls(house)] == [0, 5]


def test_what_waits_to_be_read_is_not_missing(start: Start) -> None:
    page = Page()
    house = started(start, page)
    tell(house, *(page.submit(number, house.clock()) for number in (1, 2)))
    house.clock.forward(minutes=64)
    house.run("upkeep")  # before any worker has ingested
    assert house.rows("chores", key="reconcile:meta")[0].reason == "deliveries_waiting"
    house.run()
    hourly(house)
    assert house.delivered() == ["captured"]
    assert alarms(house) == []


def test_a_lead_without_contact_and_a_test_lead_come_once_and_prove_nothing(start: Start) -> None:
    page = Page()
    house = started(start, page)
    page.submit(1, house.clock(), phone_number=None)
    page.submit(2, house.clock(), email="test@meta.com")
    tell(house, page.submit(3, house.clock(), phone_number=None))
    house.run()
    for _ in range(3):
        hourly(house)
    assert sorted(house.outcomes()) == ["parked no_contact", "parked no_contact", "test testing_tool"]
    assert alarms(house) == []
    page.forms["7"][-1]["field_data"].append({"name": "email", "values": ["pessoa@example.com"]})
    tell(house, {"field": "leadgen", "value": {"leadgen_id": "1", "form_id": "7"}})
    house.run()
    assert [card.external_id for card in house.captures()] == ["1"]


def test_a_channel_that_says_not_what_to_ask_for_is_left_alone(start: Start) -> None:
    house = start(HOUSE, http=Page())
    for _ in range(8):
        house.run("upkeep")
        house.clock.forward(minutes=64)
    (chore,) = house.rows("chores", key="reconcile:meta")
    assert (chore.reason, chore.failures) == ("not_configured", 0)
    assert house.rows("reconciliations") == house.rows("alarms") == []
    house.apply(HOUSE_WITH_PAGE)
    house.run("upkeep")
    assert pulls(house) == [(0, 0, None)]


def test_a_platform_that_refuses_is_told_after_a_while(start: Start) -> None:
    page = Page()
    house = started(start, page)
    page.before = lambda path: refusal(400, 999) if path.endswith("leads") else None
    for _ in range(6):
        hourly(house)
    assert "cannot be read back (platform_refused)" in alarms(house, "fetch_failing")[0].detail
    page.before = well
    hourly(house)
    house.clock.forward(minutes=2)
    house.run("upkeep")
    assert alarms(house, "fetch_failing")[0].cleared_at is not None


def test_by_hand_one_at_a_time_and_never_beside_the_clock(start: Start) -> None:
    page = Page(at_once=1)
    house = started(start, page)
    for number in (1, 2):
        page.submit(number, house.clock())
    house.clock.forward(minutes=20)
    door = house.house().entrance_by_key["meta"]
    asked = (house.database, house.house(), door, page, house.clock, NOW)
    before = house.rows("chores", key="reconcile:meta")[0].due_at
    first = reconcile(*asked)
    assert next(first).seen == 1
    with pytest.raises(Reject, match="reconciled by another"):
        next(reconcile(*asked))
    assert [one.found for one in first] == [2, 2]
    assert house.rows("chores", key="reconcile:meta")[0].due_at == before
    assert "2 leads" in alarms(house)[0].detail
    for wrong, error in ((refusal(400, 190), Retry), (refusal(400, 999), Park)):
        page.before = always(wrong)
        with pytest.raises(error):
            list(reconcile(*asked))
    with pytest.raises(Reject, match="no API that gives leads back"):
        list(reconcile(house.database, house.house(), house.house().entrance_by_key["zap"], page, house.clock, NOW))


def test_a_page_costs_as_many_statements_whatever_its_size(start: Start) -> None:
    page = Page(at_once=1000)
    house = started(start, page)
    counts = []
    for size in (2, 1, 10, 100):
        for number in range(size):
            page.submit(1000 * size + number, house.clock())
        house.clock.forward(minutes=64)
        house.round("upkeep")
        house.set("chores", {"due_at": house.clock() + timedelta(days=1)})
        house.set("chores", {"due_at": house.clock()}, key="reconcile:meta")
        with counted(house.database) as statements:
            house.round("upkeep")
        counts.append(len(statements))
        house.run()
    assert len(house.captures()) == 113
    assert len(set(counts[1:])) == 1  # the first one raises the alarm
