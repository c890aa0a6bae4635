"""Every OPV gets a broker, or stands on a list with the reason; each decision can be explained."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from sqlalchemy.engine import Row

from tests.pipeline import HOUSE, Pipeline, Start, lead

BROKERS = [f"b{n}" for n in range(1, 8)]


def brokers(*keys: str, inactive: str = "") -> str:
    """A house whose one queue is of these brokers."""
    people = "".join(
        f"  - {{key: {key}, name: {key}, role: broker{', active: false' if key == inactive else ''}}}\n" for key in keys
    )
    house = HOUSE.replace("teams: [{", f"{people}teams: [{{", 1)
    return house.replace("brokers: [ana, bia]", f"brokers: [{', '.join(keys)}]")


def rules(*lines: str) -> str:
    return HOUSE.replace("{rules: [{key: any, queue: {teams: [sul]}}]}", "{rules: [" + ", ".join(lines) + "]}")


def explanation(decision: Row[Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(decision.explanation)
    return read


def send(house: Pipeline, *numbers: int, **fields: Any) -> None:
    house.deliver_all([("site", lead(n, **fields)) for n in numbers])
    house.run()


def served(house: Pipeline) -> list[str | None]:
    return [opv.broker for opv in house.opvs()]


def test_the_first_rule_that_holds_decides_and_the_others_are_explained(start: Start) -> None:
    house = start(
        rules(
            "{key: rich, when: {price: {gte: 1000000}}, queue: {brokers: [bia]}}",
            "{key: google, when: {utm.source: google, city: Santos}, queue: {brokers: [bia]}}",
            "{key: form, when: {source: form}, queue: {brokers: [ana]}}",
            "{key: any, queue: {teams: [sul]}}",
        )
    )
    send(house, 1, utm_source="google", cidade="Rio de Janeiro")
    (opv,) = house.opvs()
    (decision,) = house.decisions(opv.id)
    assert (decision.rule, decision.queue, decision.broker, decision.reason) == ("form", "form", "ana", None)
    assert (decision.config_version, decision.at) == (1, house.clock())
    assert explanation(decision) == {
        "rules": [
            {"rule": "rich", "matched": False, "because": "price is absent, not gte 1000000"},
            {"rule": "google", "matched": False, "because": "city is 'Rio de Janeiro', not 'Santos'"},
            {"rule": "form", "matched": True},
        ],
        "queue": "form", "excluded": [], "turn": 2, "before": ["ana"], "after": ["ana"],
    }  # fmt: skip
    (snapshot,) = house.rows("queue_snapshots")
    assert (snapshot.digest, json.loads(snapshot.members)) == (decision.snapshot, [["ana", None]])
    (assignment,) = house.rows("assignments")
    assert (assignment.decision_id, assignment.since) == (decision.id, house.clock())
    assert (opv.team, opv.manager, opv.broker, opv.assigned_at) == ("sul", "paula", "ana", house.clock())
    assert house.history(opv.id)[-1] == (
        "opv.assigned",
        {"team": "sul", "manager": "paula", "broker": "ana", "rule": "form", "decision": str(decision.id),
         "queue": "form"},
    )  # fmt: skip


def test_turns_go_round_over_batches(start: Start) -> None:
    house = start(brokers("b1", "b2", "b3"))
    for n in range(4):
        send(house, *range(n * 10, n * 10 + n + 1))
    assert served(house) == ["b1", "b2", "b3", "b1", "b2", "b3", "b1", "b2", "b3", "b1"]


def test_brokers_come_and_go_without_a_flood(start: Start) -> None:
    house = start(brokers("b1", "b2", "b3"))
    send(house, *range(6))
    house.apply(brokers("b4", "b1", "b2", "b3"))
    send(house, *range(10, 18))
    assert served(house)[6:] == ["b1", "b2", "b3", "b4"] * 2
    house.apply(brokers("b4", "b1", "b3"))
    send(house, *range(20, 50))
    house.apply(brokers("b1", "b2", "b3", "b4"))
    send(house, *range(60, 68))
    assert served(house)[44:] == ["b1", "b3", "b4", "b2"] * 2
    assert {row.broker: row.served for row in house.rows("queue_members")} == {"b1": 16, "b2": 6, "b3": 16, "b4": 14}


def test_an_inactive_broker_is_left_out_with_the_reason(start: Start) -> None:
    house = start(brokers("b1", "b2", "b3", inactive="b1"))
    send(house, 1, 2, 3)
    assert served(house) == ["b2", "b3", "b2"]
    (snapshot,) = house.rows("queue_snapshots")
    assert {row.snapshot for row in house.decisions()} == {snapshot.digest}
    assert json.loads(snapshot.members) == [["b1", "inactive"], ["b2", None], ["b3", None]]


@pytest.mark.parametrize(
    ("configuration", "reason", "rule"),
    [
        (rules("{key: rich, when: {price: {gte: 1000000}}, queue: {brokers: [bia]}}"), "no_rule", None),
        (rules(), "no_rule", None),
        (rules("{key: dev, queue: {strategy: round_robin}}"), "no_broker", "dev"),
        (brokers("b1", "b2", inactive="b1").replace("name: b2, role: broker", "name: b2, role: broker, active: false"),
         "all_left_out", "any"),
    ],
)  # fmt: skip
def test_without_rule_or_broker_an_opv_waits_with_the_reason(
    start_on_sqlite: Start, configuration: str, reason: str, rule: str | None
) -> None:
    house = start_on_sqlite(configuration)
    send(house, 1)
    (opv,) = house.opvs()
    assert house.undistributed() == {opv.id: reason}
    assert (opv.broker, opv.team) == (None, None)
    send(house, 1, id="again")
    house.apply(configuration.replace("name: Rui Diretor", "name: Rui D. Diretor"))
    house.run()
    assert house.undistributed() == {opv.id: reason}
    assert [(row.rule, row.broker, row.reason) for row in house.decisions()] == [(rule, None, reason)] * 2
    history = house.history(opv.id)
    assert [entry for entry in history if entry[0] == "opv.undistributed"] == [
        ("opv.undistributed", {"reason": reason, "rule": rule})
    ]
    house.apply(HOUSE)
    house.run()
    assert house.rows("distribution_work") == []
    assert (served(house), house.kinds(opv.id)[-1]) == (["ana"], "opv.assigned")


def test_a_queue_without_teams_is_one_line_for_each_development(start: Start) -> None:
    norte = "{key: norte, name: Norte, managers: [{person: marta, brokers: [bia]}]}"
    house = start(
        rules("{key: dev, queue: {strategy: round_robin}}")
        .replace("teams: [{key: sul", f"teams: [{norte}, {{key: sul")
        .replace('listings: ["AP-0201"], teams: [sul]', 'listings: ["AP-0201"], teams: [norte]')
    )
    send(house, 1, 2, 3, empreendimento="jardim")
    send(house, 4, 5, empreendimento="mirante")
    send(house, 6)
    assert served(house) == ["ana", "bia", "ana", "bia", "bia", None]
    assert [(opv.team, opv.manager) for opv in house.opvs()[:5]] == [
        ("sul", "paula"), ("sul", "paula"), ("sul", "paula"), ("norte", "marta"), ("norte", "marta"),
    ]  # fmt: skip
    assert [row.key for row in house.rows("queues")] == ["dev@", "dev@jardim", "dev@mirante"]


def test_a_returning_client_keeps_the_broker_and_takes_no_turn(start: Start) -> None:
    house = start(HOUSE + "returning: {open: new}\n")
    send(house, 1, 2)
    send(house, 1, id="again")
    send(house, 3, 4)
    assert served(house) == ["ana", "bia", "ana", "ana", "bia"]
    kept = house.decisions(house.opvs()[2].id)[0]
    assert (kept.rule, kept.queue, kept.broker) == ("returning", None, "ana")
    assert "queue" not in house.history(house.opvs()[2].id)[-1][1]


def test_a_closed_opv_leaves_the_list_without_a_broker(start: Start) -> None:
    house = start(rules())
    send(house, 1)
    house.set("opportunities", {"status": "lost"})
    house.apply(HOUSE)
    house.run()
    assert house.rows("distribution_work") == []
    assert served(house) == [None]


def test_an_opv_that_was_given_up_is_not_tried_again_until_the_configuration_changes(start: Start) -> None:
    house = start()
    house.deliver("site", lead())
    house.round("ingest")
    (work,) = house.rows("distribution_work")
    step = house.step("distribution")
    with house.database.write() as tx:
        step.park(tx, work.opportunity_id, "worker_killed", "its worker died", house.clock())
    house.run()
    assert house.undistributed() == {work.opportunity_id: "worker_killed"}
    house.apply(HOUSE.replace("name: Rui Diretor", "name: Rui D. Diretor"))
    house.run()
    assert served(house) == ["ana"]


def test_four_workers_share_a_thousand_leads_evenly(start_on_postgresql: Start) -> None:
    house = start_on_postgresql(brokers(*BROKERS))
    house.deliver_all([("site", lead(n)) for n in range(1000)])
    house.run_in_threads(4, batch=20)
    counts = Counter(served(house))
    assert set(counts) == set(BROKERS)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert counts.total() == 1000
    assert Counter(row.broker for row in house.decisions()) == counts
    assert {row.broker: row.served for row in house.rows("queue_members")} == counts
