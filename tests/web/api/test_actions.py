"""The OPV's actions over HTTP: who may, what is answered, what is refused, and what is woken."""

from __future__ import annotations

from typing import Any

import requests

from tests.web.api.conftest import Served

SALE = {"value": "450000.50", "unit": "101", "date": "2026-01-05"}
TRANSFER = {"broker": "bia", "reason": "férias"}
ACTIONS: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("comments", {"text": "Ligou"}, 201),
    ("contacts", {"kind": "call", "outcome": "atendeu"}, 201),
    ("stage", {"stage": "contacted"}, 200),
    ("assignment", TRANSFER, 200),
    ("withdrawal", {"reason": "other", "remarks": "mudou de cidade"}, 200),
    ("won-sale", SALE, 200),
)
MATRIX = {
    # who                 may act   may transfer to bia, whom paula leads
    "rui": (True, 200),
    "paula": (True, 200),
    "ana": (True, 403),
    "marta": (False, 404),
    "bia": (False, 404),
    "olga": (False, 404),
}
"""On an OPV of ana, whom paula leads."""


def post(served: Served, path: str, body: Any, person: str = "rui") -> requests.Response:
    return served.call(f"/api/v1/opvs{path}", person, "POST", json=body)


def test_who_sees_an_opv_acts_on_it_and_brokers_do_not_transfer(served: Served) -> None:
    for person, (acts, transfers) in MATRIX.items():
        for action, body, status in ACTIONS:
            opv = served.stored.opv(broker="ana", manager="paula", team="sul")
            answer = post(served, f"/{opv}/{action}", body, person)
            expected = transfers if action == "assignment" else status if acts else 404
            assert answer.status_code == expected, (person, action, answer.text)
            if answer.ok:
                assert answer.json()["id"] == str(opv)
                (*_, entry) = served.items(f"/api/v1/opvs/{opv}/history")
                assert entry["actor"] == f"person:{person}"
            elif expected == 403:
                assert answer.json()["reason"] == "not_allowed"


def test_an_opv_through_its_life(served: Served) -> None:
    path = f"/{served.stored.opv(broker='ana', manager='paula', team='sul')}"
    assert post(served, path + "/contacts", {"kind": "visit", "place": "estande"}, "ana").json()["first_contact_at"]
    assert post(served, path + "/stage", {"stage": "contacted"}, "ana").json()["stage"] == "contacted"
    moved = post(served, path + "/assignment", TRANSFER, "paula").json()
    assert (moved["broker"], moved["manager"]) == ("bia", "paula")
    assert post(served, path + "/withdrawal", {"reason": "price"}, "bia").json()["status"] == "lost"
    assert post(served, path + "/reopening", None, "bia").json()["status"] == "open"
    assert post(served, path + "/won-sale", SALE, "bia").json()["status"] == "won"
    kinds = [entry["kind"] for entry in served.items(f"/api/v1/opvs{path}/history")]
    assert kinds == ["contact.added", "stage.changed", "opv.assigned", "opv.withdrawn", "opv.reopened", "opv.won"]


def test_a_refusal_names_its_rule(served: Served) -> None:
    path = f"/{served.stored.opv(broker='ana')}"
    lost = f"/{served.stored.opv(status='lost')}"
    for place, body, status, reason in (
        (path + "/comments", {"text": " "}, 422, "invalid_parameters"),
        (path + "/comments", {"text": "a\0b"}, 422, "invalid_parameters"),
        (path + "/comments", {"text": "x", "txet": "y"}, 422, "invalid_parameters"),
        (path + "/comments", ["x"], 422, "invalid_parameters"),
        (path + "/contacts", {"kind": "fax"}, 422, "invalid_parameters"),
        (path + "/contacts", {"kind": "call", "place": "x"}, 422, "place_without_visit"),
        (path + "/stage", {"stage": "moon"}, 422, "unknown_stage"),
        (path + "/stage", {"stage": "new"}, 409, "same_stage"),
        (path + "/assignment", {"reason": "x"}, 422, "nobody_named"),
        (path + "/withdrawal", {"reason": "boredom"}, 422, "unknown_withdrawal_reason"),
        (path + "/withdrawal", {"reason": "other"}, 422, "remarks_missing"),
        (path + "/won-sale", {**SALE, "value": 0}, 422, "invalid_parameters"),
        (path + "/won-sale", {**SALE, "value": 1e30}, 422, "invalid_parameters"),
        (path + "/won-sale", {**SALE, "date": "2999-01-01"}, 422, "date_in_future"),
        (path + "/reopening", None, 409, "not_withdrawn"),
        (lost + "/won-sale", SALE, 409, "opv_closed"),
        ("/999/comments", {"text": "x"}, 404, "unknown_opv"),
        ("", {"name": "Maria"}, 422, "no_contact"),
        ("", {"phones": ["11 98000-0001"], "development": "x"}, 422, "unknown_development"),
    ):
        answer = post(served, place, body)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason), (place, body)
    surrogate = served.call(
        f"/api/v1/opvs{path}/comments", method="POST", data=b'{"text": "\\ud800"}',
        headers={"content-type": "application/json"},
    )  # fmt: skip
    assert surrogate.status_code == 422
    assert not served.items(f"/api/v1/opvs{path}/history")


def test_registration_by_hand(served: Served) -> None:
    typed = {"name": "Maria Exemplo", "phones": ["(11) 98000-0001"], "message": "indicação"}
    answer = post(served, "", typed, "ana")
    assert answer.status_code == 201
    opv = answer.json()
    assert (opv["broker"], opv["clients"][0]["phones"]) == ("ana", ["+5511980000001"])
    (card,) = opv["captures"]
    assert (card["source"], card["channel"], card["by"], card["message"]) == ("manual", "", "ana", "indicação")
    assert card["typed"] == {"name": "Maria Exemplo", "phones": ["(11) 98000-0001"], "message": "indicação"}
    assert (card["first_touch"], card["last_touch"], card["raw"]["phone"]) == (True, True, "(11) 98000-0001")
    assert card["delivery"] is card["submission"] is None
    again = post(served, "", typed, "ana").json()
    assert (again["id"], len(again["captures"])) == (opv["id"], 2)
    for person, body, status, reason in (
        ("bia", typed, 409, "already_served"),
        ("olga", typed, 403, "not_allowed"),
        ("bia", {**typed, "broker": "ana"}, 403, "not_allowed"),
    ):
        answer = post(served, "", body, person)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert "distribution" not in served.woken
    assert post(served, "", {"emails": ["joana@example.com"], "name": "Joana"}, "rui").status_code == 201
    assert "distribution" in served.woken
