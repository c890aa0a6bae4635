"""The house: a configuration indexed for those who decide."""

from __future__ import annotations

from datetime import timedelta

from opv.house import build_house
from opv.roster import Place
from schemas.config import Configuration

CONFIGURATION = Configuration.model_validate(
    {
        "people": [
            {"key": "paula", "name": "Paula", "role": "manager"},
            {"key": "marta", "name": "Marta", "role": "manager", "active": False},
            {"key": "ana", "name": "Ana", "role": "broker"},
            {"key": "bia", "name": "Bia", "role": "broker"},
        ],
        "teams": [
            {"key": "sul", "name": "Sul", "managers": [{"person": "paula", "brokers": ["bia", "ana"]}]},
            {"key": "norte", "name": "Norte", "managers": [{"person": "marta", "brokers": ["ana"]}]},
        ],
        "developments": [
            {"key": "vila-flor", "name": "Vila Flor II", "aliases": ["Residencial Flor"], "listings": ["AP-0101"]}
        ],
        "funnel": {"stages": [{"key": "new", "name": "Novo"}, {"key": "visit", "name": "Visita"}]},
        "queues": [{"key": "sul", "teams": ["sul"]}],
        "distribution": {
            "rules": [
                {"key": "flor", "when": {"development": "vila-flor"}, "queue": "sul"},
                {"key": "any", "queue": {"brokers": ["ana"]}},
            ]
        },
        "automations": [
            {"key": "hello", "on": "opv.assigned", "do": [{"advance": "visit"}]},
            {"key": "quiet", "on": {"in_stage": "new", "for": "2 hours"}, "do": ["redistribute"]},
            {"key": "off", "on": "opv.created", "do": [{"comment": "Olá"}], "active": False},
        ],
    }
)
HOUSE = build_house(3, CONFIGURATION, {})


def test_rules_hold_their_queue() -> None:
    *implied, flor, other = HOUSE.rules
    assert [checked.rule.way for checked in implied] == ["owner", "directed", "listing_broker"]
    assert (flor.queues[0].key, flor.queues[0].teams) == ("sul", ["sul"])
    assert (other.queues[0].key, other.queues[0].brokers) == ("any", ["ana"])
    assert flor.when.test({"development": "vila-flor"}).holds
    assert not flor.when.test({}).holds
    assert other.when.test({}).holds


def test_automations_are_found_by_what_they_listen_to() -> None:
    assert [one.key for one in HOUSE.by_event["opv.assigned"]] == ["hello"]
    (quiet,) = HOUSE.by_stage["new"]
    assert quiet.wait is not None
    assert quiet.wait.span == timedelta(hours=2)
    assert set(HOUSE.automations) == {"hello", "quiet"}
    assert HOUSE.stage_order == {"new": 0, "visit": 1}


def test_roster_knows_places_and_activity() -> None:
    roster = HOUSE.roster
    assert roster.members_of(("sul", "norte"), "sales") == ("bia", "ana")
    assert roster.place("ana") == Place("sul", "paula")
    assert roster.place("ana", ["norte"]) == Place("norte", "marta")
    assert roster.place("nobody") == Place(None, None)
    assert [roster.is_active(key) for key in ("paula", "marta", "nobody")] == [True, False, False]
    assert roster.brokers_led_by("paula") == ["bia", "ana"]


def test_the_catalog_compares_folded() -> None:
    catalog = HOUSE.catalog
    for name in ("vila-flor", "Vila Flor", "VILA  FLÓR ii", "residencial flor"):
        assert catalog.by_name(name) is CONFIGURATION.developments[0]
    assert catalog.by_listing(" ap-0101 ") is CONFIGURATION.developments[0]
    assert catalog.by_name("Vila") is None
    assert catalog.by_listing("vila-flor") is None


def test_a_stage_that_expires_is_no_automation_of_the_file() -> None:
    stages = [
        {"key": "new", "name": "Novo", "expiry": {"after": "2 business hours"}},
        {"key": "visit", "name": "Visita"},
    ]
    house = build_house(1, Configuration.model_validate({"funnel": {"stages": stages}}), {})
    (expiring,) = house.by_stage["new"]
    assert (expiring.key, expiring.do, list(house.expiries)) == ("expiry:new", (), ["new"])
    assert house.configuration.automations == []
