"""What queues gave, beside what was to be expected: exact, out of decisions that are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from db.bulk import insert_rows
from db.ids import new_id
from db.queries.paging import ids_since
from opv.access import viewer_of
from opv.reports import fairness
from schemas.errors import Reject
from schemas.reports import FairnessFilters, FairnessItem
from tests.pipeline import NOW, TABLES, Pipeline, Start, counted, lead

HOUSE = """
people:
  - {key: rui, name: Rui Diretor, role: director}
  - {key: olga, name: Olga Operações, role: ops}
  - {key: paula, name: Paula Gerente, role: manager}
  - {key: marta, name: Marta Gerente, role: manager}
  - {key: ana, name: Ana Corretora, role: broker}
  - {key: bia, name: Bia Corretora, role: broker}
  - {key: caio, name: Caio Corretor, role: broker}
  - {key: davi, name: Davi Corretor, role: broker}
teams:
  - {key: sul, name: Equipe Sul, managers: [{person: paula, brokers: [ana, bia, davi]}]}
  - {key: norte, name: Equipe Norte, managers: [{person: marta, brokers: [caio]}]}
channels: [{key: site, source: form, secrets: ["${S}"]}]
funnel: {stages: [{key: new, name: Novo}]}
queues:
  - {key: dear, strategy: weighted, brokers: [ana, bia, caio, davi], weights: {ana: 2}}
  - {key: teams, teams: [sul, norte], team_shares: {sul: 3}}
  - {key: loads, strategy: least_open, brokers: [ana, bia]}
distribution:
  rules:
    - {key: a, when: {city: Santos}, queue: dear, fallback: [teams, loads]}
    - {key: any, queue: {brokers: [ana, bia]}}
