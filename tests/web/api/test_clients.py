"""Involved clients over HTTP: who may, what is answered, what is refused."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import requests

from tests.web.api.conftest import Served

HOME = {"cep": "01310-100", "street": "Avenida Paulista", "number": "1000", "city": "São Paulo", "state": "SP"}
PERSON = {"role": "spouse", "name": "Davi Exemplo", "document": "390.533.447-05", "phones": ["11 98765-4321"]}
SEES = {"rui": True, "paula": True, "ana": True, "marta": False, "bia": False, "olga": False}
"""An OPV of ana, whom paula leads."""


def send(served: Served, method: str, path: str, body: Any, person: str = "rui") -> requests.Response:
    return served.call(f"/api/v1{path}", person, method, json=body)


def reason(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["reason"]


def test_who_sees_the_opv_reads_and_changes_its_clients(served: Served) -> None:
    for person, sees in SEES.items():
        opv = f"/opvs/{served.stored.opv(broker='ana', manager='paula')}"
        main = served.call(f"/api/v1{opv}", "rui").json()["clients"][0]["id"]
        for method, path, body, status in (
            ("GET", f"{opv}/clients", None, 200),
            ("GET", f"{opv}/completeness", None, 200),
            ("POST", f"{opv}/clients", {"role": "partner", "name": f"Davi {person}"}, 201),
            ("PATCH", f"{opv}/clients/{main}", {"name": "Outro Nome"}, 200),
            ("GET", f"{opv}/clients/{main}/history", None, 200),
            ("GET", f"/clients/{main}/duplicates", None, 200),
        ):
            answer = send(served, method, path, body, person)
            expected = (status, None) if sees else (404, None)
            assert (answer.status_code, None) == expected, (person, method, path, answer.text)
        added = send(served, "POST", f"{opv}/clients", {"role": "partner", "name": "Eva Exemplo"}).json()["id"]
        assert send(served, "DELETE", f"{opv}/clients/{added}", None, person).status_code == (204 if sees else 404)
    assert send(served, "GET", "/opvs/1/clients", None, "ivo").status_code == 403
    assert served.call("/api/v1/opvs/1/clients", None).status_code == 401


def test_a_couple_until_nothing_is_missing(served: Served) -> None:
    opv = f"/opvs/{served.stored.opv(broker='ana')}"
    listed = send(served, "GET", f"{opv}/clients", None, "ana").json()
    (main,) = listed["items"]
    assert (main["main"], main["role"], main["name"], main["spouse"]) == (True, "buyer", "Maria Teste", None)
    assert listed["completeness"]["complete"] is False
    assert [one["text"] for one in listed["completeness"]["missing"]] == [
        "falta o CPF", "falta o endereço, com CEP, rua, cidade e estado", "falta a data de nascimento",
        "falta o estado civil",
    ]  # fmt: skip
    born = {"birth_date": "1990-05-01", "marital_status": "married", "marital_regime": "partial_communion"}
    changed = send(
        served, "PATCH", f"{opv}/clients/{main['id']}",
        {"document": "111.444.777-35", "details": {**born, "addresses": [HOME], "income": 4500.5}}, "ana",
    ).json()  # fmt: skip
    assert (changed["document"], changed["details"]["addresses"][0]["cep"]) == ("11144477735", "01310100")
    assert changed["details"]["income"] == "4500.5"
    (missing,) = send(served, "GET", f"{opv}/completeness", None, "ana").json()["missing"]
    assert (missing["what"], missing["client"], missing["name"]) == ("spouse", main["id"], "Maria Teste")
    body = {**PERSON, "details": born, "spouse": main["id"]}
    answer = send(served, "POST", f"{opv}/clients", body, "ana")
    assert answer.status_code == 201
    spouse = answer.json()
    assert (spouse["spouse"], spouse["phones"]) == (main["id"], ["+5511987654321"])
    assert send(served, "GET", f"{opv}/completeness", None, "ana").json() == {"complete": True, "missing": []}
    assert send(served, "GET", f"{opv}/clients", None, "ana").json()["divergences"] == []
    assert send(served, "DELETE", f"{opv}/clients/{spouse['id']}", None, "ana").status_code == 204
    left = send(served, "GET", f"{opv}/clients", None, "ana").json()
    assert [(one["what"], one["other"]) for one in left["divergences"]] == [("spouse_not_involved", spouse["id"])]


def test_each_has_a_history_of_its_own(served: Served) -> None:
    opv = f"/opvs/{served.stored.opv(broker='ana')}"
    main = send(served, "GET", f"{opv}/clients", None).json()["items"][0]["id"]
    other = send(served, "POST", f"{opv}/clients", PERSON, "ana").json()["id"]
    for body in ({"kind": "call"}, {"kind": "email", "client": other}, {"kind": "whatsapp", "client": main}):
        assert send(served, "POST", f"{opv}/contacts", body, "ana").status_code == 201
    assert reason(send(served, "POST", f"{opv}/contacts", {"kind": "call", "client": str(uuid4())})) == (
        422, "unknown_client",
    )  # fmt: skip
    send(served, "PATCH", f"{opv}/clients/{other}", {"details": {"rg": "1"}}, "ana")
    send(served, "POST", f"{opv}/comments", {"text": "Ligou"}, "ana")

    def told(client: str, query: str = "") -> list[str]:
        items = served.items(f"/api/v1{opv}/clients/{client}/history{query}", "ana")
        return [item.get("contact") or item["kind"] for item in items]

    assert told(other) == ["client.added", "email", "client.changed"]
    assert told(main) == ["call", "whatsapp"]
    page = send(served, "GET", f"{opv}/clients/{other}/history?limit=2", None).json()
    rest = send(served, "GET", f"{opv}/clients/{other}/history?limit=2&cursor={page['next']}", None).json()
    assert [item["kind"] for item in rest["items"]] == ["client.changed"]
    assert rest["next"] is None
    assert rest["items"][0]["content"]["after"] == {"details.rg": "1"}
    assert reason(send(served, "GET", f"{opv}/clients/{uuid4()}/history", None)) == (404, "unknown_client")


def test_refusals_name_their_rule(served: Served) -> None:
    opv = f"/opvs/{served.stored.opv(broker='ana')}"
    main = send(served, "GET", f"{opv}/clients", None).json()["items"][0]["id"]
    one = f"{opv}/clients/{main}"
    for method, path, body, expected in (
        ("POST", f"{opv}/clients", {"role": "buyer", "document": "12.ABC.345/01DE-36"}, (422, "document_invalid")),
        ("POST", f"{opv}/clients", {"role": "buyer"}, (422, "nobody_named")),
        ("POST", f"{opv}/clients", {"name": "Maria"}, (422, "invalid_parameters")),
        ("POST", f"{opv}/clients", {"role": "buyer", "client": str(uuid4())}, (404, "unknown_client")),
        ("PATCH", one, {"document": "529.982.247-26"}, (422, "document_invalid")),
        ("PATCH", one, {"role": None}, (422, "invalid_parameters")),
        ("PATCH", one, {"details": {"addresses": [{"cep": "123"}]}}, (422, "invalid_parameters")),
        ("PATCH", one, {"nome": "x"}, (422, "invalid_parameters")),
        ("PATCH", f"{opv}/clients/{uuid4()}", {"name": "x y"}, (404, "unknown_client")),
        ("DELETE", one, None, (409, "main_client")),
        ("POST", f"/clients/{main}/merge", {"other": main}, (422, "same_client")),
        ("POST", f"/clients/{main}/merge", {"other": str(uuid4())}, (404, "unknown_client")),
        ("GET", f"/clients/{uuid4()}/duplicates", None, (404, "unknown_client")),
        ("GET", "/opvs/999/clients", None, (404, "unknown_opv")),
    ):
        assert reason(send(served, method, path, body)) == expected, (method, path, body)
    assert not served.items(f"/api/v1{opv}/history")
    detail = send(served, "PATCH", one, {"document": "529.982.247-26"}).json()["detail"]
    assert detail == "this is no CPF or CNPJ: a CPF of these digits has other check digits (the last two)"


def test_clients_are_merged(served: Served) -> None:
    """By who sees all of their OPVs, and by managers who see one of each."""
    one, other = served.stored.opv(broker="ana"), served.stored.opv(broker="bia", client="Maria T.")
    clients = [send(served, "GET", f"/opvs/{opv}/clients", None).json()["items"][0]["id"] for opv in (one, other)]
    path, body = f"/clients/{clients[0]}/merge", {"other": clients[1]}
    for person, status in (("ana", 404), ("bia", 404), ("marta", 404), ("olga", 404)):
        assert send(served, "POST", path, body, person).status_code == status, person
    assert send(served, "POST", f"/opvs/{one}/clients", {"role": "partner", "client": clients[1]}).status_code == 201
    assert reason(send(served, "POST", path, body, "ana")) == (403, "not_allowed")
    merged = send(served, "POST", path, body, "paula")
    assert merged.status_code == 200
    assert (merged.json()["client"]["id"], merged.json()["opvs"]) == (clients[0], sorted(map(str, (one, other))))
    for opv in (one, other):
        (item,) = send(served, "GET", f"/opvs/{opv}/clients", None).json()["items"]
        assert (item["id"], item["main"]) == (clients[0], True)
        assert served.items(f"/api/v1/opvs/{opv}/history")[-1]["kind"] == "clients.merged"
    assert reason(send(served, "POST", path, body, "paula")) == (409, "client_merged")
