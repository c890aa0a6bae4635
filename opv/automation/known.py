"""What conditions ask of a batch's OPVs that their rows do not tell: clients, captures, the history, how long ago.

Each is loaded for all OPVs of the batch when the first asks. What the batch itself has recorded counts as well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, select

from db.models import Base
from db.statement import Statement
from opv.batch import Batch, Opv
from opv.clients.completeness import completeness
from opv.clients.involved import Involved, involved_of_all
from schemas.counted import COUNT, counted

_ENTRIES = Base.metadata.tables["history_entries"]
_OPVS = Base.metadata.tables["opportunities"]

_OF_KINDS = Statement(
    lambda one_of: (
        select(_ENTRIES.c.opportunity_id, _ENTRIES.c.kind, _ENTRIES.c.at)
        .where(one_of(_ENTRIES.c.opportunity_id, "opvs"), one_of(_ENTRIES.c.kind, "kinds"))
        .order_by(_ENTRIES.c.opportunity_id, _ENTRIES.c.seq)
    )
)

_ENTERED = Statement(
    lambda one_of: (
        select(_OPVS.c.id, _OPVS.c.stage_seq, _ENTRIES.c.at)
        .join(_ENTRIES, and_(_ENTRIES.c.opportunity_id == _OPVS.c.id, _ENTRIES.c.seq == _OPVS.c.stage_seq))
        .where(one_of(_OPVS.c.id, "opvs"))
    )
)
"""When the stored entry was made that put each OPV into its stage."""


class Known:
    """Facts of a batch's OPVs beyond their rows, as of now. `captures`: rows of `CAPTURES` by OPV, in order."""

    def __init__(self, tx: Connection, batch: Batch, captures: Mapping[UUID, Sequence[Any]]) -> None:
        self._tx = tx
        self._batch = batch
        self._captures = captures
        self._people: Mapping[UUID, Sequence[Involved]] | None = None
        self._entered: dict[UUID, tuple[int, datetime]] | None = None
        self._stored: dict[tuple[UUID, str], list[datetime]] = defaultdict(list)
        self._made: dict[tuple[UUID, str], list[datetime]] = defaultdict(list)
        self._loaded: set[str] = set()
        self._followed = 0

    def fact(self, opv: Opv, name: str) -> Any:
        """Value of a fact, None when absent or when it is none of these."""
        if name.startswith("client"):
            return self._of_clients(opv, name)
        if (entries := counted(name)) is not None:
            times = self._times(opv, entries.kind)
            if not name.startswith(COUNT):
                return self._hours_since(times[-1]) if times else None
            return len(times) if entries.within is None else sum(at > self._batch.now - entries.within for at in times)
        captures = self._captures.get(opv.id, ())
        match name:
            case "captures":
                return len(captures)
            case "capture_hours":
                return self._hours_since(captures[-1].received_at) if captures else None
            case "age_hours":
                return self._hours_since(opv.created_at)
            case "stage_hours":
                return self._hours_since(self._entered_at(opv))
            case "assigned_hours":
                return self._hours_since(opv.assigned_at) if opv.broker or opv.manager else None
            case "broker.active":
                return None if opv.broker is None else self._batch.house.roster.is_active(opv.broker)
        return None

    def _of_clients(self, opv: Opv, name: str) -> Any:
        if self._people is None:
            self._people = involved_of_all(self._tx, set(self._batch.opvs))
        people = self._people.get(opv.id, ())
        main = next((one for one in people if one.main), None)
        match name:
            case "clients":
                return len(people)
            case "client.complete":
                return completeness(people, self._batch.house).complete
            case "client.has_phone":
                return bool(main and main.phones)
            case "client.has_email":
                return bool(main and main.emails)
            case "client.has_document":
                return bool(main and main.document)
        return None

    def _entered_at(self, opv: Opv) -> datetime:
        """Since when the OPV is in its stage; what put it there in this batch did so just now."""
        if self._entered is None:
            rows = _ENTERED.rows(self._tx, opvs=set(self._batch.opvs))
            self._entered = {row.id: (row.stage_seq, row.at) for row in rows}
        seq, at = self._entered.get(opv.id, (0, self._batch.now))
        return at if seq == opv.stage_seq else self._batch.now

    def _hours_since(self, at: datetime | None) -> float | None:
        """Calendar hours."""
        return None if at is None else round((self._batch.now - at) / timedelta(hours=1), 4)

    def _times(self, opv: Opv, kind: str) -> Sequence[datetime]:
        """When entries of the kind were made, in order: the stored ones, then those of this batch."""
        if kind not in self._loaded:
            kinds = {kind, *self._batch.house.triggers.counted} - self._loaded
            for row in _OF_KINDS.rows(self._tx, opvs=set(self._batch.opvs), kinds=kinds):
                self._stored[row.opportunity_id, row.kind].append(row.at)
            self._loaded |= kinds
        made = self._batch.rows["history_entries"]
        for entry in made[self._followed :]:
            self._made[entry["opportunity_id"], entry["kind"]].append(entry["at"])
        self._followed = len(made)
        return [*self._stored.get((opv.id, kind), ()), *self._made.get((opv.id, kind), ())]
