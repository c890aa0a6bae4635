"""Stages that the configuration drops: their open OPVs are moved on, and until then nothing breaks."""

from __future__ import annotations

import json

import pytest

from opv import retired_stages
from opv.actions import move_stage, reopen, withdraw
from schemas.errors import Reject
from tests.opv.conversion import PRESALES_HOUSE
from tests.opv.test_actions import do
from tests.pipeline import HOUSE, Pipeline, Start, lead

CONTACTED = "{key: contacted, name: Em atendimento}, "
FULL = HOUSE + "withdrawal_reasons: [{key: price, name: Preço}]\n"
WITHOUT = FULL.replace(CONTACTED, "").replace("funnel: {", "funnel: {moved: {contacted: visit}, ")


def held(start: Start, count: int = 1) -> Pipeline:
    """A house with OPVs in the stage that is to be dropped."""
    house = start(FULL)
    house.deliver_all([("site", lead(number)) for number in range(1, count + 1)])
    house.run("ingest", "distribution")
    for opv in house.opvs():
        do(house, "paula", opv.id, lambda at: move_stage(at, "contacted"))
    house.run("upkeep")
    return house


def stages(house: Pipeline) -> list[str]:
    return [row.stage for row in house.opvs()]


def upkeep(house: Pipeline) -> None:
    house.clock.forward(minutes=2)
    house.run("upkeep")
    house.run("upkeep")


def test_a_stage_that_holds_opvs_is_not_dropped_without_saying_where_they_go(start: Start) -> None:
    house = held(start, 2)
    with pytest.raises(
        Reject, match=r"contacted \(2 open\), not .* `moved: {contacted: STAGE}` .* --move contacted="
    ) as e:
        house.apply(FULL.replace(CONTACTED, ""))
    assert (e.value.reason, e.value.status, house.house().version) == ("stage_holds_opvs", 409, 1)
    house.apply(FULL.replace("{key: visit, name: Visita}", "{key: visit, name: Visita guiada}"))
    assert house.house().version == 2


def test_its_opvs_are_moved_by_the_system_and_closed_ones_stay(start: Start) -> None:
    house = held(start, 2)
    first, second = (row.id for row in house.opvs())
    do(house, "paula", second, lambda at: withdraw(at, "price"))
    house.apply(WITHOUT + "automations: [{key: late, on: {in_stage: visit, for: 1 hour}, do: [{comment: parado}]}]\n")
    upkeep(house)
    assert stages(house) == ["visit", "contacted"]
    assert house.history(first)[-1] == ("stage.changed", {"from": "contacted", "to": "visit", "retired": True})
    assert house.rows("history_entries", opportunity_id=first)[-1].actor == "system"
    assert [row.automation for row in house.rows("timers")] == ["late"]
    do(house, "paula", second, reopen)
    assert [kind for kind, _ in house.history(second)[-2:]] == ["opv.reopened", "stage.changed"]
    assert stages(house) == ["visit", "visit"]
    house.apply(WITHOUT.replace("moved: {contacted: visit}, ", ""))  # which nobody needs any more


def test_until_then_people_see_and_move_them_and_leads_go_on_coming(start: Start) -> None:
    house = held(start, 2)
    first, second = (row.id for row in house.opvs())
    house.apply(WITHOUT)
    house.deliver("site", lead(1, id="again"))
    house.run("ingest", "distribution", "automation")
    assert house.kinds(first)[-1] == "opv.captured"
    do(house, house.opvs()[0].broker, first, lambda at: move_stage(at, "new"))
    assert stages(house) == ["new", "contacted"]
    upkeep(house)
    assert stages(house) == ["new", "visit"]
    with pytest.raises(Reject, match="there is no stage contacted"):
        do(house, "paula", second, lambda at: move_stage(at, "contacted"))


def test_a_walk_that_was_cut_short_goes_on(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    house = held(start, 5)
    monkeypatch.setattr(retired_stages, "AT_ONCE", 2)
    monkeypatch.setattr(house.step("upkeep"), "budget", 0.0)
    house.apply(WITHOUT)
    house.clock.forward(minutes=2)
    seen = []
    for _ in range(40):
        house.round("upkeep")
        seen.append(stages(house).count("visit"))
    assert sorted({*seen}) == [0, 2, 4, 5]
    (chore,) = house.rows("chores", key="retired-stages")
    assert (json.loads(chore.state)["place"], chore.reason) == (None, None)


def test_a_stage_that_went_with_its_funnel(start: Start) -> None:
    rent = "funnels: [{key: rent, name: Locação, stages: [{key: asked, name: Pedido}]}]\n"
    named = FULL.replace("name: Mirante do Parque,", "name: Mirante do Parque, funnel: rent,")
    house = start(named + rent)
    house.deliver("site", lead(1, empreendimento="mirante"))
    house.run()
    house.run("upkeep")
    with pytest.raises(Reject, match="asked"):
        house.apply(FULL)
    house.apply(FULL.replace("funnel: {", "funnel: {moved: {asked: contacted}, "))
    upkeep(house)
    (row,) = house.opvs()
    assert (row.funnel, row.stage) == ("sales", "contacted")
    assert house.history(row.id)[-1][1]["funnel"] == "sales"


def test_who_was_in_a_stage_of_pre_sales_is_given_to_sales(start: Start) -> None:
    rules = "{key: early, part: presales, queue: {brokers: [pia]}}, {key: any, queue: {teams: [sul]}}"
    text = PRESALES_HOUSE.replace("{key: any, queue: {teams: [sul]}}", rules)
    house = start(text)
    house.deliver("site", lead())
    house.run()
    house.run("upkeep")
    (row,) = house.opvs()
    assert (row.stage, row.presales_broker, row.broker) == ("new", "pia", None)
    house.apply(
        PRESALES_HOUSE.replace("{key: new, name: Novo, kind: presales}, ", "")
        .replace("funnel: {", "funnel: {moved: {new: contacted}, ")
    )  # fmt: skip
    upkeep(house)
    house.run("distribution")
    (row,) = house.opvs()
    assert (row.stage, row.broker) == ("contacted", "ana")
