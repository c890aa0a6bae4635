"""What automations do to what is kept of an OPV: pending items, tags, fields, questionnaires, and the sale."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from opv.actions import withdraw
from opv.answers.changes import change_tags, set_fields
from opv.pending_items import end_item
from porteiro.configuration.apply import apply
from schemas.config import WonSale
from schemas.duration import Duration
from tests.opv.answers.test_changes import ANSWERS
from tests.opv.clients.people import CPF, details
from tests.opv.test_actions import do
from tests.pipeline import HOUSE, NOW, Pipeline, Start, counted, lead


def begun(start: Start, *automations: str, house: str = HOUSE, leads: int = 1) -> tuple[Pipeline, list[UUID]]:
    lines = "".join(f"  - {line}\n" for line in automations)
    pipeline = start(house + ANSWERS + "automations:\n" + lines)
    for number in range(leads):
        pipeline.deliver("site", lead(number))
    pipeline.run()
    return pipeline, [opv.id for opv in pipeline.opvs()]


def steps(house: Pipeline, automation: str) -> list[dict[str, Any]]:
    """The steps of its newest run."""
    return house.steps_of(automation, -1)


def test_a_pending_item_is_due_in_the_companys_time(start: Start) -> None:
    house, (opv,) = begun(
        start,
        "{key: call, on: opv.assigned, do: [{pending: {title: Ligar}}, "
        "{pending: {title: Rever, owner: paula, due: 2 business hours}}]}",
        "{key: early, on: opv.created, do: [{pending: {title: Ligar}}]}",
    )
    first, second = house.rows("pending_items")
    assert (first.title, first.owner, first.created_by, first.state) == ("Ligar", "ana", "automation:call", "open")
    assert first.due_at == house.house().duty.company.add(NOW, Duration.parse("1 business day"))
    assert (second.owner, second.due_at) == ("paula", NOW + timedelta(hours=2))
    assert house.history(opv)[-1] == (
        "pending.added", {"item": str(second.id), "owner": "paula", "due_at": "2026-09-21T14:00:00.000000+00:00"},
    )  # fmt: skip
    assert steps(house, "call")[1] == {
        "action": "pending", "result": "done", "to": "paula", "due_at": "2026-09-21T14:00:00.000000+00:00",
    }  # fmt: skip
    (skipped,) = steps(house, "early")
    assert (skipped["result"], skipped["reason"]) == ("skipped", "nobody_to_ask")
    do(house, "ana", opv, lambda at: end_item(at, first.id, "done"))


def test_tags_and_fields_are_set_and_listened_to(start: Start) -> None:
    house, _ = begun(
        start,
        "{key: mark, on: opv.assigned, "
        "do: [{tag: [vip, hot]}, {untag: hot}, {untag: hot}, {set: {budget: 450.000, notes: Novo}}]}",
        "{key: heard, on: {changed: budget, to: 450000}, when: {tags: vip, fields.budget: {gte: 400000}}, "
        "do: [{tag: hot}]}",
        "{key: other, on: tag.added, when: {all: [{tags: vip}, {tags: hot}], not: {fields.parking: true}}, "
        "do: [{comment: Os dois}]}",
    )
    told = steps(house, "mark")
    assert [(one["action"], one["result"]) for one in told] == [
        ("tag", "done"), ("untag", "done"), ("untag", "skipped"), ("set", "done"),
    ]  # fmt: skip
    assert (told[0]["tags"], told[3]["fields"]) == (["vip", "hot"], ["budget", "notes"])
    (row,) = house.opvs()
    assert (json.loads(row.tags), json.loads(row.fields)) == (["vip", "hot"], {"budget": 450000, "notes": "Novo"})
    assert {entry.actor for entry in house.rows("history_entries", kind="field.changed")} == {"automation:mark"}
    assert [run.result for run in house.runs("heard")] == ["done"]
    assert [run.result for run in house.runs("other")][-1] == "done"
    assert "Novo" not in "".join(run.steps for run in house.runs())


def test_a_questionnaire_is_asked_for_once_until_it_is_filled_in(start: Start) -> None:
    house, opvs = begun(
        start,
        "{key: ask, on: opv.assigned, do: [{questionnaire: profile}, {questionnaire: profile}]}",
        "{key: again, on: tag.added, do: [{questionnaire: profile}]}",
        leads=3,
    )
    items = house.rows("pending_items")
    assert {(one.opportunity_id, one.owner, one.questionnaire, one.title) for one in items} == {
        (row.id, row.broker, "profile", "Preencher: Perfil") for row in house.opvs()
    }
    assert [one.get("reason") for one in steps(house, "ask")] == [None, "already_asked"]
    opv = opvs[0]
    do(house, "rui", opv, lambda at: change_tags(at, ["vip"]))
    house.run()
    assert steps(house, "again")[0]["reason"] == "already_asked"
    (item,) = [one for one in items if one.opportunity_id == opv]
    do(house, "rui", opv, lambda at: end_item(at, item.id, "cancelled"))
    do(house, "rui", opv, lambda at: change_tags(at, ["hot"]))
    house.run()
    assert steps(house, "again")[0]["questionnaire"] == "profile"
    do(house, "rui", opv, lambda at: set_fields(at, {"budget": 1, "parking": True}))
    do(house, "rui", opv, lambda at: change_tags(at, remove=["hot"]))
    do(house, "rui", opv, lambda at: change_tags(at, ["hot"]))
    house.run()
    assert steps(house, "again")[0]["reason"] == "filled_in"


def test_asking_of_many_opvs_reads_their_items_once(start: Start) -> None:
    house, opvs = begun(start, "{key: ask, on: tag.added, do: [{questionnaire: profile}]}", leads=6)
    for opv in opvs:
        do(house, "rui", opv, lambda at: change_tags(at, ["vip"]))
    with counted(house.database) as statements:
        house.run("automation")
    assert [run.result for run in house.runs()] == ["done"] * 6
    assert len([one for one in statements if "FROM pending_items" in one]) == 1


SALE = """
won_sale: {mode: documentation}
targets: [{key: vende, target: sales_module, options: {api_url: "https://vende.example.com", token: "${S}"}}]
"""
SELL = "{key: sell, on: tag.added, do: [{sale: {value: budget, unit: notes}}]}"


def sold(house: Pipeline, opv: UUID) -> dict[str, Any]:
    """The step of the automation, run once more."""
    do(house, "rui", opv, lambda at: change_tags(at, remove=["vip"]))
    do(house, "rui", opv, lambda at: change_tags(at, ["vip"]))
    house.run("automation")
    return steps(house, "sell")[0]


def test_a_sale_is_sent_with_what_the_fields_hold(start: Start) -> None:
    house, (opv,) = begun(start, SELL, house=HOUSE + SALE)
    assert sold(house, opv)["reason"] == "field_empty"
    do(house, "rui", opv, lambda at: set_fields(at, {"budget": "450.000,50", "notes": "Torre A 101"}))
    refused = sold(house, opv)
    assert (refused["result"], refused["reason"]) == ("failed", "clients_incomplete")
    assert "Alice" not in "".join(f"{run.because}{run.steps}" for run in house.runs())
    house.set("clients", {"document": CPF, "details": details().stored()}, id=house.opvs()[0].client_id)
    assert sold(house, opv)["result"] == "done"
    (process,) = house.rows("sale_processes")
    assert (process.value_cents, process.unit, process.sold_on, process.asked_by) == (
        45000050, "Torre A 101", NOW.date(), "sell",
    )  # fmt: skip
    house.set("sale_processes", {"state": "asked"}, id=process.id)
    assert sold(house, opv)["reason"] == "process_alive"
    do(house, "rui", opv, lambda at: withdraw(at, "price"))
    assert sold(house, opv)["reason"] == "opv_closed"


def test_where_sales_are_direct_none_is_sent(start_on_sqlite: Start) -> None:
    house, (opv,) = begun(start_on_sqlite, SELL, house=HOUSE + SALE)
    direct = house.house().configuration.model_copy(update={"won_sale": WonSale()})  # which `check` would refuse
    apply(house.database, direct, by="rui", now=house.clock())
    do(house, "rui", opv, lambda at: set_fields(at, {"budget": 1, "notes": "101"}))
    assert sold(house, opv)["reason"] == "sale_by_hand"
    assert house.opvs()[0].status == "open"
