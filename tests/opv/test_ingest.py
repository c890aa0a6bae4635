"""Deliveries to submissions: each counted once, each with a visible outcome."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pytest

from adapters.sources.base import Entrance, Lead, NoOptions, Pointer, Read, ReadLead, Request, SentPhone, Source
from schemas.errors import Reject
from tests.pipeline import HOUSE, Start, details, lead


class Broken(Source):
    """A source whose reader fails on bodies that say so."""

    slug = "broken"
    title = "Broken"
    options_model = NoOptions

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        said = request.body.decode()
        if said == "pointer":
            return [Pointer("p-1", {})]
        if said == "nothing":
            return []
        if said != "lead":
            raise KeyError(said)
        return [ReadLead("lead", Lead(name="Maria Exemplo", phones=[SentPhone(value="(11) 98888-0000")]))]


WITH_BROKEN = HOUSE.replace("channels:", 'channels:\n  - {key: broken, source: broken, secrets: ["${S}"]}')


def by_content(minute: str, number: int = 1) -> dict[str, str]:
    """A lead of a sender without ids; the sender's own time says nothing about a repeat."""
    return lead(number, id=None, created_at=f"2026-09-21T12:{minute}:00Z")


def test_one_submission_is_captured_once_in_a_batch_and_across_batches(start: Start) -> None:
    house = start()
    first = house.deliver("site", lead())
    house.deliver("site", lead())
    house.run()
    house.deliver("site", lead())
    house.deliver("blog", lead(mensagem="another channel counts for itself"))
    house.run()
    assert house.outcomes() == ["captured", "repeated", "repeated", "captured"]
    assert house.delivered() == ["captured", "repeated", "repeated", "captured"]
    original = house.rows("submissions", "id", delivery_id=first)[0].id
    assert [row.repeat_of for row in house.rows("submissions", outcome="repeated")] == [original, original]
    (opv,) = house.opvs()
    assert [card.channel for card in house.captures(opv.id)] == ["site", "blog"]
    assert [(row.lease, row.due_at, row.attempts) for row in house.rows("deliveries")] == [(None, None, 0)] * 4


def test_fifty_concurrent_deliveries_of_one_submission_are_one_capture(start: Start) -> None:
    house = start()
    for _ in range(5):
        house.deliver_all([("zap", {"originLeadId": "66eed", "name": "Maria Exemplo", "email": "m@example.com"})] * 10)
    house.run_in_threads(4)
    assert Counter(house.delivered()) == {"captured": 1, "repeated": 49}
    (opv,) = house.opvs()
    assert len(house.captures()) == 1
    assert house.kinds(opv.id) == ["opv.created", "opv.captured", "opv.assigned"]


def test_the_same_id_with_another_persons_data_is_kept_as_a_conflict(start: Start) -> None:
    house = start()
    house.deliver("site", lead(1))
    other = house.deliver("site", lead(2, id="envio-1"))
    house.run()
    house.deliver("site", lead(1, telefone="(11) 3333-4444"))
    house.run()
    assert house.outcomes() == ["captured", "parked conflict", "repeated"]
    house.replay(other)
    house.run()
    assert house.outcomes(other) == ["parked conflict"]
    assert len(house.captures()) == 1


def test_an_id_that_came_without_a_contact_may_come_again_with_one(start: Start) -> None:
    house = start()
    first = house.deliver("site", lead(telefone="11", email=None))
    house.deliver("site", lead(telefone="11", email=None))
    house.run()
    house.deliver("site", lead())
    house.run()
    house.replay(first)
    house.run()
    assert house.outcomes() == ["parked no_contact", "parked no_contact", "captured"]


def test_a_sender_without_ids_repeats_itself_within_ten_minutes(start: Start) -> None:
    house = start()
    house.clock.forward(minutes=9)
    house.deliver_all([("site", by_content("01")), ("blog", by_content("01"))])
    house.run()
    house.clock.forward(seconds=59)
    house.deliver("site", by_content("02"))
    house.clock.forward(minutes=5)  # the next bucket
    house.deliver("site", by_content("03"))
    house.run()
    assert house.outcomes() == ["captured", "captured", "repeated", "repeated"]
    house.clock.forward(minutes=5)
    house.deliver_all([("site", by_content("04"))] * 2)
    house.run()
    assert house.outcomes()[4:] == ["captured", "repeated"]
    house.clock.forward(hours=1)
    house.deliver("site", by_content("05"))
    house.clock.forward(minutes=9, seconds=59)
    house.deliver("site", by_content("06"))  # one batch, two buckets
    house.deliver("site", by_content("06", number=2))
    house.run()
    assert house.outcomes()[6:] == ["captured", "repeated", "captured"]
    assert len(house.opvs()) == 2


