"""What an automation would have done to the past: its trigger looked for in the histories, its condition tested as of
then, its actions tried on a batch that is never written. Some OPVs at a time."""

from __future__ import annotations

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, select

from db.bulk import any_of
from db.models import Base
from opv import history
from opv.access import Viewer
from opv.automation.actions.doing import Occurrence
from opv.automation.by_hand import require_operator, written
from opv.automation.dry_run import Tried, attempt
from opv.automation.run import Bugs, Round
from opv.automation.states import State
from opv.automation.triggers import CheckedAutomation, kinds_of
from opv.automation.words import in_words
from opv.batch import OPV_COLUMNS, Batch, Cause, Opv
from opv.facts import CAPTURES, by_opv
from opv.funnel import Held
from opv.house import House
from schemas.automations import ActionTally, Backtest, BacktestSample
from schemas.config import After, Before, Called, InStage, Schedule, Without
from schemas.errors import Reject

CHUNK = 200
"""OPVs read at a time."""

SAMPLES = 10

_OPVS = Base.metadata.tables["opportunities"]
_ENTRIES = Base.metadata.tables["history_entries"]

_INTO_STAGES = (history.CREATED, history.STAGE_CHANGED, history.REOPENED)
_CLOSED = {history.WITHDRAWN: "lost", history.WON: "won"}

_KNOWN_THEN = (
    "source", "channel", "campaign", "medium", "origin", "development", "listing", "transaction", "price", "city",
    "state", "client.kind", "returning", "broker_named", "stage",
)  # fmt: skip
"""Facts of captures, and the stage: known as of any moment. So are those that begin so."""
_KNOWN_BEGIN = ("answers.", "utm.", "ad.", "click_ids.", "event.")
_OWNERS = ("team", "manager", "broker")


@dataclass(frozen=True, slots=True)
class Moment:
    """One time that the automation would have been triggered: the OPV as it was then, its captures up to then, and what
    the entry says, if it was one."""

    opv: Opv
    at: datetime
    captures: Sequence[Any]
    event: Mapping[str, Any] | None = None


@dataclass(slots=True)
class _Tally:
    fired: int = 0
    not_met: Counter[str] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    actions: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    newest: list[tuple[datetime, int, BacktestSample]] = field(default_factory=list)
    order: Iterator[int] = field(default_factory=count)

    def add(self, moment: Moment, tried: Tried) -> None:
        self.fired += 1
        if tried.result == "not_met":
            self.not_met[_part(tried.because or "")] += 1
            return
        self.results[tried.result] += 1
        for step in tried.steps:
            self.actions[step["action"]][step["result"]][step.get("reason", "")] += 1
        said = [" ".join(filter(None, (s["action"], s["result"], s.get("reason")))) for s in tried.steps]
        opv = moment.opv
        sample = BacktestSample(opv=opv.id, number=opv.number, at=moment.at, result=tried.result, steps=said)
        heapq.heappush(self.newest, (moment.at, next(self.order), sample))
        if len(self.newest) > SAMPLES:
            heapq.heappop(self.newest)


def backtest(
    tx: Connection,
    house: House,
    viewer: Viewer | None,
    key: str,
    since: datetime,
    until: datetime,
    *,
    most: int | None = None,
) -> Backtest:
    """What the automation would have done from `since` on and before `until`: of events by the entries of the
    histories, of `in_stage` by the stays that lasted long enough. Nothing is written.

    Raises `Reject`: `not_in_history` (422) for what the histories do not tell, `too_many_moments` (422) for more than
    `most`, `unknown_automation` (404), `automation_inactive` (409), `not_allowed` (403)."""
    require_operator(viewer)
    checked = written(house, key)
    on = checked.written.on if checked.written else ""
    if isinstance(on, Without | Before | After | Schedule | Called) or (isinstance(on, InStage) and on.status):
        told = "only what happens on entries, and after a time in a stage, can be told from the history"
        raise Reject("not_in_history", f"{told}; this one runs: {in_words(on)}. Try it with a dry run on an OPV", 422)
    tally, held = _Tally(), dict[UUID, Held]()
    for opvs, moments in _past(tx, house, checked, since, until):
        held.clear()
        within = tx.begin_nested()
        try:
            for moment in moments:
                if most is not None and tally.fired >= most:
                    raise Reject("too_many_moments", f"it fired more than {most} times: ask for a shorter time", 422)
                tally.add(moment, _tried(tx, house, checked, moment, opvs, held))
        finally:
            within.rollback()
    return _told(checked, since, until, tally)


