"""An OPV is accepted in time, by a word or by a deed, or it returns, on the terms of the configuration."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opv import history
from opv.access import Viewer
from opv.actions import Acting, comment, contact
from opv.by_people import act
from opv.distribution.acceptance import accept, refuse
from schemas.errors import Reject
from tests.pipeline import HOUSE, Pipeline, Start, lead

MORE_BROKERS = HOUSE.replace(
    "teams: [{",
    "  - {key: caio, name: Caio Corretor, role: broker}\n  - {key: duda, name: Duda, role: broker}\nteams: [{",
    1,
).replace("brokers: [ana, bia]", "brokers: [ana, bia, caio]")


def accepting(*terms: str, house: str = MORE_BROKERS) -> str:
    """A house whose brokers are to accept within ten minutes of the clock."""
    accept = ", ".join(["within: 10 minutes", *terms])
    return house.replace("{teams: [sul]}", f"{{teams: [sul], accept: {{{accept}}}}}")


def given(start: Start, *terms: str, house: str = MORE_BROKERS, **options: Any) -> Pipeline:
    """A pipeline with one OPV, given to Ana."""
    pipeline = start(accepting(*terms, house=house), **options)
    pipeline.deliver("site", lead())
    pipeline.run()
    assert broker(pipeline) == "ana"
    return pipeline


def broker(house: Pipeline) -> str | None:
    return house.opvs()[0].broker  # type: ignore[no-any-return] # a row's column


def does(house: Pipeline, person: str, deed: Callable[[Acting], object], **how: Any) -> None:
    found = house.house()
    with house.database.write() as tx:
        viewer = Viewer(person, found.roster.people[person].role)
        done = act(tx, found, viewer, house.clock(), "1", deed, **how)
    house.woken += done.woken
    house.run()


def answers(house: Pipeline, person: str, deed: Callable[[Acting], object]) -> None:
    does(house, person, deed, accepts=False)


def facts(house: Pipeline, kind: str) -> list[dict[str, Any]]:
    return [data for one, data in house.history(house.opvs()[0].id) if one == kind]


def waits(house: Pipeline) -> list[Any]:
    return [(row.state, row.broker, row.hops, row.exclude) for row in house.rows("distribution_work")]


def later(house: Pipeline, minutes: float = 10) -> None:
    house.clock.forward(minutes=minutes)
    house.run()


def test_a_word_accepts(start: Start) -> None:
    house = given(start)
    assert waits(house) == [("accepting", "ana", 0, None)]
    house.clock.forward(minutes=4)
    answers(house, "ana", accept)
    (said,) = facts(house, history.ACCEPTED)
    assert said == {"broker": "ana", "rule": "any", "queue": "any", "after_seconds": 240}
    assert waits(house) == []
    later(house, 60)
    assert (broker(house), facts(house, history.RETURNED)) == ("ana", [])
    with pytest.raises(Reject, match="nobody is to accept") as refused:
        answers(house, "ana", accept)
    assert refused.value.reason == "nothing_to_accept"


@pytest.mark.parametrize("deed", [lambda at: contact(at, "call"), lambda at: comment(at, "Retorno às 15h")])
def test_a_deed_accepts_when_it_is_the_brokers_own(start: Start, deed: Callable[[Acting], object]) -> None:
    house = given(start)
    does(house, "paula", lambda at: comment(at, "Como está?"))
    assert facts(house, history.ACCEPTED) == []
    does(house, "ana", deed)
    (said,) = facts(house, history.ACCEPTED)
    assert (said["by"], waits(house)) == ("act", [])


def test_only_the_broker_answers_and_only_in_time(start_on_sqlite: Start) -> None:
    house = given(start_on_sqlite)
    for person in ("paula", "rui"):
        with pytest.raises(Reject) as refused:
            answers(house, person, accept)
        assert (refused.value.reason, refused.value.status) == ("not_yours", 403)
    house.clock.forward(minutes=10)
    for deed in (accept, refuse):
        with pytest.raises(Reject) as refused:
            answers(house, "ana", deed)
        assert refused.value.reason == "too_late"
    does(house, "ana", lambda at: comment(at, "tarde"))
    house.run()
    assert (broker(house), facts(house, history.ACCEPTED)) == ("bia", [])


def test_a_refusal_returns_at_once_with_its_reason(start: Start) -> None:
    house = given(start)
    answers(house, "ana", lambda at: refuse(at, "Conheço o cliente"))
    assert broker(house) == "bia"
    (back,) = facts(house, history.RETURNED)
    assert back == {"broker": "ana", "because": "refused", "hop": 1, "otherwise": "next"}
    assert "Conheço" in "".join(row.content for row in house.rows("history_contents"))
    assert waits(house) == [("accepting", "bia", 1, "ana")]


def test_it_goes_round_until_the_hops_are_over_and_then_to_the_manager(start: Start) -> None:
    house = given(start, "hops: 2")
    served = [broker(house)]
    for _ in range(4):
        later(house)
        served.append(broker(house))
    assert served == ["ana", "bia", "caio", None, None]
    assert [(one["hop"], one["otherwise"]) for one in facts(house, history.RETURNED)] == [
        (1, "next"), (2, "next"), (3, "manager"),
    ]  # fmt: skip
    assert (house.opvs()[0].manager, waits(house)) == ("paula", [])


def test_when_all_have_had_it_nobody_is_waited_for(start_on_sqlite: Start) -> None:
    house = given(start_on_sqlite, "hops: 20", "then: pool")
    for _ in range(3):
        later(house)
    assert len(facts(house, history.RETURNED)) == 3
    assert (broker(house), waits(house)) == (None, [("pool", None, 3, None)])


@pytest.mark.parametrize(
    ("terms", "serves", "second", "left"),
    [
        (("otherwise: manager",), (None, "paula"), None, []),
        (("otherwise: pool",), (None, None), None, [("pool", None, 0, None)]),
        (("otherwise: duda",), ("duda", None), None, []),
        (("otherwise: rui",), (None, "rui"), None, []),
        (("otherwise: marta",), (None, "marta"), None, []),
        (("otherwise: alert",), ("ana", "paula"), None, []),
        (("otherwise: manager", "rescue: true"), (None, "paula"), "ana", []),
    ],
)
def test_where_it_goes_otherwise(
    start_on_sqlite: Start, terms: tuple[str, ...], serves: tuple[Any, Any], second: str | None, left: list[Any]
) -> None:
    house = given(start_on_sqlite, *terms)
    later(house)
    (opv,) = house.opvs()
    assert ((opv.broker, opv.manager), opv.second_broker, waits(house)) == (serves, second, left)
    assert len(facts(house, history.RETURNED)) == 1
    later(house, 60)
    assert len(facts(house, history.RETURNED)) == 1


@pytest.mark.parametrize(("spared", "stays"), [("true", "ana"), ("false", "bia")])
def test_a_contacted_one_is_spared_if_so_configured(start_on_sqlite: Start, spared: str, stays: str) -> None:
    house = given(start_on_sqlite, f"spare_contacted: {spared}")
    house.set("opportunities", {"first_contact_at": house.clock()})
    later(house)
    assert broker(house) == stays


def test_an_automation_hears_of_it(start_on_sqlite: Start) -> None:
    automations = "automations:\n" + "".join(
        f"  - {{key: {name}, on: opv.{name}, do: [{{comment: ouviu}}]}}\n" for name in ("accepted", "returned")
    )
    house = given(start_on_sqlite, house=MORE_BROKERS + automations)
    later(house)
    answers(house, "bia", accept)
    assert [(run.automation, run.result) for run in house.runs()] == [("returned", "done"), ("accepted", "done")]


def test_accepting_and_returning_at_once_have_one_outcome(start: Start) -> None:
    house = given(start)
    late = house.clock() + timedelta(minutes=10)
    in_time, told = late - timedelta(seconds=1), []

    def accept_in_time() -> None:
        found = house.house()
        try:
            with house.database.write() as tx:
                act(tx, found, Viewer("ana", "broker"), in_time, "1", accept, accepts=False)
        except Reject as refused:
            told.append(refused.reason)

    house.clock.now = late
    thread = threading.Thread(target=accept_in_time)
    thread.start()
    house.round("distribution")
    thread.join()
    house.run()
    accepted, returned = facts(house, history.ACCEPTED), facts(house, history.RETURNED)
    assert (len(accepted), len(returned)) in ((1, 0), (0, 1))
    assert (broker(house), bool(told)) == (("ana", False) if accepted else ("bia", True))


WEEK = """
company: {timezone: America/Sao_Paulo, holidays: BR-SP}
people:
  - {key: rui, name: Rui Diretor, role: director}
  - {key: paula, name: Paula Gerente, role: manager}
  - {key: ana, name: Ana Corretora, role: broker, shifts: ["mon-fri 09:00-18:00"]}
  - {key: moa, name: Moa Manaus, role: broker, timezone: America/Manaus, holidays: BR-AM, shifts: ["mon-sun 08:00-20:00"]}
