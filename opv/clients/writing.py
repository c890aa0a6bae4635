"""How a change of clients enters the history: on every OPV that involves one of them, since it is the same person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from opv import history
from opv.access import Viewer
from opv.batch import Batch
from opv.clients.completeness import missing
from opv.clients.involved import involved_of_all
from opv.clients.records import Record, cause_of


def note_changes(
    batch: Batch,
    viewer: Viewer,
    involvements: Mapping[UUID, set[UUID]],
    before: Mapping[UUID, Record],
    after: Mapping[UUID, Record],
    *,
    own: tuple[UUID, UUID] | None = None,
    role: tuple[str, str] | None = None,
) -> None:
    """Records `client.changed` for each client that differs: which fields in `data`, the values before and after in
    `content`. `own` is the OPV and client acted on, `role` its part there before and after."""
    for id_, was in before.items():
        old, new = was.facts(), after[id_].facts()
        fields = [name for name, value in new.items() if old[name] != value]
        values = {"before": {name: old[name] for name in fields}, "after": {name: new[name] for name in fields}}
        spouse = {"spouse": new["spouse"], "spouse_before": old["spouse"]} if "spouse" in fields else {}
        for opv, involved in involvements.items():
            part = role if own == (opv, id_) else None
            if id_ not in involved or not (fields or part):
                continue
            data: dict[str, Any] = {"client": str(id_), "fields": [*fields, *(["role"] if part else [])], **spouse}
            if part:
                data |= {"role": part[1], "role_before": part[0]}
            batch.record(batch.opvs[opv], history.CLIENT_CHANGED, cause_of(viewer), data, values if fields else None)


@contextmanager
def noting_completion(tx: Connection, batch: Batch, viewer: Viewer, client: UUID) -> Iterator[None]:
    """Records `client.completed` on the batch's OPVs whose clients get complete by what is written meanwhile of the
    `client`. Two statements, however many OPVs."""
    before = _complete(tx, batch)
    yield
    for opv in sorted(_complete(tx, batch) - before):
        batch.record(batch.opvs[opv], history.CLIENTS_COMPLETED, cause_of(viewer), {"client": str(client)})


def _complete(tx: Connection, batch: Batch) -> set[UUID]:
    need = batch.house.configuration.won_sale.clients_need
    return {opv for opv, people in involved_of_all(tx, batch.opvs).items() if not missing(people, need)}
