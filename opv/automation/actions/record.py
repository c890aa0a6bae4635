"""Actions on what is kept of an OPV: comments, pending items, tags, fields, questionnaires."""

from __future__ import annotations

from opv.actions import comment as add_comment
from opv.automation.actions.doing import Doing, Done
from schemas.config import Comment


def comment(action: Comment, at: Doing) -> Done:
    """Into the history; closed OPVs take comments too."""
    return {"result": "done", "seq": add_comment(at.acting(), action.comment, automation=at.occurrence.automation)}
