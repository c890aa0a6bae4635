"""Actions that move an OPV along the funnel, or out of it."""

from __future__ import annotations

from opv.actions import move_stage, withdraw
from opv.actions import set_status as give_status
from opv.automation.actions.doing import Doing, Done, skipped
from opv.funnel import own_funnel
from schemas.config import Advance, Move, SetStatus, Withdraw


def advance(action: Advance, at: Doing) -> Done:
    """Forward to the stage; an OPV already there or past it stays, and one of another funnel too."""
    opv, stage, house = at.opv, action.advance, at.batch.house
    funnel, to = own_funnel(house, opv), house.funnel_of.get(stage)
    if opv.status == "open" and funnel is not None and to is not None:
        if to is not funnel:
            return skipped("other_funnel", f"{stage} is not in the OPV's funnel, {funnel.key}")
        if house.stage_order[stage] <= house.stage_order.get(opv.stage, -1):
            return skipped("already_there", f"the OPV is already in {opv.stage}")
    return _move(stage, at)


def move(action: Move, at: Doing) -> Done:
    """Into the stage, forward or back."""
    if at.opv.stage == action.move:
        return skipped("already_there", f"the OPV is already in {at.opv.stage}")
    return _move(action.move, at)


def set_status(action: SetStatus, at: Doing) -> Done:
    """Another status of the stage that it is in."""
    opv = at.opv
    if opv.status != "open":
        return skipped("opv_closed", "the OPV is closed")
    if opv.stage_status == action.status:
        return skipped("already_there", f"the OPV is already {action.status}")
    before = opv.stage_status
    seq = give_status(at.acting(), action.status, automation=at.occurrence.automation)
    return {"result": "done", "from": before, "to": action.status, "seq": seq}


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
