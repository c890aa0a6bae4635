"""The automation step: runs of scheduled automations over all open OPVs, a chunk at a time.

A chunk is one transaction: what the automation does to its OPVs, and how far the run has come. Whatever dies, each OPV
is done once for each planned time."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Integer, Uuid, bindparam, select, update

from db.claim import Claim, WorkList, claim_one
from db.models import Base
from db.session import AnyRow, Database, is_transient
from db.statement import Statement
from opv.automation import states
from opv.automation.actions.doing import Occurrence
from opv.automation.plan import IDLE, SCHEDULES, coming, keep, over
from opv.automation.run import Round, open_round, rounds, write
from opv.automation.triggers import CheckedAutomation
from opv.batch import Cause
from opv.channels.alarms import HOUSE, SCHEDULE, Trouble, clear_alarms, open_alarms, raise_alarms
from opv.house import House, HouseOf
from opv.step import Clock, Progress, fingerprint, repeated
from schemas.config import Schedule
from schemas.duration import Duration

_OPVS = Base.metadata.tables["opportunities"]

PAUSED_EVERY = timedelta(minutes=1)
"""How often a schedule whose automation is paused is looked at."""

_FIRST = UUID(int=0)

_OPEN = Statement(
    lambda _: (
        select(_OPVS.c.id)
        .where(_OPVS.c.status == "open", _OPVS.c.id > bindparam("cursor", type_=Uuid()))
        .order_by(_OPVS.c.id)
        .limit(bindparam("most", type_=Integer()))
    )
)

log = logging.getLogger("porteiro.automation")


@dataclass(slots=True)
class Walk:
    """How far a schedule has come: columns of its row."""

    next_at: datetime
    planned_at: datetime | None
    started_at: datetime | None
    cursor: UUID | None
    seen: int
    matched: int


@dataclass(slots=True)
class Turn:
    """A schedule whose row is locked."""

    tx: Connection
    house: House
    now: datetime
    checked: CheckedAutomation
    schedule: Schedule
    walk: Walk
    woken: set[str] = field(default_factory=set)

    def begin(self) -> bool:
        """Begins the run whose time has come; whether there is one."""
        found = coming(self.schedule, self.house.zone, self.walk.next_at, self.now)
        self._skip(found.skipped)
        self.walk.next_at = found.next_at
        if found.begins is None:
            return False
        self.walk = Walk(found.next_at, found.begins, self.now, None, 0, 0)
        return True

    @property
    def is_out_of_time(self) -> bool:
        """Whether the run under way has taken longer than it may."""
        started_at = self.walk.started_at or self.now
        return self.now - started_at > Duration.parse(self.schedule.limit).span

    @property
    def is_paused(self) -> bool:
        """Whether its automation is."""
        found = states.read(states.OF.rows(self.tx, keys=[self.checked.key])).get(self.checked.key)
        return found is not None and found.paused_at is not None

    def chunk(self, most: int) -> int:
        """Does the next OPVs, so many at most; gives how many there were."""
        ids = [row.id for row in _OPEN.rows(self.tx, cursor=self.walk.cursor or _FIRST, most=most)]
        if not ids:
            return 0
        counts: dict[UUID, bool] = {}

        def work(round_: Round) -> None:
            counts.clear()
            for opv in list(round_.batch.opvs.values()):
                if opv.status == "open":
                    counts[opv.id] = self._run(round_, opv.id)

        round_ = rounds(lambda broken: open_round(self.tx, self.house, self.now, ids, [self.checked], broken), work)
        self.woken |= write(round_)
        self.walk.cursor = ids[-1]
        self.walk.seen += len(counts)
        self.walk.matched += sum(counts.values())
        return len(ids)

    def end(self, result: str, because: str | None = None) -> None:
        """Ends the run under way where it is; `because`: what was wrong, which raises the alarm."""
        walk, key = self.walk, self.checked.key
        kind = f"{SCHEDULE}{key}"
        if walk.planned_at is not None:
            keep(self.tx, [over(key, walk.planned_at, result, self.now, walk.started_at, walk.seen, walk.matched)])
        if because is None:
            open_ = open_alarms(self.tx).get((kind, HOUSE))
            clear_alarms(self.tx, [] if open_ is None else [open_], self.now)
        else:
            detail = f"{key}, planned for {_written(walk.planned_at or walk.next_at)}: {because}"
            if raise_alarms(self.tx, [Trouble(kind, HOUSE, detail)], self.house, self.now):
                self.woken.add("outbound")
        self.walk = Walk(walk.next_at, walk.planned_at, None, None, 0, 0)
        if self.schedule.missed == "skip" and walk.next_at <= self.now:
            found = coming(self.schedule, self.house.zone, walk.next_at, self.now, late=True)
            self._skip(found.skipped)
            self.walk.next_at = found.next_at

    def write(self, due_at: datetime | None = None) -> None:
        """Writes the row and lets it go; it comes due at `due_at`, or at its next time."""
        values = {**IDLE, **asdict(self.walk), "due_at": due_at or self.walk.next_at}
        self.tx.execute(update(SCHEDULES).where(SCHEDULES.c.key == self.checked.key).values(values))

    def _run(self, round_: Round, id_: UUID) -> bool:
        """Does an OPV, if the condition holds; whether it does."""
        opv, key = round_.batch.opvs[id_], self.checked.key
        facts = round_.facts(opv)
        if self.walk.planned_at is None or not self.checked.when.test(facts).holds:
            return False
        name = f"cron:{_written(self.walk.planned_at)}"
        cause = Cause(f"automation:{key}", 1, (key,))
        round_.begin(self.checked, Occurrence(self.tx, key, opv, name, cause, "cron", stage=opv.stage), facts)
        return True

    def _skip(self, times: Sequence[datetime]) -> None:
        keep(self.tx, [over(self.checked.key, at, "skipped") for at in times])


class RunSchedules:
    """Runs rounds over the work list `schedules` in one process: a chunk of one schedule's OPVs a round."""

    name = "automation"
    work_list = WorkList(SCHEDULES, "key", batch=300, lease=timedelta(seconds=60), max_attempts=3)

    def __init__(self, database: Database, house_of: HouseOf, clock: Clock) -> None:
        self._database = database
        self._house_of = house_of
        self._clock = clock

    def round(self) -> Progress:
        """Takes the schedule that has been due the longest; when none is, that costs one statement."""
        with self._database.single() as tx:
            taken = claim_one(tx, self.work_list, self._clock())
        if taken is None:
            return Progress()
        if taken.exhausted:
            return self._stop(taken, "its worker died at each try")
        try:
            return repeated(self._database, lambda tx: self._work(tx, taken))
        except Exception as error:
            if is_transient(error):
                raise
            log.error("a run of %s met a bug: %s", taken.ids[0], fingerprint(error))  # noqa: TRY400 - no message, see fingerprint
            return self._stop(taken, fingerprint(error))

    def leftover(self) -> Progress:
        """`round` takes those too whose worker died."""
        return Progress()

    def _work(self, tx: Connection, taken: Claim) -> Progress:
        turn = self._turn(tx, taken)
        if turn is None:
            return Progress()
        walk, now, most, done = turn.walk, turn.now, self.work_list.batch, 1
        if walk.started_at is not None and turn.is_out_of_time:
            turn.end("timed_out", f"it took longer than {turn.schedule.limit} and ended where it was")
        elif turn.is_paused:
            turn.write(now + PAUSED_EVERY)
            return Progress(1, True)
        elif walk.started_at is not None or (walk.next_at <= now and turn.begin()):
            done = turn.chunk(most)
            if done == most:
                turn.write(now)
                return Progress(done, True, turn.woken)
            turn.end("done")
        turn.write()
        return Progress(done, True, turn.woken)

    def _stop(self, taken: Claim, because: str) -> Progress:
        """Ends the run that cannot go on. One that could not even begin counts as one that did."""
        with self._database.write() as tx:
            turn = self._turn(tx, taken)
            if turn is None:
                return Progress()
            if turn.walk.started_at is None:
                turn.begin()
            turn.end("stopped", because)
            turn.write()
            return Progress(1, True, turn.woken)

    def _turn(self, tx: Connection, taken: Claim) -> Turn | None:
        """The schedule, if this worker still has it."""
        rows: Sequence[AnyRow] = self.work_list.held.rows(tx, ids=taken.ids, token=taken.token)
        house = self._house_of(tx)  # once the row is locked: who applies another configuration locks it too
        checked = house.automations.get(rows[0].key) if rows else None
        schedule = checked.schedule if checked is not None else None
        if checked is None or schedule is None:
            return None
        columns: dict[str, Any] = {name: getattr(rows[0], name) for name in Walk.__slots__}
        return Turn(tx, house, self._clock(), checked, schedule, Walk(**columns))


def _written(planned_at: datetime) -> str:
    return f"{planned_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
