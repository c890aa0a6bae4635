"""The fetch step: what a platform answers, waits in rows, nothing lost and nothing asked for ever."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from db.ids import new_id
from opv.fetch import LONGEST_REST
from opv.retry import JITTER, SCHEDULE
from schemas.errors import Retry
from schemas.source import HttpAnswer
from tests.pipeline import HOUSE, NoNetwork, Pipeline, Start, counted, limit_batches

Answer = HttpAnswer | BaseException | Callable[[], HttpAnswer]

TWO_PAGES = HOUSE.replace(
    "funnel:",
    """  - key: other
    source: meta_lead_ads
    secrets: ["${S}"]
    options: {verify_token: "${S}", page_token: "${S}"}
funnel:""",
)

SOON = SCHEDULE[0] * (1 + JITTER)


def graph_lead(lead: str, name: str = "Maria Exemplo") -> HttpAnswer:
    fields = {"full_name": name, "phone_number": f"+551198{int(lead):07d}"}
    data = [{"name": key, "values": [value]} for key, value in fields.items()]
    return HttpAnswer(200, {}, json.dumps({"id": lead, "field_data": data}).encode())


def refusal(status: int, code: int, subcode: int | None = None, **headers: str) -> HttpAnswer:
    error = {"code": code, "error_subcode": subcode, "message": "quotes the token EAAB-secret"}
    return HttpAnswer(status, {key.replace("_", "-"): value for key, value in headers.items()},
                      json.dumps({"error": error}).encode())  # fmt: skip


class Graph(NoNetwork):
    """The platform: for each lead the answers in turn, the last one again and again; without any, the lead."""

    def __init__(self, **answers: list[Answer]) -> None:
        self.answers = {lead.removeprefix("l"): list(given) for lead, given in answers.items()}
        self.asked: list[str] = []

    def get(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        lead = url.rpartition("/")[2]
        self.asked.append(lead)
        given = self.answers.get(lead) or [graph_lead(lead)]
        answer = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer


def notify(house: Pipeline, *leads: int, channel: str = "meta") -> UUID:
    changes = [{"field": "leadgen", "value": {"leadgen_id": str(lead), "form_id": "7"}} for lead in leads]
    return house.deliver(channel, {"object": "page", "entry": [{"id": "1", "changes": changes}]})


def state(house: Pipeline, lead: int = 1) -> tuple[Any, ...]:
    (row,) = house.rows("submissions", key=str(lead))
    return row.state, row.outcome, row.reason, row.failures


def test_a_lead_is_asked_for_once_and_captured(start: Start) -> None:
    graph = Graph()
    house = start(http=graph)
    notify(house, 1, 2)
    again = notify(house, 2)
    house.run()
    assert house.delivered() == ["captured", "repeated"]
    assert house.outcomes(again) == ["repeated"]
    assert sorted(graph.asked) == ["1", "2"]
    assert {card.external_id for card in house.captures()} == {"1", "2"}
    assert [opv.broker for opv in house.opvs()] == ["ana", "bia"]
    notify(house, 1)
    house.run()
    assert (house.delivered()[-1], len(graph.asked)) == ("repeated", 2)


def test_what_is_not_yet_there_waits_in_sight_and_comes_by_schedule(start: Start) -> None:
    graph = Graph(l1=[refusal(400, 100, 33), Retry("no_answer", "no answer"), graph_lead("1")])
    house = start(http=graph)
    delivery = notify(house, 1, 2)
    house.run()
    assert house.delivered() == ["pending"]
    assert house.outcomes(delivery) == ["pending not_yet_readable", "captured"]
    assert state(house) == ("fetch", "pending", "not_yet_readable", 1)
    (row,) = house.rows("submissions", key="1")
    assert "EAAB" not in row.detail
    wait = row.due_at - house.clock()
    assert SCHEDULE[0] * (1 - JITTER) <= wait <= SCHEDULE[0] * (1 + JITTER)
    house.clock.now = row.due_at - timedelta(microseconds=1)
    house.run()
    assert len(graph.asked) == 2
    house.clock.forward(microseconds=1)
    house.run()
    assert state(house) == ("fetch", "pending", "no_answer", 2)
    house.clock.now = house.rows("submissions", key="1")[0].due_at
    house.run()
    assert state(house) == ("done", "captured", None, 2)
    assert house.delivered() == ["captured"]


@pytest.mark.parametrize(
    ("answer", "reason", "least", "most"),
    [
        (refusal(429, 4, retry_after="8"), "rate_limited", 8, 8),
        (refusal(429, 4, retry_after="1"), "rate_limited", 5, 5),
        (refusal(429, 4, retry_after="99999"), "rate_limited", 10, 10),
        (refusal(401, 190), "token_expired", 5, 5),
        (refusal(403, 200), "permission_missing", 5, 5),
        (HttpAnswer(503, {}, b"<html>"), "platform_error", 5, 5),
        (HttpAnswer(302, {"location": "https://elsewhere"}, b""), "platform_error", 5, 5),
        (KeyError("a person's name"), "bug", 5, 5),
    ],
)
def test_a_failure_that_may_pass_is_tried_again(
    start_on_sqlite: Start, answer: Answer, reason: str, least: int, most: int
) -> None:
    house = start_on_sqlite(http=Graph(l1=[answer, graph_lead("1")]))
    notify(house, 1)
    house.run()
    assert state(house) == ("fetch", "pending", reason, 1)
    (row,) = house.rows("submissions")
    assert least * (1 - JITTER) <= (row.due_at - house.clock()).total_seconds() <= most * (1 + JITTER)
    assert "person" not in row.detail
    house.clock.forward(seconds=most * (1 + JITTER))
    house.run()
    assert house.delivered() == ["captured"]


def test_a_rate_limit_is_shared_by_the_channels_leads(start: Start) -> None:
    graph = Graph()
    for lead in map(str, range(1, 7)):
        graph.answers[lead] = [refusal(429, 4, retry_after="300"), graph_lead(lead)]
    house = start(TWO_PAGES, http=graph)
    limit_batches(house.steps, 2)
    notify(house, *range(1, 7))
    house.round("ingest")
    house.round("fetch")
    notify(house, 101, channel="other")
    house.round("ingest")
    first = sorted(graph.asked)
    waits = {row.key: row.due_at - house.clock() for row in house.rows("submissions")}
    assert all(waits[lead] <= 2 * SOON for lead in first)
    assert [wait for lead, wait in waits.items() if lead not in (*first, "101")] == [timedelta(seconds=300)] * 4
    house.run()
    assert sorted(graph.asked) == sorted([*first, "101"])
    house.clock.forward(seconds=12)
    house.run()
    assert sorted(graph.asked) == sorted([*first, *first, "101"])
    house.clock.forward(seconds=300)
    house.run()
    house.clock.forward(seconds=400)
    house.run()
    house.clock.forward(seconds=400)
    house.run()
    assert house.delivered() == ["captured", "captured"]


def test_a_wait_that_lasts_too_long_is_not_believed(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(http=Graph(l1=[refusal(429, 4, retry_after="99999")]))
    limit_batches(house.steps, 1)
    notify(house, 1)
    house.round("ingest")
    house.clock.forward(seconds=1)
    notify(house, 2)
    house.round("ingest")
    house.round("fetch")
    assert house.rows("submissions", key="2")[0].due_at - house.clock() == LONGEST_REST


@pytest.mark.parametrize("code", [190, 200])
def test_a_token_that_is_refused_is_told_at_once_and_once(start: Start, code: int) -> None:
    house = start(http=Graph(l1=[refusal(400, code)], l2=[refusal(400, code)], l4=[refusal(500, 2)]))
    notify(house, 1, 2)
    notify(house, 3, 4)
    house.run()
    house.clock.forward(seconds=10)
    house.run()
    (alarm,) = house.rows("alarms")
    assert (alarm.kind, alarm.cleared_at) == ("token", None)
    notices = house.rows("outbound_messages", kind="alarm")
    assert [(row.recipient, row.state) for row in notices] == [("rui", "sent")]


def test_after_the_budget_it_is_parked_and_a_replay_asks_again(start: Start) -> None:
    graph = Graph(l1=[refusal(400, 100, 33)])
    house = start(http=graph)
    delivery = notify(house, 1, 2)
    begun = house.clock()
    house.run()
    for _ in SCHEDULE:
        assert house.delivered() == ["pending"]
        house.clock.now = house.rows("submissions", key="1")[0].due_at
        house.run()
    planned = sum(SCHEDULE, timedelta())
    assert planned * (1 - JITTER) <= house.clock() - begun <= planned * (1 + JITTER)
    assert graph.asked.count("1") == len(SCHEDULE) + 1
    assert state(house) == ("done", "parked", "not_yet_readable", len(SCHEDULE) + 1)
    assert house.delivered() == ["parked"]
    house.clock.forward(days=9)
    house.run()
    assert graph.asked.count("1") == len(SCHEDULE) + 1
    graph.answers.clear()
    house.replay(delivery)
    house.run()
    assert house.outcomes(delivery) == ["captured", "captured"]
    assert house.delivered() == ["captured"]
    assert graph.asked.count("2") == 1


def test_what_will_never_come_is_parked_at_once(start: Start) -> None:
    house = start(http=Graph(l1=[refusal(400, 100, 1)], l3=[HttpAnswer(200, {}, b"no JSON")]))
    notify(house, 1)
    notify(house, 2)
    notify(house, 3)
    house.run()
    assert house.outcomes() == ["parked platform_refused", "captured", "parked not_json"]
    assert house.delivered() == ["parked", "captured", "parked"]


def test_a_platforms_test_lead_makes_no_opv(start: Start) -> None:
    name = "<test lead: dummy data for full_name>"
    house = start(http=Graph(l1=[graph_lead("1", name)]))
    notify(house, 1)
    notify(house, 444444444444)
    house.run()
    assert house.outcomes() == ["test testing_tool", "test dashboard_test"]
    assert house.delivered() == ["test", "test"]
    assert house.opvs() == []


def test_a_worker_that_asked_too_long_writes_nothing(start: Start) -> None:
    def slow() -> HttpAnswer:
        """The first worker's call: meanwhile its lease ends and another one gets the lead."""
        house.clock.forward(seconds=121)
        graph.answers["1"] = [graph_lead("1", "Maria Segunda")]
        other.run()
        return graph_lead("1", "Maria Primeira")

    graph = Graph(l1=[slow, slow])
    house = start(http=graph)
    other = start(http=graph)
    other.clock = house.clock
    other.steps = other.new_steps(other.woken.append)
    notify(house, 1)
    house.run()
    assert house.outcomes() == ["captured"]
    assert [row.name for row in house.rows("clients")] == ["Maria Segunda"]
    assert len(house.captures()) == 1


