"""Channels, work, queues and the lists of what needs a person."""

from __future__ import annotations

import json
from datetime import timedelta

from db.ids import new_id
from db.models import DeliveryOutcome
from tests.stored import NOW, ago
from tests.web.api.conftest import Served, now


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
    assert site["health"] == {
        "state": "ok", "usual_per_hour": None, "last_hour": 2, "consecutive_failures": 0, "token": None,
        "reconciliation": None, "alarms": [],
    }  # fmt: skip


def test_channels_tell_how_they_do(served: Served) -> None:
    store = served.stored
    store.channel(1, "meta", "meta_lead_ads")
    store.channel(2, "site")
    hour = now().replace(minute=0, second=0, microsecond=0)
    store.insert("channel_hours", *(
        {"channel": 1, "hour": hour - timedelta(weeks=week, hours=back), "deliveries": 10 * week, "last_at": NOW}
        for week in (1, 2) for back in (-1, 0, 1, 2)
    ))  # fmt: skip
    until = hour + timedelta(days=5)
    said = [{"name": "token", "ok": True, "detail": "valid", "until": until.isoformat()}]
    chore = {"channel": 1, "planned_at": NOW, "due_at": NOW, "lease": None, "attempts": 0, "failures": 0}
    for kind, reason, state in (("check", None, {"checked": said}), ("reconcile", "rate_limited", {})):
        row = {"key": f"{kind}:meta", "last_at": NOW, "reason": reason, "state": json.dumps(state), **chore}
        store.insert("chores", row)
    pull = {"channel": 1, "since": NOW, "reason": None}
    for seen, found, at in ((7, 2, ago(9000)), (9, 0, ago(5000))):
        store.insert("reconciliations", {"id": new_id(), "started_at": at, "finished_at": at, "seen": seen,
                                         "found": found, **pull})  # fmt: skip
    late = store.delivery(DeliveryOutcome.PENDING)
    store.submission(late, "pending", state="fetch", due_at=NOW, failures=3, pointer="{}")
    store.insert("alarms", {"id": new_id(), "kind": "token", "channel": 1, "detail": "ends soon", "raised_at": NOW,
                            "cleared_at": None})  # fmt: skip
    meta, site = (served.items("/api/v1/channels")[place]["health"] for place in (0, 1))
    assert (meta["state"], site["state"]) == ("token", "ok")
    assert meta["usual_per_hour"] == 15.0
    assert meta["consecutive_failures"] == 3
    assert meta["token"] == {"ok": False, "until": until.isoformat().replace("+00:00", "Z")}
    reconciliation = meta["reconciliation"]
    assert (reconciliation["seen"], reconciliation["found"], reconciliation["reason"]) == (9, 0, "rate_limited")
    assert [(one["kind"], one["detail"]) for one in meta["alarms"]] == [("token", "ends soon")]
    metrics = served.call("/metrics", None).text.splitlines()
    for line in (
        'porteiro_alarms_open{kind="token"} 1.0',
        'porteiro_reconciliation_found_total{channel="meta"} 2.0',
        'porteiro_fetch_failures{channel="meta"} 1.0',
    ):
        assert line in metrics


def test_alarms_begin_with_those_that_are_open(served: Served) -> None:
    store = served.stored
    store.channel(1, "meta", "meta_lead_ads")
    for number in range(6):
        cleared = None if number in (1, 3, 4) else NOW
        store.insert("alarms", {"id": new_id(), "kind": f"kind{number}", "channel": number % 2, "detail": "",
                                "raised_at": NOW, "cleared_at": cleared})  # fmt: skip
    page = served.call("/api/v1/alarms?limit=2").json()
    listed = page["items"]
    while page["next"]:
        page = served.call("/api/v1/alarms", params={"limit": 2, "cursor": page["next"]}).json()
        listed += page["items"]
    assert [(one["kind"], one["channel"]) for one in listed] == [
        ("kind4", None), ("kind3", "meta"), ("kind1", "meta"), ("kind5", "meta"), ("kind2", None), ("kind0", None),
    ]  # fmt: skip


