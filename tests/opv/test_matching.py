"""Whose lead it is, on real rows and under concurrency."""

from __future__ import annotations

import json
import threading
from collections import Counter
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from tests.pipeline import FIRST_NAMES, Pipeline, Start, lead

_ids = count(1)

CPF, OTHER_CPF = "390.533.447-05", "529.982.247-25"


def send(house: Pipeline, *bodies: dict[str, Any]) -> None:
    """Leads of one person or of several: only what is given is in them, each an own submission."""
    house.deliver_all([("site", {"id": f"m-{next(_ids)}", **body}) for body in bodies])
    house.run()


def clients(house: Pipeline) -> list[str]:
    """Each card's client by its number in the order of appearance: `["A", "B", "A"]`."""
    cards = sorted(house.captures(), key=lambda card: int(card.external_id.split("-")[1]))
    seen = list(dict.fromkeys(card.client_id for card in cards))
    return ["ABCDEFGHIJ"[seen.index(card.client_id)] for card in cards]


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [
        ({"telefone": "(11) 98765-4321"}, {"telefone": "11 8765-4321", "nome": "Another Name"}, True),
        ({"telefone": "1187654321"}, {"telefone": "+55 (11) 98765-4321"}, True),
        ({"telefone": "(11) 98765-4321"}, {"telefone": "(21) 98765-4321"}, False),
        ({"email": "m@example.com", "cpf": CPF}, {"email": "n@example.com", "cpf": CPF, "nome": "Outro"}, True),
        ({"email": "m@example.com", "nome": "Maria Lima"}, {"email": "M@Example.com", "nome": "maria de lima"}, True),
        ({"email": "m@example.com", "nome": "Maria Lima"}, {"email": "m@example.com", "nome": "Maria"}, True),
        ({"email": "m@example.com", "nome": "Maria Lima"}, {"email": "m@example.com", "nome": "Maria Souza"}, False),
        ({"email": "m@example.com", "nome": "Maria Lima"}, {"email": "m@example.com", "nome": "João Lima"}, False),
        ({"email": "m@example.com", "nome": "Maria Lima"}, {"email": "m@example.com"}, False),
    ],
)
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
def test_what_makes_two_leads_one_person(
    start_on_sqlite: Start, first: dict[str, Any], second: dict[str, Any], one: bool, together: bool
) -> None:
    house = start_on_sqlite()
    for bodies in [(first, second)] if together else [(first,), (second,)]:
        send(house, *bodies)
    assert clients(house) == ["A", "A" if one else "B"]
    assert len(house.rows("clients")) == len(house.opvs()) == (1 if one else 2)
    assert house.rows("merge_suggestions") == []


def test_keys_of_different_clients_give_the_first_and_a_suggestion(start: Start) -> None:
    house = start()
    send(
        house,
        {"cpf": CPF, "email": "doc@example.com", "nome": "Maria Lima"},
        {"telefone": "(11) 98765-4321", "nome": "Maria Lima"},
        {"email": "m@example.com", "nome": "Maria Lima"},
    )
    assert clients(house) == ["A", "B", "C"]
    send(house, {"telefone": "(11) 98765-4321", "email": "m@example.com", "nome": "Maria Lima"})
    send(house, {"cpf": CPF, "telefone": "(11) 98765-4321", "email": "m@example.com", "nome": "Maria Lima"})
    assert clients(house) == ["A", "B", "C", "B", "A"]
    by_name = dict(zip("ABC", dict.fromkeys(c.client_id for c in house.captures()), strict=True))
    pairs = {(row.client_id, row.other_id): row.because for row in house.rows("merge_suggestions")}
    assert pairs == {
        tuple(sorted((by_name["B"], by_name["C"]))): "email",
        tuple(sorted((by_name["A"], by_name["B"]))): "phone",
        tuple(sorted((by_name["A"], by_name["C"]))): "email",
    }
    (known,) = house.rows("clients", id=by_name["A"])
    assert known.document == "39053344705"
    assert json.loads(known.phones) == ["+5511987654321"]
    assert json.loads(known.emails) == ["doc@example.com", "m@example.com"]


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "batches"])
def test_different_documents_are_different_people(start: Start, together: bool) -> None:
    house = start()
    phone = {"telefone": "(11) 98765-4321", "email": "m@example.com", "nome": "Maria Lima"}
    bodies = [{**phone, "cpf": CPF}, {**phone, "cpf": OTHER_CPF}, phone, {"cpf": OTHER_CPF, "telefone": "1130001000"}]
    for group in [bodies] if together else [[body] for body in bodies]:
        send(house, *group)
    assert clients(house) == ["A", "B", "A", "B"]
    one, two = dict.fromkeys(card.client_id for card in house.captures())
    assert [row.client_id for row in house.rows("contact_keys", kind="phone", value="+5511987654321")] == [one]
    (suggestion,) = house.rows("merge_suggestions")
    assert {suggestion.client_id, suggestion.other_id} == {one, two}
    assert {row.document for row in house.rows("clients")} == {"39053344705", "52998224725"}


def test_a_key_given_up_while_a_lead_waits_for_it_is_made_anew(start_on_postgresql: Start) -> None:
    house = start_on_postgresql()
    send(house, {"telefone": "(11) 98765-4321", "nome": "Maria Lima"})
    house.deliver("site", {"id": "m-0", "telefone": "(11) 98765-4321", "nome": "Maria Lima"})
    waiting = threading.Thread(target=house.run)
    with house.database.write() as tx:
        tx.execute(text("SELECT 1 FROM contact_keys FOR NO KEY UPDATE"))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        tx.execute(text("DELETE FROM contact_keys"))
    waiting.join()
    assert house.delivered() == ["captured"] * 2
    assert {row.attempts for row in house.rows("deliveries")} == {0}
    assert len({card.client_id for card in house.captures()}) == 2
    (key,) = house.rows("contact_keys")
    assert [card.client_id for card in house.captures() if card.external_id == "m-0"] == [key.client_id]


