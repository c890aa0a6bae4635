"""Times that automations count for an OPV: which entry of its history begins one, and when it is over.

A time is a row of `timers`. That of a stage is begun by the entry that put the OPV there (or into the status); that of
`before` and `after` by each entry that sets the time which they count from; a later one takes its place. That of
`without` is one row an OPV, which the entries of its kind do not move: when it is due, the newest of them is looked
up."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, or_, select

from db.ids import new_id
from db.models import Base
from db.statement import Statement
from opv import history
from opv.automation.triggers import CheckedAutomation
from opv.business_time import WorkingTime
from schemas.config import After, Before, InStage, Without

if TYPE_CHECKING:
    from opv.batch import Opv

_ENTRIES = Base.metadata.tables["history_entries"]

QUIET = 0
"""`stage_seq` of the timers of `without`: there is one of an automation and an OPV at most."""

_OF_DAY = time(8)
"""When a date of the house's fields begins to count, in the company's zone."""

_BEGINNINGS = (history.CREATED, history.REOPENED, history.ASSIGNED)
"""Whoever is given an OPV has the whole time."""
_CONTACTS = (history.CONTACT_ADDED, history.WHATSAPP_OPENED)
_FROM_CLIENTS = (history.MESSAGE_RECEIVED, history.CALL_RECEIVED)
_SETS = {
    "created_at": history.CREATED,
    "assigned_at": history.ASSIGNED,
    "first_contact_at": history.CONTACT_ADDED,
    "visit_at": history.CONTACT_ADDED,
}
"""Times of an OPV that are not the house's fields, and the kind of the entries that set them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the history: who did what, and what it says."""

    seq: int
    at: datetime
    kind: str
    actor: str
    data: Mapping[str, Any]

    @property
    def by_person(self) -> bool:
        """Whether a person of the house did it."""
        return self.actor.startswith("person:")


def begins(checked: CheckedAutomation, opv: Opv, entry: Entry) -> bool:
    """Whether the automation counts its time from the entry, as long as none does after it."""
    on, kind = checked.on, entry.kind
    if kind == history.ASSIGNED and "part" in entry.data:
        return isinstance(on, Without) and on.without == "activity" and entry.by_person
    if isinstance(on, InStage):
        if kind == history.STATUS_CHANGED:
            return on.status is not None and entry.seq > opv.stage_seq and entry.data.get("stage") == opv.stage
        return entry.seq == opv.stage_seq
    if isinstance(on, Without):
        if kind in _BEGINNINGS:
            return True
        return _is_contact(entry) if on.without == "contact" else entry.by_person or kind in _FROM_CLIENTS
    if isinstance(on, Before | After):
        return _sets(_named(on), entry)
    return False


def over_at(
    checked: CheckedAutomation, opv: Opv, entry: Entry, working: WorkingTime, zone: ZoneInfo, now: datetime
) -> datetime | None:
    """When the time that the entry began is over; None when it set none, or one before which it is too late now."""
    on, wait = checked.on, checked.wait
    if wait is None:
        return None
    if not isinstance(on, Before | After):
        return working.add(entry.at, wait)
    moment = _moment(_named(on), opv, entry, zone)
    if moment is None or (isinstance(on, Before) and moment <= now):
        return None
    return working.subtract(moment, wait) if isinstance(on, Before) else working.add(moment, wait)


def timer(
    checked: CheckedAutomation, opv: Opv, seq: int, due_at: datetime, chain: Sequence[str] = ()
) -> dict[str, Any]:
    """The row of a time that entry `seq` began."""
    on = checked.on
    return {
        "id": new_id(), "automation": checked.key, "opportunity_id": opv.id,
        "stage": "" if isinstance(on, Without | Before | After) else opv.stage,
        "stage_seq": QUIET if isinstance(on, Without) else seq, "chain": ",".join(chain), "due_at": due_at,
    }  # fmt: skip


class Entries:
    """The entries of OPVs from which automations may count, the newest first."""

    def __init__(self, tx: Connection, opvs: Collection[UUID], checked: Iterable[CheckedAutomation]) -> None:
        """Reads them, in one statement; in none when no automation counts from any."""
        group = list(checked)
        self._of: dict[UUID, list[Entry]] = defaultdict(list)
        if not group or not opvs:
            return
        people = any(isinstance(one.on, Without) and one.on.without == "activity" for one in group)
        kinds = {kind for one in group for kind in _kinds(one)}
        rows = (_WITH_PEOPLES if people else _OF_KINDS).rows(tx, opvs=opvs, kinds=kinds)
        for row in rows:
            self._of[row.opportunity_id].append(Entry(row.seq, row.at, row.kind, row.actor, json.loads(row.data)))

    def newest(self, checked: CheckedAutomation, opv: Opv) -> Entry | None:
        """The one from which the automation counts now."""
        return next((entry for entry in self._of[opv.id] if begins(checked, opv, entry)), None)


def _entries(people: bool) -> Statement:
    c = _ENTRIES.c

    def build(one_of: Any) -> Any:
        which = one_of(c.kind, "kinds")
        return (
            select(c.opportunity_id, c.seq, c.at, c.kind, c.actor, c.data)
            .where(one_of(c.opportunity_id, "opvs"), or_(which, c.actor.startswith("person:")) if people else which)
            .order_by(c.opportunity_id, c.seq.desc())
        )

    return Statement(build)


_OF_KINDS, _WITH_PEOPLES = _entries(False), _entries(True)


def _kinds(checked: CheckedAutomation) -> Sequence[str]:
    match checked.on:
        case InStage():
            return (history.CREATED, history.STAGE_CHANGED, history.REOPENED, history.STATUS_CHANGED)
        case Without() as on:
            return (*_BEGINNINGS, *(_CONTACTS if on.without == "contact" else _FROM_CLIENTS))
        case Before() | After() as on:
            return (_SETS.get(_named(on), history.FIELD_CHANGED),)
    return ()


def _named(on: Before | After) -> str:
    """The time that it counts from."""
    return on.before if isinstance(on, Before) else on.after


def _is_contact(entry: Entry) -> bool:
    """Something that a person did with the client: no visit that was only agreed on, or that the client missed."""
    said = entry.data
    return entry.by_person and entry.kind in _CONTACTS and not said.get("scheduled") and not said.get("missed")


def _sets(name: str, entry: Entry) -> bool:
    if entry.kind != _SETS.get(name, history.FIELD_CHANGED):
        return False
    if name == "first_contact_at":
        return entry.data.get("first") is True
    if name == "visit_at":
        return entry.data.get("scheduled") is True
    return name in _SETS or entry.data.get("field") == name


def _moment(name: str, opv: Opv, entry: Entry, zone: ZoneInfo) -> datetime | None:
    """The time that the entry set; None when it left a field without a date."""
    if name == "first_contact_at":
        return opv.first_contact_at
    if name == "visit_at":
        return datetime.fromisoformat(entry.data["at"])
    if name in _SETS:
        return entry.at
    try:
        day = date.fromisoformat(entry.data.get("to") or "")
    except (TypeError, ValueError):  # from when the field was no date
        return None
    return datetime.combine(day, _OF_DAY, zone).astimezone(UTC)
