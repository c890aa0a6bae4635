"""Health: silence, refusals, leads that cannot be fetched, what the platform says; alarms raised once and cleared."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.queries.intake import Refused, add_refusals
from opv.channels.alarms import Trouble, raise_alarms
from opv.channels.hours import HOUR, WEEK, Past, hour_of
from tests.opv.channels.meta_graph import HOUSE_WITH_PAGE, Page, always, refusal, tell, well
from tests.pipeline import HOUSE, NOW, Pipeline, Start, counted, lead

EXPIRED = refusal(400, 190)


def minutes(house: Pipeline, count: int = 2) -> None:
    """The clock goes on, and upkeep does what is due."""
    house.clock.forward(minutes=count)
    house.run("upkeep")


def open_alarms(house: Pipeline) -> dict[str, str]:
    """Details by kind."""
    return {row.kind: row.detail for row in house.rows("alarms", cleared_at=None)}


def told(house: Pipeline) -> list[str]:
    """Who was told of what, in order."""
    rows = house.rows("outbound_messages", kind="alarm")
    return [f"{row.recipient} {json.loads(row.body)['alarm']}" for row in rows]


def refuse(house: Pipeline, channel: str, reason: str, times: int = 1) -> None:
    with house.database.write() as tx:
        add_refusals(tx, [Refused(house.house().entrance_by_key[channel].id, reason, times, house.clock())])


def test_a_channel_that_normally_speaks_and_is_quiet(start: Start) -> None:
    house = start(now=NOW - 3 * WEEK)
    for _ in range(3):
        for _ in range(7):
            house.deliver_all([("site", lead(n)) for n in range(2)])
            house.clock.forward(days=1)
    house.execute("UPDATE deliveries SET due_at = NULL")
    house.deliver("zap", {})
    minutes(house)
    assert open_alarms(house) == {}
    house.clock.forward(days=2)
    minutes(house)
    assert open_alarms(house) == {}
    house.clock.forward(days=1)
    minutes(house)
    assert "site is silent since 2026-09-20 12:00 UTC: about 6 deliveries are usual" in open_alarms(house)["silence"]
    minutes(house, 60)
    house.deliver("site", lead(1))
    minutes(house)
    assert open_alarms(house) == {}
    assert told(house) == ["rui silence"]


@pytest.mark.parametrize(
    ("weeks", "missed"),
    [([], 0), ([9], 0), ([9, 9], 9), ([9, 200], 9), ([0, 9, 9, 200], 9), ([0, 0, 9, 9], 0)],
)
def test_usual_is_what_most_weeks_had(weeks: list[int], missed: int) -> None:
    counts = {hour_of(NOW) - HOUR - back * WEEK: number for back, number in enumerate(weeks, 1)}
    past = Past(counts, NOW - len(weeks) * WEEK - 2 * HOUR)
    assert past.missed(NOW - 3 * HOUR, NOW) == missed


def test_hours_are_counted_once_and_what_came_late_too(start: Start) -> None:
    house = start(now=NOW + timedelta(minutes=50))
    house.deliver("site", lead(1))
    minutes(house, 15)
    house.clock.now = NOW + timedelta(minutes=59, seconds=59, microseconds=999_999)
    house.deliver_all([("site", lead(2)), ("zap", {})])
    house.clock.now = NOW + timedelta(hours=1, minutes=40)
    minutes(house)
    hours = [(row.hour, row.deliveries, row.last_at) for row in house.rows("channel_hours")]
    assert hours == [
        (NOW, 2, NOW + timedelta(minutes=59, seconds=59, microseconds=999_999)),
        (NOW, 1, NOW + timedelta(minutes=59, seconds=59, microseconds=999_999)),
    ]
    house.clock.forward(weeks=5)
    minutes(house)
    assert house.rows("channel_hours") == []


def test_a_wrong_secret_is_told_at_once_a_stranger_who_tries_is_not(start: Start) -> None:
    house = start()
    house.deliver("site", lead(1))
    minutes(house)
    refuse(house, "site", "missing_secret", 2)
    minutes(house)
    assert open_alarms(house) == {}
    refuse(house, "site", "missing_secret")
    refuse(house, "zap", "wrong_secret")
    minutes(house)
    details = [row.detail for row in house.rows("alarms")]
    assert any("site refused the last 3 requests (missing_secret)" in one for one in details)
    assert any("zap refused the last 1 requests (wrong_secret)" in one for one in details)
    house.deliver("site", lead(2))
    house.deliver("zap", {})
    minutes(house)
    assert open_alarms(house) == {}
    refuse(house, "site", "missing_secret", 2)
    minutes(house)
    assert open_alarms(house) == {}
    refuse(house, "zap", "wrong_secret")
    minutes(house)
    assert list(open_alarms(house)) == ["refused"]
    minutes(house, 25 * 60)
    assert open_alarms(house) == {}


def test_what_reconciliation_brings_does_not_make_a_channel_well(start: Start) -> None:
    page = Page()
    house = start(HOUSE_WITH_PAGE, http=page)
    house.run("upkeep")
    refuse(house, "meta", "wrong_signature")
    page.submit(1, house.clock())
    minutes(house, 64)
    minutes(house)
    house.run()
    assert len(house.captures()) == 1
    assert set(open_alarms(house)) == {"only_by_reconciliation", "refused"}
    minutes(house, 60)
    assert all(row.channel != house.house().entrance_by_key["meta"].id for row in house.rows("channel_hours"))


def test_an_expired_token_is_told_by_the_first_lead_until_all_are_fetched(start: Start) -> None:
    page = Page()
    house = start(http=page)
    page.before = always(EXPIRED)
    tell(house, *(page.submit(number, house.clock()) for number in (1, 2)))
    house.run()
    assert open_alarms(house) == {"token": "leads of meta cannot be fetched (token_expired)"}
    assert told(house) == ["rui token"]
    minutes(house)
    minutes(house)
    assert "2 leads of meta cannot be fetched (token_expired)" in open_alarms(house)["token"]
    assert "cannot ask the platform" in open_alarms(house)["token"]
    for _ in range(12):
        house.clock.forward(hours=11)
        house.run()
    assert house.delivered() == ["parked"]
    minutes(house)
    assert list(open_alarms(house)) == ["token"]
    page.before = well
    house.replay(house.rows("deliveries")[0].id)
    house.run()
    minutes(house, 13 * 60)
    minutes(house)
    assert open_alarms(house) == {}
    assert told(house) == ["rui token"]


def test_a_lead_that_is_late_at_the_platform_alarms_nobody_ten_minutes_of_it_do(start: Start) -> None:
    page = Page()
    house = start(http=page)
    page.before = lambda path: refusal(500, 2) if path == "1" else None
    tell(house, page.submit(1, house.clock()))
    for _ in range(3):
        house.clock.forward(minutes=3)
        house.run()
    minutes(house)
    assert open_alarms(house) == {}
    for _ in range(2):
        house.clock.forward(minutes=40)
        house.run()
    minutes(house)
    assert open_alarms(house) == {"fetch_failing": "1 leads of meta cannot be fetched (platform_error)"}


@pytest.mark.parametrize(
    ("scopes", "subscribed", "days", "words"),
    [
        ([], ["leadgen"], 0, "meta: the page token lacks leads_retrieval"),
        (["leads_retrieval"], ["feed"], 0, "meta: page 104 is not subscribed to leadgen: no lead is told of"),
        (["leads_retrieval"], ["leadgen"], 6, "meta: the page token is valid (until 2026-09-27 12:00 UTC)"),
        (["leads_retrieval"], ["leadgen"], 60, None),
        (["leads_retrieval"], ["leadgen"], 0, None),
    ],
)
def test_what_the_platform_says_of_the_channel(
    start_on_sqlite: Start, scopes: list[str], subscribed: list[str], days: int, words: str | None
) -> None:
    page = Page()
    page.scopes, page.subscribed = scopes, subscribed
    page.expires_at = int((NOW + timedelta(days=days)).timestamp()) if days else 0
    house = start_on_sqlite(HOUSE_WITH_PAGE, http=page)
    house.run("upkeep")
    minutes(house)
    assert open_alarms(house) == ({"token": words} if words else {})
    page.scopes, page.subscribed, page.expires_at = ["leads_retrieval"], ["leadgen"], 0
    house.apply(HOUSE_WITH_PAGE + "# mended\n")
    house.apply(HOUSE_WITH_PAGE.replace("Rui Diretor", "Rui"))
    minutes(house)
    minutes(house)
    assert open_alarms(house) == {}


def test_a_retired_channel_has_no_alarms_and_no_chores(start: Start) -> None:
    page = Page()
    house = start(HOUSE_WITH_PAGE, http=page)
    house.run("upkeep")
    page.submit(1, house.clock())
    page.subscribed = []
    house.clock.forward(hours=13)
    house.run("upkeep")
    minutes(house)
    assert set(open_alarms(house)) == {"only_by_reconciliation", "token"}
    without = "\n".join(line for line in HOUSE.splitlines() if "meta_lead_ads" not in line)
    house.apply(without)
    minutes(house)
    assert open_alarms(house) == {}
    minutes(house, 13 * 60)
    asked = len(page.asked)
    minutes(house, 13 * 60)
    assert len(page.asked) == asked
    page.submit(2, house.clock())
    house.clock.forward(hours=1)
    house.apply(HOUSE_WITH_PAGE)
    minutes(house)
    house.run()
    assert [card.external_id for card in house.captures()] == ["1"]  # what came meanwhile was parked, not missed


def test_alarms_go_to_those_configured_or_else_to_who_runs_the_house(start_on_sqlite: Start) -> None:
    people = HOUSE + "alarms: {notify: [paula, ana]}\n"
    house = start_on_sqlite(people)
    trouble = Trouble("silence", 1, "quiet")
    with house.database.write() as tx:
        raise_alarms(tx, [trouble, Trouble("token", 1, "out")], house.house(), NOW)
        assert not raise_alarms(tx, [trouble], house.house(), NOW)
    assert told(house) == ["paula silence", "ana silence", "paula token", "ana token"]
    house.apply(people.replace("role: manager}", "role: manager, active: false}").replace("[paula, ana]", "[paula]"))
    with house.database.write() as tx:
        raise_alarms(tx, [Trouble("silence", 2, "quiet")], house.house(), NOW)
    assert told(house)[-1] == "rui silence"


def test_health_costs_as_many_statements_whatever_the_channels(start: Start) -> None:
    counts = []
    for channels in (1, 8):
        more = "".join(f'  - {{key: form{n}, source: form, secrets: ["${{S}}"]}}\n' for n in range(channels))
        text = HOUSE.replace("funnel:", f"{more}funnel:")
        house = start(text, now=NOW - 3 * WEEK)
        house.apply(text)
        keys = [f"form{n}" for n in range(channels)]
        for _ in range(3):
            house.deliver_all([(key, lead(n)) for key in keys for n in range(9)])
            house.clock.forward(weeks=1)
        house.execute("UPDATE deliveries SET due_at = NULL")
        house.run("upkeep")
        for key in keys:
            refuse(house, key, "wrong_secret")
        house.clock.forward(hours=2)
        house.set("chores", {"due_at": house.clock() + timedelta(days=9)})
        house.set("chores", {"due_at": house.clock()}, key="health")
        with counted(house.database) as statements:
            house.round("upkeep")
        assert sum(row.cleared_at is None for row in house.rows("alarms")) >= 2 * channels
        counts.append(len(statements))
        house.execute("DELETE FROM alarms", "DELETE FROM deliveries", "DELETE FROM channel_hours", "DELETE FROM chores")
    assert counts[0] == counts[1]


def test_when_nothing_is_due_a_round_is_one_statement(start: Start) -> None:
    house = start()
    house.run("upkeep")
    with counted(house.database) as statements:
        house.steps.run("upkeep")
    assert len([one for one in statements if not one.startswith(("BEGIN", "COMMIT"))]) == 1


def moments(house: Pipeline) -> dict[str, datetime]:
    return {row.key: row.due_at for row in house.rows("chores")}


def test_a_chore_that_is_to_be_done_more_often_comes_due(start: Start) -> None:
    house = start(HOUSE_WITH_PAGE, http=Page())
    house.run("upkeep")
    assert moments(house)["reconcile:meta"] - house.clock() > timedelta(minutes=50)
    often = HOUSE_WITH_PAGE.replace("source: meta_lead_ads,", "source: meta_lead_ads, reconcile: {every: 5 minutes},")
    house.apply(often)
    minutes(house)
    assert moments(house)["reconcile:meta"] - house.clock() < timedelta(minutes=6)


def test_a_chore_that_kills_its_worker_is_left_alone_for_a_while(start: Start) -> None:
    class Died(BaseException):
        pass

    def die(path: str) -> Any:
        raise Died

    page = Page()
    house = start(HOUSE_WITH_PAGE, http=page)
    house.run("upkeep")
    page.before = die
    house.set("chores", {"due_at": house.clock() + timedelta(days=9)})
    house.set("chores", {"due_at": house.clock()}, key="reconcile:meta")
    for _ in range(3):
        with pytest.raises(Died):
            house.run("upkeep")
        minutes_of_the_lease = 6
        house.clock.forward(minutes=minutes_of_the_lease)
    house.run("upkeep")
    (chore,) = house.rows("chores", key="reconcile:meta")
    assert (chore.reason, chore.failures, chore.attempts, chore.lease) == ("worker_killed", 1, 0, None)
    assert chore.due_at > house.clock() + timedelta(minutes=20)


def test_before_a_configuration_nothing_is_asked_and_afterwards_soon(start: Start) -> None:
    house = start(HOUSE_WITH_PAGE, http=Page())
    other = start(HOUSE_WITH_PAGE, http=Page())
    other.execute("DELETE FROM config_versions")
    for _ in range(9):
        other.run("upkeep")
        other.clock.forward(minutes=10)
    assert [row.reason for row in other.rows("chores")] == ["no_configuration"]
    house.apply(HOUSE_WITH_PAGE)
    other.clock.forward(seconds=10)
    other.run("upkeep")
    assert len(other.rows("chores")) > 5
