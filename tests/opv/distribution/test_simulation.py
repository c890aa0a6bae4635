"""Past leads against other rules: what would have happened, and that nothing happens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from opv.distribution.simulation import simulate
from opv.house import House, build_house
from schemas.simulation import Simulation
from tests.pipeline import HOUSE, NOW, Pipeline, Start, lead

NAMES = ("ana", "bia", "caio", "duda", "eva")


def house_of(queue: str, *, brokers: tuple[str, ...] = NAMES, people: str = "", rules: str = "") -> str:
    """A house whose leads all go to one queue; `people` is added to each broker, `rules` stand before."""
    written = "".join(f"  - {{key: {key}, name: {key.title()}, role: broker{people}}}\n" for key in brokers)
    house = HOUSE[: HOUSE.index("  - {key: ana")] + written + HOUSE[HOUSE.index("teams: [") :]
    house = house.replace("brokers: [ana, bia]", f"brokers: [{', '.join(brokers)}]")
    return house.replace(
        "{rules: [{key: any, queue: {teams: [sul]}}]}", f"{{rules: [{rules}{{key: any, queue: {queue}}}]}}"
    )


def days_of_leads(house: Pipeline, count: int, *, minutes: float = 47) -> None:
    """Leads that come one after the other, some people twice."""
    for number in range(count):
        development = ("Residencial Jardim", "Mirante do Parque")[number % 2]
        house.deliver("site", lead(number, id=f"envio-{number}", empreendimento=development))
        house.run()
        house.clock.forward(minutes=minutes)


def other(house: Pipeline, configuration: str) -> House:
    """The house as another configuration describes it."""
    return build_house(0, house._read(configuration), {})


def simulated(house: Pipeline, configuration: str | None = None, since: datetime = NOW, **options: Any) -> Simulation:
    with house.database.snapshot() as tx:
        before = house.houses.current(tx)
        changed = before if configuration is None else other(house, configuration)
        return simulate(tx, changed, before, since, house.clock(), **options)


def counts(items: list[Any]) -> dict[str, tuple[int, int]]:
    return {one.key: (one.then, one.now) for one in items}


DETERMINISTIC = {
    "round_robin": "{teams: [sul]}",
    "weighted": "{teams: [sul], strategy: weighted, weights: {ana: 3, bia: 2}}",
    "least_open": "{teams: [sul], strategy: least_open}",
    "least_recent": "{teams: [sul], strategy: least_recent}",
    "most_room": "{teams: [sul], strategy: most_room, caps: {day: 4}}",
    "capped": "{teams: [sul], caps: {day: 3, week: 12, open: 14}}",
    "skipping": "{teams: [sul], missed: skip, caps: {day: 4}}",
    "credited": "{teams: [sul], missed: credit, caps: {day: 4}}",
}


@pytest.mark.parametrize("queue", DETERMINISTIC.values(), ids=DETERMINISTIC.keys())
def test_the_same_rules_give_the_same_brokers(start_on_sqlite: Start, queue: str) -> None:
    house = start_on_sqlite(house_of(queue, people=", shifts: [mon-sun 08:00-20:00]"))
    days_of_leads(house, 90)
    found = simulated(house)
    given = [opv for opv in house.opvs() if opv.broker]
    assert found.leads == 90
    assert len({opv.broker for opv in given}) == len(NAMES)
    assert (found.moved, found.sample) == (0, [])
    shares = (*found.brokers, *found.teams, *found.queues)
    assert all(one.then == one.now for one in shares)
    assert all(one.then == one.now for one in found.undistributed)
    assert sum(one.now for one in found.brokers) == len(given)
