"""Past leads in the order in which they came on the list, each with what was known of it then and what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, union_all

from db.models import Base
from db.models.base import UtcTime
from db.session import AnyRow
from db.statement import Statement, run_all
from opv.batch import OPV_COLUMNS, Opv
from opv.distribution.waiting import OFFERED, POOL
from opv.facts import CAPTURES, by_opv

_TABLES = Base.metadata.tables
_OPVS = _TABLES["opportunities"]
_DECISIONS = _TABLES["decisions"]
_GIVEN = _TABLES["assignments"]
_WORK = _TABLES["distribution_work"]
_SNAPSHOTS = _TABLES["queue_snapshots"]

PAGE = 2000
"""Leads that are read at a time."""

OF_DISTRIBUTION = '{"rules":'
"""How the explanation of a decision begins that distribution took, and no person."""

_DECIDED = Statement(
    lambda one_of: (
        select(
            _DECISIONS.c.id, _DECISIONS.c.opportunity_id, _DECISIONS.c.part, _DECISIONS.c.at, _DECISIONS.c.rule,
            _DECISIONS.c.queue, _DECISIONS.c.reason, _DECISIONS.c.snapshot,
            func.substr(_DECISIONS.c.explanation, 1, len(OF_DISTRIBUTION)).label("begin"),
        )
        .where(one_of(_DECISIONS.c.opportunity_id, "opvs"))
        .order_by(_DECISIONS.c.at, _DECISIONS.c.id)
    )
)  # fmt: skip
_FIRST_GIVEN = Statement(
    lambda one_of: (
        select(
            _GIVEN.c.opportunity_id, _GIVEN.c.decision_id, _GIVEN.c.part, _GIVEN.c.since, _GIVEN.c.team,
            _GIVEN.c.manager, _GIVEN.c.broker,
        )
        .where(one_of(_GIVEN.c.opportunity_id, "opvs"), _GIVEN.c.part != "second")
        .order_by(_GIVEN.c.since, _GIVEN.c.id)
    )
)  # fmt: skip
_LISTED = Statement(
    lambda one_of: select(_WORK.c.opportunity_id, _WORK.c.part, _WORK.c.state, _WORK.c.reason).where(
        one_of(_WORK.c.opportunity_id, "opvs")
    )
)
_ENDED = Statement(
    lambda one_of: union_all(
        *(
            select(_TABLES[name].c.opportunity_id, _TABLES[name].c.at).where(
                one_of(_TABLES[name].c.opportunity_id, f"of_{name}")
            )
            for name in ("withdrawals", "won_sales")
        )
    )
)
_EARLIER = Statement(
    lambda one_of: select(
        _OPVS.c.client_id, _OPVS.c.broker, _OPVS.c.status, _OPVS.c.assigned_at, _OPVS.c.created_at
    ).where(
        one_of(_OPVS.c.client_id, "clients"),
        _OPVS.c.created_at < bindparam("since", type_=UtcTime()),
        _OPVS.c.broker.is_not(None),
    )
)
_MEMBERS = Statement(
    lambda one_of: select(_SNAPSHOTS.c.queue, _SNAPSHOTS.c.digest, _SNAPSHOTS.c.members).where(
        one_of(_SNAPSHOTS.c.queue, "queues"), one_of(_SNAPSHOTS.c.digest, "digests")
    )
)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a lead: a person had it after `wait` seconds (the broker, or a manager without one), or nobody,
    for `reason`."""

    person: str | None = None
    team: str | None = None
    queue: str | None = None
    wait: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """An OPV of a client: who had it since when, and when it ended (None: it is open)."""

    broker: str
    at: datetime
    ended_at: datetime | None


@dataclass(slots=True)
class PastLead:
    """A lead as it was when it came on the list, at `moment`; `opv` has no broker yet. `fates`: what became of it, by
    part. `seen`: the queues' members as they were at decisions on it, as JSON text, with the moment of each;
    `qualified_at`: when sales were asked for after pre-sales; `by_hand`: a person gave it, no rule did."""

    opv: Opv
    moment: datetime
    captures: Sequence[Any]
    ended_at: datetime | None
    fates: dict[str, Fate] = field(default_factory=dict)
    seen: list[tuple[datetime, str]] = field(default_factory=list)
    qualified_at: datetime | None = None
    by_hand: Served | None = None


@dataclass(frozen=True, slots=True)
class PastPage:
    """Leads in order, and what their clients had before the period."""

    leads: Sequence[PastLead]
    earlier: dict[UUID, list[Served]]


