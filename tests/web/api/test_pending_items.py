"""Pending items over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.web.api.conftest import Served

DUE = (datetime.now(UTC) + timedelta(days=1)).isoformat()
BODY = {"title": "pedir o RG", "due_at": DUE}


def send(served: Served, path: str, body: Any = None, person: str = "ana", method: str = "POST") -> Any:
    return served.call(f"/api/v1/opvs/{path}", person, method, json=body)


def test_an_item_over_http(served: Served) -> None:
    opv = served.stored.opv(broker="ana", manager="paula", team="sul")
    answer = send(served, "1/pending-items", BODY)
    assert answer.status_code == 201
    item = answer.json()
    assert (item["opv"], item["number"], item["owner"], item["state"]) == (str(opv), 1, "ana", "open")
    path = f"{opv}/pending-items/{item['id']}"
    assert send(served, path, {"owner": "paula"}, method="PATCH").json()["owner"] == "paula"
    assert [one["id"] for one in served.items("/api/v1/pending-items?owner=paula&state=open", "paula")] == [item["id"]]
    assert send(served, f"{path}/done", person="paula").json()["state"] == "done"
    other = send(served, "1/pending-items", BODY).json()["id"]
    assert send(served, f"1/pending-items/{other}/cancel").json()["ended_by"] == "ana"
    assert len(served.items(f"/api/v1/opvs/{opv}/pending-items", "ana")) == 2
    kinds = [entry["kind"] for entry in served.items(f"/api/v1/opvs/{opv}/history")]
    assert kinds == ["pending.added", "pending.changed", "pending.done", "pending.added", "pending.cancelled"]


def test_who_does_not_see_the_opv_sees_and_does_nothing(served: Served) -> None:
    served.stored.opv(broker="ana", manager="paula", team="sul")
    item = send(served, "1/pending-items", BODY).json()["id"]
    path = f"1/pending-items/{item}"
    for person in ("bia", "marta", "olga"):
        assert served.items("/api/v1/pending-items", person) == []
        for method, place, body in (
            ("GET", "1/pending-items", None),
            ("POST", "1/pending-items", BODY),
            ("PATCH", path, {"title": "x"}),
            ("POST", f"{path}/done", None),
            ("POST", f"{path}/cancel", None),
        ):
            answer = send(served, place, body, person, method)
            assert (answer.status_code, answer.json()["reason"]) == (404, "unknown_opv"), (person, place)
    assert [one["state"] for one in served.items("/api/v1/pending-items", "ana")] == ["open"]


def test_a_refusal_names_its_rule(served: Served) -> None:
    served.stored.opv(broker="ana", manager="paula", team="sul")
    item = send(served, "1/pending-items", BODY).json()["id"]
    for method, place, body, status, reason in (
        ("POST", "1/pending-items", {"title": "x"}, 422, "invalid_parameters"),
        ("POST", "1/pending-items", {**BODY, "title": " "}, 422, "invalid_parameters"),
        ("POST", "1/pending-items", {**BODY, "due_at": "2020-01-01T00:00:00Z"}, 422, "due_in_past"),
        ("POST", "1/pending-items", {**BODY, "owner": "bia"}, 422, "owner_not_linked"),
        ("PATCH", f"1/pending-items/{item}", {}, 422, "invalid_parameters"),
        ("PATCH", f"1/pending-items/{item}", {"title": "pedir o RG"}, 409, "nothing_changed"),
        ("POST", "1/pending-items/nada/done", None, 404, "unknown_item"),
        ("GET", "1/pending-items?state=late", None, 422, "invalid_parameters"),
        ("GET", "1/pending-items?cursor=x", None, 400, "bad_cursor"),
    ):
        answer = send(served, place, body, method=method)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason), (place, body)
    assert len(served.items("/api/v1/opvs/1/history")) == 1
