"""Actions on what is kept of an OPV: comments, pending items, tags, fields, questionnaires."""

from __future__ import annotations

from opv.actions import comment as add_comment
from opv.automation.actions.doing import Doing, Done
from opv.automation.templates import rendered
from schemas.config import Comment


def comment(action: Comment, at: Doing) -> Done:
    """Into the history; closed OPVs take comments too."""
    text = rendered(action.comment, at)
    return {"result": "done", "seq": add_comment(at.acting(), text, automation=at.occurrence.automation)}