def count_leads(tx: Connection, since: datetime, until: datetime) -> int:
    """How many OPVs were created in the period."""
    found: int = tx.execute(select(func.count()).select_from(_OPVS).where(*_created(since, until))).scalar_one()
    return found


def past_leads(tx: Connection, since: datetime, until: datetime) -> Iterator[PastPage]:
    """The OPVs created in the period that were on the list, or that somebody gave by hand."""
    first = select(func.min(_DECISIONS.c.at)).where(_DECISIONS.c.opportunity_id == _OPVS.c.id).scalar_subquery()
    moment = func.coalesce(first, _OPVS.c.created_at).label("moment")
    statement = (
        select(*(_OPVS.c[name] for name in OPV_COLUMNS), moment)
        .where(*_created(since, until))
        .order_by(moment, _OPVS.c.created_at, _OPVS.c.id)
    )
    rows = tx.execute(statement, execution_options={"stream_results": True, "yield_per": PAGE})
    for page in rows.partitions():
        yield _read(tx, page, since)


def _created(since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return _OPVS.c.created_at >= since, _OPVS.c.created_at < until


def _read(tx: Connection, rows: Sequence[AnyRow], since: datetime) -> PastPage:
    ids, clients = [row.id for row in rows], {row.client_id for row in rows}
    captures, decided, given, listed, ended, before = run_all(
        tx, (CAPTURES, {"opvs": ids}), (_DECIDED, {"opvs": ids}), (_FIRST_GIVEN, {"opvs": ids}),
        (_LISTED, {"opvs": ids}), (_ENDED, {"of_withdrawals": ids, "of_won_sales": ids}),
        (_EARLIER, {"clients": clients, "since": since}),
    )  # fmt: skip
    seen = [row for row in decided if row.snapshot is not None]
    members = _MEMBERS.rows(tx, queues={row.queue for row in seen}, digests={row.snapshot for row in seen})
    texts = {(row.queue, row.digest): row.members for row in members}
    ends = {row.opportunity_id: row.at for row in sorted(ended, key=lambda row: row.at)}
    cards, of_decisions, of_given = by_opv(captures), by_opv(decided), by_opv(given)
    on_list = {row.opportunity_id: row for row in listed}
    leads = []
    for row in rows:
        opv = Opv(*row[:-1])
        lead = PastLead(opv, row.moment, cards.get(opv.id, ()), _end(opv.status, opv.created_at, ends.get(opv.id)))
        work, decisions, gifts = on_list.get(opv.id), of_decisions.get(opv.id, []), of_given.get(opv.id, [])
        if decisions and decisions[0].begin != OF_DISTRIBUTION:
            lead.by_hand = next((Served(g.broker, g.since, lead.ended_at) for g in gifts if g.broker), None)
        elif decisions or work is not None:
            _judge(lead, decisions, gifts, work)
            lead.seen = [
                (d.at, texts[d.queue, d.snapshot]) for d in decisions if (d.queue, d.snapshot) in texts
            ]  # fmt: skip
        opv.team = opv.manager = opv.broker = None
        leads.append(lead)
    earlier: dict[UUID, list[Served]] = defaultdict(list)
    for row in before:
        end = _end(row.status, row.created_at, None)
        earlier[row.client_id].append(Served(row.broker, row.assigned_at or row.created_at, end))
    return PastPage(leads, earlier)


def _end(status: str, created_at: datetime, ended_at: datetime | None) -> datetime | None:
    """When the OPV ended. One that was opened again counts as open all the time."""
    return None if status == "open" else ended_at or created_at


def _judge(lead: PastLead, decisions: Sequence[Any], gifts: Sequence[Any], work: Any | None) -> None:
    """What became of the lead in each part: the first who had it, or why nobody has."""
    by_id = {one.id: one for one in decisions}
    asked = {one.part: one for one in reversed(decisions)}
    last = {one.part: one for one in decisions if one.reason}
    for part, first in asked.items():
        gift = next((g for g in gifts if g.part == part and (g.broker or g.manager)), None)
        came = lead.opv.created_at if first is decisions[0] else first.at
        if gift is not None:
            decision = by_id.get(gift.decision_id)
            queue = decision.queue if decision else None
            wait = (gift.since - came).total_seconds()
            lead.fates[part] = Fate(gift.broker or gift.manager, gift.team, queue, wait)
        else:
            shown = work.state if work is not None and work.part == part and work.state in (OFFERED, POOL) else None
            lead.fates[part] = Fate(reason=shown or (last[part].reason if part in last else "undecided"))
    if not decisions and work is not None:
        lead.fates[work.part] = Fate(reason="undecided")
    if decisions and decisions[0].part == "presales" and "sales" in asked:
        lead.qualified_at = asked["sales"].at