def test_what_a_retired_channel_brings_waits_for_the_channel(start: Start) -> None:
    house = start()
    deliveries = [house.deliver("site", lead()), house.deliver("site", lead())]
    house.apply(HOUSE.replace("{key: site,", "{key: new-site,"))
    house.run()
    assert house.outcomes() == ["parked channel_retired"] * 2
    house.apply(HOUSE)
    for delivery in deliveries:
        house.replay(delivery)
    with pytest.raises(Reject, match="still waits"):
        house.replay(deliveries[0])
    house.run()
    assert house.outcomes() == ["captured", "repeated"]
    assert house.delivered() == ["captured", "repeated"]


def test_a_replay_makes_nothing_twice(start: Start) -> None:
    house = start()
    delivery = house.deliver("site", [lead(1), lead(2), lead(3, telefone="1", email=None), "no object"])
    house.run()
    assert house.outcomes() == ["captured", "captured", "parked no_contact", "ignored not_an_object"]
    assert house.delivered() == ["parked"]
    before = [house.rows(table) for table in ("opportunities", "capture_origins", "history_entries", "assignments")]
    for _ in range(2):
        house.replay(delivery)
        house.run()
    assert sorted(house.outcomes()) == sorted(["captured", "captured", "parked no_contact", "ignored not_an_object"])
    after = [house.rows(table) for table in ("opportunities", "capture_origins", "history_entries", "assignments")]
    assert after == before


def test_a_platforms_test_and_nothing_at_all_make_no_opv(start: Start) -> None:
    house = start(WITH_BROKEN, extra=[Broken()])
    house.deliver("google", {"lead_id": "t", "is_test": True, "user_column_data": [
        {"column_id": "EMAIL", "string_value": "test@example.com"}]})  # fmt: skip
    house.deliver("broken", b"nothing")
    house.deliver("meta", {"object": "instagram"})
    house.run()
    assert house.outcomes() == ["test test_lead", "ignored nothing_in_it", "ignored not_a_page"]
    assert house.delivered() == ["test", "ignored", "ignored"]
    assert house.opvs() == []


def test_a_reader_that_fails_costs_its_own_delivery_alone(start: Start) -> None:
    house = start(WITH_BROKEN, extra=[Broken()])
    house.deliver("broken", b"secret of a person")
    house.deliver("site", lead())
    house.deliver("broken", b"lead")
    house.run()
    assert house.outcomes() == ["parked bug", "captured", "captured"]
    detail = house.rows("submissions", "detail", outcome="parked")[0].detail
    assert detail.startswith("the source's reader failed: KeyError at opv/test_ingest.py:")
    assert "person" not in detail


def test_a_channel_whose_source_is_gone_parks(start: Start) -> None:
    house = start(WITH_BROKEN, extra=[Broken()])
    house.deliver("broken", b"lead")
    later = start(WITH_BROKEN, extra=[Broken()])
    later._sources.pop("broken")
    later.steps = later.new_steps(later.woken.append)
    later.run()
    assert house.outcomes() == ["parked unknown_channel"]


