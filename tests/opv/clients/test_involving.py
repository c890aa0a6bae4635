"""Involving, correcting and taking out clients: what each leaves, and what each refusal leaves alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from db.queries.history import chains
from opv import history
from opv.access import Viewer, viewer_of
from opv.actions import Acting, contact
from opv.by_people import act, register
from opv.clients.add import add_client
from opv.clients.change import change_client, remove_client
from opv.house import House
from opv.normalize import names_agree
from schemas.client import ClientChangeBody, InvolvementBody
from schemas.errors import Reject
from schemas.lead import Lead, SentPhone
from tests.opv.test_actions import everything
from tests.pipeline import HOUSE, Pipeline, Start, lead

CPF, OTHER_CPF, BAD_CPF = "390.533.447-05", "529.982.247-25", "529.982.247-26"
HOME = {"cep": "01310-100", "street": "Avenida Paulista", "city": "São Paulo", "state": "sp"}

Deed = Callable[[Connection, House, Viewer], Any]


def by(house: Pipeline, person: str, deed: Deed) -> Any:
    """The deed in a person's name, in one unit of work."""
    house_ = house.house()
    viewer = viewer_of(person, house_)
    assert viewer is not None
    with house.database.write() as tx:
        return deed(tx, house_, viewer)


def add(house: Pipeline, opv: UUID, role: Any = "buyer", person: str = "ana", **fields: Any) -> UUID:
    body = InvolvementBody(role=role, **fields)
    found = by(house, person, lambda tx, h, v: add_client(tx, h, v, house.clock(), str(opv), body).client)
    assert isinstance(found, UUID)
    return found


def change(house: Pipeline, opv: UUID, client: UUID, person: str = "ana", **fields: Any) -> None:
    body = ClientChangeBody(**fields)
    by(house, person, lambda tx, h, v: change_client(tx, h, v, house.clock(), str(opv), client, body))


def remove(house: Pipeline, opv: UUID, client: UUID, person: str = "ana") -> None:
    by(house, person, lambda tx, h, v: remove_client(tx, h, v, house.clock(), str(opv), client))


def served(start: Start, configuration: str = HOUSE) -> tuple[Pipeline, UUID, UUID]:
    """A house with an OPV of ana's, and its client."""
    house = start(configuration)
    house.deliver("site", lead(1))
    house.run()
    (opv,) = house.opvs()
    assert opv.broker == "ana"
    return house, opv.id, opv.client_id


def client(house: Pipeline, id_: UUID) -> Any:
    (row,) = house.rows("clients", id=id_)
    return row


def keys(house: Pipeline, id_: UUID) -> set[str]:
    return {row.value for row in house.rows("contact_keys", client_id=id_)}


def contents(house: Pipeline, opv: UUID) -> list[dict[str, Any]]:
    return [json.loads(row.content) for row in house.rows("history_contents", opportunity_id=opv)]


def test_a_person_as_typed_takes_part_and_is_recognized_by_leads(start: Start) -> None:
    house, opv, _ = served(start)
    spouse = add(
        house, opv, "spouse", name="bruno de exemplo", document=CPF, phones=["11 98765-4321"],
        emails=["B@Example.com"], details={"birth_date": "1988-01-02", "addresses": [HOME], "income": "4500.50"},
    )  # fmt: skip
    row = client(house, spouse)
    assert (row.kind, row.name, row.document) == ("natural", "Bruno de Exemplo", "39053344705")
    assert json.loads(row.phones) == ["+5511987654321"]
    assert json.loads(row.details) == {
        "birth_date": "1988-01-02", "income": "4500.50",
        "addresses": [{"cep": "01310100", "street": "Avenida Paulista", "city": "São Paulo", "state": "SP"}],
    }  # fmt: skip
    assert keys(house, spouse) == {"39053344705", "+5511987654321", "b@example.com|bruno"}
    (part,) = house.rows("involved_clients", client_id=spouse)
    assert (part.opportunity_id, part.role) == (opv, "spouse")
    kind, data = house.history(opv)[-1]
    assert (kind, data) == ("client.added", {"client": str(spouse), "role": "spouse", "known": False})
    assert contents(house, opv)[-1]["document"] == "39053344705"
    house.deliver("blog", {"id": "b", "nome": "Bruno", "telefone": "11987654321"})
    house.run()
    assert house.captures()[-1].client_id == spouse


