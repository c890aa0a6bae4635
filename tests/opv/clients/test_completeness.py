"""What is missing before an OPV can go to the sales module, person by person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from opv.clients.completeness import completeness, missing, missing_of
from opv.clients.involved import Involved
from schemas.client import Address, ClientDetails
from tests.opv.clients.people import HOME, company, details, person
from tests.pipeline import HOUSE, Start, counted, lead

MARRIED: dict[str, Any] = {"marital_status": "married", "marital_regime": "partial_communion"}
TWO = UUID(int=2)


def gaps(*people: Involved, fields: Any = ()) -> list[tuple[int | None, str]]:
    """The number of the person and what is missing of it."""
    return [(one.client.int if one.client else None, one.what) for one in missing(people, fields)]


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ((person(1),), []),
        ((person(1, name=None, document=None, phones=()),), [(1, "name"), (1, "document"), (1, "contact")]),
        ((person(1, phones=(), emails=("a@example.com",)),), []),
        ((person(1, details=ClientDetails()),), [(1, "address"), (1, "birth_date"), (1, "marital_status")]),
        ((person(1, details=details(addresses=[Address(cep="01310100"), HOME])),), []),
        ((person(1, details=details(addresses=[HOME.model_copy(update={"cep": None})])),), [(1, "address")]),
        ((person(1, "guarantor"),), [(None, "buyer")]),
        # couples
        ((person(1, details=details(marital_status="married")),), [(1, "marital_regime"), (1, "spouse")]),
        ((person(1, details=details(**MARRIED)),), [(1, "spouse")]),
        ((person(1, details=details(**{**MARRIED, "marital_status": "stable_union"})),), [(1, "spouse")]),
        ((person(1, details=details(**{**MARRIED, "marital_regime": "separation"})),), []),
        ((person(1, details=details(**MARRIED), spouse=TWO),), [(1, "spouse")]),
        ((person(1, details=details(**MARRIED), spouse=TWO), person(2, "spouse")), []),
        ((person(1, details=details(**MARRIED)), person(2, "spouse")), [(1, "spouse"), (2, "spouse_link")]),
        ((person(1), person(2, "guarantor", details=details(**MARRIED))), [(2, "spouse")]),
        (
            (person(1, spouse=TWO), person(2, "spouse", details=ClientDetails(), document=None)),
            [(2, "document"), (2, "birth_date")],
        ),
        # legal persons
        ((company(1),), [(1, "representative")]),
        ((company(1), company(2, "representative")), [(1, "representative")]),
        ((company(1), person(2, "representative", details=ClientDetails())), []),
        ((person(1), company(2, "guarantor", document=None)), [(2, "document"), (2, "representative")]),
    ],
)
def test_what_each_person_lacks(people: tuple[Involved, ...], expected: list[tuple[int | None, str]]) -> None:
    assert gaps(*people) == expected


def test_a_house_may_want_more_of_those_who_buy() -> None:
    people = person(1, details=details(rg="12.345.678-9"), spouse=TWO), person(2, "spouse")
    assert gaps(*people, fields=["income", "rg"]) == [(1, "income")]


def test_it_is_said_in_plain_words() -> None:
    one, two = missing([person(1, document=None), company(2, "partner", document=None, phones=())])[:2]
    assert (one.name, one.text) == ("Pessoa Exemplo 1", "falta o CPF")
    assert two.text == "falta o CNPJ"


def test_an_opv_costs_one_statement(start: Start) -> None:
    house = start(HOUSE + "won_sale: {clients_need: [rg]}\n")
    house.deliver("site", lead(1, cpf="390.533.447-05"))
    house.run()
    (opv,) = house.opvs()
    with house.database.read() as tx, counted(house.database) as statements:
        found = missing_of(tx, opv.id, house.house())
    assert len([one for one in statements if "involved_clients" in one]) == 1
    assert [(one.client, one.what) for one in found] == [
        (opv.client_id, what) for what in ("address", "birth_date", "marital_status", "rg")
    ]
    assert not completeness([], house.house()).complete
