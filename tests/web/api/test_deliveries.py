"""Deliveries: outcome and reason, the request as stored, replay in each state."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

from sqlalchemy import select

from db.ids import new_id
from db.models import Delivery, DeliveryOutcome
from tests.stored import NOW, ago
from tests.web.api.conftest import Served

PENDING, PARKED, CAPTURED = DeliveryOutcome.PENDING, DeliveryOutcome.PARKED, DeliveryOutcome.CAPTURED


def test_a_delivery_says_what_became_of_its_submissions(served: Served) -> None:
    store = served.stored
    store.channel()
    first = store.delivery(CAPTURED)
    captured = store.submission(first, "captured", external_id="A1")
    opv = store.opv()
    store.card(opv, submission_id=captured)
    mixed = store.delivery(PARKED)
    store.submission(mixed, "repeated", repeat_of=captured)
    store.submission(mixed, "parked", position=1, reason="no_contact", detail="no usable phone or e-mail in it")
    waits = store.delivery(PENDING, due_at=None)
    store.submission(waits, "pending", state="fetch", due_at=NOW, failures=2, reason="not_answering", pointer="{}")

    third, second, one = served.items("/api/v1/deliveries")
    assert (one["channel"], one["source"], one["outcome"], one["reason"]) == ("site", "form", "captured", None)
    assert one["submissions"][0]["opv"] == str(opv)
    assert one["submissions"][0]["external_id"] == "A1"
    assert (second["outcome"], second["reason"]) == ("parked", "no_contact")
    assert [s["opv"] for s in second["submissions"]] == [str(opv), None]
    assert (third["outcome"], third["submissions"][0]["state"], third["reason"]) == (
        "pending",
        "fetch",
        "not_answering",
    )
    assert third["submissions"][0]["failures"] == 2

    for query, expected in (
        ("outcome=parked", [mixed]),
        ("reason=no_contact", [mixed]),
        ("channel=site&outcome=captured", [first]),
        ("channel=zap", []),
        ("since=2999-01-01T00:00:00Z", []),
        ("since=0001-01-01T00:00:00Z&limit=1", [waits]),
    ):
        assert [item["id"] for item in served.items(f"/api/v1/deliveries?{query}")] == [str(i) for i in expected], query


def test_a_delivery_shows_its_request_as_stored(served: Served) -> None:
    served.stored.channel()
    delivery = served.stored.delivery(PARKED, body=b"\xff\x00{}")
    found = served.call(f"/api/v1/deliveries/{delivery}").json()
    assert found["url"] == "https://leads.example.com/hooks/site?key=***"
    assert found["headers"] == {"host": "leads.example.com", "x-trace": "a, b"}
    assert found["body"] == "\ufffd\x00{}"
    assert base64.b64decode(found["body_base64"]) == b"\xff\x00{}"
    assert len(found["sha256"]) == 64


def test_replay_puts_back_all_but_pending_deliveries(served: Served) -> None:
    store = served.stored
    store.channel()
    for outcome in DeliveryOutcome:
        served.woken.clear()
        delivery = store.delivery(outcome, due_at=None, attempts=3, lease=new_id(), received_at=ago(60))
        answer = served.call(f"/api/v1/deliveries/{delivery}/replay", "olga", "POST")
        with store.database.read() as tx:
            row = tx.execute(select(*Delivery.__table__.columns).where(Delivery.id == delivery)).one()
        if outcome is PENDING:
            assert (answer.status_code, answer.json()["reason"]) == (409, "still_pending")
            assert (row.replays, row.due_at, served.woken) == (0, None, [])
            continue
        shown = answer.json()
        assert answer.status_code == 202
        assert (shown["id"], shown["outcome"], shown["replays"]) == (str(delivery), "pending", 1)
        assert (row.outcome, row.attempts, row.lease, row.replays) == (0, 0, None, 1)
        assert row.due_at > row.received_at
        assert served.woken == ["ingest"]


def test_replay_is_for_operations_and_for_what_exists(served: Served) -> None:
    served.stored.channel()
    delivery = served.stored.delivery(PARKED)
    assert served.call(f"/api/v1/deliveries/{delivery}/replay", "ana", "POST").status_code == 403
    assert served.call(f"/api/v1/deliveries/{UUID(int=7)}/replay", "rui", "POST").status_code == 404
    assert served.call("/api/v1/deliveries/nonsense/replay", "rui", "POST").status_code == 404
    assert served.items("/api/v1/deliveries")[0]["replays"] == 0


def test_replay_of_all_that_match_is_bounded_and_can_be_tried(served: Served) -> None:
    store = served.stored
    store.channel()
    old, new = (store.delivery(PARKED, received_at=ago(seconds)) for seconds in (86400 * 3, 60))
    for delivery in (old, new):
        store.submission(delivery, "parked", reason="not_json")
    store.delivery(CAPTURED)
    store.delivery(PENDING)

    def post(person: str = "olga", **body: object) -> tuple[int, dict[str, Any]]:
        answer = served.call("/api/v1/deliveries/replay", person, "POST", json=body)
        return answer.status_code, answer.json()

    status, tried = post(reason="not_json", dry_run=True)
    assert (status, tried["deliveries"], tried["more"], tried["dry_run"]) == (202, 2, False, True)
    assert tried["changes"] == [
        {
            "delivery": str(delivery),
            "channel": "",
            "before": {"outcome": "parked", "reason": "not_json"},
            "after": {"outcome": "parked", "reason": "unknown_channel"},
        }
        for delivery in (old, new)
    ]
    assert served.woken == []
    assert post(reason="not_json", limit=1)[1] == {"deliveries": 1, "more": True, "dry_run": False, "changes": []}
    assert post(channel="site")[1]["deliveries"] == 2, "pending ones wait already"
    assert served.woken == ["ingest", "ingest"]
    assert post("ana", reason="not_json")[0] == 403
    for wrong in ({}, {"outcome": "pending"}, {"reason": "x", "limit": 1001}, {"resaon": "x"}, {"outcome": "lost"}):
        assert post(**wrong)[0] == 422, wrong


def test_junk_is_accepted(served: Served) -> None:
    store = served.stored
    store.channel()
    junk, other = store.delivery(DeliveryOutcome.IGNORED), store.delivery(DeliveryOutcome.IGNORED)
    store.submission(junk, "ignored", reason="junk_phone")
    store.submission(other, "ignored", reason="not_a_lead")
    assert served.call(f"/api/v1/deliveries/{junk}/accept", "ana", "POST").status_code == 403
    answer = served.call(f"/api/v1/deliveries/{junk}/accept", "olga", "POST")
    shown = answer.json()
    assert (answer.status_code, shown["outcome"], shown["replays"]) == (202, "pending", 1)
    assert shown["accepted_at"] is not None
    assert served.woken == ["ingest"]
    refused = served.call(f"/api/v1/deliveries/{other}/accept", "olga", "POST")
    assert (refused.status_code, refused.json()["reason"]) == (409, "no_junk")
    assert served.call(f"/api/v1/deliveries/{UUID(int=7)}/accept", "rui", "POST").status_code == 404
    again = served.call(f"/api/v1/deliveries/{junk}/accept", "olga", "POST")
    assert (again.status_code, again.json()["reason"]) == (409, "still_pending")