def test_who_is_known_is_not_made_anew(start: Start) -> None:
    house, opv, _ = served(start)
    house.deliver("blog", lead(2, cpf=CPF))
    house.run()
    other = house.opvs()[1]
    found = add(house, opv, name="Outro Nome", document=CPF, emails=["x@example.com"], details={"rg": "1"})
    assert found == other.client_id
    row = client(house, found)
    assert (row.name, json.loads(row.emails)) == ("Clara Exemplo 2", ["pessoa2@example.com", "x@example.com"])
    assert json.loads(row.details) == {"rg": "1"}
    assert house.history(opv)[-1][1]["known"] is True
    # The other OPV of the same person says so too.
    kind, data = house.history(other.id)[-1]
    assert (kind, data["fields"]) == ("client.changed", ["emails", "details.rg"])


def test_those_who_live_together_share_a_phone(start: Start) -> None:
    house, opv, main = served(start)
    phone = json.loads(client(house, main).phones)
    spouse = add(house, opv, "spouse", name="Carlos Exemplo", document=OTHER_CPF, phones=phone)
    assert spouse != main
    assert (keys(house, spouse), json.loads(client(house, spouse).phones)) == ({"52998224725"}, phone)
    assert not house.rows("merge_suggestions")
    remove(house, opv, spouse)
    assert add(house, opv, "spouse", name="Carlos Exemplo", phones=phone) not in (main, spouse)
    with pytest.raises(Reject) as refused:  # the same name: the same person
        add(house, opv, "partner", name=client(house, main).name, phones=phone)
    assert refused.value.reason == "already_involved"


def test_a_company_by_its_document(start_on_sqlite: Start) -> None:
    house, opv, _ = served(start_on_sqlite)
    firm = add(house, opv, "partner", name="Exemplo Ltda", document="12.abc.345/01de-35", details={"trade_name": "Ex"})
    assert (client(house, firm).kind, client(house, firm).document) == ("legal", "12ABC34501DE35")
    late = add(house, opv, "partner", name="Outra Ltda", kind="legal")
    assert client(house, late).kind == "legal"


@pytest.mark.parametrize(
    "sent", ["12.ABC.345/01DE-35", "12abc34501de35", "CNPJ: 12.ABC.345/01DE-35", "11.222.333/0001-81",
             "11222333000181", " 11 222 333 / 0001 - 81 ", "390.533.447-05", "39053344705", "CPF 390.533.447-05"],
)  # fmt: skip
def test_documents_in_any_spelling(start_on_sqlite: Start, sent: str) -> None:
    house, opv, main = served(start_on_sqlite)
    change(house, opv, main, document=sent)
    document = client(house, main).document
    assert document in ("12ABC34501DE35", "11222333000181", "39053344705")
    assert client(house, main).kind == ("natural" if len(document) == 11 else "legal")
    assert document in keys(house, main)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (BAD_CPF, "other check digits"), ("12.ABC.345/01DE-36", "other check digits"), ("111.111.111-11", "repeated"),
        ("11.222.333/0001-8", "a CPF has 11 digits"), ("sem", "a CPF has 11 digits"),
    ],
)  # fmt: skip
def test_a_wrong_document_is_refused_with_the_reason(start_on_sqlite: Start, sent: str, why: str) -> None:
    house, opv, main = served(start_on_sqlite)
    before = everything(house)
    typed = Lead(name="Maria", phones=[SentPhone(value="11 98000-0009")], document=sent)
    for deed in (
        lambda: add(house, opv, name="Maria", document=sent),
        lambda: change(house, opv, main, name="Outra", document=sent),
        lambda: by(house, "ana", lambda tx, h, v: register(tx, h, v, house.clock(), typed, None)),
    ):
        with pytest.raises(Reject) as refused:
            deed()
        assert (refused.value.reason, refused.value.status) == ("document_invalid", 422)
        assert why in refused.value.detail
        assert everything(house) == before


def test_a_correction_is_told_and_the_keys_follow(start: Start) -> None:
    house, opv, main = served(start)
    phone, email = "+5511980000001", "pessoa1@example.com"
    assert keys(house, main) == {phone, f"{email}|bruno"}
    change(house, opv, main, name="Breno Exemplo", phones=["(11) 91234-5678", phone], details={"profession": "Pintor"})
    assert keys(house, main) == {phone, "+5511912345678", f"{email}|breno"}
    kind, data = house.history(opv)[-1]
    assert (kind, data) == (
        "client.changed", {"client": str(main), "fields": ["name", "phones", "details.profession"]}
    )  # fmt: skip
    assert contents(house, opv)[-1] == {
        "before": {"name": "Bruno Exemplo 1", "phones": [phone], "details.profession": None},
        "after": {"name": "Breno Exemplo", "phones": ["+5511912345678", phone], "details.profession": "Pintor"},
    }
    change(house, opv, main, phones=["11 91234-5678"], document=CPF, emails=[])
    assert keys(house, main) == {"+5511912345678", "39053344705"}
    change(house, opv, main, document=OTHER_CPF, details={"profession": None, "rg": "2"})
    assert keys(house, main) == {"+5511912345678", "52998224725"}
    assert json.loads(client(house, main).details) == {"rg": "2"}
    # A lead of the number given up is somebody else's.
    house.deliver("blog", {"id": "b", "telefone": phone})
    house.run()
    assert house.captures()[-1].client_id != main
    assert not any(str(phone) in row.data for row in house.rows("history_entries"))


