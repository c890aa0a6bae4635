"""A house whose rules and brokers a test writes in a line, and what was decided in it."""

from __future__ import annotations

import json
from typing import Any

from tests.pipeline import HOUSE, Pipeline, lead

ROUND = "{key: sul, teams: [sul]}"
"""The queue of all three brokers."""


def configured(*rules: str, queues: str = ROUND, more: str = "", people: str = "", **brokers: str) -> str:
    """A house of the brokers ana, bia and caio, led by paula; what is written for one is added to it. Without rules,
    all leads go to the queue `sul`."""
    text = HOUSE.replace("brokers: [ana, bia]", "brokers: [ana, bia, caio]").replace(
        "teams: [{", f"  - {{key: caio, name: Caio Corretor, role: broker}}\n{people}teams: [{{", 1
    )
    for broker, said in brokers.items():
        (line,) = [line for line in text.splitlines() if f"{{key: {broker}, name" in line]
        text = text.replace(line, line.replace("}", f", {said}}}"))
    written = ", ".join(rules or ("{key: any, queue: sul}",))
    text = text.replace("{rules: [{key: any, queue: {teams: [sul]}}]}", f"{{rules: [{written}]}}")
    return text + f"queues: [{queues}]\n" + more


def send(house: Pipeline, *numbers: int, **fields: Any) -> None:
    """Leads of so many persons, one after the other, through all steps."""
    house.deliver_all([("site", lead(n, **fields)) for n in numbers])
    house.run()


def served(house: Pipeline) -> list[str | None]:
    """Brokers of the OPVs, the oldest OPV first."""
    return [opv.broker for opv in house.opvs()]


def by(house: Pipeline, at: int = -1) -> tuple[str | None, str | None]:
    """Rule and broker of the newest decision over an OPV."""
    decision = house.decisions(house.opvs()[at].id)[-1]
    return decision.rule, decision.broker


def tried(house: Pipeline, at: int = -1) -> dict[str, str | None]:
    """Rules that did not decide over the OPV, and why."""
    said = json.loads(house.decisions(house.opvs()[at].id)[-1].explanation)
    return {one["rule"]: one.get("because") for one in said["rules"] if not one["matched"]}


def left_out(house: Pipeline, at: int = -1) -> dict[str, str]:
    """Brokers of the queue who were not given the OPV, and why, by the newest decision over it."""
    decision = house.decisions(house.opvs()[at].id)[-1]
    held = [json.loads(row.members) for row in house.rows("queue_snapshots", digest=decision.snapshot)]
    said = json.loads(decision.explanation)
    alone = {one["broker"]: one["because"] for one in said.get("excluded", ())}
    return {broker: reason for members in held for broker, reason in members if reason} | alone


def waits(house: Pipeline) -> Any:
    """The only row on the list."""
    (row,) = house.rows("distribution_work")
    return row
