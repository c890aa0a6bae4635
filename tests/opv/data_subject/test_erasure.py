"""Erasing a person: no trace of it in any table, the chains whole, and others' data untouched."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import make_url

from db.queries.history import chains
from opv.actions import comment
from opv.data_subject import erasure
from opv.data_subject.erasure import erase
from opv.history import verify
from porteiro.importing.lines import Verdict
from schemas.data_subject import Erased, ErasureBody
from schemas.errors import Reject
from tests.opv.channels.meta_graph import HOUSE_WITH_PAGE, Page
from tests.opv.data_subject.house import (
    EMAIL,
    NAME,
    OTHER,
    OTHER_PHONE,
    PHONE,
    SPELLINGS,
    People,
    imported,
    settled,
    wamid,
    whatsapp,
)
from tests.opv.data_subject.search import traces
from tests.pipeline import Start, counted

WORDS = ("zuleica", "quintanilha", "exemplo-prova", "rua da prova")
NUMBERS = ("87654321", "39053344705", "48291773")
OTHERS = ("benedito", "otavio", "tadeu", "nair")


def erased(people: People, client: UUID | None = None, reason: str = "A pedido, protocolo 7", **body: Any) -> Erased:
    """The person, erased; by force, since a lead of another is parked beside it."""
    house = people.house
    asked = ErasureBody(reason=reason, **{"force": True, **body})
    return erase(
        house.database, house.house(), people.viewer(), house.clock, people.remove, client or people.subject, asked
    )


def faults(people: People) -> list[Any]:
    """Of all chains."""
    with people.house.database.read() as tx:
        return [fault for chain in chains(tx) for fault in verify(chain.opv, chain.seq, chain.head, chain.entries)]


def left(people: People) -> list[tuple[str, str, str]]:
    """Where the person still is."""
    return traces(people.house.database, WORDS, NUMBERS)


def test_no_trace_is_left_and_the_chains_hold(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    where = {(table, column) for table, column, _ in left(people)}
    assert {
        ("clients", "name"), ("clients", "details"), ("contact_keys", "value"), ("contact_keys", "names"),
        ("capture_origins", "details"), ("capture_origins", "campaign"), ("submissions", "key"),
        ("submissions", "external_id"), ("submissions", "fetched"), ("deliveries", "url"), ("deliveries", "headers"),
        ("deliveries", "body"), ("history_contents", "content"), ("decisions", "explanation"),
        ("automation_runs", "because"), ("outbound_messages", "body"), ("pending_items", "title"),
        ("attachments", "name"), ("sale_processes", "reason"), ("unmapped", "value"), ("opportunities", "fields"),
    } <= where  # fmt: skip
    assert not {table for table, _ in where} & {"history_entries", "config_versions"}
    answer = erased(people)
    assert left(people) == []
    assert faults(people) == []
    assert set(people.files.values()) == {"benedito.pdf"}
    kept = {row.id: (row.tags, row.fields) for row in people.house.rows("opportunities")}
    assert kept[people.opv] == ('["vip"]', '{"budget":450000,"since":"2026-09-01"}')
    assert (kept[people.other_opv], answer.blanked.fields) == ((None, '{"budget":300000}'), 2)
    assert (answer.client, len(answer.also), answer.file_clean) == (people.subject, 1, True)
    assert set(answer.same_contacts) == {people.client_of(opv) for opv in _opvs_of(people, "+5511977770000")}
    for opv in answer.opvs:
        entry = people.house.history(opv)[-1]
        assert (entry[0], entry[1]["client"]) == ("personal_data.erased", str(people.subject))
    (content,) = [
        row.content for row in people.house.rows("history_contents", opportunity_id=people.opv) if row.content
        and "protocolo" in row.content
    ]  # fmt: skip
    assert json.loads(content) == {"reason": "A pedido, protocolo 7"}


def _opvs_of(people: People, phone: str) -> list[UUID]:
    (key,) = people.house.rows("contact_keys", kind="phone", value=phone)
    return [row.id for row in people.house.rows("opportunities", client_id=key.client_id)]


def test_the_files_of_sqlite_hold_nothing_either(start_on_sqlite: Start, tmp_path: Path) -> None:
    people = settled(start_on_sqlite, tmp_path)
    path = Path(make_url(str(people.house.database.url)).database or "")
    marks = [one.encode() for one in ("Zuleica", "ZULEICA", "zuleica", "87654321", "98765-4321", "390.533", EMAIL)]

    def found() -> set[bytes]:
        bytes_ = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
        return {mark for mark in marks if mark in bytes_}

    assert found() == set(marks)
    assert erased(people).file_clean
    assert found() == set()


def test_others_keep_everything_and_the_house_its_figures(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    house = people.house
    before = {word: set(traces(house.database, (word,), ())) for word in OTHERS}
    tables = ("opportunities", "capture_origins", "deliveries", "submissions", "assignments")
    counted = {name: len(house.rows(name)) for name in tables}
    cards = [(row.source, row.channel, row.received_at, row.submitted_at, row.delivery_id) for row in house.captures()]
    erased(people)
    for word in OTHERS:
        gone = before[word] - set(traces(house.database, (word,), ()))
        # A body with leads of both, and a phone with which both names were heard.
        shared = {"benedito": [("deliveries", "body")], "otavio": [("contact_keys", "names")]}
        assert [(table, column) for table, column, _ in gone] == shared.get(word, [])
        assert all("quintanilha" in value.lower() for *_, value in gone)
    (key,) = house.rows("contact_keys", kind="phone", value="+5511977770000")
    assert json.loads(key.names) == ["otavio terceiro"]
    assert {name: len(house.rows(name)) for name in counted} == counted
    after = [(row.source, row.channel, row.received_at, row.submitted_at, row.delivery_id) for row in house.captures()]
    assert after == cards
    (card,) = house.rows("capture_origins", submission_id=_submission(people, "zap"))
    assert (card.listing, card.origin, card.city, card.external_id) == ("AP-0101", "Grupo OLX", None, None)
    assert set(json.loads(card.details)) <= {"ad", "utm", "flags"}
    said = json.loads(house.rows("decisions", opportunity_id=people.opv)[0].explanation)
    assert said["rules"][0] == {"rule": "friends", "matched": False}
    assert said["before"]


def _submission(people: People, delivery: str) -> UUID:
    return UUID(str(people.house.rows("submissions", delivery_id=people.deliveries[delivery])[0].id))


def test_what_comes_again_of_an_erased_person_is_known_and_not_kept(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    house = people.house
    erased(people)
    clients, messages = len(house.rows("clients")), len(house.rows("outbound_messages"))
    house.clock.forward(days=3)
    again = {
        "site": {"id": f"contato-{EMAIL}", "nome": NAME, "telefone": SPELLINGS[0]},
        "zap": {"leadOrigin": "Grupo OLX", "originLeadId": "e" * 24, "name": NAME, "phoneNumber": SPELLINGS[1]},
        "wa": whatsapp(PHONE, NAME, 1, "Oi"),
        "meta": {"object": "page", "entry": [{"id": "104", "changes": [{"field": "leadgen", "value": {
            "leadgen_id": "501", "form_id": "7"}}]}]},
    }  # fmt: skip
    ids = house.deliver_all(again.items())
    house.run()
    for id_ in ids:
        assert house.outcomes(id_) == ["repeated erased"]
        (row,) = house.rows("deliveries", id=id_)
        assert (row.url, row.headers, row.body, row.sha256) == (b"", b"", b"", b"")
        assert row.erased_at == house.clock()
    assert (len(house.rows("clients")), len(house.rows("outbound_messages"))) == (clients, messages)
    assert left(people) == []
    twice = house.deliver_all([("site", again["site"]), ("site", again["site"])])
    house.run()
    assert [house.outcomes(id_) for id_ in twice] == [["repeated erased"]] * 2
    assert left(people) == []


def test_another_person_under_the_id_of_an_erased_one_is_a_conflict(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    house = people.house
    erased(people)
    delivery = house.deliver("zap", {"originLeadId": "e" * 24, "name": "Nadia Outra", "phoneNumber": "11933330001"})
    house.run()
    assert house.outcomes(delivery) == ["parked conflict"]
    assert b"Nadia" in house.rows("deliveries", id=delivery)[0].body
    # With a lead of the erased person beside one that is parked, the request is kept: it could not be read again else.
    mixed = house.deliver("site", [{"id": f"contato-{EMAIL}", "nome": NAME, "telefone": SPELLINGS[0]}, {"nome": "Sem"}])
    house.run()
    assert house.outcomes(mixed) == ["repeated erased", "parked no_contact"]
    assert house.rows("deliveries", id=mixed)[0].erased_at is None


def test_a_new_lead_of_the_person_makes_a_new_client(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    erased(people)
    people.house.deliver("blog", {"nome": NAME, "telefone": SPELLINGS[0], "email": EMAIL})
    people.house.run()
    (key,) = people.house.rows("contact_keys", kind="phone", value=PHONE)
    assert key.client_id != people.subject
    assert people.house.rows("clients", id=people.subject)[0].name is None
    assert len(people.house.rows("opportunities", client_id=key.client_id)) == 1


@pytest.mark.parametrize("at", ["blank_submissions", "blank_opvs", "forget_keys", "blank_clients"])
def test_an_erasure_that_died_is_gone_on_with(
    start: Start, tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = settled(start, tmp_path)
    monkeypatch.setattr(erasure, "AT_ONCE", 3)
    real: Callable[..., Any] = getattr(erasure, at)
    calls = []

    def dies(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2 or at != "blank_submissions":
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(erasure, at, dies)
    with pytest.raises(KeyboardInterrupt):
        erased(people)
    assert people.house.rows("clients", id=people.subject)[0].erased_at is None
    assert faults(people) == []
    monkeypatch.setattr(erasure, at, real)
    erased(people)
    assert left(people) == []
    assert faults(people) == []
    assert people.house.kinds(people.opv).count("personal_data.erased") == 1


def test_again_blanks_what_came_since_and_says_when_nothing_did(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    first = erased(people)
    people.house.clock.forward(days=1)
    second = erased(people, first.also[0])  # whichever of the person's ids is named
    assert (second.client, second.erased_at) == (people.subject, first.erased_at)
    assert not second.blanked.anything, second.blanked
    assert people.house.kinds(people.opv).count("personal_data.erased") == 1
    people.do(write_of_person)
    third = erased(people)
    assert third.blanked.contents == 1
    assert people.house.kinds(people.opv).count("personal_data.erased") == 2
    assert left(people) == []


def write_of_person(at: Any) -> None:
    """Somebody writes of the person once more."""
    at.batch.record(at.opv, "comment.added", at.cause, {}, {"text": f"{NAME} ligou"})


def test_refusals_change_nothing(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    house = people.house
    before = left(people)

    def refused(client: UUID, person: str = "rui", **body: Any) -> tuple[str, int]:
        asked = ErasureBody(**{"reason": "A pedido", **body})
        with pytest.raises(Reject) as told:
            erase(house.database, house.house(), people.viewer(person), house.clock, people.remove, client, asked)
        return told.value.reason, told.value.status

    for person in ("ana", "marta"):
        assert refused(people.subject, person) == ("not_allowed", 403)
    assert refused(people.house.opvs()[0].id) == ("unknown_client", 404)
    for reason in (f"Pedido de {NAME.upper()}", f"pedido por {EMAIL}", "ligou do (11) 8765 4321", "CPF 39053344705"):
        assert refused(people.subject, reason=reason, force=True) == ("reason_names_person", 422)
    parked = house.deliver("blog", [{"nome": NAME, "telefone": SPELLINGS[0]}, {"nome": "Sem Contato"}])
    house.run()
    assert house.outcomes(parked) == ["captured", "parked no_contact"]
    assert refused(people.subject) == ("others_parked", 409)
    assert set(before) <= set(left(people))
    assert len(people.files) == 4


def test_an_erased_delivery_is_neither_read_anew_nor_sent_on(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    house = people.house
    house.set("outbound_messages", {"state": "pending", "due_at": house.clock()}, id=people.deliveries["form"])
    erased(people)
    with pytest.raises(Reject, match="erased on 2026-09-21") as told:
        house.replay(people.deliveries["form"])
    assert (told.value.reason, told.value.status) == ("erased", 409)
    house.run()
    (message,) = house.rows("outbound_messages", id=people.deliveries["form"])
    assert (message.state, message.reason) == ("parked", "erased")
    assert house.outcomes(people.deliveries["conflict"]) == ["ignored erased"]
    assert OTHER.lower() not in str(house.rows("deliveries", id=people.deliveries["conflict"]))


def test_a_delivery_that_is_read_anew_meanwhile_is_taken_off_the_list(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    for name in ("form", "list", "conflict"):
        people.house.replay(people.deliveries[name])
    erased(people)
    people.house.run()
    assert left(people) == []
    assert people.house.outcomes(people.deliveries["form"]) == ["captured erased"]


def test_ids_of_whatsapp_stand_in_no_history(start_on_sqlite: Start, tmp_path: Path) -> None:
    people = settled(start_on_sqlite, tmp_path)
    data = [data for kind, data in people.house.history(people.opv) if kind == "message.received"]
    assert data
    assert wamid(PHONE, 1) not in json.dumps(data)


def test_a_lead_that_comes_meanwhile_is_blanked_or_makes_a_new_client(start: Start, tmp_path: Path) -> None:
    people = settled(start, tmp_path)
    house = people.house
    for turn in range(3):
        subject = house.rows("contact_keys", kind="phone", value=PHONE)[0].client_id
        for number in range(30):
            house.deliver("blog", {"id": f"t{turn}-{number}", "nome": NAME, "telefone": SPELLINGS[0], "mensagem": "Oi"})
        ingest = threading.Thread(target=house.run_in_threads, args=(2,), kwargs={"batch": 3})
        ingest.start()
        answer = erased(people, subject)
        ingest.join()
        (row,) = house.rows("clients", id=subject)
        assert (row.name, row.phones, row.erased_at) == (None, "[]", answer.erased_at)
        submissions = {row.id: row.reason for row in house.rows("submissions")}
        cards = house.rows("capture_origins", client_id=subject)
        assert {submissions[card.submission_id] for card in cards if card.submission_id} == {"erased"}
        own = {opv.id for opv in house.rows("opportunities", client_id=subject)}
        said = [row for row in house.rows("history_contents") if row.opportunity_id in own and row.content]
        assert not [row.content for row in said if '"message":"Oi"' in row.content or "Zuleica" in row.content]
        assert faults(people) == []
        new = house.rows("contact_keys", kind="phone", value=PHONE)
        taken = [card for card in house.captures() if (card.external_id or "").startswith(f"t{turn}-")]
        assert {card.client_id for card in taken} == {one.client_id for one in new if taken}
        assert [one for one in house.outcomes() if one.startswith(("parked bug", "pending"))] == []
        if not new:
            house.deliver("blog", {"nome": NAME, "telefone": SPELLINGS[0], "mensagem": f"De novo {turn}"})
            house.run()


def test_reconciliation_and_imports_do_not_bring_the_person_back(start: Start, tmp_path: Path) -> None:
    page = Page()
    house = start(HOUSE_WITH_PAGE, http=page)
    house.run("upkeep")
    page.submit(1, house.clock(), full_name=NAME, phone_number=PHONE)
    page.submit(2, house.clock())
    house.clock.forward(minutes=64)
    house.run("upkeep")
    path = tmp_path / "planilha.csv"
    path.write_text(f"Nome;Telefone;E-mail\n{NAME};{SPELLINGS[0]};{EMAIL}\nNair Nova;11 94444-0009;n@example.com\n")
    house.run()
    assert imported(house, path, "blog") == {Verdict.NEW: 2}
    (key,) = house.rows("contact_keys", kind="phone", value=PHONE)
    people = People(house, key.client_id, key.client_id, key.client_id, key.client_id)
    erased(people)
    assert left(people) == []
    clients, deliveries = len(house.rows("clients")), len(house.rows("deliveries"))
    for _ in range(2):
        house.clock.forward(minutes=64)
        house.run("upkeep")
        house.run()
    assert imported(house, path, "blog") == {Verdict.REPEATED: 2}
    assert (len(house.rows("clients")), len(house.rows("deliveries"))) == (clients, deliveries)
    assert left(people) == []


def test_units_of_work_cost_the_same_however_much_is_held(start_on_postgresql: Start, tmp_path: Path) -> None:
    people = settled(start_on_postgresql, tmp_path)
    few, many = people.client_of(people.opv), people.client_of(people.other_opv)
    for number in range(40):
        people.house.deliver("blog", {"id": f"m-{number}", "nome": OTHER, "telefone": OTHER_PHONE, "mensagem": "Oi"})
        people.do(lambda at: comment(at, "Ligou"), people.other_opv)
    people.house.run()

    def cost(client: UUID) -> int:
        with counted(people.house.database) as statements:
            erased(people, client)
        return len(statements)

    assert cost(many) <= cost(few) + 5
