"""Reports: what was sent on at a day."""

from __future__ import annotations

from db.models import DeliveryOutcome
from tests.stored import NOW, ago
from tests.web.api.conftest import Served, now


def test_what_was_sent_on_is_counted_by_day(served: Served) -> None:
    store = served.stored
    store.channel()
    store.channel(2, "zap", "grupo_olx")
    moment = now()
    for state, reason in (("sent", None), ("sent", None), ("pending", "no_answer"), ("parked", "http_404")):
        delivery = store.delivery(DeliveryOutcome.CAPTURED, received_at=moment)
        store.insert("outbound_messages", {
            "id": delivery, "idempotency_key": f"forward:{delivery}", "target": "forward", "kind": "forward",
            "recipient": "site", "opportunity_id": None, "body": "{}", "state": state, "reason": reason,
            "created_at": NOW, "sent_at": None, "due_at": None, "lease": None,
        })  # fmt: skip
    store.delivery(DeliveryOutcome.CAPTURED, received_at=moment)
    store.delivery(DeliveryOutcome.CAPTURED, received_at=moment, channel=2)
    store.delivery(DeliveryOutcome.CAPTURED, received_at=moment, secret=-1)
    (site,) = served.items("/api/v1/reports/forwarding", "olga")
    assert {name: site[name] for name in ("channel", "received", "forwarded", "waiting", "parked", "unsent")} == {
        "channel": "site", "received": 5, "forwarded": 2, "waiting": 1, "parked": 1, "unsent": 1,
    }  # fmt: skip
    assert site["parked_by_reason"] == {"http_404": 1}
    assert served.items(f"/api/v1/reports/forwarding?day={ago(86400 * 3).date()}") == []
    assert served.call("/api/v1/reports/forwarding", "ana").status_code == 403
    assert served.call("/api/v1/reports/forwarding?day=hoje").status_code == 422
