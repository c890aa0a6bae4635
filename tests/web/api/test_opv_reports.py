"""Reports: figures by key with names, within what the caller sees, as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from db.ids import new_id
from tests.stored import ago
from tests.web.api.conftest import Served


def withdrawn(served: Served, opv: UUID, at: datetime, **columns: Any) -> None:
    row = {
        "opportunity_id": opv, "seq": 1, "at": at, "reason": "price", "stage": "new", "team": "sul",
        "manager": "paula", "broker": "ana", "development": None,
    }  # fmt: skip
    served.stored.insert("withdrawals", {**row, **columns})


def counts(served: Served, query: str, person: str = "rui") -> list[tuple[str | None, str, int]]:
    found = served.items(f"/api/v1/reports/withdrawals?{query}", person)
    return [(item["key"], item["name"], item["count"]) for item in found]


def test_withdrawals(served: Served) -> None:
    store = served.stored
    ana, other, bia = (store.opv(broker=who, manager="paula") for who in ("ana", "ana", "bia"))
    store.card(ana, 1, source="manual")
    store.card(ana, 2, source="form")
    withdrawn(served, ana, ago(86400))
    withdrawn(served, other, ago(10), reason="gone")
    withdrawn(served, bia, ago(10), broker="bia", stage="contacted")
    assert counts(served, "") == counts(served, "by=reason") == [("price", "Preço", 2), ("gone", "gone", 1)]
    assert counts(served, "by=broker") == [("ana", "Ana Corretora", 2), ("bia", "Bia Corretora", 1)]
    assert counts(served, "by=stage") == [("new", "Novo lead", 2), ("contacted", "Em atendimento", 1)]
    assert counts(served, "by=team") == [("sul", "Equipe Sul", 3)]
    assert counts(served, "by=manager") == [("paula", "Paula Gerente", 3)]
    assert counts(served, "by=development") == [(None, "(sem valor)", 3)]
    assert counts(served, "by=source") == [(None, "(sem valor)", 2), ("manual", "Cadastro manual", 1)]
    hour = (ago(3600)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert counts(served, f"since={hour}") == [("gone", "gone", 1), ("price", "Preço", 1)]
    assert counts(served, f"until={hour}") == [("price", "Preço", 1)]
    assert counts(served, "by=broker", "bia") == [("bia", "Bia Corretora", 1)]
    assert counts(served, "", "marta") == counts(served, "", "olga") == []
    assert served.call("/api/v1/reports/withdrawals?by=moon").status_code == 422


def test_origins(served: Served) -> None:
    store = served.stored
    opv = store.opv(broker="ana")
    store.card(opv, 1, campaign="verão")
    store.card(opv, 2, campaign="verão", is_returning=True)
    store.card(store.opv(broker="bia"), campaign='=HYPERLINK("x")')
    first, second = served.items("/api/v1/reports/origins")
    assert first == {
        "source": "form", "name": "form", "campaign": "verão", "campaign_name": "verão", "leads": 2, "opvs": 1,
    }  # fmt: skip
    assert second["campaign"] == '=HYPERLINK("x")'
    assert served.items("/api/v1/reports/origins", "ana") == [first]
    answer = served.call("/api/v1/reports/origins?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))) == [
        ["source", "name", "campaign", "campaign_name", "leads", "opvs"],
        ["form", "form", "verão", "verão", "2", "1"],
        ["form", "form", '\'=HYPERLINK("x")', '\'=HYPERLINK("x")', "1", "1"],
    ]


def test_first_contact(served: Served) -> None:
    created = ago(3600)
    for minutes in (1, 2, 3, 10, 20):
        served.stored.opv(broker="ana", created_at=created, first_contact_at=created + timedelta(minutes=minutes))
    served.stored.opv(broker="ana", created_at=created)
    served.stored.opv(broker="ana", created_at=created, status="lost")
    served.stored.opv(broker="bia", created_at=created)
    ana, bia = served.items("/api/v1/reports/first-contact")
    assert ana == {
        "key": "ana", "name": "Ana Corretora", "count": 5, "waiting": 1, "median": 180.0, "p75": 600.0, "p90": 960.0,
    }  # fmt: skip
    assert (bia["count"], bia["waiting"], bia["median"]) == (0, 1, None)
    assert served.items("/api/v1/reports/first-contact", "bia") == [bia]
    text = served.call("/api/v1/reports/first-contact?format=csv", "bia").content.decode("utf-8-sig")
    assert text.splitlines()[1] == "bia,Bia Corretora,0,1,,,"


def test_a_report_has_three_forms(served: Served) -> None:
    store = served.stored
    opv = store.opv(broker="ana", stage="contacted")
    store.card(opv, campaign="=1+1")
    store.fact(opv, 1, "opv.created", {"stage": "new"})
    store.fact(opv, 2, "stage.changed", {"from": "new", "to": "contacted"})
    withdrawn(served, opv, ago(86400))
    assert served.items("/api/v1/reports/withdrawals?by=reason&across=broker") == [
        {"key": "price", "name": "Preço", "count": 1,
         "across": [{"key": "ana", "name": "Ana Corretora", "count": 1}]},
    ]  # fmt: skip
    table = served.call("/api/v1/reports/origins?by=channel&across=campaign&format=csv").content.decode("utf-8-sig")
    assert table.splitlines() == ["key,name,'=1+1,count", "site,site,1,1"]
    assert served.items("/api/v1/reports/origins?by=campaign") == [
        {"key": "=1+1", "name": "=1+1", "leads": 1, "opvs": 1},
    ]  # fmt: skip
    assert [one["reached"] for one in served.items("/api/v1/reports/funnel", "ana")] == [1, 1, 0]
    for report in ("withdrawals", "withdrawals?across=month", "origins", "funnel", "first-contact", "costs"):
        chart = served.call(f"/api/v1/reports/{report}{'&' if '?' in report else '?'}format=svg")
        assert (chart.status_code, chart.headers["content-type"]) == (200, "image/svg+xml"), report
        assert chart.headers["content-security-policy"].startswith("default-src 'none'")
        assert b"</svg>" in chart.content


def test_what_cannot_be_reported_says_why(served: Served) -> None:
    for query, words in (
        ("withdrawals?by=team&across=team", "another thing than"),
        ("origins?across=day", "goes with `by`"),
        ("funnel?since=2026-09-02&until=2026-09-01", "ends before it begins"),
        ("funnel?since=0001-01-01", "out of range"),
        ("costs?by=listing", "by"),
        ("first-contact?format=pdf", "format"),
    ):
        answer = served.call(f"/api/v1/reports/{query}")
        assert (answer.status_code, words in answer.json()["detail"]) == (422, True), answer.text
    refused = served.call("/api/v1/reports/costs", "paula")
    assert (refused.status_code, refused.json()["reason"]) == (403, "forbidden")


def test_fairness(served: Served) -> None:
    store = served.stored
    told = {"queue": "sul", "turn": 1, "excluded": [], "missed": [{"broker": "bia", "because": "paused"}]}
    for _ in range(3):
        store.insert("decisions", {
            "id": new_id(), "opportunity_id": store.opv(broker="ana"), "at": ago(60), "config_version": 1,
            "rule": "any", "queue": "sul", "broker": "ana", "reason": None, "snapshot": "0",
            "explanation": json.dumps(told),
        })  # fmt: skip
    members = json.dumps([["ana", None], ["bia", "paused"]])
    store.insert("queue_snapshots", {"queue": "sul", "digest": "0", "at": ago(60), "members": members})
    path = "/api/v1/reports/fairness?queue=sul"
    ana, bia = served.items(path, "olga")
    assert ana == {
        "queue": "sul", "key": "ana", "name": "Ana Corretora", "turns": 3, "given_share": 1.0, "expected": 1.5,
        "expected_share": 0.5, "deviation": 1.5, "deviation_points": 50.0, "present": 3.0, "present_share": 1.0,
        "missed": 0, "missed_because": {}, "capped": 0, "claimed": 0, "given_back": 0,
    }  # fmt: skip
    assert (bia["turns"], bia["missed_because"]) == (0, {"paused": 3})
    sheet = served.call(f"{path}&format=csv", "rui").content.decode("utf-8-sig")
    assert next(csv.DictReader(reversed(sheet.splitlines()), sheet.splitlines()[0].split(",")))["missed_because"] == (
        "paused: 3"
    )
    chart = served.call(f"{path}&format=svg", "paula").text
    assert "Partes da fila sul, ao lado das esperadas" in chart
    assert "100,0% de 50,0% (+1,5 vez)" in chart
    assert served.call(path, "ana").status_code == 403
    assert served.items("/api/v1/reports/fairness?queue=sur", "rui") == []
