"""`porteiro opv accept|refuse`, `porteiro offers list|claim`: the actions in a broker's name."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from db.models import DistributionWork
from porteiro.configuration.apply import apply
from schemas.config import Configuration
from schemas.errors import Reject
from tests.porteiro.cli.conftest import Run
from tests.stored import CONFIGURATION, NOW, Stored, ago

QUEUES = {**CONFIGURATION, "queues": [{"key": "sul", "teams": ["sul"], "strategy": "manual"}]}


@pytest.fixture
def listed(stored: Stored) -> Any:
    """Puts an OPV on the list with such columns."""
    apply(stored.database, Configuration.model_validate(QUEUES), by="rui", now=NOW)

    def put(columns: dict[str, Any], **served: Any) -> None:
        stored.waits(stored.opv(**served))
        with stored.database.write() as tx:
            tx.execute(update(DistributionWork).values(**columns))

    return put


def test_a_broker_accepts_or_refuses(listed: Any, run: Run) -> None:
    in_time = {"state": "accepting", "broker": "ana", "due_at": NOW + timedelta(days=1)}
    listed(in_time, broker="ana", manager="paula", team="sul", assigned_at=ago(60))
    assert "de ana até" in run("opv", "show", 1).stdout
    answer = run("opv", "accept", 1, "--as", "ana")
    assert answer.exit_code == 0, answer.exception
    refused = run("opv", "refuse", 1, "--reason", "férias", "--as", "ana").exception
    assert isinstance(refused, Reject)
    assert refused.reason == "nothing_to_accept"


def test_a_refused_one_returns(listed: Any, run: Run) -> None:
    in_time = {"state": "accepting", "broker": "ana", "due_at": NOW + timedelta(days=1)}
    listed(in_time, broker="ana", manager="paula", team="sul", assigned_at=ago(60))
    assert run("opv", "refuse", 1, "--reason", "férias", "--as", "ana").exit_code == 0
    shown = json.loads(run("opv", "show", 1, "--json").stdout)
    assert (shown["history"][-1]["kind"], shown["history"][-1]["content"]) == ("opv.returned", {"reason": "férias"})


def test_a_broker_claims(listed: Any, run: Run) -> None:
    listed({"state": "pool", "queue": "sul", "due_at": None, "reason": "pool"}, client="Maria Teste")
    shown = run("offers", "list", "--as", "ana").stdout
    assert "bolsão" in shown
    assert "Maria" not in shown
    assert json.loads(run("offers", "list", "--as", "paula", "--json").stdout)["items"] == []
    assert "OPV 1: open, stage new, broker ana" in run("offers", "claim", 1, "--as", "ana").stdout
    assert json.loads(run("offers", "list", "--as", "bia", "--json").stdout)["items"] == []