def _tried(
    tx: Connection,
    house: House,
    checked: CheckedAutomation,
    moment: Moment,
    opvs: Mapping[UUID, Opv],
    held: dict[UUID, Held],
) -> Tried:
    def begin(broken: Bugs) -> Round:
        batch = Batch(house, moment.at)
        batch.opvs, batch.held = {**opvs, moment.opv.id: replace(moment.opv)}, held
        states = {key: State(key) for key in house.automations}
        return Round(tx, batch, {moment.opv.id: moment.captures}, states, broken)

    def occurring(round_: Round) -> tuple[Occurrence, Mapping[str, Any]]:
        opv, cause = round_.batch.opvs[moment.opv.id], Cause(f"automation:{checked.key}", 1, (checked.key,))
        occurrence = Occurrence(tx, checked.key, opv, "backtest", cause, "backtest", opv.history_seq, opv.stage)
        return occurrence, round_.facts(opv, event=moment.event)

    return attempt(begin, replace(checked, written=None), occurring)


def _past(
    tx: Connection, house: House, checked: CheckedAutomation, since: datetime, until: datetime
) -> Iterator[tuple[Mapping[UUID, Opv], Iterator[Moment]]]:
    """OPVs, some at a time, and what would have triggered the automation on them, OPV by OPV in order."""
    on = checked.written.on if checked.written else ""
    in_stage = on.in_stage if isinstance(on, InStage) else None
    wanted = () if isinstance(on, InStage) else kinds_of(on)
    kinds = {*wanted, *_INTO_STAGES, *_CLOSED}
    e, o = _ENTRIES.c, _OPVS.c
    heard = e.kind.in_(_INTO_STAGES) if in_stage else and_(e.kind.in_(wanted), e.at >= since)
    touched = select(e.seq).where(e.opportunity_id == o.id, heard, e.at < until).exists()
    columns = [o[name] for name in OPV_COLUMNS]
    after: UUID | None = None
    while True:
        found = select(*columns).where(touched).order_by(o.id).limit(CHUNK)
        rows = tx.execute(found if after is None else found.where(o.id > after)).all()
        if not rows:
            return
        opvs = {row.id: Opv(*row) for row in rows}
        after = rows[-1].id
        entries = (
            select(e.opportunity_id, e.seq, e.at, e.kind, e.data)
            .where(any_of(tx, e.opportunity_id, opvs), e.kind.in_(kinds), e.at < until)
            .order_by(e.opportunity_id, e.seq)
        )
        told, captures = by_opv(tx.execute(entries)), by_opv(CAPTURES.rows(tx, opvs=opvs.keys()))

        def moments(
            opvs: Mapping[UUID, Opv] = opvs, told: Mapping[UUID, Sequence[Any]] = told,
            captures: Mapping[UUID, Sequence[Any]] = captures,
        ) -> Iterator[Moment]:  # fmt: skip
            for id_, opv in opvs.items():
                cards = captures.get(id_, ())
                if in_stage is not None:
                    yield from _stays(house, checked, opv, told.get(id_, ()), cards, in_stage, since, until)
                else:
                    yield from _events(checked, opv, told.get(id_, ()), cards, wanted, since)

        yield opvs, moments()


