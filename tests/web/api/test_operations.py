"""Channels, work, queues and the lists of what needs a person."""

from __future__ import annotations

from db.ids import new_id
from db.models import DeliveryOutcome
from tests.stored import NOW, ago
from tests.web.api.conftest import Served


def test_channels_tell_of_deliveries_and_refusals(served: Served) -> None:
    store = served.stored
    store.channel(1, "site")
    store.channel(2, "zap", "grupo_olx")
    store.channel(3, "meta", "meta_lead_ads")
    store.delivery(DeliveryOutcome.CAPTURED)
    store.delivery(DeliveryOutcome.CAPTURED)
    store.delivery(DeliveryOutcome.PARKED, received_at=ago(2 * 86400), channel=2)
    store.insert("channel_refusals", {"channel": 1, "reason": "wrong_secret", "count": 4, "last_at": ago(9)},
                 {"channel": 1, "reason": "too_large", "count": 1, "last_at": ago(1)})  # fmt: skip
    channels = {item["key"]: item for item in served.items("/api/v1/channels")}
    site = channels["site"]
    assert (site["source"], site["retired"], site["deliveries_24h"]) == ("form", False, 2)
    assert site["outcomes_24h"] == {"captured": 2}
    refusals = site["refusals"]
    assert (refusals["total"], refusals["last_reason"]) == (5, "too_large")
    assert refusals["by_reason"] == {"wrong_secret": 4, "too_large": 1}
    assert channels["zap"]["deliveries_24h"] == 0
    assert channels["zap"]["last_delivery_at"] is not None
    assert channels["meta"]["last_delivery_at"] is None


def test_work_counts_what_waits_what_failed_and_what_was_done(served: Served) -> None:
    store = served.stored
    store.channel()
    late = store.delivery(DeliveryOutcome.PENDING, received_at=ago(100), due_at=ago(100), attempts=2)
    store.delivery(DeliveryOutcome.PENDING)
    done = store.delivery(DeliveryOutcome.CAPTURED)
    store.submission(done, "captured")
    store.submission(done, "captured", pointer="{}", fetched=b"{}")
    store.submission(done, "parked", reason="no_contact")
    store.submission(done, "parked", reason="gone", pointer="{}")
    store.submission(late, "pending", state="fetch", due_at=NOW, failures=1, pointer="{}")
    store.waits(store.opv(), "no_rule")
    store.waits(store.opv(), since=ago(5))
    timer = {"automation": "quiet", "stage": "new", "lease": None, "attempts": 0, "opportunity_id": new_id()}
    store.insert("timers", {"id": new_id(), "stage_seq": 1, "due_at": ago(30), **timer},
                 {"id": new_id(), "stage_seq": 2, "due_at": ago(-3600), **timer},
                 {"id": new_id(), "stage_seq": 3, "due_at": None, **timer})  # fmt: skip
    work = {item["step"]: item for item in served.items("/api/v1/work")}
    assert list(work) == ["ingest", "fetch", "distribution", "automation", "outbound"]
    figures = {step: (one["depth"], one["failures"], one["parked"], one["rate"]) for step, one in work.items()}
    assert figures == {
        "ingest": (2, 2, 1, 4),
        "fetch": (1, 2, 1, 1),
        "distribution": (1, 0, 0, 0),
        "automation": (1, 1, 1, 0),
        "outbound": (0, 0, 0, 0),
    }
    assert 100 <= work["ingest"]["oldest_seconds"] < 200
    assert 30 <= work["automation"]["oldest_seconds"] < 130
    assert work["outbound"]["oldest_seconds"] == 0


def test_queues_show_turns_and_shares(served: Served) -> None:
    store = served.stored
    store.insert("queues", {"key": "sul", "turn": 4})
    store.insert("queue_members", *(
        {"queue": "sul", "broker": broker, "last_turn": turn, "served": served_, "position": place, "active": True}
        for place, (broker, turn, served_) in enumerate((("ana", 4, 3), ("bia", 2, 1), ("caio", 0, 0)))
    ))  # fmt: skip
    (queue,) = served.items("/api/v1/queues")
    assert (queue["key"], queue["turn"]) == ("sul", 4)
    assert [(m["broker"], m["share"]) for m in queue["members"]] == [("caio", 0.0), ("bia", 0.25), ("ana", 0.75)]


def test_unmapped_runs_and_merge_suggestions(served: Served) -> None:
    store = served.stored
    value = {"field": "listing", "channel": "zap", "count": 2, "first_at": NOW, "last_at": NOW, "last_capture_id": None}
    store.insert("unmapped", {"id": new_id(), "value": "AP-1", **value}, {"id": new_id(), "value": "AP-2", **value})
    assert [item["value"] for item in served.items("/api/v1/unmapped?field=listing&channel=zap")] == ["AP-2", "AP-1"]
    assert served.items("/api/v1/unmapped?field=development") == []

    opv, other = store.opv(), store.opv()
    for one in (opv, other):
        store.insert("automation_runs", {
            "id": new_id(), "automation": "hot", "opportunity_id": one, "occurrence": "3", "at": NOW,
            "result": "done", "because": None, "steps": '[{"advance": "contacted"}]',
        })  # fmt: skip
    assert len(served.items("/api/v1/automation-runs")) == 2
    (run,) = served.items(f"/api/v1/automation-runs?opv={opv}")
    assert run == served.items("/api/v1/automation-runs?opv=1&result=done")[0]
    assert (run["opv"], run["steps"]) == (str(opv), [{"advance": "contacted"}])
    assert served.items("/api/v1/automation-runs?opv=77") == served.items("/api/v1/automation-runs?opv=x") == []

    pairs = [(new_id(), new_id()) for _ in range(3)]
    store.insert("merge_suggestions", *(
        {"client_id": one, "other_id": two, "submission_id": None, "because": "phone", "created_at": NOW}
        for one, two in pairs
    ))  # fmt: skip
    page = served.call("/api/v1/merge-suggestions?limit=2").json()
    rest = served.call("/api/v1/merge-suggestions", params={"limit": 2, "cursor": page["next"]}).json()
    listed = [(item["client"], item["other"]) for item in page["items"] + rest["items"]]
    assert listed == [(str(one), str(two)) for one, two in reversed(pairs)]
    assert rest["next"] is None
