"""Which function does which action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opv.automation.actions.doing import Doing, Done
from opv.automation.actions.moves import advance, close, move, set_status
from opv.automation.actions.owners import assign, pool, redistribute
from opv.automation.actions.record import comment
from opv.automation.actions.tell import notify
from schemas.config import Advance, Assign, Comment, Move, Notify, Pool, Redistribute, SetStatus, Withdraw
from schemas.config.values import Part

PERFORM: Mapping[type[Part], Callable[[Any, Doing], Done]] = {
    Advance: advance,
    Move: move,
    SetStatus: set_status,
    Withdraw: close,
    Redistribute: redistribute,
    Assign: assign,
    Pool: pool,
    Comment: comment,
    Notify: notify,
}
"""`wait`, `branch`, `run` and `stop` steer the run itself: `opv.automation.run`."""
