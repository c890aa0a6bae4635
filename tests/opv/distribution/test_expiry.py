"""An OPV that its broker leaves in a stage for too long returns: to the minute, and as the stage says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opv import history
from opv.access import Viewer
from opv.actions import contact, move_stage, transfer
from opv.by_people import act
from tests.opv.distribution.test_acceptance import MORE_BROKERS, broker, facts, later, waits
from tests.pipeline import Pipeline, Start, lead


def expiring(expiry: str, house: str = MORE_BROKERS) -> str:
    return house.replace("{key: new, name: Novo}", f"{{key: new, name: Novo, expiry: {{{expiry}}}}}")


def given(start: Start, expiry: str, house: str = MORE_BROKERS, **options: Any) -> Pipeline:
    pipeline = start(expiring(expiry, house), **options)
    pipeline.deliver("site", lead())
    pipeline.run()
    assert broker(pipeline) == "ana"
    return pipeline


def does(house: Pipeline, deed: Any, person: str = "rui", role: str = "director") -> None:
    with house.database.write() as tx:
        house.woken += act(tx, house.house(), Viewer(person, role), house.clock(), "1", deed).woken
    house.run()


def test_it_goes_round_and_then_on(start: Start) -> None:
    house = given(start, "after: 2 hours, hops: 2, then: pool")
    served = [broker(house)]
    for _ in range(4):
        later(house, 120)
        served.append(broker(house))
    assert served == ["ana", "bia", "caio", None, None]
    assert [(one["because"], one["hop"], one["otherwise"]) for one in facts(house, history.RETURNED)] == [
        ("stage_expired", 1, "next"), ("stage_expired", 2, "next"), ("stage_expired", 3, "pool"),
    ]  # fmt: skip
    assert waits(house) == [("pool", None, 0, None)]
    assert [(run.automation, run.result) for run in house.runs()] == [("expiry:new", "done")] * 3
    assert house.steps_of(house.runs()[0].automation) == [{"action": "return", "result": "done", "broker": "ana"}]
    assert house.rows("timers") == []


def test_the_time_begins_with_each_broker(start_on_sqlite: Start) -> None:
    house = given(start_on_sqlite, "after: 2 hours, otherwise: manager")
    later(house, 119)
    does(house, lambda at: transfer(at, "férias", broker="bia"))
    later(house, 119)
    assert (broker(house), house.runs()) == ("bia", [])
    later(house, 1)
    assert (broker(house), len(facts(house, history.RETURNED))) == (None, 1)


@pytest.mark.parametrize("deed", [lambda at: contact(at, "call"), lambda at: move_stage(at, "contacted")])
def test_who_contacts_the_client_or_moves_the_opv_keeps_it(start_on_sqlite: Start, deed: Any) -> None:
    house = given(start_on_sqlite, "after: 2 hours")
    does(house, deed, "ana", "broker")
    later(house, 600)
    assert (broker(house), facts(house, history.RETURNED)) == ("ana", [])
    assert [run.because for run in house.runs()] in ([], ["the client was contacted"])


def test_exempt_leads_do_not_expire(start_on_sqlite: Start) -> None:
    partner = MORE_BROKERS.replace("rules: [", "rules: [{key: partner, when: {city: Santos}, exempt: {to: ana}}, ")
    house = start_on_sqlite(expiring("after: 2 hours", partner))
    house.deliver_all([("site", lead(1, cidade="Santos")), ("site", lead(2, cidade="Ribeirão Preto"))])
    house.run()
    later(house, 120)
    assert [len([k for k in house.kinds(opv.id) if k == history.RETURNED]) for opv in house.opvs()] == [0, 1]


def test_an_alert_comes_again_until_the_hops_are_over(start_on_sqlite: Start) -> None:
    house = given(start_on_sqlite, "after: 2 hours, otherwise: alert, hops: 2")
    served = []
    for _ in range(4):
        later(house, 120)
        served.append(broker(house))
    assert (served, len(facts(house, history.RETURNED))) == (["ana", "ana", None, None], 3)


@pytest.mark.parametrize(
    ("after", "back_at"),
    [
        ("30 business minutes", "2026-02-14T12:20"),  # the broker's, of Manaus, who works on Saturdays
        ("2 business days", "2026-02-19T23:50"),  # the company's, without Carnival
    ],
)
def test_business_time_is_the_brokers_and_business_days_are_the_companys(
    start_on_sqlite: Start, after: str, back_at: str
) -> None:
    house = MORE_BROKERS.replace("people:", "company: {holidays: BR-SP}\npeople:", 1).replace(
        "{key: ana, name: Ana Corretora, role: broker}",
        "{key: ana, name: Ana, role: broker, timezone: America/Manaus, holidays: BR-AM, "
        'shifts: ["mon-sun 08:00-20:00"]}',
    )
    at = datetime(2026, 2, 13, 23, 50, tzinfo=UTC)
    pipeline = given(start_on_sqlite, f"after: {after}, otherwise: manager", house, now=at)
    back = datetime.fromisoformat(back_at).replace(tzinfo=UTC)
    for moment, serves in ((back - timedelta(minutes=1), "ana"), (back, None)):
        pipeline.clock.now = moment
        pipeline.run()
        assert broker(pipeline) == serves
