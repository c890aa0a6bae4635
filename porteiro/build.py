"""The composition root: builds what the entry points run, out of the settings. Nothing is built on import.

What only one kind of process needs is imported where that process is built: a command should answer at once."""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from adapters.attachments_folder import AttachmentsFolder
from adapters.sources.base import Source
from adapters.sources.registry import sources
from db.session import Database
from porteiro.configuration.houses import Houses
from porteiro.settings import Settings, secrets

if TYPE_CHECKING:
    from celery import Celery
    from starlette.types import ASGIApp

    from opv.house import House
    from schemas.target import Target
    from workers.steps import Steps

log = logging.getLogger("porteiro")

REFRESH_EVERY = 1.0
"""Seconds between the web process's looks for a newer configuration."""


def now() -> datetime:
    """The clock of the house."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Runtime:
    """What commands and processes need, built when first asked for."""

    settings: Settings
    worker: bool = False
    extra_sources: tuple[Source, ...] = ()

    @cached_property
    def database(self) -> Database:
        """The database; not shared with a forked process."""
        return Database(self.settings.database, worker=self.worker, prepare_threshold=self.settings.prepare_after)

    @cached_property
    def sources(self) -> dict[str, Source]:
        """Sources by slug."""
        return {**sources(), **{source.slug: source for source in self.extra_sources}}

    @cached_property
    def houses(self) -> Houses:
        """The configuration in force."""
        return Houses(self.sources, secrets(self.settings))

    @cached_property
    def files(self) -> AttachmentsFolder:
        """Where attachments are."""
        return AttachmentsFolder(self.settings.var / "attachments")

    def tried(self, text: str, in_force: House) -> House:
        """The house as a configuration would make it (`opv.house.HouseTried`)."""
        from porteiro.configuration.tried import house_tried

        return house_tried(text, in_force, self.sources, secrets(self.settings))

    @property
    def clock(self) -> Callable[[], datetime]:
        """Gives aware times."""
        return now

    @cached_property
    def quick_targets(self) -> dict[str, Target]:
        """Targets by slug, for what a person waits for."""
        from adapters.http import SHORT_TIMEOUT, RequestsClient
        from adapters.targets.registry import targets

        return targets(RequestsClient(SHORT_TIMEOUT), self.clock)

    def celery(self, steps: Callable[[], dict[str, Callable[[], None]]] | None = None) -> Celery:
        """The Celery application."""
        from workers.app import create_app

        return create_app(self.settings.name, self.settings.broker, self.settings.var, steps)

    def steps(self) -> Steps:
        """The pipeline's steps, for this process."""
        from adapters.http import RequestsClient
        from adapters.targets.registry import targets
        from workers.app import publisher
        from workers.steps import Steps

        http = RequestsClient()
        return Steps(
            self.database,
            self.houses.current,
            self.clock,
            http,
            targets(http, self.clock),
            publisher(self.celery()),
            timedelta(seconds=self.settings.lease_seconds),
        )


def build(settings: Settings) -> Runtime:
    """For commands that work on the database directly."""
    return Runtime(settings)


def set_up_logging() -> None:
    """One line a record to standard error. Libraries speak from WARNING on."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    log.setLevel(logging.INFO)


def build_web(settings: Settings, extra_sources: tuple[Source, ...] = ()) -> ASGIApp:
    """The web process: intake, API, and the threads beside them (wake-ups, refusals, configuration)."""
    from web.api.app import create_api
    from web.app import create_app
    from web.intake.endpoint import Intake
    from web.intake.postgres import PostgresWriter
    from web.intake.refusals import RefusalCounter
    from web.intake.sqlite import SqliteWriter
    from web.intake.store import GroupCommit
    from workers.app import publisher
    from workers.wake import Waker

    set_up_logging()
    runtime = Runtime(settings, extra_sources=extra_sources)
    database = runtime.database
    waker = Waker(publisher(runtime.celery()))
    refusals = RefusalCounter(database, now)
    writer = (
        SqliteWriter(database)
        if database.dialect == "sqlite"
        else PostgresWriter(database.url, prepare=settings.prepare_after is not None)
    )
    store = GroupCommit(writer, lambda: waker.wake("ingest"))
    intake = Intake(runtime.houses.entrances, store, refusals, now)
    api = create_api(
        database, runtime.houses.current, waker.wake, now, runtime.files, runtime.quick_targets, runtime.tried
    )
    refresher = _Refresher(runtime)

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        refresher.start()
        _sweep_files(runtime)
        waker.start()
        refusals.start()
        await store.start()
        yield
        await store.stop()
        refusals.stop()
        refresher.stop()
        waker.stop()
        database.dispose()

    return create_app(intake=intake, api=api, lifespan=lifespan)


def _sweep_files(runtime: Runtime) -> None:
    """Removes files that no attachment asks for; that it fails must keep nobody from being served."""
    from opv.attachments import sweep

    try:
        with runtime.database.read() as tx:
            removed = sweep(tx, runtime.files, now())
        if removed:
            log.info("%d files of no attachment were removed", removed)
    except Exception as error:
        log.warning("the attachments folder could not be looked through (%s)", type(error).__name__)


class _Refresher:
    """A thread that looks for a newer configuration once a second, so that no request has to."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="configuration", daemon=True)

    def start(self) -> None:
        """Reads the configuration, when the database answers, and goes on looking."""
        self._refresh()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        while not self._stop.wait(REFRESH_EVERY):
            self._refresh()

    def _refresh(self) -> None:
        try:
            self._runtime.houses.refresh(self._runtime.database)
        except Exception as error:
            log.warning("the configuration could not be read (%s); the last one stays in force", type(error).__name__)


class _PerProcess:
    """The steps of the process that asks: a forked pool process must not share its parent's connections."""

    def __init__(self, settings: Settings, extra_sources: tuple[Source, ...]) -> None:
        self._settings = settings
        self._extra_sources = extra_sources
        self._pid = 0
        self._functions: dict[str, Callable[[], None]] = {}

    def __call__(self) -> dict[str, Callable[[], None]]:
        if self._pid != os.getpid():
            runtime = Runtime(self._settings, worker=True, extra_sources=self._extra_sources)
            self._functions = runtime.steps().functions()
            self._pid = os.getpid()
        return self._functions


def run_worker(settings: Settings, extra_sources: tuple[Source, ...] = ()) -> None:
    """The worker process: Celery's prefork pool over the steps' queues. Returns when it was told to stop."""
    from celery.exceptions import SecurityWarning

    set_up_logging()
    # Celery warns root of pickled messages; here none is accepted but JSON, and none has arguments.
    warnings.simplefilter("ignore", SecurityWarning)
    app = Runtime(settings, worker=True).celery(_PerProcess(settings, extra_sources))
    app.worker_main(
        [
            "--quiet",
            "worker",
            f"--hostname={settings.name}-{uuid4().hex[:8]}@%h",  # a name of its own: see docs/decisions/celery.md
            f"--concurrency={settings.concurrency}",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
        ]
    )


def run_beat(settings: Settings) -> None:
    """The beat process: wakes each step every few seconds. Dead or doubled, it changes nothing but punctuality."""
    from celery.apps.beat import Beat

    set_up_logging()
    Beat(app=Runtime(settings).celery(), loglevel="WARNING", quiet=True).run()
