"""What is told to a person: all that is held of it, where it came from and where it went, and what it agreed to."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from opv.data_subject.consents import consents_of, withdraw_consent
from opv.data_subject.export import export_person
from opv.data_subject.find import find_persons
from opv.data_subject.recipients import recipients_of
from schemas.client import ClientDetails
from schemas.data_subject import ConsentWithdrawalBody, ExportRecord, PersonQuery
from schemas.errors import Reject
from tests.opv.data_subject.house import (
    DOCUMENT,
    EMAIL,
    NAME,
    OTHER,
    OTHER_DOCUMENT,
    OTHER_PHONE,
    PHONE,
    People,
    settled,
)
from tests.opv.data_subject.test_erasure import erased
from tests.pipeline import Start


def exported(people: People, client: UUID | None = None, person: str = "rui") -> ExportRecord:
    house = people.house
    record, _ = export_person(
        house.database, house.house(), people.viewer(person), house.clock, client or people.subject
    )
    return record


def test_all_that_is_held_and_nothing_of_others(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    record = exported(people, person="paula")
    assert (record.format, record.exported_by, record.officer) == ("porteiro-person/1", "paula", "paula")
    client = record.client
    assert (client.id, client.name, client.document) == (people.subject, NAME, "39053344705")
    assert client.details.profession == "Dentista"
    assert [one.emails for one in record.merged] == [["zuzu@exemplo-prova.com.br"]]
    assert ("phone", PHONE) in {(one["kind"], one["value"]) for one in record.contact_keys}
    parts = {(one.opv, one.role, one.main) for one in record.parts}
    assert {(people.opv, "buyer", True), (people.other_opv, "guarantor", False)} <= parts
    kept = {one.opv: (one.tags, one.fields) for one in record.parts}
    assert kept[people.opv] == (["vip"], {"notes": f"{NAME} quer varanda", "budget": 450000, "since": "2026-09-01"})
    assert kept[people.other_opv] == ([], {})
    assert [one.role for one in record.parts].count(None) == 1  # the OPV that it was taken out of
    sources = Counter(one.source for one in record.captures)
    assert sources == {"form": 4, "grupo_olx": 1, "meta_lead_ads": 1, "manual": 2}
    assert all(one.received_at and one.opv for one in record.captures)
    outcomes = Counter((one["outcome"], one["reason"]) for one in record.submissions)
    assert outcomes["repeated", None] == 1
    assert outcomes["parked", "conflict"] == outcomes["ignored", "junk_link_in_name"] == 1
    by_id = {one["id"]: one for one in record.deliveries}
    form = by_id[people.deliveries["form"]]
    assert (form["channel"], form["source"], form["shared"]) == ("site", "form", False)
    assert EMAIL.upper() in form["body"]
    assert all("body" not in by_id[people.deliveries[name]] for name in ("list", "meta"))  # leads of others beside
    kinds = Counter(one.kind for one in record.history if one.opv == people.opv)
    assert kinds["comment.added"] == 3
    assert kinds["message.received"] == 2
    assert {one.kind for one in record.history if one.opv == people.other_opv} == {"client.added", "clients.merged"}
    assert {one["name"] for one in record.attachments} == {f"RG {NAME}.pdf", "contrato.pdf", "fiadora.pdf"}
    assert [one["title"] for one in record.pending_items] == [f"Ligar para {NAME}"]
    text = record.model_dump_json()
    for foreign in (OTHER, OTHER_DOCUMENT, "52998224725", OTHER_PHONE, "Benedito gostou", "Tadeu", "Nair"):
        assert foreign not in text, foreign
    assert json.loads(text)["captures"][0]["consent"] == [
        {"key": "aceite_lgpd", "granted": True, "value": "Li e aceito"}
    ]
    for opv in {one.opv for one in record.parts}:
        (data,) = [data for kind, data in people.house.history(opv) if kind == "personal_data.exported"]
        assert (data["client"], len(data["also"])) == (str(people.subject), 1)
        (entry,) = people.house.rows("history_entries", opportunity_id=opv, kind="personal_data.exported")
        assert (entry.actor, entry.content_hash) == ("person:paula", None)


def test_after_an_erasure_the_export_says_so(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    erased(people)
    record = exported(people)
    assert (record.client.name, record.client.erased_at) == (None, people.house.clock())
    assert record.contact_keys == []
    assert {one.source for one in record.captures} == {"form", "grupo_olx", "meta_lead_ads", "manual"}
    (told,) = [one for one in record.history if one.opv == people.opv and one.kind == "personal_data.erased"]
    assert told.content == {"reason": "A pedido, protocolo 7"}
    gone = [one for one in record.history if one.content_erased_at is not None]
    assert {one.content for one in gone} == {None}
    assert "comment.added" in {one.kind for one in gone}


def test_where_the_data_went(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    house = people.house
    with house.database.read() as tx:
        found = recipients_of(tx, house.house(), people.viewer(), people.subject).items
    forwarded = [one for one in found if one.system == "forward"]
    assert {one.to for one in forwarded} == {"https://crm.example.com/leads"}
    assert {one.delivery for one in forwarded} >= {people.deliveries["form"], people.deliveries["repeat"]}
    assert all(one.state == "sent" and one.sent_at for one in forwarded)
    assert people.deliveries["other"] not in {one.delivery for one in found}
    assert ("log", "notice", "bia") in {(one.system, one.kind, one.to) for one in found}
    assert {one.state for one in found if one.system == "sales_module"} == {"failed"}
    assert [one.asked_at for one in found] == sorted(one.asked_at for one in found)


def test_consents_with_their_evidence_and_what_is_taken_back(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    house = people.house

    def withdraw(client: UUID, **body: object) -> None:
        with house.database.write() as tx:
            asked = ConsentWithdrawalBody.model_validate(body)
            withdraw_consent(tx, house.house(), people.viewer(), house.clock(), client, asked)

    with house.database.read() as tx:
        before = consents_of(tx, house.house(), people.viewer(), people.subject).items
    by_source = {one.source: one for one in before}
    assert (by_source["form"].what, by_source["form"].granted) == ("aceite_lgpd", True)
    meta = by_source["meta_lead_ads"]
    assert (meta.channel, meta.granted, meta.delivery) == ("meta", True, people.deliveries["meta"])
    assert meta.evidence["key"] == "aceite_lgpd"
    withdraw(people.subject, what="aceite_lgpd", ways=["email", "whatsapp"], evidence=f"{NAME} disse ao telefone")
    with house.database.read() as tx:
        after = consents_of(tx, house.house(), people.viewer(), people.subject).items
    assert len(after) == len(before) + 1
    (last,) = [one for one in after if one.source is None]
    assert (last.what, last.granted, last.at) == ("aceite_lgpd", False, house.clock())
    (row,) = house.rows("clients", id=people.subject)
    details = ClientDetails.load(row.details)
    assert details.preferences.unwanted == ["email", "whatsapp"]
    assert details.profession == "Dentista"
    for opv in (people.opv, people.other_opv):
        kind, data = house.history(opv)[-1]
        assert (kind, data) == ("consent.withdrawn", {"client": str(people.subject), "ways": ["email", "whatsapp"]})
    erased(people)
    with pytest.raises(Reject) as told:
        withdraw(people.subject, what="aceite_lgpd")
    assert told.value.reason == "client_erased"
    with pytest.raises(Reject) as unknown:
        withdraw(people.opv, what="aceite_lgpd")
    assert unknown.value.reason == "unknown_client"


def test_a_person_is_found_by_any_contact_in_any_spelling(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    house = people.house

    def found(**query: str) -> set[UUID]:
        with house.database.read() as tx:
            page = find_persons(tx, house.house(), people.viewer(), PersonQuery(**query))
        assert all(one.opvs for one in page.items)
        return {one.id for one in page.items}

    for phone in ("(11) 98765-4321", "11 8765 4321", "+55 11 98765-4321"):
        assert found(phone=phone) == {people.subject}
    assert found(email=EMAIL.upper()) == found(document=DOCUMENT) == found(document="39053344705") == {people.subject}
    assert found(email="zuzu@exemplo-prova.com.br") == {people.subject}  # of the client that was merged into it
    assert found(document=DOCUMENT, phone=OTHER_PHONE) == {people.subject, people.other}
    # A phone that is another's key, and hers too.
    assert len(found(phone="11 97777-0000")) == 2
    assert found(phone="11 90000-0000") == found() == set()
    with house.database.read() as tx, pytest.raises(Reject) as told:
        find_persons(tx, house.house(), people.viewer(), PersonQuery(phone="0800 123"))
    assert (told.value.reason, told.value.status) == ("phone_invalid", 422)
