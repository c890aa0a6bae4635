"""A sale by documentation: one process in the sales module, whatever goes wrong on the way, and what it tells later."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from adapters import http
from adapters.http import RequestsClient
from adapters.targets.registry import targets
from db.bulk import insert_rows
from db.ids import new_id
from opv.actions import win, withdraw
from opv.retry import SCHEDULE
from schemas.errors import Reject
from tests.opv.clients.people import CPF, OTHER_CPF, details
from tests.opv.test_actions import RULES, do, everything
from tests.pipeline import HOUSE, NOW, TABLES, Pipeline, Start, lead
from tests.sales_module import SalesModule, serving

DAY = date(2026, 9, 21)
SALE = (Decimal("450000.50"), "Torre A 101", DAY)
CHANNEL = (
    '  - {key: vende-volta, source: sales_module, secrets: ["${S}"], options: {won: [signed], lost: [cancelled]}}\n'
)


def configured(module: SalesModule, won_sale: str = "{mode: documentation}", lookup: bool = True) -> str:
    target = f'{{api_url: "{module.url}", token: "${{S}}", lookup: {str(lookup).lower()}}}'
    return (
        HOUSE.replace("funnel:", CHANNEL + "funnel:").replace("name: Ana Corretora", "name: Ana, creci: 1-F")
        + RULES
        + f"won_sale: {won_sale}\ntargets: [{{key: vende, target: sales_module, options: {target}}}]\n"
    )


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[SalesModule]:
    monkeypatch.setattr(http, "TIMEOUT", (1.0, 0.3))
    with serving(SalesModule()) as module:
        yield module


def house_of(start: Start, module: SalesModule, **options: Any) -> tuple[Pipeline, UUID]:
    """A house with one OPV of ana whose client is complete."""
    house = start(configured(module, **options), targets=targets(RequestsClient(), lambda: NOW))
    house.deliver("site", lead(empreendimento="Residencial Jardim"))
    house.run()
    (opv,) = house.opvs()
    house.set("clients", {"document": CPF, "details": details(remarks="só da casa").stored()}, id=opv.client_id)
    return house, opv.id


def ask(house: Pipeline, opv: UUID, person: str = "ana") -> None:
    assert do(house, person, opv, lambda at: win(at, *SALE)) == {"outbound"}


def process(house: Pipeline) -> Any:
    (row,) = house.rows("sale_processes")
    return row


def message(house: Pipeline) -> Any:
    (row,) = house.rows("outbound_messages", kind="sale_process")
    return row


def run_until_answered(house: Pipeline) -> None:
    """The outbound step, each time that the message comes due, until it does no more."""
    for _ in range(len(SCHEDULE) + 2):
        house.run("outbound")
        if message(house).due_at is None:
            return
        house.clock.now = max(house.clock.now, message(house).due_at)
    raise AssertionError("it is never answered")


def tell(house: Pipeline, body: dict[str, Any], **headers: str) -> UUID:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    delivery = house.deliver("vende-volta", body, headers=lines)
    house.run()
    return delivery


def test_the_module_gets_all_of_the_sale_and_the_opv_stays(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    assert (process(house).state, process(house).asked_by, house.opvs()[0].status) == ("asked", "ana", "open")
    assert json.loads(message(house).body) == {"process": str(process(house).id), "tried": False}
    house.run()
    (sent,) = module.processes
    assert sent["idempotency_key"] == f"sale:{process(house).id}" == message(house).idempotency_key
    body = sent["body"]
    (client,) = body.pop("clients")
    assert body == {
        "reference": str(process(house).id), "value": "450000.50", "unit": "Torre A 101", "date": "2026-09-21",
        "opv": {"id": str(opv), "number": 1, "funnel": "sales", "stage": "new"},
        "development": {"key": "jardim", "name": "Residencial Jardim"},
        "team": {"key": "sul", "name": "Equipe Sul"},
        "manager": {"key": "paula", "name": "Paula Gerente", "email": None, "phone": None, "creci": None},
        "broker": {"key": "ana", "name": "Ana", "email": None, "phone": None, "creci": "1-F"},
        "second_broker": None,
        "asked_by": {"key": "ana", "name": "Ana", "email": None, "phone": None, "creci": "1-F"},
    }  # fmt: skip
    assert (client["name"], client["document"], client["phones"]) == ("Bruno Exemplo 1", CPF, ["+5511980000001"])
    assert (client["details"]["marital_status"], client["details"]["remarks"]) == ("single", None)
    assert (process(house).state, process(house).process_id) == ("open", "VD-1")
    assert house.history(opv)[-2:] == [
        ("sale.process_asked", {
            "process": str(process(house).id), "value_cents": 45000050, "unit": "Torre A 101", "date": "2026-09-21",
            "stage": "new", "target": "vende",
        }),
        ("sale.process_opened", {"process": str(process(house).id), "process_id": "VD-1"}),
    ]  # fmt: skip
    assert (house.opvs()[0].status, house.opvs()[0].stage) == ("open", "new")


PLANS: tuple[list[int | str], ...] = ([500], ["slow"], ["lost"], [503, "lost", 500], ["lost", "lost"], [429])
MODULES = [(True, True), (True, False), (False, True)]
"""Whether the module honours keys, and whether it is asked for them."""


@pytest.mark.parametrize(
    ("plan", "honours", "lookup"), [(plan, *one) for plan in PLANS for one in MODULES] + [(["no_id"], False, True)]
)
def test_whatever_goes_wrong_there_is_one_process(
    start_on_sqlite: Start, module: SalesModule, plan: list[int | str], honours: bool, lookup: bool
) -> None:
    module.honours, module.plan = honours, list(plan)
    house, opv = house_of(start_on_sqlite, module, lookup=lookup)
    ask(house, opv)
    run_until_answered(house)
    assert [one["id"] for one in module.processes] == ["VD-1"]
    assert (process(house).state, process(house).process_id, message(house).state) == ("open", "VD-1", "sent")
    assert {key for _, key in module.asked} == {message(house).idempotency_key}
    assert house.kinds(opv).count("sale.process_opened") == 1


def test_a_retry_waits_in_the_row_as_asked_for(start: Start, module: SalesModule) -> None:
    module.plan = [503]
    house, opv = house_of(start, module)
    ask(house, opv)
    house.run("outbound")
    assert (message(house).state, message(house).reason, message(house).failures) == ("pending", "http_503", 1)
    assert message(house).due_at - house.clock() >= timedelta(seconds=8 * 0.9), "Retry-After, at most twice the wait"
    run_until_answered(house)
    assert process(house).state == "open"


class Died(BaseException):
    """The worker's process is gone."""


