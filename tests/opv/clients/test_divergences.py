"""Data that do not fit together."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from opv.clients.divergences import Elsewhere, divergences, divergences_of
from opv.clients.involved import Involved, involved_of
from tests.opv.clients.people import OTHER_CPF, company, details, person
from tests.opv.clients.test_involving import CPF, add, change, served
from tests.pipeline import Pipeline, Start, counted, lead

MARRIED: dict[str, Any] = {"marital_status": "married", "marital_regime": "partial_communion"}
TWO, NINE = UUID(int=2), UUID(int=9)


def found(*people: Involved) -> list[tuple[int, str]]:
    return [(one.client.int, one.what) for one in divergences(people, Elsewhere())]


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ((person(1), person(2, document=OTHER_CPF)), []),
        ((person(1), person(2)), [(1, "document_twice"), (2, "document_twice")]),
        ((person(1, spouse=NINE, details=details(**MARRIED)),), [(1, "spouse_not_involved")]),
        ((person(1, details=details(**MARRIED)),), [(1, "spouse_missing")]),
        ((person(1, "representative", details=details(**MARRIED)),), []),
        ((person(1), person(2, "spouse", document=OTHER_CPF)), [(2, "spouse_of_nobody")]),
        (
            (person(1, spouse=TWO), person(2, "spouse", document=OTHER_CPF, spouse=UUID(int=1))),
            [(1, "spouse_though_alone"), (2, "spouse_though_alone")],
        ),
        (
            (
                person(1, spouse=TWO, details=details(**MARRIED)),
                person(2, "spouse", document=None, spouse=UUID(int=1),
                       details=details(marital_status="married", marital_regime="separation")),
            ),
            [(1, "marital_regime_differs")],
        ),
        ((person(1), company(2)), []),
    ],
)  # fmt: skip
def test_among_those_involved(people: tuple[Involved, ...], expected: list[tuple[int, str]]) -> None:
    assert found(*people) == expected


def of_opv(house: Pipeline, opv: UUID) -> list[tuple[str, UUID | None]]:
    with house.database.read() as tx:
        people = involved_of(tx, opv)
        return [(one.what, one.other) for one in divergences_of(tx, people)]


def test_with_others_whom_the_house_knows(start: Start) -> None:
    house, opv, main = served(start)
    house.deliver("blog", lead(2, cpf=CPF))
    house.run()
    other, others = house.opvs()[1].client_id, house.opvs()[1].id
    assert of_opv(house, opv) == of_opv(house, others) == []
    change(house, opv, main, document=CPF)
    assert of_opv(house, opv) == [("document_of_other_name", other)]
    assert of_opv(house, others) == [("maybe_same", main)]
    change(house, opv, main, name="Clara Exemple 2")
    assert of_opv(house, opv) == [("document_of_other", other)]
    change(house, opv, main, document="529.982.247-25", phones=["11 98000-0002"])
    assert ("phone_other_document", other) in of_opv(house, opv)
    with house.database.read() as tx, counted(house.database) as statements:
        divergences_of(tx, involved_of(tx, opv))
    assert len([one for one in statements if "SELECT" in one]) == 4


def test_a_document_that_came_with_another_name(start: Start) -> None:
    house, opv, main = served(start)
    change(house, opv, main, document=CPF)
    house.deliver("blog", {"id": "b", "nome": "João Souza", "cpf": CPF, "telefone": "11 97777-0001"})
    house.run()
    assert house.captures()[-1].client_id == main
    assert of_opv(house, opv) == [("document_other_name", None)]
    change(house, opv, main, name="João Souza")
    assert of_opv(house, opv) == []


def test_a_couple_with_one_phone_is_none(start_on_sqlite: Start) -> None:
    house, opv, main = served(start_on_sqlite)
    change(house, opv, main, document=CPF, details=MARRIED)
    phone = "11 98000-0001"
    add(house, opv, "spouse", name="Carla Exemplo", document=OTHER_CPF, phones=[phone], spouse=main, details=MARRIED)
    assert of_opv(house, opv) == []
    friend = add(house, opv, "partner", name="Dora Exemplo", document="111.444.777-35", phones=[phone])
    assert of_opv(house, opv) == [("phone_other_document", main)]
    assert friend != main
