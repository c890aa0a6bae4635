"""Which function does which action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opv.automation.actions.doing import Doing, Done
from opv.automation.actions.moves import advance, close, move, set_status
from opv.automation.actions.owners import assign, pool, redistribute
from opv.automation.actions.record import add_pending, ask_questionnaire, comment, put_tags, sell, set_values, take_tags
from opv.automation.actions.tell import message, notify, post
from schemas.config import (
    AddPending,
    AddTag,
    Advance,
    AskQuestionnaire,
    Assign,
    Comment,
    MessageClient,
    Move,
    Notify,
    Pool,
    Post,
    Redistribute,
    RemoveTag,
    SendSale,
    SetFields,
    SetStatus,
    Withdraw,
)
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
    AddPending: add_pending,
    AddTag: put_tags,
    RemoveTag: take_tags,
    SetFields: set_values,
    AskQuestionnaire: ask_questionnaire,
    SendSale: sell,
    Notify: notify,
    MessageClient: message,
    Post: post,
}
"""`wait`, `branch`, `run` and `stop` steer the run itself: `opv.automation.run`."""
