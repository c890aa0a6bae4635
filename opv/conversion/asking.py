"""Asking for an OPV: a transfer by one who serves it, the ownership by one who registered its client by hand. Each
works on the OPV under lock; the words go to the entry's content, the request is a row that points at the entry."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from db.models import TransferRequest
from opv import history
from opv.actions import Acting, require_broker, require_reason
from schemas.errors import Reject


def ask_transfer(at: Acting, id_: UUID, reason: str, broker: str | None) -> int:
    """Asks that the OPV be given to `broker`, or to whoever the rules find; gives the entry's `seq`. Who serves it
    asks (brokers of all parts, managers); directors need not.

    Raises `Reject`: `opv_closed`, `reason_missing`, `not_allowed`, `unknown_broker`, `same_assignment`,
    `request_open`."""
    at.require_open()
    require_reason(reason)
    if at.viewer is None or at.viewer.role == "director":
        raise Reject("not_allowed", "who serves the OPV asks for its transfer; directors transfer it", 403)
    if broker is not None:
        require_broker(at.batch.house.roster, broker)
        if broker == at.opv.broker:
            raise Reject("same_assignment", "the OPV is already with them", 409)
    said = {"reason": reason}
    return file_request(at, at.viewer.person, id_, "transfer", broker, history.TRANSFER_REQUESTED, said)


def ask_ownership(at: Acting, id_: UUID, by: str, broker: str, typed: dict[str, Any]) -> int:
    """Asks that the OPV be given to `broker`, for whom its client was registered by hand; `typed` is kept for then.

    Raises `Reject`: `request_open`."""
    return file_request(at, by, id_, "ownership", broker, history.OWNERSHIP_REQUESTED, {"typed": typed})


def file_request(
    at: Acting, by: str, id_: UUID, kind: str, broker: str | None, entry: str, content: dict[str, Any]
) -> int:
    """Files a request of the kind, told by an entry of the kind `entry`; gives its `seq`. Raises `request_open`."""
    r = TransferRequest
    open_ = select(r.id).where(r.opportunity_id == at.opv.id, r.asked_by == by, r.state == "open")
    if at.tx.execute(open_).first() is not None:
        raise Reject("request_open", "you have asked already, and the answer is to come", 409)
    seq = at.batch.record(at.opv, entry, at.cause, {"request": str(id_), "broker": broker}, content)
    at.batch.rows["transfer_requests"].append(
        {
            "id": id_, "opportunity_id": at.opv.id, "seq": seq, "kind": kind, "asked_by": by, "broker": broker,
            "at": at.batch.now, "state": "open", "answered_by": None, "answered_at": None, "answer_seq": None,
        }
    )  # fmt: skip
    return seq
