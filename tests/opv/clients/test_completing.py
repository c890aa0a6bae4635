"""That an OPV's clients became complete: told once each time, whatever it was that completed them."""

from __future__ import annotations

from uuid import UUID

from opv.clients.merge import merge_clients
from tests.opv.clients.test_involving import CPF, HOME, OTHER_CPF, add, by, change, remove, served
from tests.pipeline import Pipeline, Start, lead

WHOLE = {"birth_date": "1990-05-01", "marital_status": "single", "addresses": [HOME]}


def completed(house: Pipeline, opv: UUID) -> list[str]:
    return [data["client"] for kind, data in house.history(opv) if kind == "client.completed"]


def test_it_is_told_once_each_time(start: Start) -> None:
    house, opv, main = served(start)
    change(house, opv, main, document=CPF)
    assert completed(house, opv) == []
    change(house, opv, main, details=WHOLE)
    assert house.kinds(opv)[-2:] == ["client.changed", "client.completed"]
    change(house, opv, main, name="Bruno Exemplo Filho")
    assert completed(house, opv) == [str(main)]
    bare = add(house, opv, "guarantor", name="Caio Exemplo")
    remove(house, opv, bare)
    assert completed(house, opv) == [str(main), str(bare)]
    add(house, opv, "guarantor", name="Dora Exemplo", document=OTHER_CPF, phones=["11 98765-4321"], details=WHOLE)
    assert completed(house, opv) == [str(main), str(bare)]  # they were, and are


def test_a_client_that_was_added_completes_them(start_on_sqlite: Start) -> None:
    house, opv, main = served(start_on_sqlite)
    change(
        house,
        opv,
        main,
        document=CPF,
        details={**WHOLE, "marital_status": "married", "marital_regime": "universal_communion"},
    )
    assert completed(house, opv) == []
    spouse = add(
        house,
        opv,
        "spouse",
        name="Dora Exemplo",
        document=OTHER_CPF,
        phones=["11 98765-4321"],
        details=WHOLE,
        spouse=main,
    )
    assert house.kinds(opv)[-1] == "client.completed"
    assert completed(house, opv) == [str(spouse)]


def test_all_opvs_of_the_person_tell_it_and_merging_too(start: Start) -> None:
    house, opv, main = served(start)
    house.deliver("blog", lead(2))
    house.run()
    other = house.opvs()[1]
    change(house, opv, main, document=CPF)
    change(house, other.id, other.client_id, "rui", document=OTHER_CPF, details=WHOLE)
    add(house, opv, "guarantor", "rui", client=other.client_id)
    assert (completed(house, opv), completed(house, other.id)) == ([], [str(other.client_id)])
    by(house, "rui", lambda tx, h, v: merge_clients(tx, h, v, house.clock(), main, other.client_id, force=True))
    assert completed(house, opv) == [str(main)]
    assert completed(house, other.id) == [str(other.client_id)]  # whose clients stay complete