def test_the_names_that_came_with_a_document_are_kept_with_its_key(start_on_sqlite: Start) -> None:
    house = start_on_sqlite()
    for name in ("Maria Lima", "Maria de Lima", "João Souza"):
        send(house, {"telefone": "(11) 98765-4321", "cpf": CPF, "nome": name})
    (key,) = house.rows("contact_keys", kind="document")
    assert json.loads(key.names) == ["maria lima", "joao souza"]
    assert key.stopped_at is None


def test_a_client_learns_and_never_forgets(start: Start) -> None:
    house = start()
    send(house, {"telefone": "(11) 98765-4321"})
    send(house, {"telefone": "(11) 98765-4321", "nome": "Maria Lima", "email": "m@example.com"})
    send(house, {"telefone": "(11) 98765-4321", "nome": "Maria Souza", "cpf": CPF})
    send(house, {"telefone": "(11) 98765-4321", "cpf": CPF, "email": "@"})
    (client,) = house.rows("clients")
    assert (client.name, client.document) == ("Maria Lima", "39053344705")
    assert json.loads(client.emails) == ["m@example.com"]


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "batches"])
def test_a_phone_of_five_names_stops_matching(start: Start, together: bool) -> None:
    house = start()
    phone = {"telefone": "(11) 98765-4321"}
    shared = [{**phone, "nome": f"{name} Exemplo"} for name in FIRST_NAMES[:6]]
    same = [{**phone, "nome": "Alice"}, {**phone, "nome": "Alice de Exemplo"}, phone]
    bodies = [*shared[:2], *same, *shared[2:]]
    for group in [bodies] if together else [[body] for body in bodies]:
        send(house, *group)
    assert clients(house) == ["A", "A", "A", "A", "A", "A", "A", "B", "C"]
    assert house.unmapped() == {("shared_phone", "+5511987654321", "site"): 1}
    assert [row.stopped_at for row in house.rows("contact_keys", kind="phone")] == [house.clock()]
    send(house, {**phone, "nome": "Alice Exemplo", "cpf": OTHER_CPF})
    send(house, {"cpf": OTHER_CPF, "telefone": "(11) 91111-2222"})
    assert clients(house)[-2:] == ["D", "D"]


def test_two_first_leads_of_one_person_in_a_batch_are_one_opv(start: Start) -> None:
    house = start()
    house.deliver_all(
        [
            ("site", lead(1, id="a", email=None)),
            ("zap", {"originLeadId": "b", "name": "Bruno", "ddd": "11", "phone": "80000001", "clientListingId": "1"}),
            ("google", {"lead_id": "c", "user_column_data": [
                {"column_id": "PHONE_NUMBER", "string_value": "+5511980000001"}]}),
        ]
    )  # fmt: skip
    house.run()
    (opv,) = house.opvs()
    assert house.kinds(opv.id) == ["opv.created", "opv.captured", "opv.captured", "opv.captured", "opv.assigned"]
    assert [data.get("returning") for kind, data in house.history(opv.id) if kind == "opv.captured"] == [
        False, True, True,
    ]  # fmt: skip
    assert [card.source for card in house.captures(opv.id)] == ["form", "grupo_olx", "google_lead_form"]


def test_fifty_first_leads_of_one_person_at_once_are_one_client(start_on_postgresql: Start) -> None:
    house = start_on_postgresql()
    phone = "11987654321"
    for n in range(50):
        more = {"email": f"m{n}@example.com"} if n % 3 else {}
        if n % 5 == 0:
            more["cpf"] = CPF
        name, email = "Maria Exemplo", more.get("email", "")
        columns = {"FULL_NAME": name, "PHONE_NUMBER": phone, "EMAIL": email}
        house.deliver_all(
            [
                [
                    ("site", {"id": f"s{n}", "nome": name, "telefone": phone, **more}),
                    ("blog", {"id": f"s{n}", "nome": name, "celular": phone, **more}),
                    ("zap", {"originLeadId": f"z{n}", "name": name, "ddd": "11", "phone": phone[2:], "email": email}),
                    ("google", {"lead_id": f"g{n}", "user_column_data": [
                        {"column_id": key, "string_value": value} for key, value in columns.items() if value]}),
                ][n % 4]
            ]
        )  # fmt: skip
    house.deliver_all([("site", lead(n)) for n in range(100, 120)])
    # Small batches, so that the four really meet.
    house.run_in_threads(4, batch=3)
    assert Counter(house.delivered()) == {"captured": 70}
    (client,) = {row.client_id for row in house.rows("contact_keys", "client_id", value=f"+55{phone}")}
    (opv,) = house.rows("opportunities", client_id=client)
    assert len(house.opvs()) == len(house.rows("clients")) == 21
    assert len(house.captures(opv.id)) == 50
    assert Counter(house.kinds(opv.id)) == {"opv.created": 1, "opv.captured": 50, "opv.assigned": 1}
    assert {row.client_id for row in house.rows("contact_keys", kind="document")} == {client}
    (person,) = house.rows("clients", id=client)
    assert set(json.loads(person.emails)) == {f"m{n}@example.com" for n in range(50) if n % 3}
