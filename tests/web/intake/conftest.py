"""The intake as it is served: uvicorn with uvloop and httptools, a real database, and a source made up here."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
import requests
import uvicorn
from pydantic import BaseModel, ConfigDict, SecretStr
from sqlalchemy import text
from starlette.types import Receive, Scope, Send

from adapters.sources.base import Source, any_secret, form_body, json_body
from db.models import Base
from db.session import AnyRow, Database
from schemas.errors import Park, Reject
from schemas.source import Carrier, Entrance, Reply, Request
from web.app import create_app
from web.intake.endpoint import Intake
from web.intake.postgres import PostgresWriter
from web.intake.refusals import RefusalCounter
from web.intake.sqlite import SqliteWriter
from web.intake.store import GroupCommit


class KnockOptions(BaseModel):
    """Options with a secret."""

    model_config = ConfigDict(frozen=True)

    verify_token: SecretStr


class Knock(Source):
    """Takes its secret in any of the four places, and remembers what it was shown."""

    slug: ClassVar[str] = "knock"
    title: ClassVar[str] = "Knock"
    options_model: ClassVar[type[BaseModel]] = KnockOptions
    carriers: ClassVar[tuple[Carrier, ...]] = (
        Carrier("header", "X-Knock"),
        Carrier("query", "key"),
        Carrier("json", "knock_key"),
        Carrier("form", "knock_key"),
    )
    has_handshake: ClassVar[bool] = True

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.bug: Callable[[], Exception] | None = None

    def verify(self, request: Request, entrance: Entrance) -> int:
        self.seen.append(request)
        if self.bug is not None:
            raise self.bug()
        presented = request.headers.get("x-knock") or request.query.get("key") or self._in_body(request.body)
        return any_secret(presented, entrance)

    def _in_body(self, body: bytes) -> str | None:
        try:
            read = json_body(body)
        except Park:
            read = dict(form_body(body))
        found = {key.lower(): value for key, value in read.items()} if isinstance(read, dict) else {}
        return found.get("knock_key")

    def handshake(self, request: Request, entrance: Entrance) -> Reply:
        assert isinstance(entrance.options, KnockOptions)
        if request.query.get("token") != entrance.options.verify_token.get_secret_value():
            raise Reject("wrong_token", "the token is wrong", 403)
        return Reply(200, request.query["challenge"].encode(), "text/plain")

    def accepted(self, delivery: str) -> Reply:
        return Reply(202, f'{{"delivery": "{delivery}"}}'.encode())


class Deaf(Knock):
    """A source without a handshake."""

    slug: ClassVar[str] = "deaf"
    has_handshake: ClassVar[bool] = False


@dataclass
class Door:
    """A running intake: its address, its database, what it did besides storing."""

    url: str
    database: Database
    secret: str
    token: str
    source: Knock
    commits: list[str] = field(default_factory=list)

    def post(self, body: bytes | str, path: str = "/hooks/knock", **options: Any) -> requests.Response:
        """A delivery with the right secret in a header, or with the headers given."""
        headers = options.pop("headers", {"X-Knock": self.secret})
        return requests.post(self.url + path, data=body, headers=headers, timeout=20, **options)

    def raw(self, *parts: bytes) -> bytes:
        """What is answered to bytes on a connection, up to the end of the answer's head."""
        host, port = self.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            for part in parts:
                connection.sendall(part)
            return connection.recv(65536)

    def rows(self, table: str = "deliveries") -> list[AnyRow]:
        """All rows of a table."""
        with self.database.read() as tx:
            return list(tx.execute(Base.metadata.tables[table].select()))

    def execute(self, statement: str) -> None:
        """SQL in a unit of work of its own."""
        with self.database.write() as tx:
            tx.execute(text(statement))


def now() -> datetime:
    return datetime.now(UTC)


def eventually(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Waits until something is true."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


@contextmanager
def opened(url: str, storage: str) -> Iterator[Door]:
    """The door on a database; what it stores goes to `storage`, when that is another one."""
    database, kept = Database(url), Database(storage or url)
    door = Door("", database, f"segredo-{secrets.token_hex(12)}/+é", f"senha-{secrets.token_hex(12)}", Knock())
    entrances = {
        source.slug: Entrance(
            key=source.slug,
            id=number,
            source=source,
            secrets=("um-segredo-antigo", door.secret),
            options=KnockOptions(verify_token=SecretStr(door.token)),
            timezone=ZoneInfo("America/Sao_Paulo"),
            retired=source.slug == "deaf",
        )
        for number, source in enumerate((door.source, Deaf()), 1)
    }
    writer = SqliteWriter(kept) if kept.dialect == "sqlite" else PostgresWriter(kept.url)
    store = GroupCommit(writer, lambda: door.commits.append("ingest"))
    refusals = RefusalCounter(database, now, every=0.05)

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        refusals.start()
        await store.start()
        yield
        await store.stop()
        refusals.stop()

    app = create_app(intake=Intake(lambda: entrances, store, refusals, now), api=_api, lifespan=lifespan)
    config = uvicorn.Config(app, "127.0.0.1", 0, loop="uvloop", http="httptools", access_log=False, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert eventually(lambda: server.started)
    door.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield door
    finally:
        server.should_exit = True
        thread.join(10)
        database.dispose()
        kept.dispose()


async def _api(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"api"})


@pytest.fixture
def door(database_url: str) -> Iterator[Door]:
    """A door on each kind of database."""
    with opened(database_url, "") as found:
        yield found


@pytest.fixture
def sqlite_door(sqlite_url: str) -> Iterator[Door]:
    """A door on SQLite."""
    with opened(sqlite_url, "") as found:
        yield found


@pytest.fixture
def postgresql_door(postgresql_url: str) -> Iterator[Door]:
    """A door on PostgreSQL."""
    with opened(postgresql_url, "") as found:
        yield found
