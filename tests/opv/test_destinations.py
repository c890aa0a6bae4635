"""The breaker of a destination: what does not answer is left alone, costs no message a try, and is tried by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.targets.testing import Receiver, Step, serving
from adapters.targets.webhook import Webhook
from db.bulk import insert_rows
from db.claim import WorkList
from db.ids import new_id
from opv.destinations import FAILURES, FIRST, LONGEST, SOON, opened_for
from opv.outbound import Send
from opv.retry import JITTER
from tests.pipeline import HOUSE, NOW, TABLES, NoNetwork, Pipeline, Start, counted

OPTIONS = 'secrets: ["${S}"], allow_http: true, allow_private: true'


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver("webhook-id")) as receiver:
        yield receiver


def started(start: Start, receiver: Receiver, messages: int) -> Pipeline:
    def now() -> datetime:
        return house.clock()

    webhook = Webhook(NoNetwork(), now, seconds=1.0)
    targets = f'targets: [{{key: painel, target: webhook, options: {{url: "{receiver.url}", {OPTIONS}}}}}]\n'
    house = start(HOUSE + targets, targets={webhook.slug: webhook})
    queue(house, messages)
    return house


def queue(house: Pipeline, messages: int) -> None:
    rows = [
        {
            "id": new_id(), "idempotency_key": f"tell:{new_id()}", "target": "painel", "kind": "told",
            "recipient": "painel", "body": "{}", "state": "pending", "created_at": NOW, "due_at": house.clock(),
        }
        for _ in range(messages)
    ]  # fmt: skip
    with house.database.write() as tx:
        insert_rows(tx, TABLES["outbound_messages"], rows)


def destination(house: Pipeline) -> Any:
    (row,) = house.rows("destinations")
    return row


def states(house: Pipeline) -> list[tuple[str, int]]:
    return sorted((row.state, row.failures) for row in house.rows("outbound_messages"))


def one_by_one(house: Pipeline) -> None:
    """Messages that fail are tried one after the other, so that a test can count them."""
    house.step("outbound").work_list = WorkList(
        TABLES["outbound_messages"], "id", batch=1, lease=timedelta(seconds=120), max_attempts=3
    )


def test_failures_in_a_row_open_it_and_waiting_costs_no_try(start: Start, receiver: Receiver) -> None:
    receiver.plan = [Step(503) for _ in range(FAILURES)]
    house = started(start, receiver, 30)
    one_by_one(house)
    house.run("outbound")
    assert len(receiver.asked) == FAILURES
    row = destination(house)
    assert (row.failures, row.openings, row.reason, row.opened_at) == (FAILURES, 1, "http_503", NOW)
    assert (1 - JITTER) * FIRST <= row.open_until - NOW <= (1 + JITTER) * FIRST
    assert states(house) == [("pending", 0)] * (30 - FAILURES) + [("pending", 1)] * FAILURES
    waiting = house.rows("outbound_messages", failures=0)
    assert {(one.due_at, one.attempts, one.lease) for one in waiting} == {(row.open_until, 0, None)}

    receiver.plan = [Step(429, {"Retry-After": "400"})]
    house.clock.now = row.open_until
    house.run("outbound")
    assert len(receiver.asked) == FAILURES + 1, "one probe alone"
    again = destination(house)
    assert (again.failures, again.openings, again.opened_at) == (FAILURES + 1, 2, NOW)
    assert again.open_until == house.clock() + timedelta(seconds=400)

    house.clock.now = again.open_until
    house.run("outbound")
    closed = destination(house)
    assert (closed.failures, closed.openings, closed.opened_at, closed.open_until) == (0, 0, None, None)
    assert (closed.succeeded_at, closed.reason) == (house.clock(), "http_429")
    assert {row.state for row in house.rows("outbound_messages")} == {"sent"}
    assert len(receiver.effects) == 30


@pytest.mark.parametrize("step", [Step(404), Step(410), Step(301, {"Location": "/"})])
def test_what_is_refused_of_single_messages_opens_nothing(
    start_on_sqlite: Start, receiver: Receiver, step: Step
) -> None:
    receiver.plan = [step] * 20
    house = started(start_on_sqlite, receiver, 22)
    house.run("outbound")
    assert [state for state, _ in states(house)] == ["parked"] * 20 + ["sent"] * 2
    assert destination(house).failures == 0


def test_who_does_not_answer_is_asked_for_none_of_the_others(start_on_sqlite: Start, receiver: Receiver) -> None:
    receiver.plan = [Step(how="close") for _ in range(40)]
    house = started(start_on_sqlite, receiver, 200)
    house.run("outbound")
    tried = len(receiver.asked)
    assert tried <= 8, "as many as there are threads"
    assert sum(failures for _, failures in states(house)) == tried


def test_one_process_alone_sends_the_probe(start_on_postgresql: Start, receiver: Receiver) -> None:
    receiver.plan = [Step(500) for _ in range(FAILURES)]
    house = started(start_on_postgresql, receiver, FAILURES)
    one_by_one(house)
    house.run("outbound")
    queue(house, 40)
    house.clock.now = destination(house).open_until
    receiver.plan = [Step(how="hang")]
    asked, others = len(receiver.asked), 4
    barrier = threading.Barrier(others)

    def process() -> None:
        send: Any = house.new_steps(lambda _: None)._rounds["outbound"][0]
        assert isinstance(send, Send)
        send.work_list = WorkList(
            TABLES["outbound_messages"], "id", batch=10, lease=timedelta(seconds=120), max_attempts=3
        )
        barrier.wait()
        send.round()

    threads = [threading.Thread(target=process) for _ in range(others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.asked) == asked + 1
    assert (destination(house).openings, destination(house).probed_until) == (2, None)
    due = {row.due_at - house.clock() for row in house.rows("outbound_messages", failures=0, attempts=0)}
    assert due <= {SOON, destination(house).open_until - house.clock()}


def test_a_probe_whose_sender_died_is_sent_by_another(start_on_sqlite: Start, receiver: Receiver) -> None:
    house = started(start_on_sqlite, receiver, 3)
    dead = {
        "open_until": NOW,
        "opened_at": NOW,
        "openings": 1,
        "failures": 5,
        "probed_until": NOW + timedelta(minutes=2),
    }
    with house.database.write() as tx:
        insert_rows(tx, TABLES["destinations"], [{"key": "painel", **dead}])
    house.run("outbound")
    assert receiver.asked == []
    house.clock.forward(minutes=2)
    house.run("outbound")
    assert {row.state for row in house.rows("outbound_messages")} == {"sent"}


def test_it_costs_no_statement_while_all_is_well(start: Start, receiver: Receiver) -> None:
    house = started(start, receiver, 20)
    house.run("outbound")
    costs = []
    for messages in (1, 20):
        queue(house, messages)
        with counted(house.database) as statements:
            house.round("outbound")
        costs.append([one for one in statements if "destinations" in one])
    for cost in costs:
        assert [one.split()[0] for one in cost] == ["SELECT"], "the destination is read along with the messages"


def test_an_alarm_tells_of_it_after_five_minutes_and_clears_itself(start_on_sqlite: Start, receiver: Receiver) -> None:
    receiver.plan = [Step(500) for _ in range(99)]
    house = started(start_on_sqlite, receiver, FAILURES)
    for minutes in (1, 3):
        house.run("outbound", "upkeep")
        assert house.rows("alarms") == []
        house.clock.forward(minutes=minutes)
    house.clock.forward(minutes=10)
    house.run("upkeep")
    (alarm,) = house.rows("alarms")
    assert (alarm.kind, alarm.channel, alarm.cleared_at) == ("target:painel", 0, None)
    assert "(http_500)" in alarm.detail
    receiver.plan = []
    house.clock.forward(minutes=10)
    house.run("outbound")
    house.clock.forward(minutes=10)
    house.run("upkeep")
    assert house.rows("alarms")[0].cleared_at is not None


@given(
    openings=st.integers(1, 200), after=st.none() | st.timedeltas(timedelta(0), timedelta(hours=9)), seed=st.integers()
)
def test_it_is_open_longer_each_time_as_asked_and_never_for_over_ten_minutes(
    openings: int, after: timedelta | None, seed: int
) -> None:
    wait = opened_for(openings, after, Random(seed))  # noqa: S311 - jitter, no secret
    assert min(FIRST * (1 - JITTER), LONGEST) <= wait <= LONGEST
    assert wait >= min(after or wait, LONGEST)
