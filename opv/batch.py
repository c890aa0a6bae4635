"""What one unit of work changes. Memory is updated OPV by OPV, so that two leads of one new person in a batch
meet; rows are written in bulk at the end, in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, bindparam, func, or_, select, update

from db.bulk import COPY_FROM, Row, add_new, insert_rows, update_rows
from db.ids import new_id
from db.models import Base
from db.models.base import UtcTime
from db.statement import OneOf, Statement, pipelined
from opv import history
from opv.automation.times import QUIET, Entry, begins, over_at, timer
from opv.automation.triggers import CheckedAutomation
from opv.clients.involved import Involved
from opv.funnel import Held
from opv.house import House
from opv.stage_feedback import queue_news, standing
from schemas.config import Before
from schemas.duration import Duration

TABLES = Base.metadata.tables
_OPPORTUNITIES = TABLES["opportunities"]
_REQUESTS = TABLES["transfer_requests"]
_UPDATED = (
    "id", "client_id", "funnel", "stage", "stage_seq", "status", "team", "manager", "broker", "presales_team",
    "presales_manager", "presales_broker", "second_broker", "assigned_at", "first_contact_at", "history_seq",
    "history_head", "stage_status", "tags", "fields",
)  # fmt: skip

# The order in which tables are written: the OPV's row first, whose lock the writer holds.
_ORDER = (
    "clients", "involved_clients", "history_entries", "history_contents", "capture_origins", "decisions",
    "assignments", "pending_events", "timers", "automation_runs", "outbound_messages", "unmapped",
    "merge_suggestions", "withdrawals", "won_sales", "sale_processes", "transfer_requests", "pending_items",
    "attachments",
)  # fmt: skip


@dataclass(slots=True)
class Opv:
    """An OPV in memory: the row's columns, and whether it is new or changed. `listed`: its row on the distribution
    list, where that was locked along with it."""

    id: UUID
    number: int
    client_id: UUID
    funnel: str
    stage: str
    stage_seq: int
    status: str
    development: str | None
    team: str | None
    manager: str | None
    broker: str | None
    presales_team: str | None
    presales_manager: str | None
    presales_broker: str | None
    second_broker: str | None
    assigned_at: datetime | None
    first_contact_at: datetime | None
    created_at: datetime
    history_seq: int
    history_head: bytes
    stage_status: str | None = None
    tags: str | None = None
    fields: str | None = None
    is_new: bool = False
    changed: bool = False
    listed: Any = None

    def row(self, names: Iterable[str]) -> dict[str, Any]:
        """Values by column name."""
        return {name: getattr(self, name) for name in names}


OPV_COLUMNS = tuple(column.name for column in _OPPORTUNITIES.columns)


def _opvs(where: Callable[[OneOf], ColumnElement[bool]]) -> Statement:
    """OPVs, locked in the order of their ids."""
    return Statement(
        lambda one_of: (
            select(*(_OPPORTUNITIES.c[name] for name in OPV_COLUMNS))
            .where(where(one_of))
            .order_by(_OPPORTUNITIES.c.id)
            .with_for_update(key_share=True)
        )
    )


OPVS = _opvs(lambda one_of: one_of(_OPPORTUNITIES.c.id, "ids"))
"""The OPVs `ids`, locked."""

OPVS_OF_CLIENTS = _opvs(lambda one_of: one_of(_OPPORTUNITIES.c.client_id, "clients"))
"""All OPVs of `clients`, locked."""

OPVS_BESIDES = _opvs(
    lambda one_of: or_(one_of(_OPPORTUNITIES.c.client_id, "clients"), one_of(_OPPORTUNITIES.c.id, "ids"))
)
"""All OPVs of `clients`, and the OPVs `ids`, locked."""


_VOID_REQUESTS = Statement(
    lambda one_of: (
        update(_REQUESTS)
        .where(_REQUESTS.c.state == "open", one_of(_REQUESTS.c.opportunity_id, "ids"))
        .values(state="void", answered_at=bindparam("now", type_=UtcTime()))
    )
)


def opvs_by_id(rows: Iterable[Any]) -> dict[UUID, Opv]:
    """OPVs in memory out of the rows of `OPVS` or `OPVS_OF_CLIENTS`."""
    return {row.id: Opv(*row) for row in rows}


def _insert_opvs(tx: Connection, created: Sequence[Opv]) -> None:
    """Inserts new OPVs. PostgreSQL gives their numbers; SQLite has one writer, who counts."""
    columns = [name for name in OPV_COLUMNS if name != "number"]
    rows = [opv.row(columns) for opv in created]
    if rows and tx.dialect.name != "postgresql":
        last = tx.execute(select(func.coalesce(func.max(_OPPORTUNITIES.c.number), 0))).scalar_one()
        rows = [{**row, "number": number} for number, row in enumerate(rows, last + 1)]
    insert_rows(tx, _OPPORTUNITIES, rows)


@dataclass(frozen=True, slots=True)
class Cause:
    """Who does it, and through how many automations it came (`chain` names them); `run`: in which run of one."""

    actor: str
    depth: int = 0
    chain: tuple[str, ...] = ()
    run: UUID | None = None


class Batch:
    """Collects a unit of work's rows. `woken` names the steps that find new work once it is committed; `given_away`
    holds the OPVs whose open transfer requests are void, since they changed hands; `qualified` those that left
    pre-sales and have no broker yet; `stands` says where OPVs stand by which entry, if a platform is told; `quiet`
    timers, by automation and OPV, that are added unless they are there. `held`, `asked`, `main_clients` and `visits`
    are what `opv.holdings`, `opv.pending_items` and `opv.automation.values` loaded, once somebody asked."""

    def __init__(self, house: House, now: datetime) -> None:
        self.house = house
        self.now = now
        self._stamp = history.stamp(now)
        self._due_at: dict[tuple[str, str | None], datetime] = {}
        self.opvs: dict[UUID, Opv] = {}
        self.held: dict[UUID, Held] = {}
        self.asked: dict[UUID, set[str]] = {}
        self.rows: dict[str, list[Row]] = {name: [] for name in _ORDER}
        self.woken: set[str] = set()
        self.given_away: set[UUID] = set()
        self.qualified: set[UUID] = set()
        self.stands: list[tuple[Opv, int, str]] = []
        self.main_clients: dict[UUID, Involved] | None = None
        self.visits: dict[UUID, datetime] | None = None
        self.quiet: dict[tuple[str, UUID], Row] = {}

    def new_opv(self, client_id: UUID, development: str | None) -> Opv:
        """A new OPV in the first stage of its development's funnel; its number is given when it is written."""
        funnel = self.house.funnel_for(development)
        id_ = new_id()
        opv = Opv(
            id_, 0, client_id, funnel.key, funnel.stages[0].key, 1, "open", development, None, None, None, None,
            None, None, None, None, None, self.now, 0, history.genesis(id_),
            stage_status=funnel.stages[0].first_status, is_new=True,
        )  # fmt: skip
        self.opvs[id_] = opv
        return opv

    def record(
        self,
        opv: Opv,
        kind: str,
        cause: Cause,
        data: dict[str, Any],
        content: dict[str, Any] | None = None,
        *,
        heard: bool = True,
    ) -> int:
        """Appends a history entry and, when it is `heard` and an active automation listens to it, its pending event;
        gives `seq`."""
        seq = opv.history_seq + 1
        text = history.text_of(data if cause.run is None else {**data, "run": str(cause.run)})
        salt: bytes | None = None
        content_hash: bytes | None = None
        if content:
            content_text = history.text_of(content)
            salt, content_hash = history.commit(content_text)
            self.rows["history_contents"].append(
                {"opportunity_id": opv.id, "seq": seq, "content": content_text, "salt": salt, "erased_at": None}
            )
        hashed = history.entry_hash(opv.history_head, opv.id, seq, self._stamp, kind, cause.actor, text, content_hash)
        self.rows["history_entries"].append(
            {
                "opportunity_id": opv.id, "seq": seq, "at": self.now, "kind": kind, "actor": cause.actor,
                "data": text, "content_hash": content_hash, "hash": hashed,
            }
        )  # fmt: skip
        opv.history_seq, opv.history_head, opv.changed = seq, hashed, True
        if heard and kind in self.house.by_event:
            self._pend(opv, seq, kind, cause)
        if self.house.stage_listeners and (stands := standing(kind, data)) is not None:
            self.stands.append((opv, seq, stands))
        if kind == history.STATUS_CHANGED:
            self._enter_status(opv, seq, data["to"], cause.chain)
        if timed := self.house.triggers.timed:
            self._begin_times(timed, opv, Entry(seq, self.now, kind, cause.actor, data), cause.chain)
        return seq

    def move(self, opv: Opv, stage: str, cause: Cause, data: dict[str, Any], status: str | None = None) -> int:
        """Moves the OPV into a stage and its funnel, with history and the stage's timers. `status`: the one that it has
        there, the first one if none is named."""
        origin, early, known = opv.stage, self.house.presales_stages, self.house.stages
        said = self.put(opv, stage, status or known[stage].first_status)
        seq = self.record(opv, history.STAGE_CHANGED, cause, said | data)
        may_be_qualified = origin in early or origin not in known
        if may_be_qualified and stage not in early and opv.broker is None and opv.status == "open":
            self.qualified.add(opv.id)
        self.enter_stage(opv, seq, chain=cause.chain)
        return seq

    def put(self, opv: Opv, stage: str, status: str | None) -> dict[str, Any]:
        """Puts the OPV into a stage without more; gives what its entry says of that."""
        said = {"from": opv.stage, "to": stage, "from_status": opv.stage_status, "status": status}
        funnel = self.house.funnel_of[stage].key
        if funnel != opv.funnel:
            said["funnel"] = funnel
        opv.funnel, opv.stage, opv.stage_status = funnel, stage, status
        return {name: value for name, value in said.items() if value is not None}

    def enter_stage(self, opv: Opv, seq: int, since: datetime | None = None, chain: Sequence[str] = ()) -> None:
        """Starts the timers of the automations that wait in the OPV's stage since entry `seq`, from `since` on (now,
        when it is None). `chain` names the automations that led here."""
        opv.stage_seq = seq
        for checked in self.house.by_stage.get(opv.stage, ()):
            if checked.status in (None, opv.stage_status) and (checked.expiry is None or opv.broker is not None):
                self._time(checked, opv, seq, self._due(checked, opv, since), chain)

    def begin_expiry(self, opv: Opv, seq: int) -> None:
        """From entry `seq` on, which gave the OPV to its broker, counts the time that the broker has in the stage."""
        checked = self.house.expiries.get(opv.stage)
        if checked is not None and opv.broker is not None:
            self._time(checked, opv, seq, self._due(checked, opv, None))

    def resume_stage(self, opv: Opv, seq: int, since: datetime, left_at: datetime, timed: Collection[str]) -> None:
        """The OPV is in its stage since entry `seq` of the time `since` as if it had not left it at `left_at`: timers
        go on, and those that came due meanwhile are due. `timed`: automations whose timers are there or have run."""
        opv.stage_seq = seq
        for checked in self.house.by_stage.get(opv.stage, ()):
            due_at = self._due(checked, opv, since)
            if checked.key not in timed and due_at >= left_at and checked.status in (None, opv.stage_status):
                self._time(checked, opv, seq, due_at)

    def write(self, tx: Connection) -> None:
        """Writes everything: one statement a table that has rows, whatever their number; few rows without waiting
        in between."""
        if self.stands:
            queue_news(tx, self)
        created = [opv for opv in self.opvs.values() if opv.is_new]
        changed = [opv.row(_UPDATED) for opv in self.opvs.values() if opv.changed and not opv.is_new]
        most = max(len(created), len(changed), *(len(rows) for rows in self.rows.values()))
        closed = {opv.id for opv in self.opvs.values() if opv.changed and not opv.is_new and opv.status != "open"}
        with pipelined(tx) if most < COPY_FROM else nullcontext():
            _insert_opvs(tx, created)
            update_rows(tx, _OPPORTUNITIES, ("id",), changed)
            if over := self.given_away | closed:
                _VOID_REQUESTS.send(tx, ids=over, now=self.now)
            for name in _ORDER:
                insert_rows(tx, TABLES[name], self.rows[name])
            quiet = [self.quiet[key] for key in sorted(self.quiet)]
            add_new(tx, TABLES["timers"], quiet, ("automation", "opportunity_id", "stage_seq"))

    def _enter_status(self, opv: Opv, seq: int, status: str | None, chain: Sequence[str]) -> None:
        """Starts the timers of the automations that wait in this status of the OPV's stage since entry `seq`."""
        for checked in self.house.by_stage.get(opv.stage, ()):
            if checked.status is not None and checked.status == status:
                self._time(checked, opv, seq, self._due(checked, opv, None), chain)

    def _begin_times(self, timed: Sequence[CheckedAutomation], opv: Opv, entry: Entry, chain: Sequence[str]) -> None:
        """Starts the timers of the automations that count from the entry. A time before something, when it is over
        already, is none."""
        working, zone = self.house.duty.company, self.house.zone
        for checked in timed:
            if not begins(checked, opv, entry):
                continue
            due_at = over_at(checked, opv, entry, working, zone, self.now)
            if due_at is None or (isinstance(checked.on, Before) and due_at < self.now):
                continue
            row = timer(checked, opv, entry.seq, due_at, chain)
            if row["stage_seq"] != QUIET:
                self.rows["timers"].append(row)
            elif opv.status == "open":
                self.quiet.setdefault((checked.key, opv.id), row)

    def _pend(self, opv: Opv, seq: int, kind: str, cause: Cause) -> None:
        self.rows["pending_events"].append(
            {
                "id": new_id(), "opportunity_id": opv.id, "seq": seq, "kind": kind, "stage": opv.stage,
                "depth": cause.depth, "chain": ",".join(cause.chain), "at": self.now, "due_at": self.now,
            }
        )  # fmt: skip
        self.woken.add("automation")

    def _time(
        self, checked: CheckedAutomation, opv: Opv, seq: int, due_at: datetime, chain: Sequence[str] = ()
    ) -> None:
        self.rows["timers"].append(timer(checked, opv, seq, due_at, chain))

    def _due(self, checked: CheckedAutomation, opv: Opv, since: datetime | None) -> datetime:
        broker = opv.broker if checked.expiry is not None else None
        if since is not None:
            return self._after(checked.wait, since, broker)
        key = (checked.key, broker)
        if key not in self._due_at:
            self._due_at[key] = self._after(checked.wait, self.now, broker)
        return self._due_at[key]

    def _after(self, wait: Duration | None, start: datetime, broker: str | None) -> datetime:
        """Business minutes and hours are the broker's, if one is named; all else is the company's."""
        if wait is None:
            return start
        duty = self.house.duty
        working = duty.company if broker is None or wait.kind == "business_days" else duty.working_time(broker)
        return working.add(start, wait)
