"""People say whether they take leads; what waits for them is looked at again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from opv.distribution import availability
from schemas.availability import AvailabilityBody, AvailabilityItem
from tests.opv.conversion import PRESALES_HOUSE, refused, viewer
from tests.pipeline import NOW, Pipeline, Start, lead

STAND_HOUSE = PRESALES_HOUSE.replace(
    "distribution: {rules: [{key: any, queue: {teams: [sul]}}]}",
    """stands:
  - {key: praia, name: Praia, roster: [{when: "mon-fri 08:00-12:00", brokers: [ana]},
     {when: "mon-fri 12:00-14:00", brokers: [ana, bia]}]}
queues:
  - {key: plantao, stand: praia, teams: [sul]}
  - {key: longe, teams: [norte], logged_in: true}
distribution: {rules: [{key: far, when: {development: mirante}, queue: longe}, {key: any, queue: plantao}]}
""",
)
"""In São Paulo it is nine o'clock on a Monday: ana is on the roster of the stand until two."""


def say(house: Pipeline, by: str, person: str, state: str, **said: Any) -> tuple[AvailabilityItem, set[str]]:
    in_force, body = house.house(), AvailabilityBody.model_validate({"state": state, **said})
    with house.database.write() as tx:
        return availability.say(tx, in_force, viewer(in_force, by), house.clock(), person, body)


def told(house: Pipeline, by: str) -> dict[str, str | None]:
    in_force = house.house()
    with house.database.read() as tx:
        listed = availability.listed(tx, in_force, viewer(in_force, by), house.clock())
    return {item.person: item.state for item in listed}


def take_back(house: Pipeline, by: str, person: str) -> set[str]:
    in_force = house.house()
    with house.database.write() as tx:
        return availability.take_back(tx, in_force, viewer(in_force, by), house.clock(), person)


def due(house: Pipeline) -> dict[str, datetime]:
    return {row.rule: row.due_at for row in house.rows("distribution_work")}


def test_who_checks_in_gets_what_waits_for_it_and_nothing_else_is_looked_at(start: Start) -> None:
    house = start(STAND_HOUSE)
    house.deliver_all([("site", lead(1)), ("site", lead(2, empreendimento="Mirante do Parque"))])
    house.run()
    later = due(house)
    assert later.keys() == {"any", "far"}
    assert min(later.values()) > NOW
    item, woken = say(house, "ana", "ana", "available", stand="praia")
    assert woken == {"distribution"}
    assert (item.until, item.since, item.by) == (NOW + timedelta(hours=5), NOW, "ana")
    assert due(house) == {"any": NOW, "far": later["far"]}
    house.run()
    assert [opv.broker for opv in house.opvs()] == ["ana", None]
    assert say(house, "marta", "caio", "available")[1] == {"distribution"}
    house.run()
    assert [opv.broker for opv in house.opvs()] == ["ana", "caio"]


def test_what_is_said_holds_until_its_time_or_until_it_is_taken_back(start: Start) -> None:
    house = start(PRESALES_HOUSE)
    for broker in ("ana", "bia"):
        say(house, "paula", broker, "paused", until=NOW + timedelta(minutes=20))
    assert say(house, "pia", "pia", "available")[1] == set(), "nothing waits"
    house.deliver("site", lead(1))
    house.run()
    assert told(house, "paula") == {"ana": "paused", "bia": "paused", "pia": "available"}
    assert take_back(house, "olga", "bia") == {"distribution"}
    assert told(house, "rui") == {
        "ana": "paused", "bia": None, "caio": None, "pia": "available", "pedro": None,
    }  # fmt: skip
    house.run()
    assert house.opvs()[0].broker == "bia"
    house.clock.forward(minutes=20)
    assert told(house, "ana") == {"ana": None}


@pytest.mark.parametrize(
    ("by", "person", "said", "reason"),
    [
        ("ana", "bia", {}, "not_allowed"),
        ("paula", "caio", {}, "not_allowed"),
        ("rui", "paula", {}, "unknown_person"),
        ("rui", "nobody", {}, "unknown_person"),
        ("ana", "ana", {"until": NOW}, "until_past"),
        ("ana", "ana", {"stand": "serra"}, "unknown_stand"),
        ("bia", "bia", {"stand": "praia"}, "not_on_roster"),
    ],
)
def test_refused(start_on_sqlite: Start, by: str, person: str, said: dict[str, Any], reason: str) -> None:
    house = start_on_sqlite(STAND_HOUSE)
    refused(house, reason, lambda: say(house, by, person, "available", **said))


def test_who_pauses_is_at_no_stand() -> None:
    with pytest.raises(ValueError, match="at no stand"):
        AvailabilityBody(state="paused", stand="praia")