"""
FREE = {"ana": None, "bia": None, "caio": None, "davi": "inactive"}
CAPPED = {**FREE, "bia": "cap_day"}


class Past:
    """Decisions of the past, with as many turns as are told."""

    def __init__(self, house: Pipeline) -> None:
        self.house = house
        house.deliver("site", lead())
        house.run()
        self.opv = house.opvs()[0].id
        self._made = count()

    def _id(self) -> UUID:
        """Of the test's time, not of the machine's."""
        return UUID(int=ids_since(self.house.clock()).int + next(self._made))

    def decided(self, queue: str, broker: str | None, members: dict[str, str | None], **told: Any) -> None:
        """A decision of now."""
        text = json.dumps(list(members.items()))
        row = {
            "id": self._id(), "opportunity_id": self.opv, "at": self.house.clock(), "config_version": 1, "rule": "a",
            "queue": queue, "broker": broker, "reason": None, "part": "sales", "snapshot": text,
            "explanation": json.dumps({"queue": queue, "turn": 1, "excluded": [], **told}),
        }  # fmt: skip
        snapshot = {"queue": queue, "digest": text, "at": NOW, "members": text}
        known = {(one.queue, one.digest) for one in self.house.rows("queue_snapshots", "queue", "digest")}
        with self.house.database.write() as tx:
            insert_rows(tx, TABLES["decisions"], [row])
            insert_rows(tx, TABLES["queue_snapshots"], [] if (queue, text) in known else [snapshot])


def asked(house: Pipeline, person: str | None = None, **filters: Any) -> list[FairnessItem]:
    viewer = viewer_of(person, house.house()) if person else None
    with house.database.read() as tx:
        return fairness(tx, house.house(), viewer, FairnessFilters.model_validate(filters))


def figures(found: Sequence[FairnessItem], *names: str) -> dict[str, tuple[Any, ...]]:
    return {one.key: tuple(getattr(one, name) for name in names) for one in found}


def weighted(house: Pipeline) -> Past:
    past = Past(house)
    for broker in ("ana", "ana", "bia", "caio"):
        past.decided("dear", broker, FREE)
    for broker in ("ana", "caio"):
        past.decided("dear", broker, CAPPED)
    past.decided("dear", "ana", CAPPED, missed=[{"broker": "bia", "because": "cap_day"}])
    past.decided("dear", "caio", FREE, excluded=[{"broker": "bia", "because": "excluded_pair"}])
    past.decided("dear", "bia", FREE, claimed=True)
    past.decided("dear", None, FREE, missed=[{"broker": "bia", "because": "paused"}])
    return past


def test_shares_by_weight_and_by_presence(start: Start) -> None:
    house = start(HOUSE)
    weighted(house)
    found = asked(house, queue="dear")
    assert figures(found, "turns", "expected", "deviation", "deviation_points", "present") == {
        "ana": (4, 4.0, 0.0, 0.0, 4.67), "bia": (1, 2.0, -1.0, -12.5, 1.0), "caio": (3, 2.0, 1.0, 12.5, 2.33),
    }  # fmt: skip
    assert figures(found, "given_share", "expected_share", "present_share") == {
        "ana": (0.5, 0.5, 0.5833), "bia": (0.125, 0.25, 0.125), "caio": (0.375, 0.25, 0.2917),
    }  # fmt: skip
    assert figures(found, "missed", "missed_because", "capped", "claimed") == {
        "ana": (0, {}, 0, 0), "bia": (2, {"cap_day": 1, "paused": 1}, 3, 1), "caio": (0, {}, 0, 0),
    }  # fmt: skip
    assert {one.queue for one in found} == {"dear"}
    assert [one.name for one in found] == ["Ana Corretora", "Bia Corretora", "Caio Corretor"]


def test_shares_of_teams_and_of_those_who_are_there(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(HOUSE)
    past = Past(house)
    past.decided(
        "teams", "caio", FREE, fell_back=[{"queue": "dear", "missed": [{"broker": "bia", "because": "paused"}]}]
    )
    past.decided("teams", "ana", CAPPED, missed=[{"broker": "@sul", "because": "team_left_out"}])
    past.decided("loads", "ana", {"ana": None, "bia": "paused"})
    past.decided("loads", "bia", {"ana": None, "bia": None}, excluded=[{"broker": "ana", "because": "cap_open"}])
    assert figures(asked(house, queue="teams"), "turns", "expected", "present", "missed") == {
        "ana": (1, 0.75, 1.12, 0), "bia": (0, 0.75, 0.38, 0), "caio": (1, 0.5, 0.5, 0),
    }  # fmt: skip
    assert figures(asked(house, queue="loads"), "turns", "expected", "present", "capped") == {
        "ana": (1, 1.0, 1.0, 1), "bia": (1, 1.0, 1.0, 0),
    }  # fmt: skip
    assert figures(asked(house, queue="dear"), "turns", "given_share", "missed") == {"bia": (0, None, 1)}


def test_lines_of_developments_periods_and_turns_given_back(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(HOUSE)
    past = weighted(house)
    house.clock.forward(days=2)
    past.decided("dear@jardim", "ana", FREE)
    with house.database.write() as tx:
        request = {
            "id": new_id(), "opportunity_id": past.opv, "seq": 9, "kind": "invalid", "asked_by": "caio", "broker": None,
            "at": NOW, "state": "granted", "answered_by": None, "answered_at": NOW, "answer_seq": None,
        }  # fmt: skip
        insert_rows(tx, TABLES["transfer_requests"], [request])
    assert {one.queue for one in asked(house, queue="dear")} == {"dear", "dear@jardim"}
    assert [one.queue for one in asked(house, queue="dear@jardim")] == ["dear@jardim"] * 3
    assert figures(asked(house, until="2026-09-22", queue="dear"), "turns", "given_back") == {
        "ana": (4, 0), "bia": (1, 0), "caio": (3, 1),
    }  # fmt: skip
    assert {one.queue for one in asked(house, since="2026-09-22")} == {"dear@jardim"}
    assert asked(house, since="2026-09-24") == []
    with pytest.raises(Reject, match="ends before it begins"):
        asked(house, since="2026-09-22", until="2026-09-22")


def test_a_configuration_of_the_past_counts_for_its_own_decisions(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(HOUSE)
    weighted(house)
    house.apply(HOUSE.replace("{ana: 2}", "{caio: 3}"))
    assert figures(asked(house, queue="dear"), "expected") == {"ana": (4.0,), "bia": (2.0,), "caio": (2.0,)}


def test_managers_see_queues_of_theirs_and_brokers_none(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(HOUSE)
    weighted(house)  # and the pipeline's own decision, in `any`
    assert {one.queue for one in asked(house)} == {"any", "dear"}
    assert asked(house, "rui") == asked(house, "olga") == asked(house, "paula") == asked(house)
    assert {one.queue for one in asked(house, "marta")} == {"dear"}
    with pytest.raises(Reject, match="only managers, directors and operations"):
        asked(house, "ana")


def test_it_tells_what_the_pipeline_decided(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(HOUSE)
    house.deliver_all([("site", lead(number)) for number in range(7)])
    house.run()
    with counted(house.database) as statements:
        found = asked(house)
    assert sum(one.turns for one in found) == 7
    assert figures(found, "expected", "missed") == {"ana": (3.5, 0), "bia": (3.5, 0)}
    assert all(abs(one.deviation) == 0.5 for one in found)
    assert len([one for one in statements if "decisions" in one]) == 4
