"""The API as it is served, by a real server on a free port, over a real database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from fastapi import FastAPI

from adapters.attachments_folder import AttachmentsFolder
from db.queries import tokens
from db.session import Database
from opv.house import House
from tests.stored import Stored, house
from web.api.app import create_api

Get = Callable[..., requests.Response]


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Served:
    """A running API: its address, rows in its database, the steps woken, a token a person."""

    url: str
    stored: Stored
    woken: list[str]
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, person: str) -> str:
        if person not in self.tokens:
            with self.stored.database.write() as tx:
                self.tokens[person] = tokens.create(tx, person, now())
        return self.tokens[person]

    def call(self, path: str, person: str | None = "rui", method: str = "GET", **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token(person)}"} if person else {}
        return requests.request(method, self.url + path, headers={**headers, **options.pop("headers", {})},
                                timeout=20, **options)  # fmt: skip

    def items(self, path: str, person: str = "rui") -> list[dict[str, Any]]:
        answer = self.call(path, person)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


def serve(api: FastAPI) -> Iterator[str]:
    """The address of a server that runs until the generator is closed."""
    server = uvicorn.Server(uvicorn.Config(api, host="127.0.0.1", port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


NO_FILES = AttachmentsFolder(Path("/nowhere"))
"""For tests that attach nothing."""


def files_in(folder: Path) -> AttachmentsFolder:
    """The attachments of a test."""
    return AttachmentsFolder(folder / "attachments")


@pytest.fixture
def in_force() -> House:
    """The house that is served; a file of tests may have another."""
    return house()


@pytest.fixture
def served(database_url: str, in_force: House, tmp_path: Path) -> Iterator[Served]:
    """The API over an empty, migrated database."""
    database = Database(database_url)
    woken: list[str] = []
    for url in serve(
        create_api(
            database, lambda _tx: in_force, woken.append, now, files_in(tmp_path), tried=lambda _text, house: house
        )
    ):
        yield Served(url, Stored(database), woken)
    database.dispose()