teams: [{key: sul, name: Equipe Sul, managers: [{person: paula, brokers: [ana, moa]}]}]
developments: [{key: jardim, name: Residencial Jardim, teams: [sul]}]
channels: [{key: site, source: form, secrets: ["${S}"]}]
funnel: {stages: [{key: new, name: Novo}]}
distribution:
  rules:
    - {key: named, when: {city: Manaus}, queue: {brokers: [moa], accept: {within: 30 business minutes, otherwise: manager}}}
    - {key: any, queue: {brokers: [ana], around_the_clock: true, accept: {within: 30 business minutes, otherwise: manager}}}
"""  # noqa: E501 - one rule a line


@pytest.mark.parametrize(
    ("city", "given_at", "back_at"),
    [
        # A Friday evening: twenty minutes are left of the shift, ten are of the Wednesday after Carnival.
        ("Santos", "2026-02-13T20:40", "2026-02-18T12:10"),
        # After the shift, and on Carnival Tuesday itself: thirty minutes from nine o'clock on Wednesday.
        ("Santos", "2026-02-13T21:30", "2026-02-18T12:30"),
        ("Santos", "2026-02-17T15:00", "2026-02-18T12:30"),
        # Four hours behind Greenwich: eight in the evening in Manaus is midnight there.
        ("Manaus", "2026-02-13T23:50", "2026-02-14T12:20"),
        ("Manaus", "2026-02-15T23:30", "2026-02-16T00:00"),
    ],
)
def test_a_week_of_shifts_a_holiday_and_another_zone(
    start_on_sqlite: Start, city: str, given_at: str, back_at: str
) -> None:
    at, back = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (given_at, back_at))
    house = start_on_sqlite(WEEK, now=at)
    house.deliver("site", lead(cidade=city))
    house.run()
    assert broker(house) is not None
    house.clock.now = back - timedelta(minutes=1)
    house.run()
    assert (broker(house) is not None, facts(house, history.RETURNED)) == (True, [])
    house.clock.now = back
    house.run()
    assert (broker(house), len(facts(house, history.RETURNED))) == (None, 1)
