"""The outbound step: at least once, always with the same key, retries in rows, an end in sight."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from opv.retry import JITTER, SCHEDULE
from schemas.errors import Park, Retry
from schemas.target import Message
from tests.pipeline import HOUSE, Pipeline, Start, lead

NOTIFYING = HOUSE + "automations: [{key: tell, on: opv.created, do: [{notify: paula}, {notify: rui}]}]\n"


class Mailbox:
    """A target that keeps what it is sent; `paula`'s messages meet the failures first."""

    slug: ClassVar[str] = "log"

    def __init__(self, *failures: BaseException | Callable[[], None]) -> None:
        self.failures = list(failures)
        self.tried: list[Message] = []
        self.got: list[Message] = []

    def send(self, message: Message) -> None:
        self.tried.append(message)
        if message.recipient == "paula" and self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, BaseException):
                raise failure
            failure()
        self.got.append(message)


def started(start: Start, *failures: BaseException | Callable[[], None]) -> tuple[Pipeline, Mailbox]:
    mailbox = Mailbox(*failures)
    house = start(NOTIFYING, targets={mailbox.slug: mailbox})
    house.deliver("site", lead())
    house.run()
    return house, mailbox


def message(house: Pipeline, recipient: str = "paula") -> Any:
    (row,) = house.rows("outbound_messages", recipient=recipient)
    return row


def test_messages_are_sent_once_without_personal_data(start: Start) -> None:
    house, mailbox = started(start)
    house.clock.forward(days=1)
    house.run()
    assert sorted(one.recipient for one in mailbox.tried) == ["paula", "rui"]
    (opv,) = house.opvs()
    assert [json.loads(one.body) for one in mailbox.got] == [{"of": "automation", "opv": 1, "automation": "tell"}] * 2
    assert {one.idempotency_key for one in mailbox.got} == {f"tell:{opv.id}:1:0:paula", f"tell:{opv.id}:1:1:rui"}
    assert message(house).state == "sent"


def test_a_failure_waits_in_the_row_and_the_key_stays(start: Start) -> None:
    house, mailbox = started(start, Retry("no_answer", "no answer"), ValueError("a person's name"))
    row = message(house)
    assert (row.state, row.reason, row.failures, row.sent_at) == ("pending", "no_answer", 1, None)
    assert SCHEDULE[0] * (1 - JITTER) <= row.due_at - house.clock() <= SCHEDULE[0] * (1 + JITTER)
    assert message(house, "rui").state == "sent"
    for state, reason in (("pending", "bug"), ("sent", None)):
        house.clock.now = message(house).due_at
        house.run()
        assert (message(house).state, message(house).reason) == (state, reason)
    assert len({one.idempotency_key for one in mailbox.tried if one.recipient == "paula"}) == 1
    assert [one.recipient for one in mailbox.got].count("paula") == 1


def test_what_cannot_be_sent_is_parked_with_the_reason(start: Start) -> None:
    house, _ = started(start, Park("no_address", "nowhere to send it"))
    assert (message(house).state, message(house).reason, message(house).due_at) == ("parked", "no_address", None)
    house.set("outbound_messages", {"target": "fax", "state": "pending", "due_at": house.clock(), "lease": None})
    house.run()
    assert {(row.state, row.reason) for row in house.rows("outbound_messages")} == {("parked", "unknown_target")}


def test_the_budget_ends(start_on_sqlite: Start) -> None:
    house, mailbox = started(start_on_sqlite, *(Retry("no_answer", "no answer") for _ in range(99)))
    for _ in SCHEDULE:
        house.clock.now = message(house).due_at
        house.run()
    assert (message(house).state, message(house).failures) == ("parked", len(SCHEDULE) + 1)
    assert len(mailbox.tried) == len(SCHEDULE) + 2


class Died(BaseException):
    """The worker's process is gone."""


def test_a_message_that_ends_its_worker_is_given_up_and_the_others_go(start: Start) -> None:
    mailbox = Mailbox(*(Died() for _ in range(3)))
    house = start(NOTIFYING, targets={mailbox.slug: mailbox})
    house.deliver("site", lead())
    for _ in range(3):
        with pytest.raises(Died):
            house.run()
        house.clock.forward(seconds=121)
    house.run()
    assert (message(house).state, message(house).reason) == ("parked", "worker_killed")
    assert message(house, "rui").state == "sent"


def test_a_sender_that_slept_past_its_lease_writes_nothing(start: Start) -> None:
    def sleep() -> None:
        house.clock.forward(seconds=121)
        house.set("outbound_messages", {"state": "sent", "due_at": None, "lease": None, "failures": 7})

    mailbox = Mailbox(sleep)
    house = start(NOTIFYING, targets={mailbox.slug: mailbox})
    house.deliver("site", lead())
    house.run()
    assert (message(house).state, message(house).failures) == ("sent", 7)
