"""`porteiro channels`: what was sent on, sending again, drift."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from db.models import DeliveryOutcome
from tests.porteiro.cli.conftest import Run
from tests.stored import NOW, Stored


def test_forwarding_is_compared_and_sent_again(stored: Stored, run: Run) -> None:
    stored.channel()
    delivery = stored.delivery(DeliveryOutcome.CAPTURED, received_at=datetime.now(UTC))
    stored.insert("outbound_messages", {
        "id": delivery, "idempotency_key": f"forward:{delivery}", "target": "forward", "kind": "forward",
        "recipient": "site", "opportunity_id": None, "body": "{}", "state": "parked", "reason": "http_401",
        "created_at": NOW, "sent_at": None, "due_at": None, "lease": None,
    })  # fmt: skip
    (item,) = json.loads(run("channels", "forwarded", "--json").stdout)["items"]
    assert (item["channel"], item["received"], item["parked_by_reason"]) == ("site", 1, {"http_401": 1})
    assert "http_401 1" in run("channels", "forwarded").stdout
    assert json.loads(run("channels", "forwarded", "--day", "2020-01-01", "--json").stdout)["items"] == []
    assert run("channels", "forwarded", "--day", "ontem").exit_code == 2
    assert run("channels", "resend", "site").stdout.startswith("1 deliveries of site")
    (item,) = json.loads(run("channels", "forwarded", "--json").stdout)["items"]
    assert (item["waiting"], item["parked"]) == (1, 0)


def test_drift_is_listed(stored: Stored, run: Run) -> None:
    stored.channel(1, "zap", "grupo_olx")
    stored.insert("drift", {"source": "grupo_olx", "field": "extraData.novo", "channel": 1,
                            "delivery_id": stored.delivery(DeliveryOutcome.CAPTURED), "first_at": NOW})  # fmt: skip
    assert "extraData.novo" in run("channels", "drift").stdout
    assert json.loads(run("channels", "drift", "--json").stdout)["items"][0]["channel"] == "zap"
