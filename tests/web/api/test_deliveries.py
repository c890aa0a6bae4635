"""Deliveries: outcome and reason, the request as stored, replay in each state."""

from __future__ import annotations

import base64
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
