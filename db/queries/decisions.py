"""Reads of the decisions over an OPV, each with the members of its queue as they were then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, select, tuple_

from db.models import Assignment, Decision, DistributionWork, Opportunity, QueueSnapshot
from db.queries.opvs import read_json
from db.queries.paging import newest_first
from schemas.opv import DecisionItem
from schemas.page import Page, Paging

MOST = 200
"""Decisions that are told of one OPV."""

_COLUMNS = tuple(
    getattr(Decision, name)
    for name in ("id", "at", "config_version", "rule", "queue", "broker", "reason", "explanation", "part")
)


def page(tx: Connection, opv: UUID, paging: Paging) -> Page[DecisionItem]:
    """Runs of distribution over the OPV, newest first, explained."""
    rows, next_ = newest_first(tx, _decisions(opv), Decision.id.expression, paging)
    return Page(items=[_item(row) for row in rows], next=next_)


def newest(tx: Connection, opv: UUID) -> Sequence[Row[*tuple[Any, ...]]]:
    """The newest decisions over the OPV, newest first, with `members`, the queue's, as JSON text (or null)."""
    return tx.execute(_decisions(opv).order_by(Decision.id.desc()).limit(MOST)).all()


def given(tx: Connection, opv: UUID) -> Sequence[Row[*tuple[Any, ...]]]:
    """The assignments of the OPV."""
    a = Assignment
    columns = (a.decision_id, a.part, a.team, a.manager, a.broker)
    return tx.execute(select(*columns).where(a.opportunity_id == opv)).all()


def standing(tx: Connection, opv: UUID) -> Row[*tuple[Any, ...]]:
    """The OPV's `number` and `status`, and on the list to distribute its `waits` (its id), `reason` and `state`."""
    o, w = Opportunity, DistributionWork
    columns = (o.number, o.status, w.opportunity_id.label("waits"), w.reason, w.state)
    joined = select(*columns).outerjoin(w, w.opportunity_id == o.id)
    return tx.execute(joined.where(o.id == opv)).one()


def members_of(tx: Connection, snapshots: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Members of queues (JSON text) by queue and digest."""
    keys, s = list(snapshots), QueueSnapshot
    if not keys:
        return {}
    found = select(s.queue, s.digest, s.members).where(tuple_(s.queue, s.digest).in_(keys))
    return {(row.queue, row.digest): row.members for row in tx.execute(found)}


def in_line(explanation: dict[str, Any], members: str | None) -> tuple[list[str], list[dict[str, str]]]:
    """Who of the queue may have been given the OPV, and who was left out and why (`broker`, `because`): for this lead
    alone, or whatever the lead."""
    excluded = list(explanation.get("excluded") or ())
    held: list[tuple[str, str | None]] = json.loads(members) if members else []
    excluded += [{"broker": broker, "because": reason} for broker, reason in held if reason is not None]
    out = {one["broker"] for one in excluded}
    candidates = explanation.get("candidates") or [broker for broker, _ in held]
    return [broker for broker in candidates if broker not in out], excluded


def explanation_of(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """What a decision's row says of why."""
    read: dict[str, Any] = read_json(row.explanation)
    return read


def _decisions(opv: UUID) -> Select[*tuple[Any, ...]]:
    s = QueueSnapshot
    same = (s.queue == Decision.queue) & (s.digest == Decision.snapshot)
    return select(*_COLUMNS, s.members).outerjoin(s, same).where(Decision.opportunity_id == opv)


def _item(row: Row[*tuple[Any, ...]]) -> DecisionItem:
    explanation = explanation_of(row)
    if row.members is not None:
        candidates, excluded = in_line(explanation, row.members)
        explanation |= {"candidates": candidates, "excluded": excluded}
    names = ("id", "at", "config_version", "rule", "queue", "broker", "reason")
    return DecisionItem(**{name: row._mapping[name] for name in names}, explanation=explanation)
