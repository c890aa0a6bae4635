"""Acceptance and claims over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from db.queries import tokens
from tests.opv.test_notices import ACCEPTING, OFFERED, started
from tests.pipeline import Pipeline, Start, start_on_sqlite
from tests.stored import Stored
from tests.web.api.conftest import NO_FILES, Served, serve
from web.api.app import create_api

__all__ = ["start_on_sqlite"]


@pytest.fixture
def serving(start_on_sqlite: Start) -> Iterator[Any]:
    """Serves a pipeline to which one lead came."""
    servers = []

    def serving_house(configuration: str) -> tuple[Pipeline, Served]:
        house, _ = started(start_on_sqlite, configuration)
        woken: list[str] = []
        servers.append(serve(create_api(house.database, house.houses.current, woken.append, house.clock, NO_FILES)))
        served = Served(next(servers[-1]), Stored(house.database), woken)
        with house.database.write() as tx:
            served.tokens |= {who: tokens.create(tx, who, house.clock()) for who in ("ana", "bia", "paula", "rui")}
        return house, served

    yield serving_house
    for server in servers:
        server.close()  # type: ignore[attr-defined] # a generator's


def test_an_opv_shows_who_is_to_accept_it_and_until_when(serving: Any) -> None:
    _, served = serving(ACCEPTING)
    (mine,) = served.items("/api/v1/opvs?accepting=true", "ana")
    assert mine["acceptance"] == {"broker": "ana", "until": "2026-09-21T12:10:00Z"}
    assert served.items("/api/v1/opvs?accepting=false", "ana") == []
    assert served.call("/api/v1/opvs/1/acceptance", "paula", "POST", json={}).json()["reason"] == "not_yours"
    answer = served.call("/api/v1/opvs/1/acceptance", "ana", "POST", json={})
    assert (answer.status_code, answer.json()["acceptance"]) == (200, None)
    assert served.items("/api/v1/opvs?accepting=true", "ana") == []
    again = served.call("/api/v1/opvs/1/acceptance", "ana", "POST", json={})
    assert (again.status_code, again.json()["reason"]) == (409, "nothing_to_accept")


def test_a_refusal_wakes_distribution(serving: Any) -> None:
    house, served = serving(ACCEPTING)
    body = {"accept": False, "reason": "Estou em visita"}
    assert served.call("/api/v1/opvs/1/acceptance", "ana", "POST", json=body).status_code == 200
    assert "distribution" in served.woken
    house.run()
    assert house.opvs()[0].broker == "bia"


def test_what_is_offered_is_claimed_once(serving: Any) -> None:
    house, served = serving(OFFERED)
    (offer,) = served.items("/api/v1/offers", "ana")
    assert offer == {
        "id": str(house.opvs()[0].id), "number": 1, "kind": "offered", "queue": "any", "development": "jardim",
        "city": None, "since": "2026-09-21T12:00:00Z", "until": "2026-09-21T12:10:00Z",
    }  # fmt: skip
    assert served.items("/api/v1/offers", "rui") == []
    claimed = served.call("/api/v1/opvs/1/claim", "ana", "POST")
    assert (claimed.status_code, claimed.json()["broker"]) == (200, "ana")
    assert claimed.json()["clients"][0]["name"] == "Bruno Exemplo 1"
    late = served.call("/api/v1/opvs/1/claim", "bia", "POST")
    assert (late.status_code, late.json()["reason"]) == (409, "already_claimed")
    assert served.call("/api/v1/opvs/1/claim", "paula", "POST").status_code == 404
    assert [row.what for row in house.rows("personal_reads")] == ["opv"]
