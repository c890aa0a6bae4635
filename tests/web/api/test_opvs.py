"""OPVs: shape, filters, paging, history."""

from __future__ import annotations

import json
from uuid import UUID

from sqlalchemy import event

from db.ids import new_id
from db.session import Database
from tests.stored import NOW, Stored, ago
from tests.web.api.conftest import Served

OWN = ("id", "number", "funnel", "stage", "status", "team", "manager", "broker")
DETAILS = {
    "ad": {"form_id": "7"}, "utm": {"source": "google"}, "click_ids": {"gclid": "x"}, "message": "Olá",
    "answers": {"quando": "já"}, "consent": [{"key": "lgpd", "granted": True}], "extra": {"temperatura": "Alta"},
    "raw": {"phone": "(11) 9999-0001"}, "flags": ["phone_inferred_ninth_digit"],
}  # fmt: skip


def test_an_opv_is_shown_with_clients_and_captures_newest_first(served: Served) -> None:
    store = served.stored
    opv = store.opv(client="João Teste", broker="ana", manager="paula", team="sul", assigned_at=NOW)
    store.card(opv, 1, channel="site")
    submission = new_id()
    store.card(opv, 5, DETAILS, source="grupo_olx", channel="zap", price_cents=45_000_050, is_returning=True,
               submission_id=submission, submitted_at=ago(60))  # fmt: skip
    found = served.call(f"/api/v1/opvs/{opv}").json()
    assert served.call("/api/v1/opvs/1").json() == found
    assert found.pop("moves") == [{"stage": "contacted", "name": "Em atendimento", "lacks": []}]
    assert found == served.items("/api/v1/opvs")[0]
    assert {name: found[name] for name in OWN} == {
        "id": str(opv), "number": 1, "funnel": "sales", "stage": "new", "status": "open", "team": "sul",
        "manager": "paula", "broker": "ana",
    }  # fmt: skip
    assert found["created_at"].endswith("Z")
    assert found["undistributed"] is None
    client = found["clients"][0]
    assert UUID(client.pop("id"))
    assert client == {
        "kind": "natural", "name": "João Teste", "phones": ["+5511999990001"], "emails": [], "document": None,
        "role": "buyer",
    }  # fmt: skip
    newest, oldest = found["captures"]
    assert (newest["channel"], oldest["channel"]) == ("zap", "site")
    assert (newest["first_touch"], newest["last_touch"]) == (False, True)
    assert (oldest["first_touch"], oldest["last_touch"], oldest["typed"]) == (True, False, None)
    assert newest["price"] == 450000.5
    assert newest["returning"] is True
    assert newest["submission"] == str(submission)
    assert {name: newest[name] for name in DETAILS} == DETAILS
    assert (oldest["ad"], oldest["message"], oldest["flags"]) == ({}, None, [])


def test_filters_narrow_the_list(served: Served) -> None:
    store = served.stored
    old = store.opv(created_at=ago(86400), stage="contacted", broker="ana", development="jardim")
    plain, stuck, waiting = store.opv(broker="bia"), store.opv(), store.opv()
    store.card(old, channel="zap", source="grupo_olx")
    store.waits(stuck, "no_rule")
    store.waits(waiting)

    def listed(query: str) -> list[str]:
        return [item["id"] for item in served.items(f"/api/v1/opvs?{query}")]

    assert listed("stage=contacted") == listed("broker=ana") == listed("development=jardim") == [str(old)]
    assert listed("channel=zap") == listed("source=grupo_olx") == listed("number=1") == [str(old)]
    assert listed("undistributed=true") == [str(waiting), str(stuck)]
    assert listed("undistributed=false") == [str(plain), str(old)]
    assert listed(f"created_since={ago(60).strftime('%Y-%m-%dT%H:%M:%SZ')}") == [str(waiting), str(stuck), str(plain)]
    assert listed("team=none&stage=new") == listed("status=won") == []
    assert served.call(f"/api/v1/opvs/{stuck}").json()["undistributed"]["reason"] == "no_rule"
    assert served.call(f"/api/v1/opvs/{waiting}").json()["undistributed"]["reason"] == "waiting"
    reasons = {item["number"]: item["reason"] for item in served.items("/api/v1/undistributed")}
    assert reasons == {3: "no_rule", 4: "waiting"}


