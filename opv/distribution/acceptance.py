"""A broker's yes or no to an OPV that it was given to accept; who acts on it says yes."""

from __future__ import annotations

from typing import Any

from opv import history
from opv.actions import Acting
from opv.distribution.desk import tried_of
from opv.distribution.returns import give_back, terms_of
from opv.distribution.waiting import ACCEPTING, WAITING
from schemas.config import Terms
from schemas.errors import Reject


def accept(at: Acting) -> int:
    """The broker takes the OPV: it no longer waits to be accepted. Gives the history entry's `seq`.

    Raises `Reject`: `not_yours` (403), `nothing_to_accept`, `too_late` (409)."""
    return _note(at, _awaited(at))


def refuse(at: Acting, reason: str | None = None) -> None:
    """The broker does not take the OPV: it returns at once, on the terms on which it would have later. Raises as
    `accept`."""
    row = _awaited(at)
    terms = terms_of(at.batch.house, row) or Terms()
    at.relisted = give_back(
        at.batch, at.opv, at.cause, terms, "refused", hops=row.hops, line=row.queue, tried=tried_of(row), said=reason
    )
    at.off_list = at.relisted is None


def accept_by_act(at: Acting) -> None:
    """Acting on an OPV in time accepts it."""
    row = at.opv.listed
    if at.viewer is not None and _awaits(at, row) and row.broker == at.viewer.person and at.batch.now < row.due_at:
        _note(at, row, by="act")


def _awaited(at: Acting) -> Any:
    """The OPV's row on the list, if it awaits this very person's answer."""
    row, person = at.opv.listed, at.viewer.person if at.viewer else None
    if not _awaits(at, row):
        returned = row is not None and row.state == WAITING and tried_of(row)[-1:] == [person]
        raise _too_late() if returned else Reject("nothing_to_accept", "nobody is to accept this OPV now", 409)
    if row.broker != person:
        raise Reject("not_yours", "only the broker whom the OPV was given to answers", 403)
    if at.batch.now >= row.due_at:
        raise _too_late()
    return row


def _awaits(at: Acting, row: Any) -> bool:
    return row is not None and row.state == ACCEPTING and row.broker == at.opv.broker and at.opv.status == "open"


def _note(at: Acting, row: Any, **how: str) -> int:
    at.off_list = True
    given = at.opv.assigned_at or at.batch.now
    data = {"broker": row.broker, "rule": row.rule, "queue": row.queue, **how}
    data["after_seconds"] = int((at.batch.now - given).total_seconds())
    return at.batch.record(at.opv, history.ACCEPTED, at.cause, data)


def _too_late() -> Reject:
    return Reject("too_late", "the time to accept the OPV is over: it goes to somebody else", 409)
