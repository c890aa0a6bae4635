"""What a lead becomes: which OPV, which card, and what of it did not resolve."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from db.queries.operations import unmapped
from schemas.operations import UnmappedFilters
from tests.pipeline import HOUSE, Pipeline, Start, details, lead


def configured(returning: str, house: str = HOUSE) -> str:
    return house + f"returning: {{{returning}}}\n"


def again(house: Pipeline, number: int, **fields: str) -> None:
    """One more lead of the same person, under another id."""
    house.deliver("site", lead(1, id=f"again-{number}", **fields))
    house.run()


def close(house: Pipeline, status: str = "lost") -> None:
    house.set("opportunities", {"status": status})


def cards(house: Pipeline) -> list[int]:
    return [len(house.captures(opv.id)) for opv in house.opvs()]


def test_a_known_person_gets_a_card_on_the_open_opv(start: Start) -> None:
    house = start()
    again(house, 1)
    again(house, 2, empreendimento="Mirante do Parque")
    (opv,) = house.opvs()
    assert cards(house) == [2]
    assert house.kinds(opv.id) == ["opv.created", "opv.captured", "opv.assigned", "opv.captured"]
    assert [card.is_returning for card in house.captures()] == [False, True]
    assert (opv.number, opv.stage, opv.development, opv.broker) == (1, "new", None, "ana")


@pytest.mark.parametrize(
    ("returning", "closed", "expected"),
    [
        ("open: card, closed: new", False, [2]),
        ("open: new, closed: new", False, [1, 1]),
        ("open: card, closed: new", True, [1, 1]),
        ("open: card, closed: reopen", True, [2]),
        ("open: new, closed: reopen", True, [2]),
    ],
)
def test_a_returning_person_as_the_house_wants(
    start_on_sqlite: Start, returning: str, closed: bool, expected: list[int]
) -> None:
    house = start_on_sqlite(configured(returning))
    again(house, 1)
    if closed:
        close(house)
    again(house, 2)
    assert cards(house) == expected
    newest = house.opvs()[-1]
    assert (newest.status, newest.broker) == ("open", "ana")
    assert [card.is_returning for card in house.captures()] == [False, True]
    assert house.rows("distribution_work") == []


def test_a_reopened_opv_begins_anew_in_the_first_stage(start: Start) -> None:
    house = start(configured("closed: reopen"))
    again(house, 1)
    house.set("opportunities", {"status": "won", "stage": "visit"})
    again(house, 2)
    (opv,) = house.opvs()
    assert house.kinds(opv.id)[3:] == ["opv.reopened", "stage.changed", "opv.captured"]
    assert (opv.status, opv.stage, opv.stage_seq) == ("open", "new", 5)
    assert house.history(opv.id)[4][1] == {"from": "visit", "to": "new"}


def test_with_scope_development_each_development_has_its_opv(start: Start) -> None:
    house = start(configured("scope: development, closed: reopen"))
    again(house, 1, empreendimento="jardim")
    again(house, 2, empreendimento="mirante")
    again(house, 3, empreendimento="Residencial Jardim")
    again(house, 4)
    close(house)
    again(house, 5, empreendimento="mirante")
    assert [(opv.development, opv.status) for opv in house.opvs()] == [
        ("jardim", "lost"), ("mirante", "open"), (None, "lost"),
    ]  # fmt: skip
    assert cards(house) == [2, 2, 1]


@pytest.mark.parametrize(("days", "broker"), [(179, "ana"), (181, "bia")])
def test_the_broker_of_before_keeps_the_client_for_a_while(start_on_sqlite: Start, days: int, broker: str) -> None:
    house = start_on_sqlite(configured("closed: new, keep_broker_days: 180"))
    again(house, 1)
    close(house)
    house.clock.forward(days=days)
    again(house, 2)
    assert [opv.broker for opv in house.opvs()] == ["ana", broker]
    decision = house.decisions()[-1]
    assert decision.rule == ("returning" if broker == "ana" else "any")
    assert [row.served for row in house.rows("queue_members", "served", broker="ana")] == [1]


def test_an_opv_whose_broker_left_is_distributed_anew_with_the_next_card(start: Start) -> None:
    house = start()
    again(house, 1)
    house.apply(HOUSE.replace("name: Ana Corretora, role: broker", "name: Ana Corretora, role: broker, active: false"))
    again(house, 2)
    (opv,) = house.opvs()
    assert (opv.broker, opv.manager, opv.team) == ("bia", "paula", "sul")
    assert house.kinds(opv.id)[2:] == ["opv.assigned", "opv.captured", "opv.assigned"]
    assert house.history(opv.id)[-1][1]["previous"] == "ana"
    close(house)
    house.apply(HOUSE.replace("name: Bia Corretora, role: broker", "name: Bia Corretora, role: broker, active: false"))
    again(house, 3)
    assert house.opvs()[-1].broker == "ana"


def test_listing_codes_names_and_aliases_lead_to_a_development(start: Start) -> None:
    house = start()
    sent = [
        {"imovel_codigo": "ap-0101"},
        {"empreendimento": "RES. JARDIM"},
        {"empreendimento": "residencial   JARDIM"},
        {"empreendimento": "jardim"},
        {"imovel_codigo": "AP-0201", "empreendimento": "Residencial Jardim"},
        {"imovel_codigo": "AP-9999", "empreendimento": "Residencial Jardim"},
        {"imovel_codigo": "AP-9999"},
        {"empreendimento": "Torre Que Não Há"},
    ]
    house.deliver_all([("site", lead(n, **fields)) for n, fields in enumerate(sent)])
    house.deliver("blog", lead(50, empreendimento="Torre Que Não Há"))
    house.run()
    got = [opv.development for opv in house.opvs()]
    assert got == ["jardim"] * 4 + ["mirante", "jardim", None, None, None]
    kept = [details(house.captures(opv.id)[0]) for opv in house.opvs()]
    assert [one["raw"].get("development") for one in kept] == [
        None, "RES. JARDIM", "residencial   JARDIM", None, "Residencial Jardim", "Residencial Jardim", None,
        "Torre Que Não Há", "Torre Que Não Há",
    ]  # fmt: skip
    assert [[flag for flag in one["flags"] if "development" in flag or "listing" in flag] for one in kept] == [
        [], [], [], [], ["development_differs_from_listing"], ["listing_unmapped"], ["listing_unmapped"],
        ["development_unmapped"], ["development_unmapped"],
    ]  # fmt: skip
    assert house.unmapped() == {
        ("listing", "AP-9999", "site"): 2,
        ("development", "Torre Que Não Há", "site"): 1,
        ("development", "Torre Que Não Há", "blog"): 1,
    }
    house.deliver("site", lead(60, imovel_codigo="AP-9999"))
    house.clock.forward(minutes=1)
    house.run()
    (row,) = house.rows("unmapped", field="listing")
    assert (row._mapping["count"], row.last_at - row.first_at) == (3, timedelta(minutes=1))
    assert row.last_capture_id == house.rows("capture_origins", external_id="envio-60")[0].id


def test_campaigns_media_and_origins_get_the_key_of_the_registry(start: Start) -> None:
    """What the house knows by another name gets its key; the rest stays as sent, and is listed until it is known."""
    registries = """
