"""`porteiro status`, `work`, `schedules`, `queues`, `undistributed`, `unmapped`."""

from __future__ import annotations

import json

import pytest

from db.ids import new_id
from db.models import DeliveryOutcome
from tests.porteiro.cli.conftest import Run
from tests.stored import NOW, Stored


def test_the_lists_are_those_of_the_api(stored: Stored, run: Run) -> None:
    stored.waits(stored.opv(), "no_rule")
    stored.insert("unmapped", {"id": new_id(), "field": "listing", "value": "AP-9", "channel": "zap", "count": 2,
                               "first_at": NOW, "last_at": NOW, "last_capture_id": None})  # fmt: skip
    stored.insert("queues", {"key": "sul", "turn": 1})
    stored.insert("queue_members", {"queue": "sul", "broker": "ana", "last_turn": 1, "served": 1, "position": 0,
                                    "active": True})  # fmt: skip
    stored.schedule("daily", planned_at=NOW, started_at=NOW, seen=7, matched=3)
    stored.scheduled_run("daily", NOW)
    for command, words in (
        ("undistributed", "no_rule"), ("unmapped", "AP-9"), ("queues", "ana"), ("work", "outbound"),
        ("schedules", "daily"),
    ):  # fmt: skip
        assert words in run(command).stdout, command
        assert words in json.dumps(json.loads(run(command, "--json").stdout)["items"]), command


def test_status_says_whether_all_is_well(stored: Stored, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stored.channel(7, "zap", "grupo_olx")
    stored.delivery(DeliveryOutcome.CAPTURED, channel=7)
    well = run("status")
    assert well.exit_code == 0
    for words in ("version 1 is in force", "zap", "captured 1", "distribution"):
        assert words in well.stdout
    monkeypatch.setenv("BROKER_URL", "amqp://nobody:segredo@127.0.0.1:1//")
    lost = run("status", "--json")
    assert lost.exit_code == 1
    assert [check["name"] for check in json.loads(lost.stdout)["checks"] if not check["ok"]] == ["message broker"]
    assert "segredo" not in lost.output
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://nobody:segredo@127.0.0.1:1/none")
    dead = run("status")
    assert dead.exit_code == 1
    assert "the database does not answer" in dead.stdout
    assert "segredo" not in dead.output
