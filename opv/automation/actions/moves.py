"""Actions that move an OPV along the funnel, or out of it."""

from __future__ import annotations

from opv.actions import move_stage, withdraw
from opv.automation.actions.doing import Doing, Done, skipped
from schemas.config import Advance, Move, Withdraw


def advance(action: Advance, at: Doing) -> Done:
    """Forward to the stage; an OPV already there or past it stays."""
    opv, order = at.opv, at.batch.house.stage_order
    if opv.status == "open" and order.get(action.advance, -1) <= order.get(opv.stage, -1):
        return skipped("already_there", f"the OPV is already in {opv.stage}")
    return _move(action.advance, at)


def move(action: Move, at: Doing) -> Done:
    """Into the stage, forward or back."""
    if at.opv.stage == action.move:
        return skipped("already_there", f"the OPV is already in {at.opv.stage}")
    return _move(action.move, at)


def close(action: Withdraw, at: Doing) -> Done:
    """Closes the OPV as lost."""
    options = action.withdraw
    if at.opv.status != "open":
        return skipped("opv_closed", "the OPV is closed")
    acting = at.acting()
    seq = withdraw(
        acting, options.reason, options.remarks, sub_reason=options.sub_reason, automation=at.occurrence.automation
    )
    at.settle(acting)
    return {"result": "done", "seq": seq}


def _move(stage: str, at: Doing) -> Done:
    if at.opv.status != "open":
        return skipped("opv_closed", "the OPV is closed")
    origin = at.opv.stage
    seq = move_stage(at.acting(), stage, automation=at.occurrence.automation)
    return {"result": "done", "from": origin, "to": stage, "seq": seq}
