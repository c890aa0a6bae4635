"""Gates end to end: each leaves a broker out with its reason, and takes it in again by itself when the time comes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.bulk import insert_rows
from opv.actions import contact, withdraw
from tests.opv.conversion import do
from tests.opv.distribution.scene import configured, left_out, send, served, waits
from tests.pipeline import NOW, TABLES, Pipeline, Start

ALONE = "{key: sul, brokers: [ana]"
"""A queue of ana alone; what follows is its terms."""


def says(house: Pipeline, person: str, state: str, **said: Any) -> None:
    """The person says that it is available or paused."""
    row = {"person": person, "state": state, "stand": None, "since": house.clock(), "until": None, "by": person}
    with house.database.write() as tx:
        insert_rows(tx, TABLES["availability"], [{**row, **said}])


def wake(house: Pipeline, minutes: float) -> None:
    """So much later, the sweep does what is due."""
    house.clock.forward(minutes=minutes)
    house.run("distribution")


# What a broker is


@pytest.mark.parametrize(
    ("queue", "ana", "reason"),
    [
        ("", "active: false", "inactive"),
        (", needs_creci: true", "tags: [x]", "no_creci"),
        (", skills: {all: [high, german]}", "tags: [high]", "skills"),
        (", skills: {any: [high, german]}", "tags: [low]", "skills"),
        (", skills: {none: [rookie]}", "tags: [high, rookie]", "skills"),
    ],
)
def test_what_the_configuration_alone_changes_waits_for_it(
    start_on_sqlite: Start, queue: str, ana: str, reason: str
) -> None:
    fit = "creci: CRECI-1, tags: [high, german]"
    house = start_on_sqlite(configured(queues=f"{ALONE}{queue}}}", ana=ana))
    send(house, 1)
    row = waits(house)
    assert (left_out(house), row.reason, row.due_at) == ({"ana": reason}, "all_left_out", None)
    house.apply(configured(queues=f"{ALONE}{queue}}}", ana=fit))
    house.run()
    assert (served(house), house.rows("distribution_work")) == (["ana"], [])


def test_those_who_fit_are_given_and_the_others_told(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(
        configured(queues="{key: sul, teams: [sul], needs_creci: true, skills: {all: [high]}}",
                   ana="tags: [high]", bia="creci: CRECI-2", caio="creci: CRECI-3, tags: [high]")
    )  # fmt: skip
    send(house, 1, 2)
    assert (served(house), left_out(house)) == (["caio", "caio"], {"ana": "no_creci", "bia": "skills"})


# Working time


@pytest.mark.parametrize(
    ("ana", "now", "reason", "due"),
    [
        ("shifts: [mon-fri 09:10-18:00]", "2026-09-21 12:00", "off_shift", "2026-09-21 12:10"),
        ("shifts: [mon-fri 13:00-18:00]", "2026-09-21 12:00", "off_shift", "2026-09-21 16:00"),
        ("shifts: [mon-sun 00:00-24:00]", "2026-09-07 12:00", "holiday", "2026-09-08 03:00"),
        ("absences: [{from: 2026-09-21, to: 2026-09-21}]", "2026-09-22 02:50", "absent", "2026-09-22 03:00"),
        ("shifts: [mon-fri 09:10-18:00], timezone: America/Manaus", "2026-09-21 13:05", "off_shift",
         "2026-09-21 13:10"),
    ],
)  # fmt: skip
def test_who_does_not_work_now_is_asked_again_when_it_does(
    start_on_sqlite: Start, ana: str, now: str, reason: str, due: str
) -> None:
    at, then = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, due))
    house = start_on_sqlite(configured(queues=f"{ALONE}}}", ana=ana), now=at)
    send(house, 1)
    assert (left_out(house), waits(house).due_at) == ({"ana": reason}, then)
    wake(house, (then - at).total_seconds() / 60)
    assert served(house) == ["ana"]


def test_around_the_clock_asks_outside_shifts_and_not_while_absent(start_on_sqlite: Start) -> None:
    shifts = "shifts: [sat 09:00-12:00]"
    away = "shifts: [sat 09:00-12:00], absences: [{from: 2026-09-21, to: 2026-09-21}]"
    house = start_on_sqlite(
        configured(queues="{key: sul, teams: [sul], around_the_clock: true}", ana=away, bia=shifts, caio=shifts)
    )
    send(house, 1, 2)
    assert (served(house), left_out(house)) == (["bia", "caio"], {"ana": "absent"})


# What people say of themselves


def test_a_pause_lasts_as_long_as_it_was_said(start: Start) -> None:
    house = start(configured(queues=f"{ALONE}}}"))
    says(house, "ana", "paused", until=NOW + timedelta(minutes=7))
    send(house, 1)
    assert (left_out(house), waits(house).due_at) == ({"ana": "paused"}, NOW + timedelta(minutes=7))
    wake(house, 7)
    assert served(house) == ["ana"]


def test_a_queue_of_those_who_are_there_asks_who_said_so(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(configured(queues="{key: sul, teams: [sul], logged_in: true}"))
    says(house, "bia", "available", until=NOW + timedelta(minutes=5))
    says(house, "caio", "paused")
    send(house, 1, 2)
    assert (served(house), left_out(house)) == (["bia", "bia"], {"ana": "not_logged_in", "caio": "paused"})
    house.clock.forward(minutes=5)
    send(house, 3)
    assert (served(house)[2], left_out(house)["bia"]) == (None, "not_logged_in")
    says(house, "ana", "available")
    wake(house, 15)
    assert served(house)[2] == "ana"


STAND = """stands:
  - {key: decorado, name: Decorado, roster: [{when: "mon-fri 09:00-12:00", brokers: [ana, bia]}]}