TRIGGERS = {
    "sqlite": [
        """CREATE TRIGGER refuse BEFORE INSERT ON clients WHEN NEW.name LIKE '%Ninguém%'
        BEGIN SELECT RAISE(ABORT, 'refused'); END"""
    ],
    "postgresql": [
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.name LIKE '%Ninguém%' THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$""",
        "CREATE TRIGGER refuse BEFORE INSERT ON clients FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
}


def test_a_row_that_cannot_be_written_is_parked_alone(start: Start) -> None:
    house = start()
    house.execute(*TRIGGERS[house.database.dialect])
    house.deliver_all([("site", lead(n, nome="Maria Ninguém" if n == 13 else f"Pessoa {n}")) for n in range(20)])
    house.run()
    assert Counter(house.outcomes()) == {"captured": 19, "parked bug": 1}
    assert len(house.opvs()) == len({row.number for row in house.opvs()}) == 19
    (parked,) = house.rows("submissions", "delivery_id", "detail", outcome="parked")
    assert "Ninguém" not in parked.detail
    house.execute("DROP TRIGGER refuse" + (" ON clients" if house.database.dialect == "postgresql" else ""))
    house.replay(parked.delivery_id)
    house.run()
    assert Counter(house.delivered()) == {"captured": 20}
    assert Counter(house.outcomes()) == {"captured": 20}


def nested(levels: int) -> bytes:
    """A good lead with a value nested so deep."""
    return json.dumps(lead()).encode()[:-1] + b', "x": ' + b'{"a": ' * levels + b"1" + b"}" * (levels + 1)


USABLE: dict[str, tuple[bytes, bytes, str]] = {
    "NUL and lone surrogates": (
        json.dumps({**lead(nome="Ma\x00ria \ud800Exemplo", mensagem="\udfff\x00"), "\x00k\ud834": "v\x00"}).encode(),
        b"", "",
    ),
    "the same without an id": (json.dumps(lead(id=None, mensagem="olá \ud800")).encode(), b"", ""),
    "NUL in the id": (json.dumps(lead(id="a\x00b\ud800")).encode(), b"", ""),
    "an endless id": (json.dumps(lead(id="9" * 5000)).encode(), b"", ""),
    "bytes in headers": (json.dumps(lead(id=None)).encode(), b"idempotency-key: \x00\xff\xed\xa0\x80\r\n\x00\r\n:", ""),
    "bytes in the URL": (json.dumps(lead()).encode(), b"", "https://x/hooks/site?a=%00&b=%ED%A0%80&\x00=\xff"),
    "100 levels": (nested(100), b"", ""),
    "huge numbers": (
        json.dumps(lead()).encode()[:-1] + b', "n": ' + b"9" * 9000 + b', "preco": 1e999, "f": -1e400, "z": NaN}',
        b"", "",
    ),
    "Latin-1": (json.dumps(lead(nome="José Exemplo"), ensure_ascii=False).encode("latin-1"), b"", ""),
    "UTF-16": (
        json.dumps(lead(id=None, mensagem="olá")).encode("utf-16"), b"content-type: text/x; charset=latin-1\r\n", "",
    ),
    "a form called JSON": (b"nome=Jos%E9+Exemplo&email=jose%40example.com", b"content-type: application/json\r\n", ""),
    "a bad phone beside an e-mail": (json.dumps(lead(telefone="123")).encode(), b"", ""),
    "a bad e-mail beside a phone": (json.dumps(lead(email="@")).encode(), b"", ""),
    "no name": (json.dumps(lead(nome=None)).encode(), b"", ""),
    "values of other types": (json.dumps(lead(nome=[1, {}], mensagem={"a": [None]}, utm_source=7)).encode(), b"", ""),
}  # fmt: skip

UNUSABLE: dict[str, tuple[bytes, str]] = {
    "not JSON": (b'{"nome": ', "parked not_json"),
    "no body": (b"", "parked empty_body"),
    "text": (b"\xff\xfe\x00plain", "parked not_json_or_form"),
    "no contact": (json.dumps(lead(telefone="?", email=None)).encode(), "parked no_contact"),
    "too deep": (b"[" * 200_000, "parked too_deep"),
    "an empty list": (b"[]", "parked no_fields"),
}


def test_bad_input_costs_no_usable_lead_and_no_neighbour(start: Start) -> None:
    house = start()
    neighbour = house.deliver("blog", lead(900))
    usable = {
        name: house.deliver("site", body.replace(b"envio-1", name.encode()), headers=headers, url=url)
        for name, (body, headers, url) in USABLE.items()
    }
    unusable = {name: house.deliver("site", body) for name, (body, _) in UNUSABLE.items()}
    house.run()
    assert {name: house.outcomes(id_) for name, id_ in usable.items()} == {name: ["captured"] for name in usable}
    assert {name: house.outcomes(id_) for name, id_ in unusable.items()} == {
        name: [outcome] for name, (_, outcome) in UNUSABLE.items()
    }
    assert all(row.detail for row in house.rows("submissions", "detail", outcome="parked"))
    assert house.outcomes(neighbour) == ["captured"]

    def card(name: str) -> tuple[list[str], dict[str, object]]:
        (row,) = house.rows("capture_origins", delivery_id=usable[name])
        kept = details(row)
        return kept["flags"], kept["raw"]

    assert "control_characters_removed" in card("NUL and lone surrogates")[0]
    assert card("a bad phone beside an e-mail") == (["phone_invalid"], {"phone": "123"})
    assert card("a bad e-mail beside a phone")[1] == {"email": "@", "phone": "(11) 980000001"}


def test_one_delivery_of_many_leads_is_one_outcome_and_as_many_opvs(start: Start) -> None:
    house = start()
    delivery: UUID = house.deliver("site", [lead(n) for n in range(300)])
    house.run()
    assert Counter(house.outcomes(delivery)) == {"captured": 300}
    assert [row.position for row in house.rows("submissions", "position")] == list(range(300))
    assert len(house.opvs()) == 300
    assert house.undistributed() == {}


def test_the_same_content_meets_across_the_edge_of_a_bucket_in_any_order(start: Start) -> None:
    house = start()
    body = {"nome": "Maria Exemplo", "telefone": "11 98888-0001", "mensagem": "Quero visitar"}
    house.clock.forward(seconds=5)
    house.deliver("site", body)
    house.run()
    house.clock.forward(seconds=-10)
    house.deliver("site", body)
    house.run()
    assert sorted(house.delivered()) == ["captured", "repeated"]
    assert len(house.captures()) == 1
