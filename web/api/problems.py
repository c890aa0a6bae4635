"""Errors as RFC 9457 `application/problem+json`: `{type, title, status, detail, reason}`, and `errors` for bad input.

Nothing of an unexpected error's message reaches an answer or the log: it may hold what a person typed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opv.step import fingerprint
from schemas.errors import Reject, Retry

log = logging.getLogger("porteiro.api")

_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": 'Bearer realm="porteiro"'},
    503: {"Retry-After": "5"},
}


class Problem(BaseModel):
    """An error's body. `reason` is a stable code; `errors` says what is wrong with which parameter."""

    type: str
    title: str
    status: int
    detail: str
    reason: str
    errors: list[dict[str, str]] | None = None


def problem(
    status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """The answer that tells of an error."""
    body = {
        "type": f"urn:porteiro:{reason}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "reason": reason,
        **more,
    }
    return JSONResponse(
        body, status, {**_HEADERS.get(status, {}), **(headers or {})}, media_type="application/problem+json"
    )


def install(api: FastAPI) -> None:
    """Makes every error of the API a problem."""
    api.add_exception_handler(Reject, _rejected)
    api.add_exception_handler(Retry, _later)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(DataError, _not_storable)
    for kind in (OperationalError, InterfaceError, PoolTimeout):
        api.add_exception_handler(kind, _no_storage)
    api.add_middleware(Unexpected)


class Unexpected:
    """The last resort: a 500 without internals. It stands inside of Starlette's own, which would raise the error
    anew, to be logged with its message."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            log.error("unexpected error: %s", fingerprint(error))  # noqa: TRY400 - the message may hold personal data
            if not started:
                answer = problem(500, "unexpected", "an unexpected error; the log says where it happened")
                await answer(scope, receive, send)


def _rejected(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Reject)  # noqa: S101 - registered for this type alone
    return problem(error.status, error.reason, error.detail)


def _later(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Retry)  # noqa: S101 - registered for this type alone
    return problem(503, error.reason, error.detail)


def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    phrase = HTTPStatus(error.status_code).phrase
    detail = "there is nothing at this address" if error.status_code == 404 else phrase
    return problem(error.status_code, phrase.lower().replace(" ", "_"), detail, error.headers)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type alone
    errors = [_named(one) for one in error.errors()]
    detail = "; ".join(f"{one['name']}: {one['message']}" if one["name"] else one["message"] for one in errors)
    return problem(422, "invalid_parameters", detail, errors=errors)


def _named(error: Mapping[str, Any]) -> dict[str, str]:
    place, *names = [str(part) for part in error["loc"]]
    name = error.get("ctx", {}).get("name") if error["type"] in ("unknown_parameter", "nul") else ".".join(names)
    return {"in": place, "name": name or "", "message": error["msg"]}


def _not_storable(_request: Request, _error: Exception) -> JSONResponse:
    return problem(422, "invalid_parameters", "a parameter holds a value that no stored one can have")


def _no_storage(_request: Request, error: Exception) -> JSONResponse:
    log.error("the database does not answer: %s", fingerprint(error))
    return problem(503, "storage_unavailable", "the database does not answer: try again")