campaigns: [{key: launch, name: Lançamento Jardim, aliases: ["lanc. jardim | set"]}]
media: [{key: paid, name: Mídia paga}]
"""
    house = start(HOUSE + registries)
    house.deliver("site", lead(1, campanha="LANÇ. JARDIM | SET", midia="midia paga", origem="Instagram"))
    house.deliver("site", lead(2, campanha="Outra", midia="paid"))
    house.run()
    one, two = house.captures()
    assert (one.campaign, one.medium, one.origin) == ("launch", "paid", "Instagram")
    assert (two.campaign, two.medium, two.origin) == ("Outra", "paid", None)
    assert details(one)["raw"] | {"campaign": "LANÇ. JARDIM | SET", "medium": "midia paga"} == details(one)["raw"]
    assert [[flag for flag in details(card)["flags"] if "unmapped" in flag] for card in (one, two)] == [
        [], ["campaign_unmapped"],
    ]  # fmt: skip
    with house.database.read() as tx:
        found = unmapped(tx, UnmappedFilters(), house.house().catalog.knows).items
        assert {(item.field, item.value, item.count) for item in found} == {
            ("origin", "Instagram", 1), ("campaign", "Outra", 1),
        }  # fmt: skip
        first = unmapped(tx, UnmappedFilters(limit=1))
        assert first.next is not None
        rest = unmapped(tx, UnmappedFilters(cursor=first.next)).items
        assert len(rest) == 4 - len(first.items)
        assert first.items[0] not in rest


def test_a_portals_lead_without_a_listing_is_captured_and_listed(start: Start) -> None:
    house = start()
    house.deliver("zap", {"originLeadId": "1", "name": "Maria Exemplo", "email": "m@example.com"})
    house.run()
    assert house.outcomes() == ["captured"]
    assert house.unmapped() == {("listing", "", "zap"): 1}
    assert "listing_missing" in details(house.captures()[0])["flags"]


def test_the_card_says_where_the_lead_comes_from(start: Start) -> None:
    channels = 'channels:\n  - {key: land, source: form, secrets: ["${S}"], defaults: {medium: landing, campaign: c0}}'
    house = start(HOUSE.replace("channels:", channels))
    delivery = house.deliver(
        "land",
        lead(
            1, campanha="Lançamento", utm_source="google", gclid="G-1", mensagem="Quero visitar", cidade="Santos",
            uf="São Paulo", preco="R$ 500.000,00", created_at="2026-09-21T08:59:00-03:00", lgpd="sim",
            **{"Quantos quartos?": 2},
        ),
    )  # fmt: skip
    house.run()
    (card,) = house.captures()
    assert (card.source, card.channel, card.delivery_id, card.external_id) == ("form", "land", delivery, "envio-1")
    assert (card.campaign, card.medium, card.city, card.state) == ("Lançamento", "landing", "Santos", "SP")
    assert (card.price_cents, card.received_at) == (50_000_000, house.clock())
    assert card.submitted_at == house.clock() - timedelta(minutes=1)
    kept = details(card)
    assert (kept["utm"], kept["click_ids"]) == ({"source": "google"}, {"gclid": "G-1"})
    assert kept["answers"] == {"Quantos quartos?": 2}
    assert kept["message"] == "Quero visitar"
    assert kept["raw"]["price"] == "R$ 500.000,00"
    assert [item["granted"] for item in kept["consent"]] == [True]
    (opv,) = house.opvs()
    kind, data = house.history(opv.id)[1]
    assert (kind, data["capture"], data["delivery"]) == ("opv.captured", str(card.id), str(delivery))
    assert "visitar" not in json.dumps([entry[1] for entry in house.history(opv.id)])
    (content,) = house.rows("history_contents", opportunity_id=opv.id)
    assert json.loads(content.content) == {"message": "Quero visitar", "answers": {"Quantos quartos?": 2}}
