"""Houses with automations, and entries in the histories of their OPVs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from opv.batch import OPVS, Batch, Cause, opvs_by_id
from tests.pipeline import HOUSE, NOW, Pipeline, Start, lead

REASONS = "withdrawal_reasons: [{key: price, name: Preço}]\n"


def automated(*lines: str, more: str = "") -> str:
    """A house with the automations."""
    return HOUSE + REASONS + more + "automations:\n" + "".join(f"  - {line}\n" for line in lines)


def begun(start: Start, configuration: str, now: datetime = NOW) -> tuple[Pipeline, UUID]:
    """A house with an OPV that Ana serves."""
    house = start(configuration, now=now)
    house.deliver("site", lead())
    house.run()
    return house, house.opvs()[0].id


def tell(house: Pipeline, opv: UUID, kind: str, actor: str = "person:ana", /, **data: Any) -> None:
    """An entry of the OPV's history, as whatever writes such entries adds it."""
    with house.database.write() as tx:
        batch = Batch(house.house(), house.clock())
        batch.opvs = opvs_by_id(OPVS.rows(tx, ids=[opv]))
        if kind == "status.changed":
            batch.opvs[opv].stage_status = data["to"]
        batch.record(batch.opvs[opv], kind, Cause(actor), data)
        batch.write(tx)


def later(house: Pipeline, **span: float) -> None:
    """Lets time pass, and what is due then happen."""
    house.clock.forward(**span)
    house.run()


def ran(house: Pipeline, automation: str | None = None) -> list[tuple[str, str, str]]:
    """Runs in order."""
    return [(run.automation, run.occurrence, run.result) for run in house.runs(automation)]


def due(house: Pipeline) -> list[datetime]:
    """When timers are due."""
    return sorted(row.due_at for row in house.rows("timers"))


def comments(house: Pipeline) -> list[str]:
    """What was commented, in order."""
    rows = [json.loads(row.content) for row in house.rows("history_contents")]
    return [row["text"] for row in rows if "text" in row]