def test_pages_follow_each_other_without_gap_or_overlap(served: Served) -> None:
    opvs = [str(served.stored.opv()) for _ in range(5)]
    seen: list[str] = []
    cursor = None
    for size in (2, 2, 1):
        answer = served.call("/api/v1/opvs", params={"limit": 2, "cursor": cursor}).json()
        assert len(answer["items"]) == size
        seen += [item["id"] for item in answer["items"]]
        cursor = answer["next"]
    assert cursor is None
    assert seen == opvs[::-1]


def test_a_page_costs_the_same_statements_whatever_its_size(served: Served) -> None:
    store = served.stored
    for _ in range(12):
        opv = store.opv()
        store.card(opv)
        store.card(opv, 2)
    served.token("rui")
    assert _statements(store.database, served, 1) == _statements(store.database, served, 12) <= 5


def _statements(database: Database, served: Served, limit: int) -> int:
    counted: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT"):
            counted.append(statement)

    event.listen(database.engine, "before_cursor_execute", count)
    assert len(served.items(f"/api/v1/opvs?limit={limit}")) == limit
    event.remove(database.engine, "before_cursor_execute", count)
    return len(counted)


def test_the_history_is_in_order_with_its_data_beside(served: Served) -> None:
    store = served.stored
    opv = store.opv()
    _facts(store, opv)
    path = f"/api/v1/opvs/{opv}/history"
    first, second, third = served.items(path)
    assert [first["seq"], second["seq"], third["seq"]] == [1, 2, 3]
    assert second["kind"] == "opv.captured"
    assert second["returning"] is second["data"]["returning"] is True
    assert second["content"] == {"message": "Olá"}
    assert first["content"] is None
    assert (third["from"], third["to"], third["kind"], third["data"]["kind"]) == (
        "new",
        "contacted",
        "stage.changed",
        "x",
    )
    assert first["hash"] == "01" * 32
    page = served.call(path, params={"limit": 2}).json()
    assert [item["seq"] for item in page["items"]] == [1, 2]
    rest = served.call(path, params={"limit": 2, "cursor": page["next"]}).json()
    assert ([item["seq"] for item in rest["items"]], rest["next"]) == ([3], None)


def _facts(store: Stored, opv: UUID) -> None:
    store.fact(opv, 1, "opv.created", {"stage": "new"})
    store.fact(opv, 2, "opv.captured", {"returning": True, "channel": "zap"}, json.dumps({"message": "Olá"}))
    store.fact(opv, 3, "stage.changed", {"from": "new", "to": "contacted", "kind": "x"})


def test_decisions_are_explained(served: Served) -> None:
    opv = served.stored.opv()
    served.stored.insert("decisions", {
        "id": new_id(), "opportunity_id": opv, "at": NOW, "config_version": 3, "rule": "any", "queue": "sul",
        "broker": "ana", "reason": None, "explanation": '{"candidates": ["ana", "bia"]}',
    })  # fmt: skip
    (decision,) = served.items(f"/api/v1/opvs/{opv}/decisions")
    assert (decision["rule"], decision["explanation"]) == ("any", {"candidates": ["ana", "bia"]})


def test_a_decision_tells_who_was_in_the_line_and_brokers_not_why_a_colleague_was_not(served: Served) -> None:
    opv = served.stored.opv(broker="ana", manager="paula")
    served.stored.insert("queue_snapshots", {
        "queue": "sul", "digest": "d", "at": NOW, "members": '[["ana",null],["bia","absent"],["caio",null]]',
    })  # fmt: skip
    said = {"rules": [{"rule": "any", "matched": True}], "excluded": [{"broker": "caio", "because": "excluded_pair"}]}
    served.stored.insert("decisions", {
        "id": new_id(), "opportunity_id": opv, "at": NOW, "config_version": 3, "rule": "any", "queue": "sul",
        "broker": "ana", "reason": None, "explanation": json.dumps(said), "part": "sales", "snapshot": "d",
    })  # fmt: skip
    for person, reasons in (("paula", ["excluded_pair", "absent"]), ("ana", ["unavailable", "unavailable"])):
        (decision,) = served.items(f"/api/v1/opvs/{opv}/decisions", person)
        assert decision["explanation"]["candidates"] == ["ana"]
        assert [one["because"] for one in decision["explanation"]["excluded"]] == reasons
        why = served.call(f"/api/v1/opvs/{opv}/why", person).json()
        assert [one["reason"] for one in why["left_out"]] == reasons
        assert why["sentence"].startswith("Ana Corretora recebeu a OPV 1 pela regra any")
    assert [one["reason"] for one in served.call(f"/api/v1/opvs/{opv}/why", "olga").json()["left_out"]] == [
        "excluded_pair", "absent",
    ]  # fmt: skip
