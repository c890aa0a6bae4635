"""Reading an uploaded file out of a form: only for who may put one there, and never more than a file may have."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO
from uuid import UUID

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from adapters.attachments_folder import too_large
from db.queries import opvs
from schemas.config import Attachments
from schemas.errors import Reject
from web.api.auth import Caller, Calls

_AROUND = 64 * 1024
"""Bytes of a form that are not the file: boundaries, headers, the other field."""

FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "client": {"type": "string", "format": "uuid", "description": "A client of the OPV"},
                    },
                }
            }
        },
    }
}
"""The form, for the API's description."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as sent, its name as sent, the client it is of, and the rules in force."""

    file: BinaryIO
    name: str
    client: UUID | None
    rules: Attachments


async def _uploaded(ident: str, request: Request, caller: Calls) -> AsyncIterator[Upload]:
    """Raises `Reject`: `unknown_opv` (404) before anything is read, `too_large` (413) as soon as it is, `not_a_form`
    (415), `bad_form`, `file_missing`, `unknown_client` (422)."""
    rules = await run_in_threadpool(_rules, caller, ident)
    form = await _form(request, rules.max_mb * 2**20)
    try:
        yield _upload(form, rules)
    finally:
        await form.close()


Uploaded = Annotated[Upload, Depends(_uploaded)]
"""Parameter of a route to which a file is sent."""


def _rules(caller: Caller, ident: str) -> Attachments:
    with caller.reading() as visit:
        if opvs.find(visit.tx, visit.seen, ident) is None:
            raise Reject("unknown_opv", "no such OPV", 404)
        return visit.house.configuration.attachments


async def _form(request: Request, most: int) -> FormData:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Reject("not_a_form", "send the file as multipart/form-data, in the field `file`", 415)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > most + _AROUND:
        raise too_large(most)
    try:
        return await MultiPartParser(request.headers, _limited(request, most), max_files=1, max_fields=1).parse()
    except MultiPartException as error:
        raise Reject("bad_form", f"the form cannot be read: {error.message}", 422) from None
    except ClientDisconnect:
        raise Reject("gone", "the sender went away", 400) from None


async def _limited(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most + _AROUND:
            raise too_large(most)
        yield chunk


def _upload(form: FormData, rules: Attachments) -> Upload:
    file, client = form.get("file"), form.get("client")
    if not isinstance(file, UploadFile):
        raise Reject("file_missing", "the form has no file in the field `file`", 422)
    unknown = [name for name in form if name not in ("file", "client")]
    if unknown:
        raise Reject("bad_form", "the form has the fields `file` and `client` alone", 422)
    try:
        of = UUID(client) if isinstance(client, str) and client else None
    except ValueError:
        raise Reject("unknown_client", "`client` is no id of a client", 422) from None
    return Upload(file.file, file.filename or "", of, rules)
