"""Why an OPV is with whom it is: whatever decided, one sentence and the whole of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from db.bulk import insert_rows
from db.ids import new_id
from opv.access import Viewer
from opv.actions import transfer
from opv.conversion.parts import give
from opv.distribution.explain import every, for_viewer, why
from opv.masking import shown
from schemas.why import LeftOut, RuleTried, Why
from tests.opv.conversion import do, enter
from tests.opv.distribution.scene import configured, send
from tests.pipeline import TABLES, Pipeline, Start

AWAY = "absences: [{from: 2026-09-21, to: 2026-09-21, reason: sick}]"
OPS, ANA, PAULA = Viewer("olga", "ops"), Viewer("ana", "broker"), Viewer("paula", "manager")


def told(house: Pipeline, at: int = -1) -> Why:
    """Why the OPV is with whom it is."""
    with house.database.read() as tx:
        return why(tx, house.house(), house.opvs()[at].id)


def sentences(house: Pipeline, at: int = -1) -> list[str]:
    """Of all decisions, the newest first."""
    with house.database.read() as tx:
        first = why(tx, house.house(), house.opvs()[at].id)
    return [first.sentence, *(one.sentence for one in first.earlier)]


def out(found: list[LeftOut]) -> dict[str, tuple[str, str]]:
    return {one.broker: (one.reason, one.sentence) for one in found}


def test_rule_by_rule_gate_by_gate_the_queue_before_and_after(start: Start) -> None:
    rules = ("{key: rich, when: {price: {gte: 1000000}}, queue: sul}",
             "{key: santos, when: {city: Santos}, queue: sul}",
             "{key: any, queue: sul, fallback: [all]}")  # fmt: skip
    queues = "{key: sul, brokers: [ana], needs_creci: true}, {key: all, brokers: [bia, caio, ana]}"
    house = start(configured(*rules, queues=queues, bia=AWAY))
    send(house, 1, cidade="Rio de Janeiro")
    one = told(house)
    assert (one.decided, one.broker, one.manager, one.team) == ("broker", "caio", "paula", "sul")
    assert (one.rule, one.queue, one.part, one.config_version, one.at) == ("any", "all", "sales", 1, house.clock())
    assert one.sentence == (
        "Caio Corretor recebeu a OPV 1 pela regra any: era a sua vez na fila all, pois nenhuma antes dela tinha alguém."
    )
    assert one.rules == [
        RuleTried(rule="rich", matched=False, because="price is absent, not gte 1000000",
                  sentence="price não veio; a regra pede no mínimo 1000000"),
        RuleTried(rule="santos", matched=False, because="city is 'Rio de Janeiro', not 'Santos'",
                  sentence="city é 'Rio de Janeiro'; a regra pede 'Santos'"),
        RuleTried(rule="any", matched=True, sentence="vale para o lead"),
    ]  # fmt: skip
    assert (one.candidates, out(one.left_out)) == (["caio", "ana"], {"bia": ("absent", "em férias ou afastado")})
    (other,) = one.fell_back
    assert (other.queue, other.reason, other.candidates) == ("sul", "all_left_out", [])
    assert out(other.left_out) == {"ana": ("no_creci", "sem CRECI no cadastro")}
    assert (one.before, one.after) == (["bia", "caio", "ana"], ["ana", "caio"])
    assert one.turn is not None
    assert one.earlier == []


def test_brokers_see_the_line_and_not_why_a_colleague_is_away(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(configured("{key: own, owner: {}}", "{key: any, queue: sul}", bia=AWAY, ana="active: false",
                                       more="returning: {open: new}\n"))  # fmt: skip
    send(house, 1)
    house.set("opportunities", {"broker": "bia"})
    send(house, 1, id="again")
    one = told(house)
    assert [(r.broker, r.because, r.sentence) for r in one.rules[:1]] == [
        ("bia", "absent", "bia: em férias ou afastado")
    ]
    assert for_viewer(one, PAULA) == one
    seen = for_viewer(one, ANA)
    assert out(seen.left_out) == {
        "ana": ("inactive", "inativo no cadastro"), "bia": ("unavailable", "indisponível"),
    }  # fmt: skip
    assert (seen.rules[0].because, seen.rules[0].sentence) == ("unavailable", "bia: indisponível")
    assert (seen.sentence, seen.before, seen.broker) == (one.sentence, one.before, "caio")


def test_operations_see_no_lead_in_it(start_on_sqlite: Start) -> None:
    rules = ("{key: one, when: {city: Santos}, queue: sul}", "{key: two, when: {answers.Quem: x}, queue: sul}",
             "{key: own, owner: {}}", "{key: any, queue: sul}")  # fmt: skip
    house = start_on_sqlite(configured(*rules))
    send(house, 1, cidade="Zuleica Quintanilha", Quem="(11) 98888-7777")
    seen = shown(OPS, for_viewer(told(house), OPS))
    assert [rule.because for rule in seen.rules] == [
        "city is 'Xxxxxxx Xxxxxxxxxxx', not 'Santos'", "answers.Quem is '(99) 99999-9999', not 'x'",
        "nobody_served_before", None,
    ]  # fmt: skip
    assert seen.rules[0].sentence == "city é 'Xxxxxxx Xxxxxxxxxxx'; a regra pede 'Santos'"
    assert not [word for word in ("zuleica", "98888", "alice", "bruno") if word in seen.model_dump_json().lower()]


NAMED = ("{key: partner, when: {utm.source: parceiro}, exempt: {to: marta}}", "{key: any, queue: sul}")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"corretor": "bia"},
         "Bia Corretora recebeu a OPV 1 pela regra directed: foi quem o remetente do lead indicou."),
        ({"codigo_imovel": "AP-0101"},
         "Caio Corretor recebeu a OPV 1 pela regra listing-broker: captou o imóvel do anúncio."),
        ({"utm_source": "parceiro"}, "Marta Gerente recebeu a OPV 1 pela regra partner: recebe estes leads sem fila."),
        ({}, "Ana Corretora recebeu a OPV 1 pela regra any: saiu no sorteio na fila sul."),
    ],
)  # fmt: skip
def test_whom_a_rule_names_and_why(start_on_sqlite: Start, fields: dict[str, Any], said: str) -> None:
    text = configured(*NAMED, queues="{key: sul, brokers: [ana], strategy: draw}")
    house = start_on_sqlite(
        text.replace('listings: ["AP-0101"]', 'listings: ["AP-0101"], listing_brokers: {AP-0101: caio}')
    )
    send(house, 1, **fields)
    assert sentences(house) == [said]
    assert told(house).decided == ("manager" if "utm_source" in fields else "broker")


def test_the_clients_broker(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(configured(more="returning: {open: new}\n"))
    send(house, 1)
    send(house, 1, id="again")
    assert sentences(house) == ["Ana Corretora recebeu a OPV 2 pela regra returning: já atendia o cliente."]


def test_what_people_decided(start: Start) -> None:
    house = start(configured(people="  - {key: pia, name: Pia Pré, role: presales}\n"))
    send(house, 1)
    opv = house.opvs()[0].id
    do(house, "rui", opv, lambda at: transfer(at, "x", broker="bia"))
    house.clock.forward(minutes=1)
    do(house, "paula", opv, lambda at: give(at, "second", "x", broker="caio"))
    house.clock.forward(minutes=1)
    do(house, "paula", opv, lambda at: give(at, "second", "x"))
    assert sentences(house) == [
        "Rui Diretor passou a OPV 1 de Ana Corretora para Bia Corretora.",
        "Paula Gerente tirou a OPV 1 de Caio Corretor como segundo corretor.",
        "Paula Gerente passou a OPV 1 para Caio Corretor como segundo corretor.",
        "Ana Corretora recebeu a OPV 1 pela regra any: era a sua vez na fila sul.",
    ]
    one = told(house)
    assert (one.rule, one.queue, one.rules, one.candidates, one.turn) == ("transfer", None, [], [], None)
    assert [(e.part, e.decided, e.broker) for e in one.earlier] == [
        ("second", "nobody", None), ("second", "broker", "caio"), ("sales", "broker", "ana"),
    ]  # fmt: skip
    with house.database.read() as tx:
        all_ = every(tx, house.house(), UUID(str(opv)))
    assert [w.sentence for w in all_] == sentences(house)
    assert all_[-1].candidates == ["ana", "bia", "caio"], "the earlier ones in full too"
    enter(house, "caio", phones=[], emails=["outra@example.com"])
    assert sentences(house) == ["Caio Corretor cadastrou a OPV 2 à mão e a atende."]


def test_who_let_it_wait_and_who_got_it_then(start: Start) -> None:
    terms = "accept: {within: 5 minutes, otherwise: manager, rescue: true}"
    house = start(configured(queues=f"{{key: sul, brokers: [ana], {terms}}}"))
    send(house, 1)
    house.clock.forward(minutes=5)
    house.run("distribution")
    assert sentences(house) == [
        "Paula Gerente ficou com a OPV 1: não foi aceita a tempo.",
        "Ana Corretora ainda acompanha a OPV 1, que deixou passar.",
        "Ana Corretora recebeu a OPV 1 pela regra any: era a sua vez na fila sul.",
    ]
    assert (told(house).decided, told(house).rule) == ("manager", "return")


@pytest.mark.parametrize(
    ("queue", "decided", "said"),
    [
        ("strategy: first_to_claim", "offered", "A OPV 1 está em oferta a quem está na fila sul, pela regra any."),
        ("strategy: manual", "pool", "A OPV 1 está no bolsão da fila sul, pela regra any, até que alguém a assuma."),
        ("needs_creci: true", "nobody",
         "A OPV 1 está sem corretor na fila sul, pela regra any: ninguém da fila pode receber agora."),
    ],
)  # fmt: skip
def test_nobody_has_it_yet(start_on_sqlite: Start, queue: str, decided: str, said: str) -> None:
    house = start_on_sqlite(configured(queues=f"{{key: sul, teams: [sul], {queue}}}", ana=AWAY))
    send(house, 1)
    one = told(house)
    assert (one.sentence, one.decided, one.broker) == (said, decided, None)
    assert out(one.left_out)["ana"][0] == ("no_creci" if decided == "nobody" else "absent")
    if decided == "offered":
        house.clock.forward(minutes=10)
        house.run("distribution")
        assert sentences(house)[0] == "A OPV 1 voltou para o bolsão da fila sul: ninguém a assumiu a tempo."


def test_who_claimed_it(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(configured("{key: any, queue: dev}", queues="{key: dev, strategy: manual}"))
    send(house, 1)
    opv = house.opvs()[0].id
    with house.database.write() as tx:
        row = {"id": new_id(), "opportunity_id": opv, "at": house.clock() + timedelta(seconds=1), "config_version": 1,
               "rule": "any", "queue": "dev@jardim", "broker": "bia", "reason": None, "part": "sales",
               "snapshot": None, "explanation": json.dumps({"claimed": True})}  # fmt: skip
        insert_rows(tx, TABLES["decisions"], [row])
    assert sentences(house)[0] == "Bia Corretora assumiu a OPV 1 na fila dev (jardim), em que estava à disposição."


def test_no_rule_and_nothing_decided_yet(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(configured("{key: some, when: {city: Santos}, queue: sul}"))
    house.deliver("site", {"nome": "Ana Exemplo", "telefone": "11988887777"})
    house.round("ingest")
    assert sentences(house) == ["A OPV 1 está na lista de distribuição: a distribuição ainda não foi tentada."]
    assert (told(house).at, told(house).decided) == (None, "nobody")
    house.run()
    assert sentences(house) == ["A OPV 1 está sem corretor: nenhuma regra vale para o lead."]
    house.execute("DELETE FROM decisions", "DELETE FROM distribution_work")
    assert sentences(house) == ["A OPV 1 não passou pela distribuição e não está na lista dela."]
    house.set("opportunities", {"status": "lost"})
    assert sentences(house) == ["A OPV 1 foi encerrada antes de ser distribuída."]
