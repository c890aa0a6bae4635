"""Whether this process lives (`/healthz`) and whether the installation can work (`/readyz`), in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from db import migrate
from db.queries.configuration import newest_number
from db.queries.work import work
from db.session import Database

LATE_SECONDS = 60
"""From this age on, an unprocessed row is worth a word: workers are down or behind."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be right, and what is, or what to do."""

    name: str
    ok: bool
    detail: str


def router(database: Database, clock: Callable[[], datetime]) -> APIRouter:
    """The two routes; no token is asked for."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @routes.get("/readyz", responses={503: {"description": "Something is missing; the checks say what"}})
    def readyz() -> JSONResponse:
        """Whether leads can be stored and processed; 503 with the reason in words when they cannot."""
        found = checks(database, clock())
        ready = all(check.ok for check in found)
        body = {"status": "ready" if ready else "not ready", "checks": [asdict(check) for check in found]}
        return JSONResponse(body, 200 if ready else 503)

    return routes


def checks(database: Database, now: datetime) -> list[Check]:
    """Database, schema, configuration, and whether work is behind (a warning: the check is passed). A check that
    fails ends the list, since those after it stand on it."""
    found: list[Check] = []
    try:
        with database.read() as tx:
            for check in _checks(tx, now):
                found.append(check)
                if not check.ok:
                    break
    except (SQLAlchemyError, OSError) as error:
        detail = f"the database does not answer ({type(error).__name__}): is it up, and DATABASE_URL right?"
        found = [Check("database", False, detail)]
    return found


def _checks(tx: Connection, now: datetime) -> Iterator[Check]:
    current, newest = migrate.current(tx), _newest()
    yield Check("database", True, f"{tx.dialect.name} answers")
    if current != newest:
        there = f"is at revision {current}" if current else "is empty"
        yield Check("schema", False, f"the schema {there}, this program needs {newest}: run `porteiro migrate`")
    yield Check("schema", True, f"at revision {current}")
    version = newest_number(tx)
    if not version:
        yield Check("configuration", False, "none was applied yet: run `porteiro apply porteiro.yaml`")
    yield Check("configuration", True, f"version {version} is in force")
    oldest = max(work(tx, now), key=lambda step: step.oldest_seconds)
    if oldest.oldest_seconds < LATE_SECONDS:
        yield Check("work", True, "nothing waits for long")
    else:
        waits = f"a row of the step {oldest.step} has waited for {oldest.oldest_seconds:.0f} s"
        yield Check("work", True, f"warning: {waits}; do workers run?")


@cache
def _newest() -> str | None:
    return migrate.newest()
