"""Telling people of OPVs that come to them: a row for each target and person, written with the assignment.

The row holds no personal data; what it says is put together when it is sent (`opv.notices`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from db.ids import new_id
from opv import history
from opv.batch import Batch, Opv
from opv.roster import Place
from schemas.notice import KIND


def tell_assigned(
    batch: Batch,
    opv: Opv,
    decision: UUID,
    place: Place,
    broker: str | None,
    until: datetime | None,
    part: str = "sales",
) -> None:
    """Tells the broker who is given the part of the OPV, or the place's manager without one; `until`: when it is to be
    accepted."""
    person = broker or place.manager
    if person is not None:
        said = {} if part == "sales" else {"part": part}
        accept = {"accept_until": history.stamp(until)} if until else {}
        targets = batch.house.configuration.notices.assigned
        tell(batch, opv, history.ASSIGNED, [person], targets, decision, **said, **accept)


def tell(
    batch: Batch, opv: Opv, of: str, people: Iterable[str], targets: Sequence[str], occasion: object, **said: str
) -> None:
    """Adds a message for each person and target of a fact of the kind `of`; `occasion` tells it from others of its
    kind, so that nobody is told twice."""
    if not targets:
        return
    for person in people:
        for target in targets:
            batch.rows["outbound_messages"].append(
                {
                    "id": new_id(), "target": target, "kind": KIND, "recipient": person, "opportunity_id": opv.id,
                    "idempotency_key": f"{of}:{occasion}:{target}:{person}",
                    "body": history.text_of({"of": of, "occasion": str(occasion), **said}),
                    "state": "pending", "reason": None, "created_at": batch.now, "sent_at": None,
                    "due_at": batch.now,
                }
            )  # fmt: skip
            batch.woken.add("outbound")