def test_what_is_already_so_is_no_fact(start_on_sqlite: Start) -> None:
    house, opv, main = served(start_on_sqlite)
    before = everything(house)
    change(house, opv, main, role="buyer", name="Bruno Exemplo 1", phones=["11 98000-0001"], spouse=None)
    assert everything(house) == before


def test_a_key_of_another_client_stays_with_it_and_is_a_suggestion(start: Start) -> None:
    house, opv, main = served(start)
    house.deliver("blog", lead(2, cpf=CPF))
    house.run()
    other = house.opvs()[1].client_id
    change(house, opv, main, document=CPF)
    assert "39053344705" in keys(house, other)
    (pair,) = house.rows("merge_suggestions")
    assert ({pair.client_id, pair.other_id}, pair.because, pair.submission_id) == ({main, other}, "document", None)


def test_spouses_are_linked_both_ways(start: Start) -> None:
    house, opv, main = served(start)
    one = add(house, opv, "spouse", name="Carla Exemplo", spouse=main)
    assert (client(house, one).spouse_id, client(house, main).spouse_id) == (main, one)
    (changed, added) = [data for kind, data in house.history(opv) if kind.startswith("client.")][::-1]
    assert (added["spouse"], changed["client"], changed["spouse"]) == (str(main), str(main), str(one))
    two = add(house, opv, "spouse", name="Dora Exemplo")
    change(house, opv, two, spouse=main)
    assert [client(house, id_).spouse_id for id_ in (main, one, two)] == [two, None, main]
    change(house, opv, main, spouse=None)
    assert [client(house, id_).spouse_id for id_ in (main, one, two)] == [None, None, None]


def test_a_part_is_changed_and_ended(start: Start) -> None:
    house, opv, main = served(start)
    other = add(house, opv, "partner", name="Carla Exemplo")
    change(house, opv, other, role="guarantor")
    assert house.history(opv)[-1] == (
        "client.changed", {"client": str(other), "fields": ["role"], "role": "guarantor", "role_before": "partner"}
    )  # fmt: skip
    remove(house, opv, other)
    assert house.history(opv)[-1] == ("client.removed", {"client": str(other), "role": "guarantor"})
    assert [row.client_id for row in house.rows("involved_clients", opportunity_id=opv)] == [main]
    assert client(house, other).name == "Carla Exemplo"
    assert add(house, opv, "guarantor", person="rui", name="Carla Exemplo") != other


def test_the_chain_holds(start: Start) -> None:
    house, opv, main = served(start)
    add(house, opv, "spouse", name="Carla Exemplo", spouse=main)
    change(house, opv, main, name="Outro Nome")
    with house.database.read() as tx:
        (chain,) = chains(tx)
    entries = [history.StoredEntry(*entry[1:]) for entry in chain.entries]
    assert not history.verify(chain.opv, chain.seq, chain.head, entries)


def test_contacts_may_be_with_any_of_them(start: Start) -> None:
    house, opv, _ = served(start)
    other = add(house, opv, "partner", name="Carla Exemplo")

    def said(client_id: UUID) -> Deed:
        def deed(at: Acting) -> None:
            contact(at, "call", client=client_id)

        return lambda tx, h, v: act(tx, h, v, house.clock(), str(opv), deed)

    by(house, "ana", said(other))
    assert house.history(opv)[-1] == ("contact.added", {"contact": "call", "first": True, "client": str(other)})
    before = everything(house)
    with pytest.raises(Reject) as refused:
        by(house, "ana", said(uuid4()))
    assert (refused.value.reason, everything(house)) == ("unknown_client", before)


