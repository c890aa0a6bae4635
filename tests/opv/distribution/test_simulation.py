"""Past leads against other rules: what would have happened, and that nothing happens."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from db.bulk import insert_rows
from opv.distribution.simulation import simulate
from opv.house import build_house
from schemas.errors import Reject
from schemas.simulation import ReasonItem, ShareItem, Simulation
from tests.pipeline import HOUSE, NOW, TABLES, Pipeline, Start, counted, lead

NAMES = ("ana", "bia", "caio", "duda", "eva")
DAYTIME = ", shifts: [mon-sun 08:00-20:00]"


def house_of(queue: str, *, people: str = "", rules: str = "") -> str:
    """A house whose leads all go to one queue; `people` is added to each broker, `rules` stand before."""
    written = "".join(f"  - {{key: {key}, name: {key.title()}, role: broker{people}}}\n" for key in NAMES)
    house = HOUSE[: HOUSE.index("  - {key: ana")] + written + HOUSE[HOUSE.index("teams: [") :]
    house = house.replace("brokers: [ana, bia]", f"brokers: [{', '.join(NAMES)}]")
    return house.replace("[{key: any, queue: {teams: [sul]}}]", f"[{rules}{{key: any, queue: {queue}}}]")


def leads_of_days(house: Pipeline, ticks: int, *, hours: float = 1.7) -> None:
    """Three leads at a time; now and then a client is called, a broker pauses, an OPV is lost."""
    for tick in range(ticks):
        numbers = range(3 * tick, 3 * tick + 3)
        fields = [{"empreendimento": ("Residencial Jardim", "Mirante do Parque")[n % 2]} for n in numbers]
        house.deliver_all([("site", lead(n, **more)) for n, more in zip(numbers, fields, strict=True)])
        house.run()
        let_pass(house, hours=hours)
        opv = house.opvs()[2 * tick]
        if tick % 2:
            house.set("opportunities", {"first_contact_at": house.clock()}, id=opv.id)
        elif opv.broker:
            lose(house, opv)
        if tick % 3 == 0:
            pause(house, NAMES[tick % 5], resume=tick % 6 == 3)
        house.clock.forward(minutes=1)


def let_pass(house: Pipeline, **span: float) -> None:
    """Time passes, and the worker does what comes due."""
    until = house.clock() + timedelta(**span)
    while due := [
        row.due_at for row in house.rows("distribution_work", "due_at") if row.due_at and row.due_at <= until
    ]:
        house.clock.now = min(due)
        house.run("distribution")
    house.clock.now = until


def lose(house: Pipeline, opv: Any) -> None:
    house.set("opportunities", {"status": "lost"}, id=opv.id)
    row = {
        "opportunity_id": opv.id, "seq": 99, "at": house.clock(), "reason": "price", "sub_reason": None,
        "stage": "new", "team": opv.team, "manager": opv.manager, "broker": opv.broker, "development": None,
    }  # fmt: skip
    insert(house, "withdrawals", row)


def pause(house: Pipeline, person: str, *, resume: bool = False) -> None:
    house.execute("DELETE FROM availability")
    if not resume:
        row = {"person": person, "state": "paused", "stand": None, "since": house.clock(), "until": None, "by": person}
        insert(house, "availability", row)


def insert(house: Pipeline, table: str, row: dict[str, Any]) -> None:
    with house.database.write() as tx:
        insert_rows(tx, TABLES[table], [row])


def simulated(house: Pipeline, configuration: str | None = None, since: datetime = NOW, **options: Any) -> Simulation:
    with house.database.snapshot() as tx:
        before = house.houses.current(tx)
        changed = before if configuration is None else build_house(0, house._read(configuration), {})
        return simulate(tx, changed, before, since, house.clock(), **options)


def counts(items: list[ShareItem] | list[ReasonItem]) -> dict[str, tuple[int, int]]:
    return {one.key if isinstance(one, ShareItem) else one.reason: (one.then, one.now) for one in items}


def contents(house: Pipeline) -> dict[str, list[Any]]:
    """Every row of every table."""
    with house.database.read() as tx:
        return {name: sorted(map(repr, tx.execute(select(*table.c)))) for name, table in TABLES.items()}


DETERMINISTIC = {
    "round_robin": "{teams: [sul]}",
    "weighted": "{teams: [sul], strategy: weighted, weights: {ana: 3, bia: 2}}",
    "least_open": "{teams: [sul], strategy: least_open}",
    "least_recent": "{teams: [sul], strategy: least_recent}",
    "most_room": "{teams: [sul], strategy: most_room, caps: {day: 4}}",
    "capped": "{teams: [sul], caps: {day: 3, week: 9, open: 6, backlog: 5}}",
    "skipping": "{teams: [sul], missed: skip, caps: {day: 4}}",
    "credited": "{teams: [sul], missed: credit, caps: {day: 4}}",
    "by development": "{}",
}


@pytest.mark.parametrize("queue", DETERMINISTIC.values(), ids=DETERMINISTIC.keys())
def test_the_same_rules_give_the_same_brokers(start_on_sqlite: Start, queue: str) -> None:
    house = start_on_sqlite(house_of(queue, people=DAYTIME))
    leads_of_days(house, 16)
    found = simulated(house)
    given = Counter(opv.broker for opv in house.opvs() if opv.broker)
    assert (found.leads, found.moved, found.sample) == (48, 0, [])
    assert counts(found.brokers) == {broker: (number, number) for broker, number in given.items()}
    assert len(given) == len(NAMES)
    assert all(then == now for then, now in counts(found.undistributed).values())
    assert {one.key: one.leads for one in found.developments} == {"jardim": 24, "mirante": 24}
    assert all(one.difference == 0 for one in (*found.teams, *found.queues))


def test_a_simulation_may_begin_in_the_middle(start: Start) -> None:
    house = start(house_of("{}"))
    leads_of_days(house, 4)
    middle = house.clock()
    leads_of_days_after(house, 4)
    found = simulated(house, since=middle)
    assert (found.leads, found.moved) == (12, 0)
    assert sum(one.now for one in found.brokers) == 12


def leads_of_days_after(house: Pipeline, ticks: int) -> None:
    house.execute("DELETE FROM availability")
    for tick in range(ticks):
        house.deliver_all([("site", lead(500 + 3 * tick + n, empreendimento="Residencial Jardim")) for n in range(3)])
        house.run()
        house.clock.forward(hours=2)


def test_other_rules_give_other_brokers_and_say_why(start: Start) -> None:
    house = start(house_of("{teams: [sul]}"))
    for number in range(10):
        house.deliver("site", lead(number, empreendimento="Residencial Jardim" if number % 2 else None))
    house.run()
    house.clock.forward(days=1)
    rule = "{key: garden, when: {development: jardim}, queue: {brokers: [eva, duda]}}, "
    found = simulated(house, house_of("{brokers: [ana]}", rules=rule))
    assert counts(found.brokers) == {"ana": (2, 5), "eva": (2, 3), "duda": (2, 2), "bia": (2, 0), "caio": (2, 0)}
    assert counts(found.queues) == {"any": (10, 5), "garden": (0, 5)}
    assert found.moved == len(found.sample) > 0
    ana = found.brokers[0]
    assert (ana.key, ana.name, ana.then_share, ana.now_share, ana.difference) == ("ana", "Ana", 0.2, 0.5, 3)
    assert {one.why for one in found.sample} >= {"regra garden, fila garden: era a vez de Eva"}
    jardim = next(one for one in found.developments if one.key == "jardim")
    assert (jardim.name, jardim.leads, jardim.nobody_now) == ("Residencial Jardim", 5, 0)


def test_leads_of_the_night_wait_for_the_shift(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(house_of("{teams: [sul]}"))
    house.clock.forward(hours=14)  # eleven at night in São Paulo
    house.deliver_all([("site", lead(number)) for number in range(4)])
    house.run()
    house.clock.forward(hours=48)
    found = simulated(house, house_of("{teams: [sul]}", people=DAYTIME))
    assert (found.waits_then.longest, found.waits_now.longest) == (0, 9 * 3600)
    assert (found.waits_now.count, found.waits_now.median, found.waits_now.p90) == (4, 9 * 3600, 9 * 3600)
    never = simulated(house, house_of("{teams: [sul]}", people=", shifts: [mon 01:00-02:00]"))
    assert counts(never.undistributed) == {"all_left_out": (0, 4)}
    assert (never.waits_now.count, never.waits_now.median, never.moved) == (0, None, 0)


def test_who_comes_back_stays_with_the_simulated_broker(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(
        house_of("{brokers: [ana, bia]}").replace("distribution:", "returning: {open: new}\ndistribution:")
    )
    for number in range(3):
        house.deliver("site", lead(1, id=f"visita-{number}"))
        house.run()
        house.clock.forward(minutes=5)
    found = simulated(house, house_of("{brokers: [eva, duda]}"))
    assert counts(found.brokers) == {"eva": (0, 3), "ana": (3, 0)}
    assert "regra returning: Eva já atendia o cliente" in {one.why for one in found.sample}


def test_offers_and_pools_are_counted_as_such(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(house_of("{teams: [sul]}"))
    house.deliver_all([("site", lead(number)) for number in range(3)])
    house.run()
    house.clock.forward(days=1)
    offered = simulated(house, house_of("{teams: [sul], strategy: first_to_claim}"))
    assert counts(offered.undistributed) == {"offered": (0, 3)}
    assert counts(simulated(house, house_of("{teams: [sul], strategy: manual}")).undistributed) == {"pool": (0, 3)}


def test_pre_sales_come_first_where_the_new_rules_have_them(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(house_of("{teams: [sul]}"))
    house.deliver_all([("site", lead(number)) for number in range(3)])
    house.run()
    house.clock.forward(days=1)
    changed = house_of("{teams: [sul]}", rules="{key: early, part: presales, queue: {teams: [sul]}}, ")
    changed = changed.replace("people:\n", "people:\n  - {key: sara, name: Sara, role: presales}\n")
    changed = changed.replace("duda, eva]", "duda, eva, sara]").replace("name: Novo}", "name: Novo, kind: presales}")
    found = simulated(house, changed)
    assert counts(found.brokers)["sara"] == (0, 3)


def test_nothing_is_written(start: Start) -> None:
    house = start(house_of("{teams: [sul], strategy: least_open, caps: {day: 5}}", people=DAYTIME))
    leads_of_days(house, 6)
    before = contents(house)
    with counted(house.database) as statements:
        found = simulated(house, house_of("{brokers: [ana]}", people=", shifts: [mon-fri 09:00-12:00]"))
    assert found.moved
    words = {statement.split()[0].upper() for statement in statements}
    assert words <= {"SELECT", "SET", "BEGIN", "FETCH", "DECLARE"}
    assert not [one for one in statements if "FOR UPDATE" in one.upper() or "FOR NO KEY" in one.upper()]
    assert contents(house) == before


def test_postgresql_refuses_a_simulation_that_writes(start_on_postgresql: Start) -> None:
    house = start_on_postgresql(house_of("{teams: [sul]}"))
    house.deliver("site", lead())
    house.run()
    house.clock.forward(minutes=1)
    with house.database.snapshot() as tx:
        here = house.houses.current(tx)
        simulate(tx, here, here, NOW, house.clock())
        with pytest.raises(DBAPIError, match="read-only transaction"):
            tx.execute(text("DELETE FROM paused_queues"))


def test_a_period_may_be_empty_or_too_full(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(house_of("{teams: [sul]}"))
    house.deliver_all([("site", lead(number)) for number in range(3)])
    house.run()
    house.clock.forward(days=1)
    with pytest.raises(Reject, match="no lead came"):
        simulated(house, since=house.clock() - timedelta(hours=1))
    with pytest.raises(Reject, match="3 leads came in the period, and at most 2"):
        simulated(house, most=2)