def _events(
    checked: CheckedAutomation,
    opv: Opv,
    entries: Sequence[Any],
    captures: Sequence[Any],
    kinds: Sequence[str],
    since: datetime,
) -> Iterator[Moment]:
    """The entries that the automation listens to."""
    then = opv
    for entry in entries:
        data = json.loads(entry.data)
        then = _after(then, entry, data)
        if entry.kind not in kinds or entry.at < since or (checked.narrow is not None and not checked.narrow(data)):
            continue
        given = (
            {name: data.get(name) for name in _OWNERS} if entry.kind == history.ASSIGNED and "part" not in data else {}
        )
        # The creation of an OPV is told together with its first capture.
        cards = captures[:1] if entry.kind == history.CREATED else [one for one in captures if one.seq <= entry.seq]
        yield Moment(replace(then, **given), entry.at, cards, data)


def _stays(
    house: House,
    checked: CheckedAutomation,
    opv: Opv,
    entries: Sequence[Any],
    captures: Sequence[Any],
    stage: str,
    since: datetime,
    until: datetime,
) -> Iterator[Moment]:
    """The stays in the stage that lasted for as long as the automation waits, as of the moment at which they had."""
    begun = {entry.seq: entry.at for entry in entries if entry.kind in _INTO_STAGES}
    then, wait = opv, checked.wait
    for entry, following in zip(entries, [*entries[1:], None], strict=True):
        data = json.loads(entry.data)
        then = _after(then, entry, data)
        if entry.kind not in _INTO_STAGES or then.stage != stage or then.status != "open" or wait is None:
            continue
        counts_from = begun.get(data.get("since", entry.seq), entry.at)  # one that took a move back says since when
        due, left = house.duty.company.add(counts_from, wait), until if following is None else following.at
        if max(since, entry.at) <= due < left:
            yield Moment(then, due, [one for one in captures if one.received_at <= due])


def _after(opv: Opv, entry: Any, data: Mapping[str, Any]) -> Opv:
    """The OPV as it was once the entry was there."""
    if entry.kind == history.STAGE_CHANGED:
        return replace(opv, stage=data["to"], stage_seq=entry.seq, history_seq=entry.seq)
    if entry.kind in (history.CREATED, history.REOPENED):
        stage = data.get("stage", opv.stage)
        return replace(opv, stage=stage, stage_seq=entry.seq, status="open", history_seq=entry.seq)
    return replace(opv, status=_CLOSED.get(entry.kind, opv.status), history_seq=entry.seq)


def _told(checked: CheckedAutomation, since: datetime, until: datetime, tally: _Tally) -> Backtest:
    on = checked.written.on if checked.written else ""
    known = (*_KNOWN_THEN, *(_OWNERS if on == history.ASSIGNED else ()))
    asked = sorted(set(_facts_of(checked.when.source)))
    actions = [
        ActionTally(
            action=action, done=by_result["done"].total(), skipped=dict(by_result["skipped"]),
            failed=dict(by_result["failed"]),
        )
        for action, by_result in tally.actions.items()
    ]  # fmt: skip
    return Backtest(
        automation=checked.key, since=since, until=until, fired=tally.fired, held=tally.results.total(),
        not_met=dict(tally.not_met), results=dict(tally.results), actions=actions,
        as_of_now=[name for name in asked if name not in known and not name.startswith(_KNOWN_BEGIN)],
        samples=[sample for *_, sample in sorted(tally.newest, reverse=True)],
    )  # fmt: skip


def _facts_of(source: Mapping[str, Any]) -> Iterator[str]:
    """The facts that a condition asks for."""
    for name, value in source.items():
        if name in ("any", "all"):
            for part in value:
                yield from _facts_of(part)
        elif name == "not":
            yield from _facts_of(value)
        else:
            yield name


def _part(because: str) -> str:
    """Which part of a condition failed, without what was found: a fact, `any` or `not`."""
    fact, is_, _ = because.partition(" is ")
    if because.startswith("none of: "):
        return "any"
    return fact if is_ else "not"
