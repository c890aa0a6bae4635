"""Who calls: a bearer token, the person it belongs to, and what that person may read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy import ColumnElement, Connection

from db.queries import reads, tokens
from db.session import Database
from opv.access import Viewer, may_operate, viewer_of, visible
from opv.house import House, HouseOf, HouseTried
from opv.masking import shown
from schemas.errors import Reject
from schemas.files import Files
from schemas.target import Target

Thing = TypeVar("Thing", bound=BaseModel)

_BEARER = HTTPBearer(auto_error=False, description="`porteiro token create PERSON` prints one")


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes work with, handed in by the composition root. `wake` wakes a step of the pipeline; `files` is
    where attachments are; `targets` are asked while a person waits; `tried` reads
    a configuration that is to be simulated."""

    database: Database
    house: HouseOf
    wake: Callable[[str], None]
    clock: Callable[[], datetime]
    files: Files
    targets: Mapping[str, Target] = field(default_factory=dict)
    tried: HouseTried | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """A unit of work on behalf of a person. `read`: what it discloses of which OPVs."""

    tx: Connection
    viewer: Viewer
    house: House
    read: list[tuple[UUID, str]] = field(default_factory=list)

    @property
    def seen(self) -> ColumnElement[bool]:
        """Condition on `opportunities`: what the person sees."""
        return visible(self.viewer, self.house)

    def note_reads(self, opvs: Iterable[UUID], what: str) -> None:
        """To be called by every route whose answer discloses personal data of OPVs; `what` says which: `list`, `opv`,
        `history`, … It is written before the answer goes out, which fails when it cannot be."""
        self.read.extend((opv, what) for opv in opvs)

    def shown(self, thing: Thing) -> Thing:
        """A thing or list of operations as the person may see it: personal data masked for those who see no person."""
        return shown(self.viewer, thing)


@dataclass(frozen=True, slots=True)
class Caller:
    """A request with a token. The units of work check it: `Reject` 401 for an unknown or revoked token, 403 for a
    person who has left or may not."""

    desk: Desk
    token: str

    @contextmanager
    def reading(self) -> Iterator[Visit]:
        """To read what the person sees."""
        with self.desk.database.read() as tx:
            visit = self._visit(tx)
            yield visit
        self._note_after(visit)

    @contextmanager
    def acting(self) -> Iterator[Visit]:
        """To change what the person sees."""
        with self.desk.database.write() as tx:
            visit = self._visit(tx)
            yield visit
            self._note(tx, visit)

    @contextmanager
    def operating(self, *, write: bool = False) -> Iterator[Visit]:
        """To read (or change) what belongs to no single OPV: directors and operations alone."""
        database = self.desk.database
        with database.write() if write else database.read() as tx:
            visit = self._visit(tx)
            if not may_operate(visit.viewer):
                raise Reject("forbidden", "only directors and operations see this", 403)
            yield visit
            if write:
                self._note(tx, visit)
        if not write:
            self._note_after(visit)

    def wake(self, steps: Iterable[str]) -> None:
        """Wakes steps of the pipeline, once what they are to find is committed."""
        for step in sorted(steps):
            self.desk.wake(step)

    def _note_after(self, visit: Visit) -> None:
        """In a unit of work of its own: on SQLite, one that began with reading cannot write."""
        if visit.read:
            with self.desk.database.single() as tx:
                self._note(tx, visit)

    def _note(self, tx: Connection, visit: Visit) -> None:
        reads.note(tx, visit.viewer.person, visit.read, self.desk.clock())

    def _visit(self, tx: Connection) -> Visit:
        person = tokens.person_of(tx, self.token)
        if person is None:
            raise Reject("unknown_token", "the token is unknown or was revoked", 401)
        house = self.desk.house(tx)
        viewer = viewer_of(person, house)
        if viewer is None:
            raise Reject("person_inactive", "the token's person is no longer active in the configuration", 403)
        return Visit(tx, viewer, house)


def _caller(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> Caller:
    if credentials is None or not credentials.credentials:
        raise Reject("missing_token", "send `Authorization: Bearer <token>`", 401)
    return Caller(request.app.state.desk, credentials.credentials)


Calls = Annotated[Caller, Depends(_caller)]
"""Parameter of a route that only people with a token may call."""
