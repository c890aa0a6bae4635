"""What a wake-up does: one round, then what it made ready, at once or by another wake-up."""

from __future__ import annotations

import logging

import pytest

from tests.pipeline import HOUSE, Start, lead
from workers.steps import SMALL
from workers.wake import STEPS

AUTOMATED = HOUSE + "automations: [{key: tell, on: opv.assigned, do: [{advance: contacted}, {notify: broker}]}]\n"


def test_a_small_batch_goes_all_the_way_in_one_wake_up(start: Start) -> None:
    house = start(AUTOMATED)
    house.deliver_all([("site", lead(n)) for n in range(SMALL)])
    house.steps.run("ingest")
    assert {(opv.stage, opv.broker) for opv in house.opvs()} == {("contacted", "ana"), ("contacted", "bia")}
    assert house.woken == ["outbound"]
    assert {row.state for row in house.rows("outbound_messages")} == {"pending"}
    house.steps.run("outbound")
    assert {row.state for row in house.rows("outbound_messages")} == {"sent"}


def test_a_large_batch_wakes_the_next_step(start: Start) -> None:
    house = start(AUTOMATED)
    house.deliver_all([("site", lead(n)) for n in range(SMALL + 1)])
    house.steps.run("ingest")
    assert house.woken == ["distribution"]
    assert {opv.broker for opv in house.opvs()} == {None}
    for step in ("distribution", "automation"):
        house.woken.clear()
        house.steps.run(step)
    assert house.woken == ["outbound"]


def test_a_full_batch_wakes_its_own_step(start_on_sqlite: Start) -> None:
    house = start_on_sqlite()
    batch = house.step("ingest").work_list.batch
    house.deliver_all([("site", lead(n)) for n in range(batch + 1)])
    house.steps.run("ingest")
    assert sorted(house.woken) == ["distribution", "ingest"]
    assert house.delivered().count("captured") == batch
    house.run()
    assert house.delivered().count("captured") == batch + 1


def test_a_message_broker_that_is_down_stops_nothing(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    def publish(step: str) -> None:
        raise ConnectionError("amqp://user:password@host")

    house = start(AUTOMATED)
    house.deliver_all([("site", lead(n)) for n in range(SMALL + 1)])
    house.steps = house.new_steps(publish)
    with caplog.at_level(logging.WARNING):
        for step in STEPS:
            house.steps.run(step)
    assert house.delivered() == ["captured"] * (SMALL + 1)
    assert {row.state for row in house.rows("outbound_messages")} == {"sent"}
    assert caplog.messages
    assert "password" not in caplog.text


def test_undistributed_opvs_are_tried_again_when_the_configuration_changed(start: Start) -> None:
    house = start(HOUSE.replace("{rules: [{key: any, queue: {teams: [sul]}}]}", "{rules: []}"))
    house.deliver("site", lead())
    house.run()
    house.apply(HOUSE)
    # One that another worker put on the list while it still had the version of before.
    house.set("distribution_work", {"due_at": None, "config_version": 1})
    house.steps = house.new_steps(house.woken.append)
    house.run()
    house.run()
    assert [opv.broker for opv in house.opvs()] == ["ana"]


def test_there_is_a_function_for_each_step(start_on_sqlite: Start) -> None:
    house = start_on_sqlite()
    functions = house.steps.functions()
    assert tuple(functions) == STEPS
    house.deliver("site", lead())
    functions["ingest"]()
    assert house.delivered() == ["captured"]
