"""The funnel and where an OPV may go in it, moves taken back, and reasons of withdrawals, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from db.session import Database
from opv.house import build_house
from schemas.config import Configuration
from tests.stored import CONFIGURATION, Stored
from tests.web.api.conftest import Served, files_in, now, serve
from web.api.app import create_api

RULES: dict[str, Any] = {
    "funnel": {
        "no_skip": True,
        "stages": [
            {"key": "new", "name": "Novo"},
            {"key": "contacted", "name": "Em atendimento", "requires": ["document"]},
            {
                "key": "visit",
                "name": "Visita",
                "locked": True,
                "statuses": [{"key": "agreed", "name": "Marcada"}, {"key": "done", "name": "Feita"}],
            },
        ],
    },
    "funnels": [
        {
            "key": "rent",
            "name": "Locação",
            "stages": [
                {"key": "asked", "name": "Pedido", "move": ["manager"], "sla": {"warn": "1 day"}},
                {"key": "given", "name": "Dado", "hidden": True},
            ],
        }
    ],
    "withdrawal_reasons": [
        {"key": "price", "name": "Preço", "sub_reasons": [{"key": "rate", "name": "Juros"}]},
        {"key": "visited", "name": "Não gostou", "stages": ["visit"], "needs_remarks": True},
        {"key": "silent", "name": "Sem resposta", "automatic": True},
    ],
}


@pytest.fixture
def ruled(database_url: str, tmp_path: Any) -> Iterator[Served]:
    """The API of a house with rules."""
    database = Database(database_url)
    house = build_house(1, Configuration.model_validate({**CONFIGURATION, **RULES}), {})
    woken: list[str] = []
    for url in serve(create_api(database, lambda _tx: house, woken.append, now, files_in(tmp_path))):
        yield Served(url, Stored(database), woken)
    database.dispose()


def post(served: Served, path: str, body: Any = None, person: str = "ana") -> Any:
    return served.call(f"/api/v1/opvs{path}", person, "POST", json=body)


def test_the_funnels_with_their_rules_and_what_the_caller_sees_in_each_stage(ruled: Served) -> None:
    for stage, funnel, broker in (("new", "sales", "ana"), ("new", "sales", "caio"), ("asked", "rent", "ana")):
        ruled.stored.opv(stage=stage, funnel=funnel, broker=broker)
    ruled.stored.opv(broker="ana", status="lost")

    def shown(person: str) -> dict[str, tuple[int, bool]]:
        funnels = ruled.items("/api/v1/funnel", person)
        assert [(one["key"], one["no_skip"]) for one in funnels] == [("sales", True), ("rent", False)]
        return {one["key"]: (one["open"], one["offered"]) for funnel in funnels for one in funnel["stages"]}

    assert shown("ana") == {
        "new": (1, True), "contacted": (0, True), "visit": (0, True), "asked": (1, False), "given": (0, False),
    }  # fmt: skip
    assert shown("rui") == shown("ana") | {"new": (2, True), "asked": (1, True)}
    visit, asked = (ruled.items("/api/v1/funnel")[place]["stages"][-1 - place] for place in (0, 1))
    assert (visit["locked"], [one["key"] for one in visit["statuses"]]) == (True, ["agreed", "done"])
    assert (asked["move"], asked["sla"], asked["hidden"]) == (["manager"], {"warn": "1 day"}, False)


def test_an_opv_says_where_it_may_go_and_what_it_lacks(ruled: Served) -> None:
    ruled.stored.opv(broker="ana")
    ruled.stored.opv(broker="ana", manager="paula", stage="visit", stage_status="agreed")
    ruled.stored.opv(broker="ana", status="lost")

    def moves(number: int, person: str = "ana") -> dict[str, list[str]]:
        found = ruled.call(f"/api/v1/opvs/{number}", person).json()["moves"]
        return {one["stage"]: one["lacks"] for one in found}

    assert moves(1) == {"contacted": ["the client's CPF or CNPJ"]}
    assert list(moves(2, "paula")) == ["new", "contacted"]
    assert moves(2) == moves(3) == {}


def test_a_status_within_the_stage(ruled: Served) -> None:
    ruled.stored.opv(broker="ana", stage="visit", stage_status="agreed")
    ruled.stored.opv(broker="ana", stage="visit")
    assert post(ruled, "/1/stage", {"status": "done"}).json()["stage_status"] == "done"
    for body, status, reason in (
        ({"status": "done"}, 409, "same_status"),
        ({"status": "x"}, 422, "unknown_status"),
        ({}, 422, "nothing_named"),
        ({"stage": "asked"}, 403, "stage_locked"),
    ):
        answer = post(ruled, "/1/stage", body)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason), body
    assert [one["number"] for one in ruled.items("/api/v1/opvs?stage_status=done")] == [1]
    assert ruled.items("/api/v1/opvs?funnel=rent") == []


def test_a_move_is_taken_back_by_who_made_it(ruled: Served) -> None:
    typed = {"name": "Maria Exemplo", "phones": ["(11) 98000-0001"], "document": "390.533.447-05"}
    path = f"/{post(ruled, '', typed).json()['id']}/stage"
    for body, status, reason in (({"stage": "visit"}, 409, "stage_skipped"),):
        answer = post(ruled, path, body)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert post(ruled, path, {"stage": "contacted"}).json()["stage"] == "contacted"
    assert post(ruled, path + "/undo", person="paula").json()["reason"] == "not_your_move"
    assert post(ruled, path + "/undo", person="bia").status_code == 404
    assert post(ruled, path + "/undo").json()["stage"] == "new"
    again = post(ruled, path + "/undo")
    assert (again.status_code, again.json()["reason"]) == (409, "nothing_to_undo")


def test_a_stage_that_requires_or_is_locked_says_so(ruled: Served) -> None:
    ruled.stored.opv(broker="ana", manager="paula", team="sul")
    ruled.stored.opv(broker="ana", manager="paula", team="sul", stage="visit")
    wanting = post(ruled, "/1/stage", {"stage": "contacted"})
    assert (wanting.status_code, wanting.json()["detail"]) == (409, "contacted requires the client's CPF or CNPJ")
    locked = post(ruled, "/2/stage", {"stage": "new"})
    assert (locked.status_code, locked.json()["reason"]) == (403, "stage_locked")
    assert post(ruled, "/2/stage", {"stage": "new"}, "paula").status_code == 200


def test_reasons_to_choose_from(ruled: Served) -> None:
    opv = ruled.stored.opv(broker="ana")
    ruled.stored.opv(broker="ana", stage="visit")
    ruled.stored.opv(broker="ana", status="lost")
    path = "/api/v1/withdrawal-reasons"

    def keys(opv: object, person: str = "ana") -> list[str]:
        return [one["key"] for one in ruled.items(f"{path}?opv={opv}", person)]

    assert [one["key"] for one in ruled.items(path, "olga")] == ["price", "visited", "silent"]
    assert (keys(opv), keys(2), keys(3)) == (["price", "silent"], ["price", "visited", "silent"], [])
    assert ruled.items(f"{path}?opv=1", "ana")[0] == {
        "key": "price", "name": "Preço", "needs_remarks": False, "automatic": False, "stages": [],
        "sub_reasons": [{"key": "rate", "name": "Juros"}],
    }  # fmt: skip
    for person, ident in (("bia", 1), ("olga", opv), ("ana", 99), ("ana", "x")):
        assert ruled.call(f"{path}?opv={ident}", person).status_code == 404


def test_a_withdrawal_with_its_sub_reason(ruled: Served) -> None:
    ruled.stored.opv(broker="ana")
    for body, status, reason in (
        ({"reason": "price"}, 422, "sub_reason_missing"),
        ({"reason": "price", "sub_reason": "x"}, 422, "unknown_sub_reason"),
        ({"reason": "visited", "remarks": "feio"}, 409, "reason_not_in_stage"),
        ({}, 422, "invalid_parameters"),
    ):
        answer = post(ruled, "/1/withdrawal", body)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason), body
    assert post(ruled, "/1/withdrawal", {"reason": "price", "sub_reason": "rate"}).json()["status"] == "lost"
    (entry,) = ruled.items("/api/v1/opvs/1/history")
    assert (entry["reason"], entry["sub_reason"], entry["stage"]) == ("price", "rate", "new")


def test_contacts_of_earlier_and_visits_to_come(ruled: Served) -> None:
    ruled.stored.opv(broker="ana", created_at=now().replace(year=now().year - 1))
    earlier = f"{now().year - 1}-12-31T23:00:00-03:00" if now().month > 1 else now().isoformat()
    assert post(ruled, "/1/contacts", {"kind": "call", "outcome": "atendeu", "at": earlier}).status_code == 201
    visit = {"kind": "visit", "place": "estande", "at": "2999-01-01T10:00:00-03:00"}
    assert post(ruled, "/1/contacts", visit).status_code == 201
    assert ruled.items("/api/v1/opvs/1/history")[-1]["scheduled"] is True
    answer = post(ruled, "/1/contacts", {"kind": "call", "at": "2999-01-01T10:00:00-03:00"})
    assert (answer.status_code, answer.json()["reason"]) == (422, "contact_in_future")
