"""Asking the sales module for a process: one that lives at a time for an OPV, whatever is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, update

from db.ids import new_id
from db.models import Base
from db.queries.sales import newest_process
from opv import history
from opv.batch import Batch, Cause, Opv
from opv.clients.completeness import missing_of
from opv.sales.button import sales_module
from opv.sales.sale import Sale
from schemas.client import Missing
from schemas.errors import Reject
from schemas.sale import REFUSED

KIND = "sale_process"
"""Kind of the message that asks for a process."""

ALIVE = ("asked", "open")

_PROCESSES = Base.metadata.tables["sale_processes"]
_MESSAGES = Base.metadata.tables["outbound_messages"]


def ask_process(tx: Connection, batch: Batch, opv: Opv, cause: Cause, sale: Sale) -> int:
    """Asks for a process in the sales module; the OPV stays as it is until the module says what came of it. Gives the
    history entry's `seq`.

    One that failed without a clear no from the module is asked for again under its own key: there may be a process of
    it. Raises `Reject`: `no_sales_module`, `process_alive`, `clients_incomplete`."""
    target = sales_module(batch.house)
    last = newest_process(tx, opv.id)
    if last is not None and last.state in ALIVE:
        known = f" ({last.process_id})" if last.process_id else ", which it has not answered yet"
        raise Reject("process_alive", f"the OPV has a process in the sales module{known}", 409)
    if missing := missing_of(tx, opv.id, batch.house):
        raise Reject("clients_incomplete", f"the clients are not complete: {in_words(missing)}", 409)
    again = last is not None and last.state == "failed" and last.reason != REFUSED
    id_ = last.id if last is not None and again else new_id()
    data = {"process": str(id_), **sale.facts, "stage": opv.stage, "target": target.key}
    seq = batch.record(opv, history.SALE_ASKED, cause, {**data, **({"again": True} if again else {})})
    process = {
        "seq": seq, "at": batch.now, "asked_by": cause.actor.partition(":")[2] or cause.actor,
        "value_cents": sale.cents, "unit": sale.unit, "sold_on": sale.sold_on, "state": "asked", "reason": None,
    }  # fmt: skip
    message = {
        "target": target.key, "recipient": target.key, "state": "pending", "reason": None, "due_at": batch.now,
        "body": history.text_of({"process": str(id_), "tried": again}),
    }  # fmt: skip
    if again:
        _ask_again(tx, id_, process, message)
    else:
        fixed = {"id": id_, "opportunity_id": opv.id, "process_id": None, "status": None, "status_at": None}
        batch.rows["sale_processes"].append({**fixed, **process})
        batch.rows["outbound_messages"].append(
            {"id": new_id(), "idempotency_key": key_of(id_), "kind": KIND, "opportunity_id": opv.id,
             "created_at": batch.now, "sent_at": None, **message}
        )  # fmt: skip
    batch.woken.add("outbound")
    return seq


def key_of(process: UUID) -> str:
    """The idempotency key of a process, for ever the same."""
    return f"sale:{process}"


def in_words(missing: Sequence[Missing]) -> str:
    """What is missing, person by person."""
    said: dict[str, list[str]] = {}
    for one in missing:
        said.setdefault(one.name or "", []).append(one.text)
    return "; ".join(f"{name}: {', '.join(texts)}" if name else ", ".join(texts) for name, texts in said.items())


def _ask_again(tx: Connection, id_: UUID, process: dict[str, Any], message: dict[str, Any]) -> None:
    tx.execute(update(_PROCESSES).where(_PROCESSES.c.id == id_).values(process))
    fresh = {"lease": None, "attempts": 0, "failures": 0, "sent_at": None}
    tx.execute(update(_MESSAGES).where(_MESSAGES.c.idempotency_key == key_of(id_)).values({**message, **fresh}))
