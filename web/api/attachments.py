"""Files of an OPV: put there, listed, downloaded, taken away. They are never shown in place nor run."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from db.queries import attachments, opvs
from opv.actions import Acting
from opv.attachments import attach, detach, take_in, unknown_attachment
from opv.by_people import act
from schemas.attachments import AttachmentFilters, AttachmentItem
from schemas.errors import Reject
from schemas.page import Page, Parameters
from web.api.auth import Caller, Calls, Visit
from web.api.upload import FORM, Uploaded

router = APIRouter(prefix="/opvs/{ident}/attachments", tags=["attachments"])

NoParameters = Annotated[Parameters, Query()]

_NEVER_SHOWN = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
}


@router.get("")
def list_attachments(ident: str, caller: Calls, filters: Annotated[AttachmentFilters, Query()]) -> Page[AttachmentItem]:
    """Files of an OPV, newest first."""
    with caller.reading() as visit:
        opv = _find(visit, ident)
        visit.note_reads([opv], "attachments")
        return attachments.page(visit.tx, opv, filters)


@router.post("", status_code=201, openapi_extra=FORM)
def add_attachment(ident: str, caller: Calls, upload: Uploaded, _: NoParameters) -> AttachmentItem:
    """Attaches a file, as `curl -F file=@rg.pdf` sends it; `client` is the client that it is of."""
    taken = take_in(caller.desk.files, upload.file, upload.name, upload.rules)
    try:
        return _act(caller, ident, lambda at: attach(at, caller.desk.files, taken, upload.client))
    finally:
        caller.desk.files.discard(taken.received)


@router.get("/{attachment}", response_class=FileResponse)
def download_attachment(ident: str, attachment: str, caller: Calls, _: NoParameters) -> FileResponse:
    """The file itself, to be saved."""
    with caller.reading() as visit:
        opv = _find(visit, ident)
        visit.note_reads([opv], "attachment")
        found = attachments.one(visit.tx, opv, _id(attachment))
    path = caller.desk.files.path(found.id) if found and not (found.removed_at or found.erased_at) else None
    if found is None or path is None:
        raise unknown_attachment()
    return _download(path, found.name or "arquivo")


@router.delete("/{attachment}", status_code=204)
def remove_attachment(ident: str, attachment: str, caller: Calls, _: NoParameters) -> None:
    """Removes a file; that it was there stays known."""
    removed = _act(caller, ident, lambda at: detach(at, _id(attachment)))
    caller.desk.files.remove(removed.id)


def _act(caller: Caller, ident: str, deed: Callable[[Acting], UUID]) -> AttachmentItem:
    """The attachment as it is after the deed, committed, and the steps woken that it made work for."""
    ids: list[UUID] = []
    with caller.acting() as visit:
        now = caller.desk.clock()
        done = act(visit.tx, visit.house, visit.viewer, now, ident, lambda at: ids.append(deed(at)))
        item = attachments.one(visit.tx, done.opv, ids[0])
        visit.note_reads([done.opv], "attachments")
    for step in sorted(done.woken):
        caller.desk.wake(step)
    if item is None:
        raise unknown_attachment()
    return item


def _find(visit: Visit, ident: str) -> UUID:
    found = opvs.find(visit.tx, visit.seen, ident)
    if found is None:
        raise Reject("unknown_opv", "no such OPV", 404)
    return found


def _id(attachment: str) -> UUID:
    try:
        return UUID(attachment)
    except ValueError:
        raise unknown_attachment() from None


def _download(path: Path, name: str) -> FileResponse:
    """As RFC 6266 says it: a plain name for old programs, the true one beside it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().replace('"', "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {**_NEVER_SHOWN, "Content-Disposition": disposition}
    return FileResponse(path, media_type="application/octet-stream", headers=headers)
