"""The calls of those who run the distribution day by day; what they do is tested in tests/opv/."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import requests
from sqlalchemy import select

from db.models import Opportunity
from opv.house import House
from tests.stored import ago
from tests.web.api.access_scenes import access_house
from tests.web.api.conftest import Served


@pytest.fixture
def in_force() -> House:
    return access_house()


def send(served: Served, method: str, path: str, person: str = "rui", body: Any = None) -> requests.Response:
    return served.call(f"/api/v1{path}", person, method, json=body)


def waits(served: Served, **columns: Any) -> UUID:
    opv = served.stored.opv(**columns)
    row = {"since": ago(600), "lease": None, "attempts": 0, "prefer": None, "exclude": None, "config_version": 1}
    served.stored.insert("distribution_work", {
        **row, "opportunity_id": opv, "due_at": ago(-900), "reason": "all_left_out", "queue": "roleta",
        "rule": "roleta",
    })  # fmt: skip
    return opv


def roleta(served: Served) -> dict[str, Any]:
    """The queue as it is shown."""
    (queue,) = (one for one in served.items("/api/v1/queues") if one["key"] == "roleta")
    return queue


def test_what_is_said_is_shown_and_wakes_distribution(served: Served) -> None:
    waits(served)
    said = send(served, "PUT", "/availability/ana", "ana", {"state": "available"}).json()
    assert (said["state"], said["by"], served.woken) == ("available", "ana", ["distribution"])
    assert served.call("/api/v1/availability/ana", "paula").json() == said
    assert {one["person"] for one in served.items("/api/v1/availability", "paula")} == {"ana", "bia"}
    assert {m["broker"]: (m["said"] or {}).get("state") for m in roleta(served)["members"]} == {
        "ana": "available", "bia": None, "caio": None,
    }  # fmt: skip
    assert send(served, "DELETE", "/availability/ana", "ana").status_code == 204
    wrong = send(served, "PUT", "/availability/ana", "ana", {"state": "paused", "stand": "praia"})
    assert (wrong.status_code, wrong.json()["reason"]) == (422, "invalid_parameters")


def test_a_queue_is_paused_and_resumed(served: Served) -> None:
    paused = send(served, "POST", "/queues/roleta/pause", "olga").json()
    assert roleta(served)["paused"] == paused
    assert paused["by"] == "olga"
    waits(served)
    assert send(served, "POST", "/queues/roleta/resume").json() == {"queue": "roleta", "at": None, "by": None}
    assert served.woken == ["distribution"]
    assert send(served, "POST", "/queues/nothing/pause").status_code == 404


def test_the_list_is_narrowed_and_given_out(served: Served) -> None:
    first, second = waits(served, development="jardim"), waits(served)
    page = served.call("/api/v1/undistributed?development=jardim&queue=roleta&state=waiting").json()
    assert [one["opv"] for one in page["items"]] == [str(first)]
    assert page["items"][0]["age"] >= 600
    assert page["counts"]["by_reason"] == {"all_left_out": 1}
    assert served.call("/api/v1/undistributed?stage=x").status_code == 422
    to = {"to": {"broker": "bia"}, "reason": "mutirão"}
    item = send(served, "POST", "/undistributed/assignment", body={"opvs": [1, str(second), 7], **to}).json()
    assert (item["given"], item["already"], item["next"]) == (2, 0, None)
    assert [one["reason"] for one in item["refused"]] == ["unknown_opv"]
    with served.stored.database.read() as tx:
        assert set(tx.execute(select(Opportunity.broker)).scalars()) == {"bia"}
    third = waits(served)
    through = {"filter": {"reason": "all_left_out"}, "queue": "roleta", "reason": "mutirão"}
    assert send(served, "POST", "/undistributed/assignment", body=through).json()["given"] == 1
    (left,) = served.items("/api/v1/undistributed")
    assert (left["opv"], left["asked_for"], left["rule"]) == (str(third), True, "roleta")
    for wrong in ({"opvs": [1]}, {"opvs": [1], "filter": {}, **to}, {"filter": {}, "queue": "x", **to}, {**to}):
        assert send(served, "POST", "/undistributed/assignment", body={"reason": "x", **wrong}).status_code == 422


def test_a_lead_is_reported_as_none_and_a_broker_kept_from_a_client(served: Served) -> None:
    opv = served.stored.opv(broker="ana", manager="paula", team="sul")
    asked = send(served, "POST", f"/opvs/{opv}/invalid", "ana", {"reason": "other", "text": "é concorrente"}).json()
    assert (asked["kind"], asked["reason"], asked["text"], asked["state"]) == (
        "invalid", "other", "é concorrente", "open",
    )  # fmt: skip
    with served.stored.database.read() as tx:
        client = tx.execute(select(Opportunity.client_id)).scalar_one()
    path = f"/clients/{client}/excluded-brokers"
    (pair,) = send(served, "PUT", f"{path}/bia", "paula").json()["items"]
    assert served.items(f"/api/v1{path}", "ana") == [pair]
    assert (pair["broker"], pair["by"]) == ("bia", "paula")
    assert send(served, "DELETE", f"{path}/bia", "paula").json()["items"] == []
