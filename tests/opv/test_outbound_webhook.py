"""A message to a webhook that misbehaves, sent by the outbound step: what is stated happens to its row, one effect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from adapters.targets.testing import Receiver, Step, serving
from adapters.targets.webhook import Webhook
from db.bulk import insert_rows
from db.ids import new_id
from opv.retry import JITTER, SCHEDULE
from tests.pipeline import HOUSE, NOW, TABLES, NoNetwork, Pipeline, Start

KEY = "tell:1"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver("webhook-id")) as receiver:
        yield receiver


def started(start: Start, receiver: Receiver, allow_private: str = "true") -> Pipeline:
    options = f'{{url: "{receiver.url}", secrets: ["${{S}}"], allow_http: true, allow_private: {allow_private}}}'

    def now() -> datetime:
        return house.clock()

    webhook = Webhook(NoNetwork(), now, seconds=1.0)
    house = start(
        f"{HOUSE}targets: [{{key: painel, target: webhook, options: {options}}}]\n", targets={webhook.slug: webhook}
    )
    row = {
        "id": new_id(), "idempotency_key": KEY, "target": "painel", "kind": "told", "recipient": "painel",
        "body": '{"opv":1}', "state": "pending", "created_at": NOW, "due_at": NOW,
    }  # fmt: skip
    with house.database.write() as tx:
        insert_rows(tx, TABLES["outbound_messages"], [row])
    house.run("outbound")
    return house


def message(house: Pipeline) -> Any:
    (row,) = house.rows("outbound_messages")
    return row


def test_it_is_tried_until_it_is_taken_and_has_one_effect(start: Start, receiver: Receiver) -> None:
    later = format_datetime(NOW + timedelta(hours=5), usegmt=True)
    receiver.plan = [
        Step(500), Step(429, {"Retry-After": "45"}), Step(503, {"Retry-After": later}), Step(how="hang"),
        Step(how="close"), Step(how="garbage"),
    ]  # fmt: skip
    house = started(start, receiver)
    waits = (SCHEDULE[0], timedelta(seconds=45), 2 * SCHEDULE[2], *SCHEDULE[3:6])
    for failures, wait in enumerate(waits, 1):
        row = message(house)
        assert (row.state, row.failures) == ("pending", failures)
        assert (1 - JITTER) * wait <= row.due_at - house.clock() <= (1 + JITTER) * wait
        house.clock.now = row.due_at
        house.run("outbound")
    assert (message(house).state, message(house).reason) == ("sent", None)
    assert receiver.keys == [KEY] * 7
    assert receiver.effects == {KEY: b'{"opv":1}'}


@pytest.mark.parametrize(
    ("step", "reason"),
    [(Step(301, {"Location": "/"}), "redirected"), (Step(410), "gone"), (Step(404), "http_404")],
)
def test_what_waits_for_a_person_is_asked_once(
    start_on_sqlite: Start, receiver: Receiver, step: Step, reason: str
) -> None:
    receiver.plan = [step]
    house = started(start_on_sqlite, receiver)
    house.clock.forward(days=3)
    house.run("outbound")
    assert (message(house).state, message(house).reason) == ("parked", reason)
    assert (len(receiver.asked), receiver.effects) == (1, {})


def test_a_name_of_a_private_address_gets_nothing(start_on_sqlite: Start, receiver: Receiver) -> None:
    receiver.url = receiver.url.replace("127.0.0.1", "localhost")
    house = started(start_on_sqlite, receiver, allow_private="false")
    assert (message(house).state, message(house).reason) == ("parked", "private_address")
    assert receiver.asked == []