def test_of_a_batch_those_still_held_are_written(start: Start) -> None:
    def lose() -> HttpAnswer:
        house.set("submissions", {"lease": new_id()}, key="1")
        return graph_lead("1")

    house = start(http=Graph(l1=[lose, graph_lead("1")], l2=[refusal(400, 100, 1)]))
    notify(house, 1)
    notify(house, 2)
    house.round("ingest")
    house.round("fetch")
    assert house.delivered() == ["pending", "parked"]
    house.clock.forward(seconds=121)
    house.run()
    assert house.delivered() == ["captured", "parked"]


class Died(BaseException):
    """The worker's process is gone."""


def test_a_lead_that_ends_its_worker_is_given_up(start: Start) -> None:
    house = start(http=Graph(l1=[Died()]))
    notify(house, 1)
    notify(house, 2)
    for _ in range(3):
        with pytest.raises(Died):
            house.run()
        house.clock.forward(seconds=121)
    house.run()
    assert house.outcomes() == ["parked worker_killed", "captured"]
    assert house.delivered() == ["parked", "captured"]


def test_a_batch_costs_as_many_statements_whatever_its_size(start: Start) -> None:
    house = start(http=Graph())
    notify(house, 1)
    house.run()
    numbers = count(2)
    counts = []
    for size in (1, 10, 200):
        notify(house, *(next(numbers) for _ in range(size)))
        house.round("ingest")
        limit_batches(house.steps, 500)
        with counted(house.database) as fetching:
            house.round("fetch")
        with counted(house.database) as ingesting:
            house.round("ingest", 1)
        counts.append((len(fetching), len(ingesting)))
        house.run()
    assert len(set(counts)) == 1
    assert len(house.opvs()) == 212