@pytest.mark.parametrize("honours", [True, False])
def test_a_worker_killed_after_the_module_took_it(start: Start, module: SalesModule, honours: bool) -> None:
    module.honours = honours
    house, opv = house_of(start, module)
    ask(house, opv)
    steps = house.step("outbound")
    write = steps._write

    def die(*_: Any) -> None:
        raise Died

    steps._write = die
    with pytest.raises(Died):
        house.run("outbound")
    assert (len(module.processes), process(house).state) == (1, "asked")
    steps._write = write
    house.clock.forward(seconds=121)
    house.run("outbound")
    assert (len(module.processes), process(house).state, process(house).process_id) == (1, "open", "VD-1")


def test_workers_at_once_open_one_process(start_on_postgresql: Start, module: SalesModule) -> None:
    module.honours = False
    house, opv = house_of(start_on_postgresql, module)
    ask(house, opv)
    house.run_in_threads(4)
    assert (len(module.processes), process(house).state) == (1, "open")
    assert house.kinds(opv).count("sale.process_opened") == 1


def test_a_worker_that_slept_past_its_lease_sends_nothing(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    send = house.step("outbound")
    prepared = send._prepared

    def sleep(row: Any, house_: Any) -> Any:
        house.set("outbound_messages", {"lease": new_id()}, id=row.id)
        return prepared(row, house_)

    send._prepared = sleep
    house.run("outbound")
    assert (module.asked, process(house).state, message(house).state) == ([], "asked", "pending")


def test_a_refusal_leaves_the_opv_as_it_was_with_the_modules_words(start: Start, module: SalesModule) -> None:
    module.plan = [422]
    house, opv = house_of(start, module)
    before = house.opvs()[0]
    ask(house, opv)
    house.run()
    after = house.opvs()[0]
    assert (after.status, after.stage, after.broker) == (before.status, before.stage, before.broker)
    assert (process(house).state, process(house).reason) == ("failed", "process_refused")
    assert (message(house).state, message(house).reason) == ("parked", "process_refused")
    first = process(house).id
    assert house.history(opv)[-1] == ("sale.process_failed", {"process": str(first), "reason": "process_refused"})
    content = house.rows("history_contents", opportunity_id=opv)[-1].content
    assert json.loads(content) == {"said": f"CPF {CPF} recusado"}
    assert not [row for row in house.rows("outbound_messages") if CPF in row.body]
    ask(house, opv)
    house.run()
    assert {row.state for row in house.rows("sale_processes")} == {"failed", "open"}
    assert len({key for _, key in module.asked}) == 2, "nothing came of the first: the second has a key of its own"


def test_one_that_failed_without_a_clear_no_keeps_its_key(start_on_sqlite: Start, module: SalesModule) -> None:
    """The module took it, and every answer was lost: asked for again, there still is one process."""
    module.honours, module.looks_up = False, False
    module.plan = ["lost"] + [500] * len(SCHEDULE)
    house, opv = house_of(start_on_sqlite, module)
    ask(house, opv)
    run_until_answered(house)
    assert (process(house).state, process(house).reason, house.opvs()[0].status) == ("failed", "http_500", "open")
    assert house.history(opv)[-1][1]["reason"] == "http_500"
    module.looks_up = True
    house.set("clients", {"name": "Bruno Corrigido"}, id=house.opvs()[0].client_id)
    ask(house, opv, "paula")
    house.clock.forward(minutes=10)  # for as long, at most, a module that never answered is left alone
    house.run()
    assert (process(house).state, process(house).process_id, process(house).asked_by) == ("open", "VD-1", "paula")
    assert (len(module.processes), len({key for _, key in module.asked})) == (1, 1)
    assert house.history(opv)[-2][1]["again"] is True


def test_an_opv_closed_meanwhile_is_not_sent(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    house.run()
    assert (module.asked, process(house).state, process(house).reason) == ([], "failed", "opv_closed")


def test_a_target_without_its_secret_waits(start: Start, module: SalesModule, monkeypatch: pytest.MonkeyPatch) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    whole = house.house()
    bare = replace(whole, targets={"vende": replace(whole.targets["vende"], options=None)})
    send = house.step("outbound")
    house_of_ = send._house_of
    send._house_of = lambda _tx: bare
    house.run("outbound")
    assert (module.asked, message(house).state, message(house).reason) == ([], "pending", "not_configured")
    send._house_of = house_of_
    run_until_answered(house)
    assert process(house).state == "open"


def involve(house: Pipeline, opv: UUID, **client: Any) -> UUID:
    id_ = new_id()
    row = {
        "id": id_, "kind": "natural", "name": "Carla Exemplo", "document": OTHER_CPF, "phones": "[]", "emails": "[]",
        "created_at": NOW, **client,
    }  # fmt: skip
    with house.database.write() as tx:
        insert_rows(tx, TABLES["clients"], [row])
        insert_rows(tx, TABLES["involved_clients"], [{"opportunity_id": opv, "client_id": id_, "role": "guarantor"}])
    return id_


def refused(house: Pipeline, person: str, opv: UUID) -> Reject:
    before = everything(house)
    with pytest.raises(Reject) as raised:
        do(house, person, opv, lambda at: win(at, *SALE))
    assert everything(house) == before
    return raised.value


def test_what_is_refused_says_which_rule_and_changes_nothing(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    carla = involve(house, opv)
    incomplete = refused(house, "ana", opv)
    assert (incomplete.reason, incomplete.status) == ("clients_incomplete", 409)
    assert "Carla Exemplo: falta um telefone ou um e-mail, falta o endereço" in incomplete.detail
    with house.database.write() as tx:
        tx.execute(TABLES["involved_clients"].delete().where(TABLES["involved_clients"].c.client_id == carla))
    house.apply(configured(module, "{mode: documentation, button: false}"))
    assert refused(house, "rui", opv).reason == "won_sale_off"
    house.apply(configured(module, "{mode: documentation, who: [director]}"))
    assert (refused(house, "ana", opv).reason, refused(house, "ana", opv).status) == ("not_allowed", 403)
    house.apply(configured(module, "{mode: direct, who: [manager]}"))
    assert refused(house, "rui", opv).reason == "not_allowed"
    house.apply(configured(module))
    ask(house, opv)
    assert refused(house, "ana", opv).reason == "process_alive"
    house.run()
    assert "VD-1" in refused(house, "rui", opv).detail


def test_signed_wins_the_sale(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    house.run()
    house.clock.forward(days=2)
    analysis = tell(house, {"id": "e1", "process_id": "VD-1", "status": "em análise", "note": "Bruno pediu prazo"})
    assert house.outcomes(analysis) == ["captured"]
    assert (process(house).state, process(house).status, house.opvs()[0].status) == ("open", "em análise", "open")
    kind, data = house.history(opv)[-1]
    assert (kind, data["status"], data["channel"]) == ("sale.process_status", "em análise", "vende-volta")
    assert "prazo" not in json.dumps(house.history(opv))
    assert json.loads(house.rows("history_contents", opportunity_id=opv)[-1].content) == {"note": "Bruno pediu prazo"}
    signed = tell(house, {"id": "e2", "process_id": "VD-1", "status": "Signed", "at": "2026-09-23T09:00:00-03:00"})
    assert (house.outcomes(signed), house.opvs()[0].status, process(house).state) == (["captured"], "won", "won")
    (sale,) = house.rows("won_sales")
    assert (sale.value_cents, sale.unit, sale.sold_on, sale.broker) == (45000050, "Torre A 101", DAY, "ana")
    assert house.history(opv)[-1] == (
        "opv.won", {
            "value_cents": 45000050, "unit": "Torre A 101", "date": "2026-09-21", "stage": "new",
            "process": str(process(house).id),
        },
    )  # fmt: skip
    (row,) = house.rows("submissions", delivery_id=signed)
    assert row.opportunity_id == opv
    for repeat in ({"id": "e2", "process_id": "VD-1", "status": "Signed"}, {"process_id": "VD-1", "status": "Signed"}):
        assert house.outcomes(tell(house, repeat)) == ["repeated"]
    after = tell(house, {"id": "e9", "process_id": "VD-1", "status": "cancelled"})
    assert (house.outcomes(after), house.opvs()[0].status, process(house).state) == (["captured"], "won", "won")
    assert len(house.rows("won_sales")) == 1
    house.replay(signed)
    house.run()
    assert house.outcomes(signed) == ["captured"]
    assert len(house.rows("won_sales")) == 1


def test_cancelled_leaves_the_opv_open_and_another_can_be_asked_for(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    house.run()
    tell(house, {"process_id": "VD-1", "status": "cancelled", "reason": "desistiu"})
    assert (process(house).state, process(house).reason, house.opvs()[0].status) == ("lost", "cancelled", "open")
    ask(house, opv)
    house.run()
    assert [one["id"] for one in module.processes] == ["VD-1", "VD-2"]
    tell(house, {"process_id": "VD-2", "status": "signed"})
    assert house.opvs()[0].status == "won"
    assert {row.state for row in house.rows("sale_processes")} == {"lost", "won"}


def test_a_status_that_comes_late_is_noted_and_counts_if_it_ends_the_process(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    house.run()
    house.clock.forward(hours=5)
    tell(house, {"process_id": "VD-1", "status": "registered", "at": "2026-09-21T13:00:00-03:00"})
    tell(house, {"process_id": "VD-1", "status": "in review", "at": "2026-09-21T11:00:00-03:00"})
    assert process(house).status == "registered"
    assert house.history(opv)[-1][1]["late"] is True
    tell(house, {"process_id": "VD-1", "status": "signed", "at": "2026-09-21T12:00:00-03:00"})
    assert (process(house).status, process(house).state, house.opvs()[0].status) == ("registered", "won", "won")


def test_an_unknown_process_is_parked_and_taken_at_replay(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    parked = tell(house, {"id": "e1", "process_id": "VD-1", "status": "signed"})
    assert house.outcomes(parked) == ["parked unknown_process"]
    ask(house, opv)
    house.run()
    house.replay(parked)
    house.run()
    assert (house.outcomes(parked), house.opvs()[0].status) == (["captured"], "won")


def test_a_module_that_tells_before_it_answers(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    told = tell(house, {"process_id": "VD-1", "status": "signed", "reference": str(process(house).id)})
    assert (house.outcomes(told), process(house).state, process(house).process_id) == (["captured"], "won", "VD-1")
    house.run()
    assert (module.asked, message(house).state) == ([], "sent")
    kinds = house.kinds(opv)
    assert kinds[-4:] == ["sale.process_asked", "sale.process_opened", "sale.process_status", "opv.won"]


def test_the_answer_after_the_status_changes_nothing_more(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    other = threading.Thread(
        target=lambda: house.deliver(
            "vende-volta", {"process_id": "VD-1", "status": "signed", "reference": str(process(house).id)}
        )
    )

    def told() -> None:
        other.start()
        other.join()
        house.round("ingest")

    module.on_post = told
    house.round("outbound")
    assert (process(house).state, process(house).process_id, message(house).state) == ("won", "VD-1", "sent")
    assert house.kinds(opv).count("sale.process_opened") == 1


def test_a_sale_won_after_a_withdrawal_counts(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    house.run()
    do(house, "ana", opv, lambda at: withdraw(at, "price"))
    tell(house, {"process_id": "VD-1", "status": "signed"})
    assert house.opvs()[0].status == "won"
    assert house.history(opv)[-1][1]["was"] == "lost"


def test_statuses_and_leads_of_one_batch(start: Start, module: SalesModule) -> None:
    """The client's new lead comes together with the status: both are written, in order, on one OPV in memory."""
    house, opv = house_of(start, module)
    ask(house, opv)
    house.run()
    house.deliver_all([
        ("site", lead(id="envio-2")), ("vende-volta", {"process_id": "VD-1", "status": "signed"}),
        ("site", lead(7)), ("vende-volta", {"process_id": "VD-1", "status": "signed"}),
    ])  # fmt: skip
    house.run()
    assert sorted(house.outcomes()) == ["captured", "captured", "captured", "captured", "repeated"]
    assert house.kinds(opv)[-3:] == ["opv.captured", "sale.process_status", "opv.won"]
    assert [row.status for row in house.opvs()] == ["won", "open"]


def test_what_a_stranger_says_can_be_stored(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    house.run()
    body = b'{"process_id":"VD-1","status":"x","note":"a\\u0000\\ud800","n":{"a":' + b"9" * 30 + b'},"e":1e300}'
    delivery = house.deliver("vende-volta", body)
    house.run()
    assert house.outcomes(delivery) == ["captured"]


def test_an_opv_without_owner_that_is_won_waits_for_nobody(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    house.run()
    with house.database.write() as tx:
        row = {"opportunity_id": opv, "since": NOW, "due_at": None, "reason": "no_rule", "config_version": 1}
        insert_rows(tx, TABLES["distribution_work"], [row])
    tell(house, {"process_id": "VD-1", "status": "signed"})
    assert not house.rows("distribution_work")


def test_a_mapping_that_comes_later_counts_when_the_module_tells_again(start: Start, module: SalesModule) -> None:
    house, opv = house_of(start, module)
    ask(house, opv)
    house.run()
    tell(house, {"id": "e1", "process_id": "VD-1", "status": "registrado"})
    assert house.opvs()[0].status == "open"
    house.apply(configured(module).replace("won: [signed]", "won: [signed, registrado]"))
    again = tell(house, {"id": "e2", "process_id": "VD-1", "status": "registrado"})
    assert (house.outcomes(again), house.opvs()[0].status) == (["captured"], "won")
