"""Withdrawals: what reasons need, those that automations give, and the client who comes back."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from opv.actions import move_stage, reopen, withdraw
from opv.withdrawals import chosen, possible
from schemas.config import WithdrawalReason
from schemas.errors import Reject
from tests.opv.test_actions import do, everything
from tests.pipeline import HOUSE, NOW, Pipeline, Start, lead

REASONS = [
    WithdrawalReason.model_validate(one)
    for one in (
        {"key": "price", "name": "Preço", "sub_reasons": [{"key": "rate", "name": "Juros"}, {"key": "x", "name": "X"}]},
        {"key": "silent", "name": "Sem resposta", "automatic": True},
        {"key": "visited", "name": "Não gostou", "stages": ["visit"], "needs_remarks": True},
    )
]
RULES = """
withdrawal_reasons:
  - {key: price, name: Preço, sub_reasons: [{key: rate, name: Juros}, {key: x, name: X}]}
  - {key: silent, name: Sem resposta, automatic: true}
  - {key: visited, name: Não gostou, stages: [visit], needs_remarks: true}
"""


@pytest.mark.parametrize(
    ("given", "refusal", "told"),
    [
        (("gone", None, None), "unknown_withdrawal_reason", "there is: price, silent, visited"),
        (("price", None, None), "sub_reason_missing", "price needs one of: rate, x"),
        (("price", "y", None), "unknown_sub_reason", "no sub-reason y; there is: rate, x"),
        (("silent", "rate", None), "unknown_sub_reason", "there is: none"),
        (
            ("visited", None, "feio"),
            "reason_not_in_stage",
            "in new nobody gives up for visited; possible: price, silent",
        ),
    ],
)
def test_a_reason_is_given_as_it_must_be(given: Any, refusal: str, told: str) -> None:
    with pytest.raises(Reject, match=told) as refused:
        chosen(REASONS, "new", *given)
    assert refused.value.reason == refusal


def test_without_a_reason_it_is_the_automatic_one() -> None:
    assert chosen(REASONS, "new", None, None, None).key == "silent"
    with pytest.raises(Reject) as refused:
        chosen(REASONS[:1], "new", None, None, None)
    assert refused.value.reason == "no_automatic_reason"
    with pytest.raises(Reject) as refused:
        chosen(REASONS, "visit", "visited", None, " ")
    assert refused.value.reason == "remarks_missing"
    assert [one.key for one in possible(REASONS, "visit")] == ["price", "silent", "visited"]


def served(start: Start, configuration: str = HOUSE + RULES) -> tuple[Pipeline, UUID]:
    house = start(configuration)
    house.deliver("site", lead())
    house.run()
    return house, house.opvs()[0].id


def test_who_why_and_from_where(start: Start) -> None:
    house, opv = served(start)
    before = everything(house)
    with pytest.raises(Reject):
        do(house, "ana", opv, lambda at: withdraw(at, "price", "caro"))
    assert everything(house) == before
    do(house, "ana", opv, lambda at: withdraw(at, "price", "caro", sub_reason="rate"))
    (row,) = house.rows("withdrawals")
    assert (row.reason, row.sub_reason, row.stage, row.broker, row.at) == ("price", "rate", "new", "ana", NOW)
    entry = house.rows("history_entries", opportunity_id=opv)[-1]
    assert (entry.actor, json.loads(entry.data)) == (
        "person:ana", {"reason": "price", "sub_reason": "rate", "stage": "new"},
    )  # fmt: skip
    assert json.loads(house.rows("history_contents", seq=entry.seq)[0].content) == {"remarks": "caro"}


def automated(*lines: str) -> str:
    return HOUSE + RULES + "automations:\n" + "".join(f"  - {line}\n" for line in lines)


def test_an_automation_withdraws_for_the_automatic_reason(start: Start) -> None:
    house, opv = served(
        start,
        automated(
            "{key: ask, on: {in_stage: new, for: 1 hour}, do: [{redistribute: {}}, {withdraw: {}}, {advance: visit}]}",
            "{key: told, on: opv.withdrawn, do: [{comment: desistiu}]}",
        ),
    )
    house.clock.forward(hours=1)
    house.run("automation")
    assert (house.opvs()[0].status, house.opvs()[0].stage) == ("lost", "new")
    (row,) = house.rows("withdrawals")
    assert (row.reason, row.sub_reason, row.broker) == ("silent", None, "ana")
    assert house.history(opv)[-2] == ("opv.withdrawn", {"reason": "silent", "stage": "new", "automation": "ask"})
    steps = json.loads(house.runs("ask")[0].steps)
    assert [(step["action"], step["result"]) for step in steps] == [
        ("redistribute", "done"), ("withdraw", "done"), ("advance", "skipped"),
    ]  # fmt: skip
    assert steps[2]["because"] == "the OPV is closed"
    assert house.rows("distribution_work") == []
    assert comments(house) == ["desistiu"]


def comments(house: Pipeline) -> list[str]:
    return [json.loads(row.content)["text"] for row in house.rows("history_contents") if "text" in row.content]


def test_an_automation_names_reason_and_remarks_and_a_refusal_is_in_its_run(start: Start) -> None:
    house, opv = served(
        start,
        automated(
            "{key: hasty, on: opv.assigned, do: [{withdraw: {reason: visited, remarks: não foi}}]}",
            "{key: late, on: stage.changed, do: [{withdraw: {reason: visited, remarks: não foi}}]}",
        ),
    )
    (run,) = house.runs("hasty")
    assert house.steps_of(run.automation) == [{
        "action": "withdraw", "result": "failed", "reason": "reason_not_in_stage",
        "because": "in new nobody gives up for visited; possible: price, silent",
    }]  # fmt: skip
    do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    house.run()
    assert house.history(opv)[-1][1] == {"reason": "visited", "stage": "visit", "automation": "late"}
    assert json.loads(house.rows("history_contents", opportunity_id=opv)[-1].content) == {"remarks": "não foi"}


def test_a_withdrawn_opv_is_no_longer_waited_for(start: Start) -> None:
    house = start(
        automated("{key: end, on: {in_stage: new, for: 1 hour}, do: [{withdraw: {}}]}").replace(
            "distribution: {rules: [{key: any, queue: {teams: [sul]}}]}", ""
        )
    )
    house.deliver("site", lead())
    house.run()
    assert len(house.undistributed()) == 1
    house.clock.forward(hours=1)
    house.run()
    assert (house.opvs()[0].status, house.rows("distribution_work")) == ("lost", [])


@pytest.mark.parametrize(("closed", "opvs"), [("reopen", 1), ("new", 2)])
def test_a_client_who_comes_back_after_a_withdrawal(start: Start, closed: str, opvs: int) -> None:
    house, opv = served(start, HOUSE + RULES + f"returning: {{closed: {closed}}}\n")
    do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    do(house, "ana", opv, lambda at: withdraw(at, "silent"))
    house.deliver("site", lead(id="again"))
    house.run()
    rows = house.opvs()
    assert ([row.status for row in rows], rows[-1].broker) == ([*["lost"] * (opvs - 1), "open"], "ana")
    kinds = house.kinds(rows[-1].id)
    if closed == "reopen":
        assert kinds[-4:] == ["opv.withdrawn", "opv.reopened", "stage.changed", "opv.captured"]
        assert (rows[0].id, rows[0].stage) == (opv, "new")
    else:
        assert kinds == ["opv.created", "opv.captured", "opv.assigned"]
        assert house.kinds(opv)[-1] == "opv.withdrawn"
        assert house.captures(rows[-1].id)[0].is_returning
    assert len(house.rows("withdrawals")) == 1  # it stays: it did happen


def test_withdrawn_reopened_withdrawn_again_are_two(start: Start) -> None:
    house, opv = served(start)
    do(house, "ana", opv, lambda at: withdraw(at, "silent"))
    do(house, "ana", opv, reopen)
    do(house, "paula", opv, lambda at: withdraw(at, "price", sub_reason="x"))
    assert [(row.reason, row.sub_reason) for row in house.rows("withdrawals")] == [("silent", None), ("price", "x")]