def test_refusals_name_their_rule_and_change_nothing(start: Start) -> None:
    house, opv, main = served(start)
    house.deliver("zap", {"originLeadId": "z", "name": "Zeno", "ddd": "11", "phone": "980000077"})
    house.run()
    (stranger,) = [o.client_id for o in house.opvs() if o.broker == "bia"]
    firm = add(house, opv, "partner", name="Exemplo Ltda", kind="legal")
    friend = add(house, opv, "partner", name="Carla Exemplo")
    gone = add(house, opv, "partner", name="Dora Exemplo")
    remove(house, opv, gone)
    before = everything(house)
    nobody = uuid4()
    for deed, reason in (
        (lambda: add(house, opv), "nobody_named"),
        (lambda: add(house, opv, name="12345"), "name_invalid"),
        (lambda: add(house, opv, phones=["98000-0001"]), "phone_invalid"),
        (lambda: add(house, opv, emails=["a@b"]), "email_invalid"),
        (lambda: add(house, opv, name="X Y", kind="legal", document=CPF), "kind_differs"),
        (lambda: add(house, opv, name="X Y", details={"trade_name": "x"}), "detail_of_other_kind"),
        (lambda: add(house, opv, name="X Y", details={"birth_date": "2027-01-01"}), "birth_date_invalid"),
        (lambda: add(house, opv, "spouse", name="X Ltda", kind="legal"), "spouse_is_natural"),
        (lambda: add(house, opv, "spouse", name="X Y", spouse=firm), "spouse_is_natural"),
        (lambda: add(house, opv, "spouse", name="X Y", spouse=gone), "spouse_not_involved"),
        (lambda: add(house, opv, client=main), "already_involved"),
        (lambda: add(house, opv, client=stranger), "unknown_client"),
        (lambda: add(house, opv, client=nobody), "unknown_client"),
        (lambda: add(house, opv, person="bia", name="X Y"), "unknown_opv"),
        (lambda: change(house, opv, gone, name="X Y"), "unknown_client"),
        (lambda: change(house, opv, main, person="bia", name="X Y"), "unknown_opv"),
        (lambda: change(house, opv, main, spouse=main), "own_spouse"),
        (lambda: change(house, opv, main, spouse=nobody), "spouse_not_involved"),
        (lambda: change(house, opv, firm, role="spouse"), "spouse_is_natural"),
        (lambda: change(house, opv, friend, phones=["0800 123 4567"]), "phone_invalid"),
        (lambda: change(house, opv, friend, document=CPF, kind="legal"), "kind_differs"),
        (lambda: change(house, opv, firm, details={"rg": "1"}), "detail_of_other_kind"),
        (lambda: remove(house, opv, main), "main_client"),
        (lambda: remove(house, opv, gone), "unknown_client"),
        (lambda: remove(house, opv, friend, person="bia"), "unknown_opv"),
    ):
        with pytest.raises(Reject) as refused:
            deed()
        assert refused.value.reason == reason
        assert everything(house) == before, reason
    house.set("opportunities", {"status": "lost"}, id=opv)
    house.set("clients", {"erased_at": house.clock()}, id=firm)
    before = everything(house)
    for deed, reason in (
        (lambda: add(house, opv, name="X Y"), "opv_closed"),
        (lambda: remove(house, opv, friend), "opv_closed"),
        (lambda: change(house, opv, firm, name="X Y"), "client_erased"),
    ):
        with pytest.raises(Reject) as refused:
            deed()
        assert (refused.value.reason, everything(house)) == (reason, before)
    change(house, opv, friend, name="Carla Correta")
    assert names_agree("carla correta", client(house, friend).name.lower())


@pytest.mark.parametrize(
    "fields",
    [
        {"details": {"addresses": [{"cep": "1310-100"}]}}, {"details": {"addresses": [{"cep": 1310100}]}},
        {"details": {"addresses": [{"state": "XX"}]}}, {"details": {"income": "-1"}}, {"details": {"hobby": "x"}},
        {"details": {"marital_status": "free"}}, {"name": "a\0b"}, {"client": str(uuid4()), "name": "x"},
        {"role": "cousin"},
    ],
)  # fmt: skip
def test_bodies_are_checked(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        InvolvementBody(**{"role": "buyer", **fields})


def test_one_person_involved_twice_at_once_is_one_client(start_on_postgresql: Start) -> None:
    house, opv, main = served(start_on_postgresql)
    house.deliver("blog", lead(3))
    house.run()
    (other,) = [row.id for row in house.opvs() if row.id != opv]
    made: list[UUID] = []
    go = threading.Barrier(2)

    def involve(place: UUID) -> None:
        go.wait()
        made.append(add(house, place, "spouse", person="rui", name="Carla Exemplo", document=CPF))

    threads = [threading.Thread(target=involve, args=(place,)) for place in (opv, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    assert len(set(made)) == 1
    assert len(house.rows("involved_clients", client_id=made[0])) == 2
    assert main not in made
