"""Taking back the last move within a minute: the OPV is in the stage before as if it had not left it."""

from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import Delete, delete, select, union_all

from db.models import Base
from db.session import AnyRow
from opv import history
from opv.actions import Acting
from schemas.errors import Reject

_ENTRIES = Base.metadata.tables["history_entries"]
_EVENTS = Base.metadata.tables["pending_events"]
_RUNS = Base.metadata.tables["automation_runs"]
_TIMERS = Base.metadata.tables["timers"]

UNDO_WITHIN = timedelta(minutes=1)

_INTO_STAGES = (history.CREATED, history.STAGE_CHANGED, history.REOPENED)
"""Entries that put an OPV into a stage."""


def undo_move(at: Acting) -> int:
    """Takes back the last move, by the person who made it; gives the entry's `seq`. The time in the stage before goes
    on counting. What automations did on the move stays; those that had not run yet do not run, and none runs on the way
    back. No rule of the funnel stands against it. What was taken back is not made again by a second undo.

    Raises `Reject`: `opv_closed`, `nothing_to_undo`, `undo_too_late` (409), `not_your_move` (403)."""
    opv, now = at.opv, at.batch.now
    if opv.status != "open":
        raise Reject("opv_closed", "the OPV is closed", 409)
    move, before = _last_two(at)
    if move is None or before is None or move.seq != opv.stage_seq or move.kind != history.STAGE_CHANGED:
        raise Reject("nothing_to_undo", "no move was made that could be taken back", 409)
    if move.actor != at.cause.actor:
        raise Reject("not_your_move", f"the last move was made by {move.actor}, who may take it back", 403)
    if now - move.at > UNDO_WITHIN:
        raise Reject("undo_too_late", "a move is taken back within a minute: move the OPV instead", 409)
    moved = json.loads(move.data)
    origin = moved["from"]
    if origin not in at.batch.house.stage_order:
        raise Reject("unknown_stage", f"there is no stage {origin} any more", 409)
    since = json.loads(before.data).get("since", before.seq)
    entered = before if since == before.seq else _entry(at, since)
    timed = _timed(at, since)
    at.tx.execute(_unheard(at, move.seq))
    data = at.batch.put(opv, origin, moved.get("from_status")) | {"undo": True, "of": move.seq, "since": since}
    seq = at.batch.record(opv, history.STAGE_CHANGED, at.cause, data, heard=False)
    at.batch.resume_stage(opv, since, entered.at, move.at - UNDO_WITHIN, timed)
    return seq


def _last_two(at: Acting) -> tuple[AnyRow | None, AnyRow | None]:
    """The last two entries that put the OPV into a stage, the newest first. One that took a move back says in `since`
    which entry it went back to."""
    e = _ENTRIES.c
    statement = (
        select(e.seq, e.at, e.kind, e.actor, e.data)
        .where(e.opportunity_id == at.opv.id, e.kind.in_(_INTO_STAGES))
        .order_by(e.seq.desc())
        .limit(2)
    )
    newest, before, *_ = [*at.tx.execute(statement), None, None]
    return newest, before


def _entry(at: Acting, seq: int) -> AnyRow:
    e = _ENTRIES.c
    return at.tx.execute(select(e.at).where(e.opportunity_id == at.opv.id, e.seq == seq)).one()


def _timed(at: Acting, since: int) -> set[str]:
    """Automations whose timer of the stage entered at `since` is still there or has run."""
    t, r = _TIMERS.c, _RUNS.c
    there = select(t.automation).where(t.opportunity_id == at.opv.id, t.stage_seq == since)
    ran = select(r.automation).where(r.opportunity_id == at.opv.id, r.occurrence == f"timer:{since}")
    return set(at.tx.execute(union_all(there, ran)).scalars())


def _unheard(at: Acting, seq: int) -> Delete:
    """Takes away the move's event. A worker that has it in hand just now is let go on."""
    e = _EVENTS.c
    waiting = select(e.id).where(e.opportunity_id == at.opv.id, e.seq == seq).with_for_update(skip_locked=True)
    return delete(_EVENTS).where(e.id.in_(waiting))
