"""Automations over HTTP; what they do is tested in tests/opv/automation/."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from db.ids import new_id
from opv.house import House, build_house
from schemas.config import Configuration
from tests.stored import CONFIGURATION, NOW
from tests.web.api.conftest import Served

AUTOMATIONS = [
    {"key": "hello", "name": "Olá", "on": {"in_stage": "new", "for": "2 hours"}, "when": {"stage": "new"},
     "do": [{"comment": "Oi"}, {"advance": "contacted"}]},
    {"key": "off", "on": "opv.created", "do": [{"comment": "Oi"}], "active": False},
]  # fmt: skip


@pytest.fixture
def in_force() -> House:
    return build_house(1, Configuration.model_validate({**CONFIGURATION, "automations": AUTOMATIONS}), {})


def send(served: Served, path: str, body: Any = None, person: str = "rui") -> requests.Response:
    return served.call(f"/api/v1{path}", person, "POST", json=body)


def test_an_automation_is_run_paused_and_resumed(served: Served) -> None:
    opv = served.stored.opv(broker="ana", manager="paula")
    tried = send(served, "/automations/hello/dry-run", {"opv": 1}, "olga").json()
    assert (tried["holds"], tried["result"], [step["action"] for step in tried["steps"]]) == (
        True, "done", ["comment", "advance"],
    )  # fmt: skip
    assert served.call(f"/api/v1/opvs/{opv}").json()["stage"] == "new"
    assert send(served, "/automations/hello/pause", {"because": "texto errado"}, "olga").json()["by"] == "olga"
    ran = send(served, "/automations/hello/run", {"opv": str(opv)}).json()
    assert (ran["result"], ran["asked_by"], ran["trigger"], ran["left"]) == ("done", "rui", "hand", [])
    assert [(one["seq"], one["kind"]) for one in ran["entries"]] == [(1, "comment.added"), (2, "stage.changed")]
    facts = served.items(f"/api/v1/opvs/{opv}/history")
    assert [fact["run"] for fact in facts] == [ran["id"]] * 2
    for query in ("opv=1", "trigger=hand", "automation=hello&result=done", "since=2020-01-01"):
        assert [run["id"] for run in served.items(f"/api/v1/automation-runs?{query}")] == [ran["id"]], query
    assert served.items("/api/v1/automation-runs?trigger=cron") == []
    (hello, off) = served.items("/api/v1/automations", "paula")
    assert (hello["trigger"], hello["active"], hello["runs_24h"]) == ("na etapa new há 2 hours", True, {"done": 1})
    assert (hello["paused"]["because"], off["active"], off["paused"]) == ("texto errado", False, None)
    served.stored.insert("automation_runs", {
        "id": new_id(), "automation": "hello", "opportunity_id": opv, "occurrence": "9", "at": NOW, "result": "paused",
        "because": None, "steps": "[]", "todo": '[["0", {"comment": "Oi"}]]',
    })  # fmt: skip
    assert send(served, "/automations/hello/resume", {}).json() == {"key": "hello", "missed": 0, "left": 1}
    served.woken.clear()
    assert send(served, "/automations/hello/resume", {"missed": True}).json()["missed"] == 1
    assert served.woken == ["automation"]
    shown = served.call("/api/v1/automations/hello").json()
    assert shown["configured"]["on"] == {"in_stage": "new", "status": None, "for": "2 hours"}
    assert (shown["paused"], [run["result"] for run in shown["runs"]]) == (None, ["waiting", "done"])
    assert send(served, f"/automation-runs/{ran['id']}/retry").json()["reason"] == "not_failed"
    past = send(served, "/automations/hello/backtest", {"since": "1 day"}).json()
    assert (past["fired"], past["samples"]) == (0, [])


def test_managers_look_at_runs_on_opvs_that_they_see(served: Served) -> None:
    runs = {}
    for manager in ("paula", "marta"):
        runs[manager] = new_id()
        served.stored.insert("automation_runs", {
            "id": runs[manager], "automation": "hello", "opportunity_id": served.stored.opv(manager=manager),
            "occurrence": "9", "at": NOW, "result": "not_met", "because": "stage is 'x', not 'new'", "steps": "[]",
        })  # fmt: skip
    (run,) = served.items("/api/v1/automation-runs", "paula")
    assert run["id"] == str(runs["paula"])
    assert [run["id"] for run in served.call("/api/v1/automations/hello", "paula").json()["runs"]] == [run["id"]]
    assert served.call(f"/api/v1/automation-runs/{runs['marta']}", "paula").status_code == 404
    assert len(served.items("/api/v1/automation-runs", "olga")) == 2
    assert served.call("/api/v1/automations", "ana").status_code == 403
    for path, body, status in (
        ("/automations/off/run", {"opv": 1}, 409), ("/automations/none/run", {"opv": 1}, 404),
        ("/automations/hello/run", {"opv": 99}, 404), ("/automations/hello/pause", {"because": ""}, 422),
    ):  # fmt: skip
        assert send(served, path, body).status_code == status, path


def test_metrics_tell_how_automations_do(served: Served) -> None:
    state = {"key": "hello", "activated_at": NOW, "paused_at": NOW, "paused_by": "system", "failures": 20}
    served.stored.insert("automation_states", state)
    opv = served.stored.opv()
    for name, result in (("1", "waiting"), ("2", "cut")):
        served.stored.insert("automation_runs", {
            "id": new_id(), "automation": "hello", "opportunity_id": opv, "occurrence": name, "at": NOW,
            "result": result, "because": None, "steps": "[]", "due_at": NOW if result == "waiting" else None,
        })  # fmt: skip
    lines = served.call("/metrics", None).text.splitlines()
    for line in (
        'porteiro_automation_paused{automation="hello"} 1.0', 'porteiro_automation_failures{automation="hello"} 20.0',
        "porteiro_automation_runs_waiting 1.0", "porteiro_automation_loops_24h 1.0",
    ):  # fmt: skip
        assert line in lines
    (late,) = [line for line in lines if line.startswith("porteiro_automation_runs_late_seconds ")]
    assert float(late.split()[1]) > 0
