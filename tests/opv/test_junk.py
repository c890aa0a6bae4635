"""Junk: ignored with the reason, and taken all the same when a person says so."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from opv.replay import accept
from schemas.errors import Reject
from schemas.source import HttpAnswer
from tests.opv.test_fetch import Graph, graph_lead, notify
from tests.pipeline import HOUSE, NOW, Pipeline, Start, lead

RULES = (
    HOUSE
    + """
junk:
  deny:
    phones: ["11 98000-0001"]
    emails: [Spam@Example.COM]
    documents: ["529.982.247-25"]
    patterns: [investimento garantido, "re:r\\\\$ ?\\\\d+ por dia"]
  form: {honeypot: [apelido_secreto], min_seconds: 3, rendered_at: _t}
"""
)
CROWD = HOUSE + 'junk: {form: {per_address: {count: 3, per: "1 hour"}}}\n'
BROWSER = (
    b"content-type: application/json\r\nuser-agent: Mozilla/5.0 (X11)\r\nx-forwarded-for: 203.0.113.7, 10.0.0.1\r\n"
)


def accepted(house: Pipeline, delivery: UUID) -> None:
    with house.database.write() as tx:
        accept(tx, delivery, house.clock(), "rui")
    house.run()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"telefone": "(11) 98000-0001"}, "junk_phone"),
        ({"telefone": "11 98888-7777 / 11 98000-0001"}, "junk_phone"),
        ({"email": "spam@example.com"}, "junk_email"),
        ({"cpf": "52998224725"}, "junk_document"),
        ({"mensagem": "Um INVESTIMENTO  Garantído!"}, "junk_pattern"),
        ({"mensagem": "ganhe R$500 por dia"}, "junk_pattern"),
        ({"apelido_secreto": "x"}, "junk_honeypot"),
        ({"_t": int(NOW.timestamp()) - 1}, "junk_too_fast"),
        ({"_t": str(int(NOW.timestamp() * 1000) - 2900)}, "junk_too_fast"),
        ({"nome": "Veja https://spam.example.com"}, "junk_link_in_name"),
        ({"nome": "t.me/ganhe"}, "junk_link_in_name"),
        ({"telefone": "(11) 98000-0001", "email": None}, "junk_phone"),
    ],
)
def test_junk_is_ignored_with_the_reason(start_on_sqlite: Start, fields: dict[str, Any], reason: str) -> None:
    house = start_on_sqlite(RULES)
    house.deliver("site", lead(7, **fields))
    house.run()
    assert house.outcomes() == [f"ignored {reason}"]
    assert house.opvs() == []
    (row,) = house.rows("submissions")
    assert row.detail
    assert row.key is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"apelido_secreto": ""},
        {"_t": int(NOW.timestamp()) - 3},
        {"_t": int(NOW.timestamp()) + 60},
        {"_t": "ontem"},
        {"nome": "Maria S.A. Ltda/SP"},
        {"nome": "maria@example.com"},
        {"mensagem": "Vi em https://www.example.com/imovel"},
    ],
)
def test_what_is_no_junk_is_captured(start_on_sqlite: Start, fields: dict[str, Any]) -> None:
    house = start_on_sqlite(RULES)
    house.deliver("site", lead(7, **fields))
    house.run()
    assert house.outcomes() == ["captured"]


def test_rules_about_forms_leave_platforms_alone_and_nothing_is_denied_by_itself(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(RULES)
    house.deliver("zap", {"originLeadId": "1", "name": "Ana Exemplo", "email": "a@example.com", "apelido_secreto": "x"})
    house.run()
    assert house.outcomes() == ["captured"]
    house = start_on_sqlite(HOUSE)
    house.deliver("site", lead(1, apelido_secreto="x"))
    house.deliver("site", lead(2, nome="www.spam.example.com"))
    house.run()
    assert house.outcomes()[1:] == ["captured", "ignored junk_link_in_name"]


def test_junk_is_reversible_in_one_step(start: Start) -> None:
    house = start(RULES)
    denied = house.deliver("site", lead(1))
    again = house.deliver("site", lead(1))
    good = house.deliver("site", lead(2))
    house.run()
    assert house.outcomes() == ["ignored junk_phone", "repeated", "captured"]
    for delivery, said in ((again, f"accept delivery {denied}"), (good, "taken for junk")):
        with pytest.raises(Reject, match=said) as refused, house.database.write() as tx:
            accept(tx, delivery, house.clock(), "rui")
        assert (refused.value.reason, refused.value.status) == ("no_junk", 409)
    house.replay(denied)
    house.run()
    assert house.outcomes(denied) == ["ignored junk_phone"]
    accepted(house, denied)
    assert house.outcomes(denied) == ["captured"]
    assert len(house.opvs()) == 2
    house.replay(denied)
    house.run()
    assert house.outcomes(denied) == ["captured"]
    assert len(house.captures()) == 2
    house.deliver("site", lead(1))
    house.run()
    assert house.outcomes()[-1] == "repeated"
    with pytest.raises(Reject, match="no such delivery"), house.database.write() as tx:
        accept(tx, UUID(int=7), house.clock(), "rui")


def test_a_lead_that_was_fetched_is_judged_and_accepted_too(start: Start) -> None:
    answer = graph_lead("5", "Veja www.spam.example.com")
    assert isinstance(answer, HttpAnswer)
    house = start(RULES, http=Graph(l5=[answer]))
    delivery = notify(house, 5, 6)
    house.run()
    assert house.outcomes() == ["ignored junk_link_in_name", "captured"]
    accepted(house, delivery)
    assert sorted(house.outcomes()) == ["captured", "captured"]
    assert len(house.captures()) == 2


def test_an_address_may_send_so_many_leads(start: Start) -> None:
    house = start(CROWD)
    for number in (1, 1, 1, 1, 2, 3, 4):
        house.deliver("site", lead(number), headers=BROWSER)
    house.deliver_all([("site", lead(9)), ("site", lead(10)), ("zap", {"originLeadId": "1", "email": "a@example.com"})])
    house.run()
    assert house.outcomes() == ["captured", "repeated", "repeated", "repeated", "captured", "captured",
                                "ignored junk_too_many", "captured", "captured", "captured"]  # fmt: skip
    house.clock.forward(minutes=50)
    last = house.deliver("site", lead(5), headers=BROWSER)
    house.deliver("site", lead(6), headers=BROWSER.replace(b"203.0.113.7", b"203.0.113.8"))
    house.deliver("site", lead(7), headers=BROWSER.replace(b"Mozilla/5.0", b"WordPress/6.5"))
    house.deliver("site", lead(4), headers=BROWSER)
    house.run()
    assert house.outcomes()[10:] == ["ignored junk_too_many", "captured", "captured", "repeated"]
    accepted(house, last)
    assert house.outcomes(last) == ["captured"]
    house.clock.forward(minutes=61)
    house.deliver("site", lead(8), headers=BROWSER)
    house.run()
    assert house.outcomes()[-1] == "captured"


def test_a_builder_that_tells_the_visitors_address_is_believed(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(CROWD)
    house.deliver_all([("site", lead(number, **{"Remote IP": "203.0.113.9"})) for number in range(4)])
    house.deliver_all([("site", lead(number, **{"Remote IP": f"203.0.113.{number}"})) for number in range(10, 14)])
    house.run()
    assert house.outcomes() == ["captured"] * 3 + ["ignored junk_too_many"] + ["captured"] * 4
