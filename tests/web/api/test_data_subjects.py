"""Requests of data subjects over HTTP: who may, what is answered, what is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import requests

from db.models import DeliveryOutcome
from opv import history
from tests.web.api.conftest import Served

MAY = {"rui": True, "paula": False, "ana": False, "marta": False, "olga": False}
"""A director; nobody else, not even who serves the person."""

TYPED = {"name": "Zuleica Prova", "phones": ["11 98765-4321"], "emails": ["zuleica@example.com"], "broker": "ana"}
PHONE = "+5511987654321"


def send(served: Served, method: str, path: str, body: Any = None, person: str | None = "rui") -> requests.Response:
    return served.call(f"/api/v1{path}", person, method, json=body)


def registered(served: Served) -> tuple[str, str]:
    """The client and the OPV of a person typed in by hand."""
    answer = send(served, "POST", "/opvs", TYPED, "ana")
    assert answer.status_code == 201, answer.text
    opv = answer.json()
    return opv["clients"][0]["id"], opv["id"]


def test_who_answers_for_persons(served: Served) -> None:
    for person, may in MAY.items():
        client, _ = registered(served)
        calls: list[tuple[str, str, Any, int]] = [
            ("GET", f"/clients?phone={PHONE[1:]}", None, 200),
            ("GET", f"/clients/{client}/export", None, 200),
            ("GET", f"/clients/{client}/recipients", None, 200),
            ("GET", f"/clients/{client}/consents", None, 200),
            ("POST", f"/clients/{client}/consents/withdrawal", {"what": "e-mail"}, 201),
            ("POST", f"/clients/{client}/erasure", {"reason": "A pedido"}, 200),
        ]
        for method, path, body, status in calls:
            answer = send(served, method, path, body, person)
            assert answer.status_code == (status if may else 403), (person, path, answer.text)
            assert may or answer.json()["reason"] == "not_allowed"
            assert send(served, method, path, body, None).status_code == 401
            if "?" not in path:
                nobody = path.replace(client, str(uuid4()))
                assert send(served, method, nobody, body).json()["reason"] == "unknown_client"


def test_a_person_from_find_to_erasure(served: Served) -> None:
    client, opv = registered(served)
    send(served, "POST", f"/opvs/{opv}/comments", {"text": "Zuleica ligou"}, "ana")
    (found,) = send(served, "GET", "/clients?email=ZULEICA@example.com").json()["items"]
    assert (found["id"], found["opvs"]) == (client, [opv])
    assert send(served, "GET", "/clients").json() == {"items": [], "next": None}
    withdrawn = {"what": "novidades", "ways": ["email"], "evidence": "e-mail de 3/9"}
    answer = send(served, "POST", f"/clients/{client}/consents/withdrawal", withdrawn)
    assert [(one["what"], one["granted"], one["evidence"]) for one in answer.json()["items"]] == [
        ("novidades", False, "e-mail de 3/9")
    ]
    record = send(served, "GET", f"/clients/{client}/export").json()
    assert (record["client"]["name"], record["captures"][0]["by"]) == ("Zuleica Prova", "ana")
    assert "Zuleica ligou" in str(record["history"])
    gone = send(served, "POST", f"/clients/{client}/erasure", {"reason": "Protocolo 12"}).json()
    assert (gone["client"], gone["opvs"], gone["blanked"]["contents"] > 0) == (client, [opv], True)
    shown = served.call(f"/api/v1/opvs/{opv}", "ana").json()
    assert (shown["clients"][0]["name"], shown["clients"][0]["phones"], shown["captures"][0]["source"]) == (
        None, [], "manual",
    )  # fmt: skip
    items = served.items(f"/api/v1/opvs/{opv}/history", "ana")
    comment = next(one for one in items if one["kind"] == history.COMMENT_ADDED)
    assert (comment["content"], comment["content_erased_at"]) == (None, gone["erased_at"])
    assert (items[-1]["kind"], items[-1]["actor"], items[-1]["at"]) == (
        history.PERSONAL_DATA_ERASED, "person:rui", gone["erased_at"],
    )  # fmt: skip
    assert items[-1]["content"] == {"reason": "Protocolo 12"}
    assert send(served, "GET", "/clients?email=zuleica@example.com").json()["items"] == []
    edit = send(served, "PATCH", f"/opvs/{opv}/clients/{client}", {"name": "De Novo"}, "ana")
    assert (edit.status_code, edit.json()["reason"]) == (409, "client_erased")


def test_refusals_say_which_rule(served: Served) -> None:
    client, opv = registered(served)
    for method, path, body, status, reason in (
        ("POST", f"/clients/{client}/erasure", {"reason": "Zuleica Prova pediu"}, 422, "reason_names_person"),
        ("POST", f"/clients/{client}/erasure", {}, 422, "invalid"),
        ("POST", f"/clients/{client}/consents/withdrawal", {"what": "x", "ways": ["pigeon"]}, 422, "invalid"),
        ("GET", "/clients?phone=123", None, 422, "phone_invalid"),
        ("GET", "/clients?document=12345678900", None, 422, "document_invalid"),
        ("GET", "/clients?email=none", None, 422, "email_invalid"),
        ("GET", "/clients/none/export", None, 404, "unknown_client"),
    ):
        answer = send(served, method, path, body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path
        assert reason in (answer.json()["reason"], "invalid"), (path, answer.text)
    assert served.call(f"/api/v1/opvs/{opv}", "ana").json()["clients"][0]["name"] == "Zuleica Prova"


def test_an_erased_delivery_is_shown_as_such_and_not_read_anew(served: Served) -> None:
    stored = served.stored
    stored.channel()
    delivery = stored.delivery(DeliveryOutcome.CAPTURED)
    submission = stored.submission(delivery, "captured", person=None, external_id="7")
    opv = stored.opv(client="Zuleica Prova")
    (client,) = served.call(f"/api/v1/opvs/{opv}").json()["clients"]
    stored.card(opv, client_id=UUID(client["id"]), submission_id=submission, delivery_id=delivery)
    erased = send(served, "POST", f"/clients/{client['id']}/erasure", {"reason": "A pedido"}).json()
    assert (erased["blanked"]["deliveries"], erased["blanked"]["submissions"]) == (1, 1)
    shown = send(served, "GET", f"/deliveries/{delivery}").json()
    assert (shown["outcome"], shown["reason"], shown["body"]) == ("captured", "erased", "")
    assert shown["erased_at"] <= erased["erased_at"]
    for action in ("replay", "accept"):
        answer = send(served, "POST", f"/deliveries/{delivery}/{action}")
        assert (answer.status_code, answer.json()["reason"]) == (409, "erased")
    assert send(served, "POST", "/deliveries/replay", {"outcome": "captured"}).json()["deliveries"] == 0
