"""`porteiro opv clients|missing|client-add|client-change|client-remove` and `porteiro client duplicates|merge`."""

from __future__ import annotations

import json

from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import Stored

HOME = '[{"cep": "01310-100", "street": "Avenida Paulista", "city": "São Paulo", "state": "SP"}]'


def _reason(error: BaseException | None) -> str:
    assert isinstance(error, PorteiroError)
    return error.reason


def test_clients_of_an_opv(stored: Stored, run: Run) -> None:
    stored.opv(broker="ana")
    added = run(
        "opv", "client-add", 1, "--role", "partner", "--name", "Davi Exemplo", "--document", "390.533.447-05",
        "--phone", "11 98765-4321", "--set", "birth_date=1990-05-01", "--set", f"addresses={HOME}", "--as", "ana",
        "--json",
    )  # fmt: skip
    assert added.exit_code == 0, added.output
    client = json.loads(added.stdout)
    assert (client["document"], client["details"]["addresses"][0]["cep"]) == ("39053344705", "01310100")
    changed = run(
        "opv", "client-change", 1, client["id"], "--role", "guarantor", "--name", "Davi de Exemplo", "--phone", "",
        "--email", "d@example.com", "--set", "marital_status=single", "--set", "birth_date=", "--as", "ana", "--json",
    )  # fmt: skip
    found = json.loads(changed.stdout)
    assert (found["role"], found["name"], found["phones"], found["emails"]) == (
        "guarantor", "Davi de Exemplo", [], ["d@example.com"],
    )  # fmt: skip
    assert (found["details"]["birth_date"], found["details"]["marital_status"]) == (None, "single")
    shown = run("opv", "clients", 1).stdout
    for told in ("Davi de Exemplo", "fiador", "comprador (principal)", "01310100", "falta o CPF"):
        assert told in shown
    missing = json.loads(run("opv", "missing", 1, "--json").stdout)
    assert ("Davi de Exemplo", "birth_date") in {(one["name"], one["what"]) for one in missing["missing"]}
    assert "falta a data de nascimento" in run("opv", "missing", 1).stdout
    assert run("opv", "contact", 1, "call", "--client", client["id"], "--as", "ana").exit_code == 0
    removed = run("opv", "client-remove", 1, client["id"], "--as", "ana")
    assert removed.exit_code == 0
    assert len(json.loads(run("opv", "clients", 1, "--json").stdout)["items"]) == 1


def test_clients_that_are_one_person(stored: Stored, run: Run) -> None:
    stored.opv(broker="ana")
    stored.opv(broker="bia", client="Maria T.")
    one, other = (json.loads(run("opv", "clients", n, "--json").stdout)["items"][0]["id"] for n in (1, 2))
    for number, client in ((1, one), (2, other)):
        answer = run("opv", "client-change", number, client, "--document", "390.533.447-05", "--as", "rui")
        assert answer.exit_code == 0, answer.output
    assert other in run("client", "duplicates", one, "--as", "rui").stdout
    (found,) = json.loads(run("client", "duplicates", one, "--as", "rui", "--json").stdout)["items"]
    assert (found["id"], found["because"]) == (other, ["document"])
    assert _reason(run("client", "merge", one, other, "--as", "ana").exception) == "unknown_client"
    assert "OPVs concerned: 2" in run("client", "merge", one, other, "--as", "rui").stdout
    assert _reason(run("client", "merge", one, other, "--as", "rui").exception) == "client_merged"


def test_refusals_are_those_of_the_api(stored: Stored, run: Run) -> None:
    stored.opv(broker="ana")
    main = json.loads(run("opv", "clients", 1, "--json").stdout)["items"][0]["id"]
    for command, reason in (
        (("client-add", 1, "--role", "buyer", "--document", "529.982.247-26", "--as", "ana"), "document_invalid"),
        (("client-change", 1, main, "--document", "529.982.247-26", "--as", "ana"), "document_invalid"),
        (("client-change", 1, main, "--name", "X Y", "--as", "bia"), "unknown_opv"),
        (("client-remove", 1, main, "--as", "ana"), "main_client"),
        (("client-remove", 1, main, "--as", "ivo"), "unknown_person"),
        (("clients", 9), "unknown_opv"),
        (("missing", 9), "unknown_opv"),
    ):
        assert _reason(run("opv", *command).exception) == reason
    for bad in (("--role", "cousin"), ("--role", "buyer", "--set", "x"), ("--role", "buyer", "--set", "addresses=[")):
        assert run("opv", "client-add", 1, "--name", "X Y", "--as", "ana", *bad).exit_code == 2
