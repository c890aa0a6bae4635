"""Triggers that other systems pull: which OPV each means, and that its automations run once."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from opv.actions import withdraw
from tests.opv.clients.people import CPF
from tests.opv.test_actions import do
from tests.pipeline import HOUSE, Pipeline, Start, counted, lead

CONFIGURATION = (
    HOUSE.replace(
        "funnel:",
        '  - {key: credito, source: trigger, secrets: ["${S}"]}\n'
        '  - {key: obra, source: trigger, secrets: ["${S}"]}\n'
        "funnel:",
    )
    + """
withdrawal_reasons: [{key: price, name: Preço}]
automations:
  - {key: approved, on: {webhook: credito}, when: {event.name: aprovado}, do: [{comment: aprovado}]}
"""
)


def served(start: Start, count: int = 1) -> tuple[Pipeline, list[Any]]:
    house = start(CONFIGURATION)
    house.deliver_all([("site", lead(number)) for number in range(1, count + 1)])
    house.run()
    return house, house.opvs()


def pull(house: Pipeline, *bodies: dict[str, Any], channel: str = "credito") -> None:
    house.deliver_all([(channel, body) for body in bodies])
    house.run()


def pulled(house: Pipeline, opv: UUID) -> list[dict[str, Any]]:
    return [data for kind, data in house.history(opv) if kind == "trigger.received"]


def test_it_is_noted_and_its_automation_runs_once(start: Start) -> None:
    house, (opv,) = served(start)
    body = {"id": "s-1", "opv": opv.number, "name": "aprovado", "data": {"banco": "Banco Exemplo", "nulo": "a\0"}}
    pull(house, body, body)
    pull(house, body)
    assert house.outcomes()[1:] == ["captured", "repeated", "repeated"]
    (entry,) = house.rows("history_entries", kind="trigger.received")
    (delivery, *_) = (row.delivery_id for row in house.rows("submissions") if row.external_id == "s-1")
    assert (entry.actor, json.loads(entry.data)) == (
        "channel:credito",
        {"channel": "credito", "delivery": str(delivery), "name": "aprovado"},
    )
    (content,) = house.rows("history_contents", seq=entry.seq)
    assert json.loads(content.content)["data"]["banco"] == "Banco Exemplo"
    assert [run.result for run in house.runs()] == ["done"]
    assert house.kinds(opv.id)[-1] == "comment.added"
    assert {row.opportunity_id for row in house.rows("submissions", external_id="s-1", outcome="captured")} == {opv.id}


def test_only_the_automations_of_its_channel_and_name_run(start_on_sqlite: Start) -> None:
    house, (opv,) = served(start_on_sqlite)
    pull(house, {"opv": str(opv.id), "name": "aprovado"}, channel="obra")
    pull(house, {"opv": f"#{opv.number}", "name": "recusado"})
    pull(house, {"opv": opv.number, "name": "Rita foi aprovado"})
    assert len(pulled(house, opv.id)) == 3
    assert [run.result for run in house.runs()] == ["not_met", "not_met"]
    assert all("Rita" not in json.dumps(data) for data in pulled(house, opv.id))


def test_the_client_names_the_newest_open_opv(start: Start) -> None:
    house, (opv, other) = served(start, 2)
    house.set("contact_keys", {"kind": "document", "value": CPF}, kind="phone", value="+5511980000002")
    pull(house, {"id": "1", "phone": "(11) 98000-0001"}, {"id": "2", "email": "PESSOA1@example.com"})
    pull(house, {"id": "3", "document": "390.533.447-05", "phone": "(11) 98000-0001"})
    assert [len(pulled(house, one.id)) for one in (opv, other)] == [2, 1]
    do(house, "rui", opv.id, lambda at: withdraw(at, "price"))
    pull(house, {"id": "4", "phone": "(11) 98000-0001"})
    assert house.outcomes()[-1] == "parked unknown_opv"
    house.deliver("site", lead(1, id="de-novo", empreendimento="Residencial Jardim"))
    house.run()
    pull(house, {"id": "4", "phone": "(11) 98000-0001"})
    newest = house.opvs()[-1]
    assert (newest.number, len(pulled(house, newest.id))) == (3, 1)
    pull(house, {"id": "5", "opv": opv.number})
    assert len(pulled(house, opv.id)) == 3, "a closed OPV has a history too"


@pytest.mark.parametrize(
    "body",
    [
        {"opv": 99}, {"opv": 10**30}, {"opv": "x"}, {"opv": "0199e0a4-0000-7000-8000-000000000001"},
        {"phone": "11 98000-0009"}, {"phone": "não tem"}, {"email": "x_%@example.com"}, {"email": "pessoa1@example.co"},
    ],
)  # fmt: skip
def test_what_means_no_opv_is_parked_until_there_is_one(start: Start, body: dict[str, Any]) -> None:
    house, _ = served(start)
    delivery = house.deliver("credito", {"id": "1", **body})
    house.run()
    assert house.outcomes(delivery) == ["parked unknown_opv"]
    (row,) = house.rows("submissions", delivery_id=delivery)
    assert (row.key, row.external_id) == (None, "1")
    assert (row.person is None) == ("opv" in body or body.get("phone") == "não tem"), "erasure reads the request then"
    house.deliver("site", lead(9))
    house.run()
    house.replay(delivery)
    house.run()
    assert house.outcomes(delivery) == ["captured" if body.get("phone") == "11 98000-0009" else "parked unknown_opv"]


def test_an_email_of_two_clients_means_neither(start: Start) -> None:
    house, _ = served(start)
    house.deliver("site", lead(2, email="pessoa1@example.com"))
    house.run()
    pull(house, {"email": "pessoa1@example.com"})
    assert house.outcomes()[-1] == "parked ambiguous_client"


def test_the_same_content_counts_once_within_ten_minutes(start: Start) -> None:
    house, (opv,) = served(start)
    body = {"opv": opv.number, "name": "aprovado", "data": {"parcela": 1}}
    pull(house, body, body, {**body, "data": {"parcela": 2}})
    house.clock.forward(minutes=11)
    pull(house, body)
    assert house.outcomes()[1:] == ["captured", "repeated", "captured", "captured"]


def test_leads_and_triggers_of_one_batch(start: Start) -> None:
    house, (opv,) = served(start)
    house.deliver_all([("site", lead(2)), ("credito", {"opv": opv.number}), ("site", lead(1, id="outro"))])
    house.run()
    assert set(house.outcomes()) == {"captured"}
    assert len(house.opvs()) == 2
    assert house.kinds(opv.id)[-2:] == ["opv.captured", "trigger.received"]


def test_a_batch_costs_the_same_whatever_its_size(start: Start) -> None:
    house, opvs = served(start, 6)
    costs = []
    for some in (opvs[:1], opvs):
        house.deliver_all([("credito", {"opv": one.number}) for one in some])
        house.deliver_all([("credito", {"email": f"pessoa{one.number}@example.com"}) for one in some])
        house.clock.forward(minutes=30)
        with counted(house.database) as statements:
            assert house.round("ingest").done == 2 * len(some)
        costs.append(len(statements))
        house.run()
    assert costs[0] == costs[1]
