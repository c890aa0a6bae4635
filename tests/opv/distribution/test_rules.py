"""Rules end to end: which of them decides, in which order, and whom the ones that name a person name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from opv.actions import contact, move_stage, withdraw
from tests.opv.conversion import do
from tests.opv.distribution.scene import ROUND, by, configured, left_out, send, served, tried, waits
from tests.pipeline import NOW, Pipeline, Start

NEW_OPV = "returning: {open: new}\nwithdrawal_reasons: [{key: price, name: Preço}]\n"


def lose(house: Pipeline, at: int = -1) -> None:
    do(house, "rui", house.opvs()[at].id, lambda acting: withdraw(acting, "price"))


# Ownership


def test_the_broker_of_an_open_opv_keeps_the_client_however_long(start: Start) -> None:
    house = start(configured(more=NEW_OPV))
    send(house, 1, 2)
    house.clock.forward(days=400)
    send(house, 1, id="again")
    assert (served(house), by(house)) == (["ana", "bia", "ana"], ("returning", "ana"))


@pytest.mark.parametrize(("days", "broker"), [(29, "ana"), (31, "bia")])
def test_an_earlier_broker_keeps_the_client_for_so_long(start_on_sqlite: Start, days: int, broker: str) -> None:
    house = start_on_sqlite(configured("{key: own, owner: {for: 30 days}}", "{key: any, queue: sul}", more=NEW_OPV))
    send(house, 1)
    lose(house)
    house.clock.forward(days=days)
    send(house, 1, id="again")
    assert by(house) == ("own" if broker == "ana" else "any", broker)
    assert tried(house) == ({} if broker == "ana" else {"own": "served_too_long_ago"})


@pytest.mark.parametrize(
    ("ana", "reason"),
    [
        ("active: false", "inactive"),
        ("absences: [{from: 2026-09-21, to: 2026-09-30, reason: vacation}]", "absent"),
    ],
)
def test_who_has_left_or_is_away_keeps_no_client(start_on_sqlite: Start, ana: str, reason: str) -> None:
    house = start_on_sqlite(configured(more=NEW_OPV))
    send(house, 1)
    house.apply(configured(more=NEW_OPV, ana=ana))
    send(house, 1, id="again")
    assert (by(house), tried(house)) == (("any", "bia"), {"returning": reason})


def test_shifts_and_caps_do_not_take_a_client_from_its_broker(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(configured(more=NEW_OPV))
    send(house, 1)
    house.apply(configured(more=NEW_OPV, ana="caps: {open: 1}, shifts: [sat 09:00-12:00]"))
    send(house, 1, id="again")
    assert by(house) == ("returning", "ana")


def test_an_owner_rule_stands_where_it_is_written(start_on_sqlite: Start) -> None:
    rules = ("{key: rich, when: {price: {gte: 1000000}}, queue: {brokers: [caio]}}", "{key: own, owner: {}}",
             "{key: any, queue: sul}")  # fmt: skip
    house = start_on_sqlite(configured(*rules, more=NEW_OPV))
    send(house, 1)
    house.clock.forward(minutes=1)
    send(house, 1, id="rich", preco="1.500.000,00")
    assert by(house) == ("rich", "caio")
    send(house, 1, id="plain")
    assert by(house) == ("own", "caio"), "who was given the client's newest open OPV"


# Named by the sender, by the listing


@pytest.mark.parametrize("named", ["bia", "Bia Corretora", "bia@casa.example", "(11) 98888-0001", "CRECI-9 F"])
def test_the_broker_whom_the_sender_names_is_given_the_lead(start_on_sqlite: Start, named: str) -> None:
    known = "email: bia@casa.example, phone: '+5511988880001', creci: CRECI-9 F"
    house = start_on_sqlite(configured(bia=known))
    send(house, 1, corretor=named)
    assert by(house) == ("directed", "bia")
    assert house.opvs()[0].manager == "paula"


def test_whom_the_house_does_not_know_is_flagged_and_the_rules_go_on(start: Start) -> None:
    house = start(configured())
    send(house, 1, corretor="Zeca de Outra Casa")
    assert (by(house), tried(house)) == (("any", "ana"), {"directed": "named_broker_unknown"})
    (card,) = house.captures()
    assert '"broker_unmapped"' in card.details
    assert '"broker":"Zeca de Outra Casa"' in card.details


def test_the_clients_broker_goes_before_the_one_named(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(configured(more=NEW_OPV))
    send(house, 1, corretor="bia")
    send(house, 1, id="again", corretor="caio")
    assert by(house) == ("returning", "bia")
    send(house, 2, corretor="caio")
    assert by(house) == ("directed", "caio")


LISTED = 'listings: ["AP-0101"], listing_brokers: {AP-0101: bia}, teams: [sul]'


def listing(*rules: str) -> str:
    return configured(*rules).replace('listings: ["AP-0101"], teams: [sul]', LISTED)


def test_who_captured_the_listing_is_given_its_leads(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(listing())
    send(house, 1, codigo_imovel="AP-0101")
    assert by(house) == ("listing-broker", "bia")
    send(house, 2, codigo_imovel="AP-0201")
    assert by(house) == ("any", "ana")


def test_a_listing_broker_who_lets_it_wait_loses_it_to_the_following_rules(start: Start) -> None:
    captured = "{key: captured, listing_broker: {}, accept: {within: 15 minutes}}"
    house = start(listing(captured, "{key: any, queue: sul}"))
    send(house, 1, codigo_imovel="AP-0101")
    row = waits(house)
    assert (by(house), row.state, row.due_at) == (("captured", "bia"), "accepting", NOW + timedelta(minutes=15))
    house.clock.forward(minutes=15)
    house.run("distribution")
    assert (by(house), tried(house)["captured"]) == (("any", "ana"), "present_broker")
    assert house.rows("distribution_work") == [], "the queue asks for no acceptance"
    assert "opv.returned" in house.kinds(house.opvs()[0].id)


# Exempt, groups, criteria


@pytest.mark.parametrize(("to", "broker", "manager"), [("caio", "caio", "paula"), ("marta", None, "marta")])
def test_exempt_leads_skip_the_queue_and_its_terms(
    start_on_sqlite: Start, to: str, broker: str | None, manager: str
) -> None:
    rules = (f"{{key: partner, when: {{utm.source: parceiro}}, exempt: {{to: {to}}}}}", "{key: any, queue: sul}")
    away = "absences: [{from: 2026-09-21, to: 2026-09-30}]"
    house = start_on_sqlite(
        configured(*rules, queues="{key: sul, teams: [sul], accept: {within: 5 minutes}}", caio=away)
    )
    send(house, 1, utm_source="parceiro")
    (opv,) = house.opvs()
    assert (opv.broker, opv.manager, by(house)[0]) == (broker, manager, "partner")
    house.clock.forward(days=2)
    house.run()
    assert (house.rows("distribution_work"), len(house.decisions())) == ([], 1)


def test_a_rule_falls_back_when_its_own_queue_has_nobody(start_on_sqlite: Start) -> None:
    queues = "{key: early, brokers: [ana]}, {key: late, brokers: [bia]}, {key: sul, teams: [sul]}"
    away = "absences: [{from: 2026-09-21, to: 2026-09-21}]"
    house = start_on_sqlite(
        configured("{key: any, queue: early, fallback: [late, sul]}", queues=queues, ana=away, bia=away)
    )
    send(house, 1)
    assert (by(house), house.decisions()[-1].queue) == (("any", "caio"), "sul")


def test_a_rule_waits_for_its_fallback_too(start_on_sqlite: Start) -> None:
    queues = "{key: nobody, teams: [norte]}, {key: late, brokers: [bia]}"
    teams = configured(
        "{key: any, queue: nobody, fallback: [late]}", queues=queues, bia="shifts: [mon-fri 09:10-18:00]"
    )
    house = start_on_sqlite(teams.replace("teams: [{key: sul", "teams: [{key: norte, name: Norte}, {key: sul"))
    send(house, 1)
    row = waits(house)
    assert (row.reason, row.queue, row.due_at) == ("no_broker", "nobody", NOW + timedelta(minutes=10))
    house.clock.forward(minutes=10)
    house.run()
    assert by(house) == ("any", "bia")


def test_skills_of_a_rule_count_besides_the_queues(start_on_sqlite: Start) -> None:
    rules = ("{key: german, when: {answers.Idioma: alemão}, queue: sul, skills: {any: [german]}}",
             "{key: any, queue: sul}")  # fmt: skip
    house = start_on_sqlite(configured(*rules, caio="tags: [german]"))
    send(house, 1, 2, Idioma="alemão")
    assert served(house) == ["caio", "caio"]
    send(house, 3)
    assert by(house) == ("any", "ana")


@pytest.mark.parametrize(
    ("when", "fields"),
    [
        ("{development: jardim}", {"empreendimento": "Rês. Jardim"}),
        ("{price: {gte: 500000, lt: 900000}}", {"preco": "R$ 650.000,00"}),
        ("{city: Santos, state: SP}", {"cidade": "santos", "uf": "São Paulo"}),
        ("{client.kind: legal}", {"cnpj": "11.222.333/0001-81"}),
        ("{source: form, any: [{campaign: verão}, {utm.medium: cpc}]}", {"utm_medium": "cpc"}),
    ],
)
def test_criteria_lead_to_a_queue_and_the_catch_all_takes_the_rest(
    start_on_sqlite: Start, when: str, fields: dict[str, str]
) -> None:
    house = start_on_sqlite(
        configured(f"{{key: some, when: {when}, queue: {{brokers: [caio]}}}}", "{key: any, queue: sul}")
    )
    send(house, 1)
    assert by(house) == ("any", "ana")
    send(house, 2, **fields)
    assert by(house) == ("some", "caio")


# Two tiers

EARLY = configured(
    "{key: sdr, part: presales, queue: sdr}", "{key: any, queue: sul}",
    queues=f"{{key: sdr, teams: [sul]}}, {ROUND}", more=NEW_OPV,
    people="".join(f"  - {{key: {key}, name: {key}, role: presales}}\n" for key in ("pia", "pedro")),
).replace("caio]", "caio, pia, pedro]").replace("name: Novo}", "name: Novo, kind: presales}")  # fmt: skip


def qualify(house: Pipeline, at: int = -1) -> None:
    do(house, "rui", house.opvs()[at].id, lambda acting: move_stage(acting, "contacted"))
    house.run()


def test_pre_sales_first_then_sales_each_with_turns_of_its_own(start: Start) -> None:
    house = start(EARLY)
    send(house, 1, 2, 3)
    assert [(o.presales_broker, o.broker) for o in house.opvs()] == [("pia", None), ("pedro", None), ("pia", None)]
    assert house.rows("distribution_work") == []
    qualify(house, 1)
    qualify(house, 0)
    assert [(o.presales_broker, o.broker) for o in house.opvs()] == [("pia", "bia"), ("pedro", "ana"), ("pia", None)]
    assert {d.part for d in house.decisions()} == {"presales", "sales"}
    do(house, "rui", house.opvs()[0].id, lambda acting: contact(acting, "call"))
    qualify(house, 2)
    assert served(house) == ["bia", "ana", "caio"]


def test_the_broker_of_a_client_keeps_it_after_pre_sales_too(start: Start) -> None:
    house = start(EARLY)
    send(house, 1, 2)
    qualify(house, 0)
    send(house, 1, id="again")
    assert (house.opvs()[2].presales_broker, served(house)) == ("pia", ["ana", None, None])
    qualify(house, 2)
    assert by(house) == ("returning", "ana")


def test_nobody_in_pre_sales_is_told_and_a_move_to_sales_ends_the_wait(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(EARLY.replace("role: presales", "role: presales, active: false"))
    send(house, 1)
    assert (waits(house).reason, waits(house).part, left_out(house)) == (
        "all_left_out", "presales", {"pia": "inactive", "pedro": "inactive"},
    )  # fmt: skip
    qualify(house)
    assert (by(house), house.rows("distribution_work")) == (("any", "ana"), [])