def test_drift_is_listed_without_values(served: Served) -> None:
    served.stored.channel(1, "zap", "grupo_olx")
    drift = {"source": "grupo_olx", "channel": 1, "delivery_id": new_id(), "first_at": NOW}
    served.stored.insert("drift", {**drift, "field": "extraData.novo"})
    (item,) = served.items("/api/v1/drift")
    assert (item["source"], item["field"], item["channel"]) == ("grupo_olx", "extraData.novo", "zap")


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
    chore = {"channel": 1, "planned_at": NOW, "attempts": 0, "reason": None, "state": "{}"}
    store.insert("chores", *(
        {"key": str(number), "due_at": due, "lease": lease, "failures": failures, "last_at": last, **chore}
        for number, (due, lease, failures, last) in enumerate((
            (ago(5), None, 0, ago(400)), (ago(-300), new_id(), 0, ago(500)), (ago(-3600), None, 3, ago(9)),
            (None, None, 0, None),
        ))
    ))  # fmt: skip
    work = {item["step"]: item for item in served.items("/api/v1/work")}
    assert list(work) == ["ingest", "fetch", "distribution", "automation", "outbound", "upkeep"]
    figures = {step: (one["depth"], one["failures"], one["parked"], one["rate"]) for step, one in work.items()}
    assert figures == {
        "ingest": (2, 2, 1, 4),
        "fetch": (1, 2, 1, 1),
        "distribution": (1, 0, 0, 0),
        "automation": (1, 1, 1, 0),
        "outbound": (0, 0, 0, 0),
        "upkeep": (2, 1, 0, 1),
    }
    assert 100 <= work["ingest"]["oldest_seconds"] < 200
    assert 30 <= work["automation"]["oldest_seconds"] < 130
    assert work["outbound"]["oldest_seconds"] == 0


def test_schedules_tell_what_is_planned_under_way_and_over(served: Served) -> None:
    store = served.stored
    opvs = [store.opv() for _ in range(3)]
    store.schedule("daily")
    store.schedule("now", due_at=NOW, planned_at=ago(90), started_at=ago(60), cursor=opvs[1], seen=2, matched=1)
    store.schedule("stuck", due_at=ago(50), next_at=ago(50))
    store.schedule("gone", due_at=None, next_at=None)
    for days in range(1, 13):
        store.scheduled_run("daily", ago(86400 * days), None if days < 3 else 10 + days)
    items = {item["automation"]: item for item in served.items("/api/v1/schedules", "olga")}
    assert list(items) == ["daily", "now", "stuck"]
    daily, now, stuck = items.values()
    assert (daily["cron"], daily["paused"], daily["running"], daily["lateness_seconds"]) == (
        "0 9 * * *",
        False,
        None,
        0,
    )
    assert [run["result"] for run in daily["last"]] == ["skipped"] * 2 + ["done"] * 8
    assert (daily["last"][2]["seen"], daily["last"][2]["matched"]) == (9, 4)
    assert (now["running"]["seen"], now["running"]["matched"]) == (2, 1)
    assert 0 <= now["running"]["share"] <= 1
    assert 90 <= now["lateness_seconds"] < 190
    assert 50 <= stuck["lateness_seconds"] < 150
    metrics = served.call("/metrics", None).text
    assert 'porteiro_schedule_last_run_seconds{automation="daily"} 13.0' in metrics
    assert 'porteiro_schedule_lateness_seconds{automation="daily"} 0.0' in metrics
    store.insert("automation_states", {"key": "stuck", "activated_at": NOW, "paused_at": NOW, "failures": 0,
                                       "window_runs": 0})  # fmt: skip
    assert 'porteiro_schedule_lateness_seconds{automation="stuck"} 0.0' in served.call("/metrics", None).text
    work = {item["step"]: item for item in served.items("/api/v1/work")}
    assert work["automation"]["depth"] == 2


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
