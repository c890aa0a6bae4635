"""Who read which OPV: every answer that discloses personal data is noted before it goes out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from db.models import Base, DeliveryOutcome
from opv.channels.by_hand import take_checkpoint
from opv.history import genesis
from tests.pipeline import counted
from tests.stored import house
from tests.web.api.conftest import Served, now

READS = Base.metadata.tables["personal_reads"]


def noted(served: Served) -> list[tuple[UUID, str, str, int]]:
    """OPV, person, what, times."""
    c = READS.c
    statement = select(c.opportunity_id, c.person, c.what, c.times).order_by(c.opportunity_id, c.person, c.what)
    with served.stored.database.read() as tx:
        return [(row[0], row[1], row[2], row[3]) for row in tx.execute(statement)]


def test_each_read_is_noted_with_who_and_what(served: Served) -> None:
    store = served.stored
    opv, other = store.opv(broker="ana", manager="paula"), store.opv(broker="bia", manager="paula")
    served.items("/api/v1/opvs", "ana")
    served.items("/api/v1/opvs", "paula")
    for path in ("", "/history", "/decisions", ""):
        assert served.call(f"/api/v1/opvs/{opv}{path}", "ana").status_code == 200
    assert served.call(f"/api/v1/opvs/{opv}/comments", "paula", "POST", json={"text": "Oi"}).status_code == 201
    assert noted(served) == [
        (opv, "ana", "decisions", 1), (opv, "ana", "history", 1), (opv, "ana", "list", 1), (opv, "ana", "opv", 2),
        (opv, "paula", "list", 1), (opv, "paula", "opv", 1),
        (other, "paula", "list", 1),
    ]  # fmt: skip


def test_a_delivery_shown_is_a_read_of_the_opvs_it_became(served: Served) -> None:
    store = served.stored
    store.channel()
    opv, delivery = store.opv(), store.delivery(DeliveryOutcome.CAPTURED)
    store.card(opv, submission_id=store.submission(delivery, "captured"))
    store.submission(store.delivery(DeliveryOutcome.PARKED), "parked")
    for item in served.items("/api/v1/deliveries"):
        assert served.call(f"/api/v1/deliveries/{item['id']}").status_code == 200
    assert noted(served) == [(opv, "rui", "delivery", 1)]


def test_what_was_refused_or_not_found_is_no_read(served: Served) -> None:
    hidden = served.stored.opv(broker="bia")
    for path in ("", "/history", "/decisions", "/reads", "/proof"):
        assert served.call(f"/api/v1/opvs/{hidden}{path}", "ana").status_code == 404
    assert served.call(f"/api/v1/opvs/{hidden}/history?limit=0").status_code == 422
    assert served.call(f"/api/v1/opvs/{hidden}/comments", "bia", "POST", json={"text": " "}).status_code == 422
    assert served.call(f"/api/v1/opvs/{hidden}/reads", "bia").status_code == 403
    assert served.items("/api/v1/opvs", "ana") == []
    assert noted(served) == []


def test_a_page_is_noted_in_one_statement(served: Served) -> None:
    counts = []
    for more in (1, 30):
        for _ in range(more):
            served.stored.opv()
        with counted(served.stored.database) as statements:
            served.items("/api/v1/opvs?limit=200")
        counts.append([one for one in statements if "personal_reads" in one])
        assert len(counts[-1]) == 1
    assert sorted({times for _, _, _, times in noted(served)}) == [1, 2]


@pytest.mark.parametrize("path", ["/opvs", "/opvs/1", "/opvs/1/history"])
def test_a_read_that_cannot_be_noted_is_not_answered(served: Served, path: str) -> None:
    served.stored.opv(client="Maria Teste")
    with served.stored.database.write() as tx:
        tx.exec_driver_sql("ALTER TABLE personal_reads RENAME TO elsewhere")
    answer = served.call(f"/api/v1{path}")
    assert answer.status_code >= 500
    assert "Maria" not in answer.text


def test_reads_are_listed_for_managers_and_directors(served: Served) -> None:
    opv = served.stored.opv(broker="ana", manager="paula")
    for person in ("ana", "paula", "rui", "ana"):
        served.call(f"/api/v1/opvs/{opv}", person)
    path = f"/api/v1/opvs/{opv}/reads"
    for person, status in (("rui", 200), ("paula", 200), ("marta", 404), ("ana", 403), ("caio", 404), ("olga", 404)):
        answer = served.call(path, person)
        assert answer.status_code == status, person
        if status == 403:
            assert answer.json()["reason"] == "not_allowed"
    found = served.items(path)
    assert [(one["person"], one["what"], one["times"]) for one in found] == [
        ("ana", "opv", 2), ("paula", "opv", 1), ("rui", "opv", 1),
    ]  # fmt: skip
    assert found[0]["sealed_seq"] is None
    assert found[0]["first_at"] < found[0]["last_at"]
    first = served.call(path, params={"limit": 2}).json()
    rest = served.call(path, params={"limit": 2, "cursor": first["next"]}).json()
    assert ([one["person"] for one in rest["items"]], rest["next"]) == (["rui"], None)
    assert served.call(path, params={"cursor": first["next"][1:]}).json()["reason"] == "bad_cursor"


def test_a_history_is_narrowed_to_kinds_a_person_and_a_time(served: Served) -> None:
    opv = served.stored.opv(broker="ana")
    for seq, (kind, actor) in enumerate(
        (
            ("opv.created", "channel:site"), ("opv.assigned", "distribution"), ("comment.added", "person:ana"),
            ("contact.added", "person:ana"), ("comment.added", "automation:hot"), ("OPV.x", "system"),
        ), 1,
    ):  # fmt: skip
        _fact(served, opv, seq, kind, actor)

    def seqs(**params: Any) -> list[int]:
        answer = served.call(f"/api/v1/opvs/{opv}/history", params=params)
        assert answer.status_code == 200, answer.text
        return [item["seq"] for item in answer.json()["items"]]

    assert seqs(kind="comment.added") == [3, 5]
    assert seqs(kind="opv.") == [1, 2]
    assert seqs(kind=["opv.", "contact.added"]) == [1, 2, 4]
    assert seqs(person="ana") == [3, 4]
    assert seqs(person="automation:hot") == [5]
    assert seqs(kind="comment.added", person="ana") == [3]
    assert seqs(since="2026-01-03T00:00:00Z", until="2026-01-05T00:00:00Z") == [3, 4]
    assert seqs(kind="nothing.such") == []
    page = served.call(f"/api/v1/opvs/{opv}/history", params={"kind": "comment.added", "limit": 1}).json()
    assert seqs(kind="comment.added", cursor=page["next"]) == [5]
    for params in ({"kind": "a\0"}, {"person": "a\0"}, {"kinds": "x"}, {"since": "yesterday"}):
        assert served.call(f"/api/v1/opvs/{opv}/history", params=params).status_code == 422, params


def _fact(served: Served, opv: UUID, seq: int, kind: str, actor: str) -> None:
    row = {
        "opportunity_id": opv, "seq": seq, "at": datetime(2026, 1, seq, tzinfo=UTC), "kind": kind, "actor": actor,
        "data": "{}", "content_hash": None, "hash": bytes(32),
    }  # fmt: skip
    served.stored.insert("history_entries", row)


def test_a_proof_is_given_to_managers_and_directors_and_noted(served: Served) -> None:
    opv = served.stored.opv(broker="ana", manager="paula", history_head=genesis(UUID(int=0)))
    path = f"/api/v1/opvs/{opv}/proof"
    assert served.call(path, "paula").json()["reason"] == "no_checkpoint"
    list(take_checkpoint(served.stored.database, house(), now))
    for person, status in (("ana", 403), ("marta", 404), ("olga", 404), ("paula", 200), ("rui", 200)):
        assert served.call(path, person).status_code == status, person
    proof = served.call(path).json()
    assert [(entry["seq"], entry["kind"], entry["actor"]) for entry in proof["entries"]] == [
        (1, "history.exported", "person:paula"), (2, "history.exported", "person:rui"),
        (3, "history.exported", "person:rui"),
    ]  # fmt: skip
    assert (proof["sealed"], proof["path"], proof["checkpoint"]["number"]) == (0, [], 1)
    assert noted(served) == [(opv, "paula", "export", 1), (opv, "rui", "export", 2)]
