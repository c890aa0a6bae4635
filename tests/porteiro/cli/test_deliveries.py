"""`porteiro deliveries`: list, show, replay."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from sqlalchemy import select

from db.models import Delivery, DeliveryOutcome
from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import Stored, ago

PARKED = DeliveryOutcome.PARKED


def _parked(stored: Stored, reason: str, **columns: Any) -> UUID:
    delivery = stored.delivery(PARKED, **columns)
    stored.submission(delivery, "parked", reason=reason, detail="por quê")
    return delivery


def _replays(stored: Stored) -> dict[UUID, int]:
    with stored.database.read() as tx:
        return {row[0]: row[1] for row in tx.execute(select(Delivery.id, Delivery.replays))}


def test_deliveries_are_listed_and_shown(stored: Stored, run: Run) -> None:
    stored.channel()
    parked = _parked(stored, "no_contact", body=b'{"nome": "\x1b[31m"}\xff')
    stored.delivery(DeliveryOutcome.CAPTURED)
    listed = json.loads(run("deliveries", "list", "--outcome", "parked", "--json").stdout)["items"]
    assert [(one["id"], one["reason"]) for one in listed] == [(str(parked), "no_contact")]
    assert json.loads(run("deliveries", "list", "--since", "2999-01-01T00:00", "--json").stdout)["items"] == []
    assert run("deliveries", "list", "--since", "ontem").exit_code == 2
    assert "no_contact" in run("deliveries", "list").stdout
    shown = run("deliveries", "show", parked)
    assert "por quê" in shown.stdout
    assert "\x1b" not in shown.stdout
    raw = run("deliveries", "show", parked, "--raw")
    head = b"POST /hooks/site?key=*** HTTP/1.1\r\nHost: leads.example.com\r\nX-Trace: a\r\nx-trace: b\r\n\r\n"
    assert raw.stdout_bytes == head + b'{"nome": "\x1b[31m"}\xff'
    missing = run("deliveries", "show", "nonsense").exception
    assert isinstance(missing, PorteiroError)
    assert missing.reason == "unknown_delivery"


def test_replay_puts_back_what_was_named_or_matches(stored: Stored, run: Run) -> None:
    stored.channel()
    one, other = _parked(stored, "no_contact"), _parked(stored, "not_json")
    old = _parked(stored, "not_json", received_at=ago(3 * 86400))
    pending = stored.delivery(DeliveryOutcome.PENDING)
    done = run("deliveries", "replay", one, pending)
    assert (done.exit_code, done.stdout.split(" ")[:3]) == (1, ["1", "of", "2"])
    assert str(pending) in done.stderr
    assert _replays(stored) == {one: 1, other: 0, old: 0, pending: 0}

    matching = ("deliveries", "replay", "--outcome", "parked", "--reason", "not_json")
    since = ago(86400).isoformat()
    tried = json.loads(run(*matching, "--since", since, "--dry-run", "--json").stdout)
    assert (tried["deliveries"], [one["delivery"] for one in tried["changes"]]) == (1, [str(other)])
    assert tried["changes"][0]["after"] == {"outcome": "parked", "reason": "unknown_channel"}
    shown = run("deliveries", "replay", other, "--dry-run").stdout
    assert "parked unknown_channel" in shown
    assert "1 of 1 deliveries would change; nothing was put back" in shown
    unasked = run(*matching).exception
    assert isinstance(unasked, PorteiroError)
    assert unasked.reason == "not_confirmed"
    assert run(*matching, "--since", since, "--yes").exit_code == 0
    assert _replays(stored) == {one: 1, other: 1, old: 0, pending: 0}
    assert run("deliveries", "replay", "--reason", "not_json", "--limit", 1, "--yes").exit_code == 0
    assert _replays(stored)[old] == 1
    for wrong in ((), (one, "--outcome", "parked"), ("--outcome", "pending", "--yes")):
        assert run("deliveries", "replay", *wrong).exit_code == 2


def test_junk_is_accepted(stored: Stored, run: Run) -> None:
    stored.channel()
    junk = stored.delivery(DeliveryOutcome.IGNORED)
    stored.submission(junk, "ignored", reason="junk_phone")
    assert run("deliveries", "accept", junk).exit_code == 0
    shown = json.loads(run("deliveries", "show", junk, "--json").stdout)
    assert (shown["outcome"], shown["accepted_at"] is None) == ("pending", False)
    refused = run("deliveries", "accept", _parked(stored, "not_json")).exception
    assert isinstance(refused, PorteiroError)
    assert refused.reason == "no_junk"
