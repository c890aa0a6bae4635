"""Files of an OPV. A file is on disk before its row is committed, and its row says it is gone before it is; what a
process that died in between left over is removed by `sweep`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import Connection, select, update

from db.bulk import any_of
from db.ids import new_id
from db.models import Base
from opv import history
from opv.actions import Acting
from opv.clients.involved import is_involved
from opv.file_types import CONTENT_TYPES, clean_name, type_by_content, type_by_name
from schemas.config import Attachments, FileType
from schemas.errors import Reject
from schemas.files import Files, Received

_ATTACHMENTS = Base.metadata.tables["attachments"]

_LEFT_OVER = timedelta(hours=1)
"""After so long no upload is still under way."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was taken in and may be attached: its clean name, and what it is."""

    received: Received
    name: str
    type: FileType


def take_in(files: Files, source: BinaryIO, name: str, rules: Attachments) -> Taken:
    """Takes a file in, before any OPV is locked for it. What it gives must be attached or discarded.

    Raises `Reject`: `too_large` (413), `file_empty`, `type_not_allowed` (422)."""
    name = clean_name(name)
    named = type_by_name(name)
    if named not in rules.types:
        raise Reject("type_not_allowed", f"files end in one of: {', '.join(rules.types)}", 422)
    received = files.receive(source, rules.max_mb * 2**20)
    try:
        _check_content(received, named)
    except BaseException:
        files.discard(received)
        raise
    return Taken(received, name, named)


def _check_content(received: Received, named: FileType) -> None:
    if not received.size:
        raise Reject("file_empty", "the file is empty", 422)
    if type_by_content(received.path) != named:
        raise Reject("type_not_allowed", f"the content is not that of a {named} file", 422)


def attach(at: Acting, files: Files, taken: Taken, client: UUID | None) -> UUID:
    """Attaches a file that was taken in, to one of the OPV's clients if one is named; gives its id. Closed OPVs take
    files too.

    Raises `Reject` (422): `unknown_client`."""
    if at.viewer is None:
        raise TypeError("files are attached by people")
    if client is not None and not is_involved(at.tx, at.opv.id, client):
        raise Reject("unknown_client", "this client is not involved in the OPV", 422)
    id_, received = new_id(), taken.received
    files.keep(received, id_)
    at.batch.rows["attachments"].append(
        {
            "id": id_, "opportunity_id": at.opv.id, "client_id": client, "name": taken.name,
            "content_type": CONTENT_TYPES[taken.type], "size": received.size, "sha256": received.sha256,
            "added_by": at.viewer.person, "added_at": at.batch.now,
        }
    )  # fmt: skip
    data = {"attachment": str(id_), "type": taken.type, "size": received.size}
    if client is not None:
        data["client"] = str(client)
    at.batch.record(
        at.opv, history.DOCUMENT_ADDED, at.cause, data, {"name": taken.name, "sha256": received.sha256.hex()}
    )
    return id_


def detach(at: Acting, id_: UUID) -> UUID:
    """Takes a file away; the row stays. The file itself is to be removed after the commit.

    Raises `Reject` (404): `unknown_attachment`."""
    a = _ATTACHMENTS.c
    statement = select(a.name, a.client_id).where(a.id == id_, a.opportunity_id == at.opv.id)
    row = at.tx.execute(statement.where(a.removed_at.is_(None), a.erased_at.is_(None))).one_or_none()
    if row is None:
        raise unknown_attachment()
    at.tx.execute(update(_ATTACHMENTS).where(a.id == id_).values(removed_at=at.batch.now))
    data = {"attachment": str(id_), **({"client": str(row.client_id)} if row.client_id else {})}
    at.batch.record(at.opv, history.DOCUMENT_REMOVED, at.cause, data, {"name": row.name} if row.name else None)
    return id_


def unknown_attachment() -> Reject:
    """There is no such file on the OPV, or no more."""
    return Reject("unknown_attachment", "the OPV has no such attachment", 404)


def sweep(tx: Connection, files: Files, now: datetime) -> int:
    """Removes files that no row asks for any more: of attachments taken away or erased, of uploads that came to no
    row. Gives how many. A folder of which the database knows no file is another installation's, and left alone."""
    before = now - _LEFT_OVER
    files.forget_unkept(before)
    kept = list(files.kept(before))
    a = _ATTACHMENTS.c
    columns = select(a.id, a.removed_at, a.erased_at)
    rows = tx.execute(columns.where(any_of(tx, a.id, kept))).all() if kept else []
    if not rows:
        return 0
    wanted = {row.id for row in rows if row.removed_at is None and row.erased_at is None}
    left = [id_ for id_ in kept if id_ not in wanted]
    for id_ in left:
        files.remove(id_)
    return len(left)
