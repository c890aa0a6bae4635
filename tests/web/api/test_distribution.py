"""Rules tried on past leads over the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from adapters.sources.registry import sources
from opv.house import House
from porteiro.configuration.tried import house_tried
from tests.pipeline import AnySecret, Start, lead, start
from tests.stored import Stored
from tests.web.api.conftest import NO_FILES, Served, now, serve
from web.api.app import create_api

__all__ = ["start"]

ROUTE = "/api/v1/distribution/simulation"
RULES: dict[str, Any] = {"distribution": {"rules": [{"key": "all", "queue": {"brokers": ["bia"]}}]}}


def tried(text: str, in_force: House) -> House:
    return house_tried(text, in_force, sources(), AnySecret())


@pytest.fixture
def leads(start: Start) -> Iterator[Served]:
    """The API over a database with six leads of ten minutes ago."""
    house = start(now=now())
    house.clock.forward(minutes=-10)
    house.deliver_all([("site", lead(number)) for number in range(6)])
    house.run()
    in_force = house.house()
    api = create_api(house.database, lambda _tx: in_force, house.woken.append, now, NO_FILES, tried=tried)
    for url in serve(api):
        yield Served(url, Stored(house.database), [])


def ask(leads: Served, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = leads.call(ROUTE, method="POST", json=body)
    return answer.status_code, answer.json()


def test_rules_are_tried_as_an_object_or_as_text(leads: Served) -> None:
    for rules in (RULES, yaml.safe_dump(RULES)):
        status, found = ask(leads, rules=rules, since="1 hour")
        assert (status, found["leads"], found["moved"]) == (200, 6, 3)
        assert {one["key"]: (one["then"], one["now"]) for one in found["brokers"]} == {"ana": (3, 0), "bia": (3, 6)}


def test_what_cannot_be_simulated_says_why(leads: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"distribution": {"rules": [{"key": "all", "queue": {"brokers": ["bio"]}}]}}
    monkeypatch.setattr("web.api.distribution.MOST", 5)
    for body, told in (
        ({"rules": wrong}, "rules:1:"),
        ({"rules": RULES, "since": "ontem"}, "is no span and no time"),
        ({"rules": RULES, "until": "2020-01-01"}, "no lead came"),
        ({"rules": RULES, "since": "2099-01-01"}, "ends before it begins"),
        ({"rules": RULES}, "6 leads came in the period, and at most 5"),
    ):
        status, problem = ask(leads, **body)
        assert status == 422
        assert told in problem["detail"], body
