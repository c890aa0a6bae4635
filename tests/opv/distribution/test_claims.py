"""What is offered to a queue, or lies in its pool, goes to the first who claims it; until then it is nobody's."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from db.session import Database
from opv.access import Viewer
from opv.actions import transfer
from opv.by_people import act
from opv.distribution.claims import claim
from opv.distribution.offers import offers
from schemas.errors import Reject
from schemas.page import Paging
from tests.pipeline import HOUSE, Pipeline, Start, lead

CLAIMANTS = [f"b{number}" for number in range(50)]


def house_of(queue: str, more: str = "") -> str:
    """A house with this queue in its one rule, a broker who is not on it, and one of pre-sales."""
    people = "  - {key: caio, name: Caio Corretor, role: broker}\n  - {key: pri, name: Pri, role: presales}\n"
    text = HOUSE.replace("teams: [{", f"{people}teams: [{{", 1).replace(
        "queue: {teams: [sul]}", f"queue: {queue}{more}"
    )
    return text.replace("{person: paula, brokers: [ana, bia]}", "{person: paula, brokers: [ana, bia, pri]}")


OFFERED = house_of("{strategy: first_to_claim, teams: [sul], offer: {for: 10 minutes}}")
POOL = house_of("{strategy: manual, teams: [sul]}")


def started(start: Start, configuration: str) -> Pipeline:
    house = start(configuration)
    house.deliver("site", lead(cidade="Santos"))
    house.run()
    return house


def viewer(house: Pipeline, person: str) -> Viewer:
    return Viewer(person, house.house().roster.people[person].role)


def claims(house: Pipeline, person: str) -> None:
    found = house.house()
    with house.database.write() as tx:
        done = claim(tx, found, viewer(house, person), house.clock(), "1")
    house.woken += done.woken
    house.run()


def refused(house: Pipeline, person: str) -> tuple[str, int]:
    with pytest.raises(Reject) as error:
        claims(house, person)
    return error.value.reason, error.value.status


def shown(house: Pipeline, person: str) -> list[Any]:
    found = house.house()
    with house.database.read() as tx:
        return list(offers(tx, found, viewer(house, person), house.clock(), Paging()).items)


@pytest.mark.parametrize(("configuration", "kind"), [(OFFERED, "offered"), (POOL, "pool")])
def test_the_first_of_the_queue_has_it(start: Start, configuration: str, kind: str) -> None:
    house = started(start, configuration)
    (offer,) = shown(house, "bia")
    assert (offer.number, offer.kind, offer.queue, offer.city) == (1, kind, "any", "Santos")
    assert "Bruno" not in offer.model_dump_json()
    assert [shown(house, person) for person in ("caio", "paula", "pri")] == [[], [], []]
    assert refused(house, "caio") == ("unknown_opv", 404)
    assert refused(house, "paula") == ("unknown_opv", 404)
    claims(house, "bia")
    (opv,) = house.opvs()
    assert (opv.team, opv.manager, opv.broker) == ("sul", "paula", "bia")
    assert (house.rows("distribution_work"), shown(house, "ana")) == ([], [])
    assert refused(house, "ana") == ("already_claimed", 409)
    assert refused(house, "caio") == ("unknown_opv", 404)
    decision = house.decisions()[-1]
    assert (decision.rule, decision.queue, decision.broker) == ("any", "any", "bia")
    assert {"claimed": True, "queue": "any"}.items() <= json.loads(decision.explanation).items()
    assert {row.broker: row.served for row in house.rows("queue_members")} == {"ana": 0, "bia": 1}
    assert house.history(opv.id)[-1][1]["rule"] == "any"


def test_fifty_at_once_have_one_winner(start: Start) -> None:
    people = "".join(f"  - {{key: {key}, name: {key}, role: broker}}\n" for key in CLAIMANTS)
    text = OFFERED.replace("teams: [{", f"{people}teams: [{{", 1)
    house = started(start, text.replace("brokers: [ana, bia, pri]", f"brokers: [{', '.join(CLAIMANTS)}]"))
    turn = house.rows("queues")[0].turn
    database = Database(house.database.url.render_as_string(hide_password=False), pool=len(CLAIMANTS))
    found, now, told, won = house.house(), house.clock(), [], []
    barrier = threading.Barrier(len(CLAIMANTS))

    def take(person: str) -> None:
        barrier.wait()
        try:
            with database.write() as tx:
                claim(tx, found, Viewer(person, "broker"), now, "1")
            won.append(person)
        except Reject as error:
            told.append((error.reason, error.status))

    threads = [threading.Thread(target=take, args=(person,)) for person in CLAIMANTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.dispose()
    assert (len(won), told) == (1, [("already_claimed", 409)] * 49)
    assert [(row.broker, row.part) for row in house.rows("assignments")] == [(won[0], "sales")]
    assert house.opvs()[0].broker == won[0]
    served = [row.broker for row in house.rows("queue_members") if row.served]
    assert (house.rows("queues")[0].turn - turn, served) == (1, won)


def test_an_offer_ends_and_its_pool_goes_on(start_on_sqlite: Start) -> None:
    house = started(start_on_sqlite, OFFERED)
    house.clock.forward(minutes=10)
    assert (refused(house, "ana"), shown(house, "ana")) == (("offer_over", 409), [])
    house.run()
    assert [row.state for row in house.rows("distribution_work")] == ["pool"]
    claims(house, "ana")
    assert house.opvs()[0].broker == "ana"
    assert house.decisions()[-1].rule == "claim"


@pytest.mark.parametrize(
    ("more", "behind", "reason"),
    [
        ("", "INSERT INTO paused_queues (queue, at, \"by\") "
         "VALUES ('any', '2026-09-21 12:00:00', 'rui')", "queue_paused"),
        ("", "INSERT INTO availability (person, state, since, \"by\") "
         "VALUES ('ana', 'paused', '2026-09-21 12:00:00', 'ana')", "may_not_claim"),
        ("", "INSERT INTO excluded_pairs (client_id, broker, at, \"by\") "
         "SELECT client_id, 'ana', '2026-09-21 12:00:00', 'rui' FROM opportunities", "may_not_claim"),
        (", skills: {all: [luxo]}", "", "may_not_claim"),
    ],
)  # fmt: skip
def test_gates_stand_before_a_claim_too(start_on_sqlite: Start, more: str, behind: str, reason: str) -> None:
    house = started(start_on_sqlite, house_of("{strategy: manual, teams: [sul]}", more))
    if behind:
        house.execute(behind)
    assert (shown(house, "ana"), refused(house, "ana")) == ([], (reason, 409))


def test_caps_count_at_a_claim(start: Start) -> None:
    house = started(start, house_of("{strategy: manual, teams: [sul], caps: {day: 1}}"))
    claims(house, "ana")
    house.deliver("site", lead(2))
    house.run()
    with pytest.raises(Reject, match="cap day"), house.database.write() as tx:
        claim(tx, house.house(), viewer(house, "ana"), house.clock(), "2")
    assert [offer.number for offer in shown(house, "bia")] == [2]
    assert shown(house, "ana") == []


def test_a_manager_gives_what_lies_in_the_pool(start: Start) -> None:
    house = started(start, POOL)
    found = house.house()
    with house.database.write() as tx:
        act(tx, found, Viewer("rui", "director"), house.clock(), "1", lambda at: transfer(at, "urgente", broker="ana"))
    assert (house.opvs()[0].broker, house.rows("distribution_work")) == ("ana", [])
    assert refused(house, "bia")[1] in (404, 409)


def test_pre_sales_claim_their_part(start_on_sqlite: Start) -> None:
    text = POOL.replace("stages: [{", "stages: [{key: qualify, name: Qualificar, kind: presales}, {")
    house = started(start_on_sqlite, text.replace("queue: {strategy", "part: presales, queue: {strategy"))
    assert (len(shown(house, "pri")), shown(house, "ana"), refused(house, "ana")) == (1, [], ("unknown_opv", 404))
    claims(house, "pri")
    (opv,) = house.opvs()
    assert (opv.presales_broker, opv.broker, house.rows("distribution_work")) == ("pri", None, [])