"""


def test_a_stand_gives_to_those_on_its_roster_who_checked_in(start: Start) -> None:
    off = "shifts: [sat 09:00-12:00]"
    house = start(configured(queues="{key: sul, teams: [sul], stand: decorado}", more=STAND, ana=off))
    says(house, "ana", "available", stand="decorado")
    says(house, "bia", "available")
    send(house, 1)
    assert (served(house), left_out(house)) == (["ana"], {"bia": "not_checked_in", "caio": "not_on_stand"})
    house.clock.forward(hours=3)
    send(house, 2)
    assert (served(house)[1], set(left_out(house).values())) == (None, {"not_on_stand"})


def test_a_stand_without_check_in_gives_to_its_roster(start_on_sqlite: Start) -> None:
    more = STAND.replace("name: Decorado,", "name: Decorado, check_in: false,")
    house = start_on_sqlite(configured(queues="{key: sul, teams: [sul], stand: decorado}", more=more))
    send(house, 1, 2, 3)
    assert (served(house), left_out(house)) == (["ana", "bia", "ana"], {"caio": "not_on_stand"})


# Caps

CLOSING = "withdrawal_reasons: [{key: price, name: Preço}]\n"


def close(house: Pipeline) -> None:
    do(house, "rui", house.opvs()[0].id, lambda at: withdraw(at, "price"))


def call(house: Pipeline) -> None:
    do(house, "ana", house.opvs()[0].id, lambda at: contact(at, "call"))


def tomorrow(house: Pipeline) -> None:
    house.clock.forward(hours=15)


def next_week(house: Pipeline) -> None:
    house.clock.forward(days=7)


def next_month(house: Pipeline) -> None:
    house.clock.forward(days=30, seconds=1)


@pytest.mark.parametrize("where", ["queue", "person", "both"])
@pytest.mark.parametrize(
    ("cap", "room"),
    [("open", close), ("backlog", call), ("day", tomorrow), ("week", next_week), ("days30", next_month)],
)
def test_who_has_as_much_as_it_may_is_left_out_until_there_is_room(
    start_on_sqlite: Start, cap: str, room: Any, where: str
) -> None:
    queue = {"queue": f", caps: {{{cap}: 2}}", "person": "", "both": f", caps: {{{cap}: 5}}"}[where]
    ana = {} if where == "queue" else {"ana": f"caps: {{{cap}: 2}}"}
    house = start_on_sqlite(configured(queues=f"{ALONE}{queue}}}", more=CLOSING, **ana))
    send(house, 1, 2, 3)
    row = waits(house)
    assert (served(house), left_out(house)) == (["ana", "ana", None], {"ana": f"cap_{cap}"})
    assert row.due_at == NOW + timedelta(minutes=15)
    room(house)
    wake(house, 15)
    assert served(house)[-1] == "ana"


def test_leads_of_other_queues_count(start: Start) -> None:
    rules = ("{key: one, when: {city: Santos}, queue: {brokers: [ana]}}", "{key: any, queue: sul}")
    house = start(configured(*rules, queues="{key: sul, brokers: [ana, bia], caps: {day: 2}}"))
    send(house, 1, 2, 3, cidade="Santos")
    send(house, 4, 5, 6)
    assert served(house) == ["ana", "ana", "ana", "bia", "bia", None]
    assert left_out(house) == {"ana": "cap_day", "bia": "cap_day"}


# For one lead alone


def test_a_client_is_not_given_to_a_broker_it_is_kept_from(start: Start) -> None:
    house = start(configured(more="returning: {open: new}\n"))
    send(house, 1)
    client = house.opvs()[0].client_id
    with house.database.write() as tx:
        pair = {"client_id": client, "broker": "ana", "at": house.clock(), "by": "paula"}
        insert_rows(tx, TABLES["excluded_pairs"], [pair])
    send(house, 1, id="again")
    said = json.loads(house.decisions()[-1].explanation)
    assert (served(house)[-1], said["rules"][0]) == (
        "bia", {"rule": "returning", "matched": False, "because": "excluded_pair", "broker": "ana"},
    )  # fmt: skip
    house.apply(configured(queues=f"{ALONE}}}", more="returning: {open: new}\n", bia="active: false"))
    send(house, 1, id="once more")
    assert (served(house)[-1], left_out(house)) == (None, {"ana": "excluded_pair"})
    send(house, 2)
    assert served(house)[-1] == "ana", "others are given to it"
