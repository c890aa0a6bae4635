"""The pipeline as a worker process runs it, in the test's own process, on a real database and a clock that is set."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event, select, text, update

from adapters.sources.base import Source
from adapters.sources.registry import sources
from adapters.targets.log import LogTarget
from db.bulk import insert_rows
from db.ids import new_id
from db.models import Base, DeliveryOutcome
from db.session import AnyRow, Database
from opv.house import House
from opv.replay import replay
from opv.step import Progress, Runner
from porteiro.configuration.apply import apply
from porteiro.configuration.houses import Houses
from porteiro.configuration.load import load
from schemas.config import Configuration
from schemas.source import HttpAnswer, HttpClient
from schemas.target import Target
from workers.steps import Steps
from workers.wake import STEPS

TABLES = Base.metadata.tables
OF_LEADS = tuple(step for step in STEPS if step != "upkeep")
"""The steps that leads go through; upkeep asks platforms things by itself."""
NOW = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)
"""A Monday, at nine in the morning in São Paulo, and the start of a 10-minute bucket."""

HOUSE = """
people:
  - {key: rui, name: Rui Diretor, role: director}
  - {key: paula, name: Paula Gerente, role: manager}
  - {key: marta, name: Marta Gerente, role: manager}
  - {key: ana, name: Ana Corretora, role: broker}
  - {key: bia, name: Bia Corretora, role: broker}
teams: [{key: sul, name: Equipe Sul, managers: [{person: paula, brokers: [ana, bia]}]}]
developments:
  - {key: jardim, name: Residencial Jardim, aliases: ["Rês. Jardim"], listings: ["AP-0101"], teams: [sul]}
  - {key: mirante, name: Mirante do Parque, listings: ["AP-0201"], teams: [sul]}
channels:
  - {key: site, source: form, secrets: ["${S}"]}
  - {key: blog, source: form, secrets: ["${S}"]}
  - {key: zap, source: grupo_olx, secrets: ["${S}"]}
  - {key: google, source: google_lead_form, secrets: ["${S}"]}
  - {key: meta, source: meta_lead_ads, secrets: ["${S}"], options: {verify_token: "${S}", page_token: "${S}"}}
funnel: {stages: [{key: new, name: Novo}, {key: contacted, name: Em atendimento}, {key: visit, name: Visita}]}
distribution: {rules: [{key: any, queue: {teams: [sul]}}]}
"""

FIRST_NAMES = ("Alice", "Bruno", "Clara", "Diego", "Elisa", "Fabio", "Gilda", "Hugo", "Iara", "Jonas", "Karin", "Lauro")


class AnySecret(dict[str, str]):
    """Gives every name a value."""

    def __missing__(self, key: str) -> str:
        return f"segredo-{key}"

    def get(self, key: str, default: Any = None) -> str:
        return self[key]


class Clock:
    """Says the time that it was set to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        """Moves on by a timedelta's arguments."""
        self.now += timedelta(**span)


class NoNetwork:
    """An HTTP client of which nothing may be asked."""

    def get(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        raise AssertionError(f"nobody should ask {url}")

    def post(self, url: str, *, json: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> HttpAnswer:
        raise AssertionError(f"nobody should post to {url}")


def lead(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A form's lead: for each number another person. `fields` replace; those that are None are left out."""
    name = f"{FIRST_NAMES[number % len(FIRST_NAMES)]} Exemplo {number}"
    body = {
        "id": f"envio-{number}", "nome": name, "telefone": f"(11) 9{8000_0000 + number:08d}",
        "email": f"pessoa{number}@example.com",
    }  # fmt: skip
    return {key: value for key, value in {**body, **fields}.items() if value is not None}


class Pipeline:
    """Delivers to and runs the steps of one installation, and reads what they left."""

    def __init__(
        self,
        url: str,
        configuration: str = HOUSE,
        *,
        extra: Iterable[Source] = (),
        http: HttpClient | None = None,
        targets: Mapping[str, Target] | None = None,
        now: datetime = NOW,
    ) -> None:
        self.clock = Clock(now)
        self.woken: list[str] = []
        self._sources = {**sources(), **{source.slug: source for source in extra}}
        self._http = http or NoNetwork()
        self._targets = targets or {LogTarget.slug: LogTarget()}
        checked = self._read(configuration)
        self.database = Database(url, worker=True)
        apply(self.database, checked, by="rui", now=now)
        self.houses = Houses(self._sources, AnySecret())
        self.steps = self.new_steps(self.woken.append)

    def close(self) -> None:
        """Closes the connections."""
        self.database.dispose()

    def new_steps(self, publish: Callable[[str], None]) -> Steps:
        """The steps of one more process; wake-ups go to `publish`."""
        houses = Houses(self._sources, AnySecret())
        return Steps(self.database, houses.current, self.clock, self._http, self._targets, publish)

    def step(self, name: str, position: int = 0) -> Any:
        """What does a step's work in this process: of `ingest` and `automation` there are two."""
        rounds: Any = self.steps._rounds[name][position]
        return rounds._step if isinstance(rounds, Runner) else rounds

    def round(self, name: str, position: int = 0) -> Progress:
        """One round of a step and of nothing else."""
        return self.steps._rounds[name][position].round()

    def house(self) -> House:
        """The house in force."""
        with self.database.read() as tx:
            return self.houses.current(tx)

    def apply(self, configuration: str) -> None:
        """Puts a configuration in force."""
        apply(self.database, self._read(configuration), by="rui", now=self.clock())

    def _read(self, configuration: str) -> Configuration:
        read, problems = load(configuration, "house.yaml", self._sources, AnySecret())
        assert read is not None, "\n".join(map(str, problems))
        return read

    def deliver(
        self, channel: str, body: bytes | Any, *, headers: bytes = b"content-type: application/json\r\n", url: str = ""
    ) -> UUID:
        """Stores a request as intake does; a body that is not bytes is sent as JSON."""
        return self.deliver_all([(channel, body)], headers=headers, url=url)[0]

    def deliver_all(
        self,
        requests: Iterable[tuple[str, bytes | Any]],
        *,
        headers: bytes = b"content-type: application/json\r\n",
        url: str = "",
    ) -> list[UUID]:
        """Stores requests (channel and body) in one flush."""
        entrances, rows, ids = self.house().entrance_by_key, [], []
        for channel, sent in requests:
            ids.append(new_id())
            body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
            address = (url or f"https://leads.example.com/hooks/{channel}").encode("latin-1")
            rows.append(
                {
                    "id": ids[-1], "channel": entrances[channel].id, "received_at": self.clock(),
                    "due_at": self.clock(), "secret": 0, "sha256": hashlib.sha256(body).digest(), "url": address,
                    "headers": headers, "body": body,
                }
            )  # fmt: skip
        with self.database.write() as tx:
            insert_rows(tx, TABLES["deliveries"], rows)
        return ids

    def replay(self, delivery: UUID) -> None:
        """Puts a delivery back on the work list."""
        with self.database.write() as tx:
            replay(tx, delivery, self.clock(), "rui")

    def run(self, *steps: str) -> None:
        """Runs the steps (those that leads go through, if none is named) and what they wake until no work is due."""
        for step in steps or OF_LEADS:
            for rounds in self.steps._rounds[step]:
                if isinstance(rounds, Runner):
                    rounds._next_leftover = 0.0  # whose gap is of the machine's clock, not of the test's
            drain(self.steps, self.woken, step)

    def run_in_threads(self, count: int = 4, *, batch: int | None = None) -> None:
        """As so many worker processes at once, each with steps of its own, until no work is due; with `batch`, steps
        take so many rows at a time."""
        barrier, failures = threading.Barrier(count), []

        def work() -> None:
            woken: list[str] = []
            steps = self.new_steps(woken.append)
            if batch:
                limit_batches(steps, batch)
            barrier.wait()
            try:
                for step in OF_LEADS:
                    drain(steps, woken, step)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        self.run()

    def rows(self, table: str, *columns: str, **where: Any) -> list[AnyRow]:
        """Rows of a table (all columns, if none is named) in the order of its key."""
        found = TABLES[table]
        statement = select(*(found.c[name] for name in columns or found.c.keys()))
        statement = statement.where(*(found.c[name] == value for name, value in where.items()))
        with self.database.read() as tx:
            return list(tx.execute(statement.order_by(*found.primary_key.columns)))

    def set(self, table: str, values: Mapping[str, Any], **where: Any) -> None:
        """Changes rows behind the program's back."""
        found = TABLES[table]
        with self.database.write() as tx:
            tx.execute(update(found).where(*(found.c[k] == v for k, v in where.items())).values(**values))

    def execute(self, *statements: str) -> None:
        """SQL in a unit of work of its own."""
        with self.database.write() as tx:
            for statement in statements:
                tx.execute(text(statement))

    def outcomes(self, delivery: UUID | None = None) -> list[str]:
        """The submissions' outcomes with their reasons (`parked no_contact`), in the order delivered."""
        where = {"delivery_id": delivery} if delivery else {}
        rows = sorted(self.rows("submissions", **where), key=lambda row: (row.delivery_id, row.position))
        return [" ".join(filter(None, (row.outcome, row.reason))) for row in rows]

    def delivered(self) -> list[str]:
        """The deliveries' outcomes, in the order delivered."""
        return [DeliveryOutcome(row.outcome).outcome.value for row in self.rows("deliveries", "outcome")]

    def opvs(self) -> list[AnyRow]:
        """OPVs, the oldest first."""
        return sorted(self.rows("opportunities"), key=lambda row: int(row.number))

    def captures(self, opv: UUID | None = None) -> list[AnyRow]:
        """Capture cards, all or an OPV's, in order."""
        where = {"opportunity_id": opv} if opv else {}
        return sorted(
            self.rows("capture_origins", **where), key=lambda row: (row.received_at, row.opportunity_id, row.seq)
        )

    def history(self, opv: UUID) -> list[tuple[str, dict[str, Any]]]:
        """An OPV's history in order: kinds and data, without the ids of automations' runs."""
        told = [(row.kind, json.loads(row.data)) for row in self.rows("history_entries", opportunity_id=opv)]
        return [(kind, {name: value for name, value in data.items() if name != "run"}) for kind, data in told]

    def kinds(self, opv: UUID) -> list[str]:
        """The kinds of an OPV's history."""
        return [kind for kind, _ in self.history(opv)]

    def decisions(self, opv: UUID | None = None) -> list[AnyRow]:
        """Decisions of distribution in order."""
        return self.rows("decisions", **({"opportunity_id": opv} if opv else {}))

    def runs(self, automation: str | None = None) -> list[AnyRow]:
        """Runs of automations in order."""
        return self.rows("automation_runs", **({"automation": automation} if automation else {}))

    def steps_of(self, automation: str, position: int = 0) -> list[dict[str, Any]]:
        """Steps of a run of the automation, without their times."""
        return [{k: v for k, v in s.items() if k != "at"} for s in json.loads(self.runs(automation)[position].steps)]

    def undistributed(self) -> dict[UUID, str | None]:
        """OPVs for which a search for a broker failed, with the reason."""
        return {row.opportunity_id: row.reason for row in self.rows("distribution_work") if row.reason}

    def unmapped(self) -> dict[tuple[str, str, str], int]:
        """Counts of what did not resolve, by field, value and channel."""
        return {(row.field, row.value, row.channel): row._mapping["count"] for row in self.rows("unmapped")}


def drain(steps: Steps, woken: list[str], step: str) -> None:
    """Runs a step and what it wakes. Work that never ends is an error."""
    steps.run(step)
    for _ in range(2000):
        if not woken:
            return
        steps.run(woken.pop(0))
    raise AssertionError("the pipeline does not come to rest")


def limit_batches(steps: Steps, batch: int) -> None:
    """Makes the steps take so many rows at a time."""
    for rounds in steps._rounds.values():
        for one in rounds:
            step: Any = one._step if isinstance(one, Runner) else one
            step.work_list = replace(step.work_list, batch=batch)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements sent to it meanwhile, those too that go past SQLAlchemy, as COPY does. (Others make the databases
    of the next tests.)"""
    statements: list[str] = []

    def noted(call: Callable[..., Any]) -> Callable[..., Any]:
        def note(cursor: Any, statement: Any, *args: Any, **options: Any) -> Any:
            if cursor.connection.info.dbname == database.url.database:
                statements.append(str(statement))
            return call(cursor, statement, *args, **options)

        return note

    def note_event(*args: Any) -> None:
        statements.append(args[2])

    with pytest.MonkeyPatch.context() as patch:
        if database.dialect == "postgresql":
            for name in ("execute", "executemany", "copy"):
                patch.setattr(psycopg.Cursor, name, noted(getattr(psycopg.Cursor, name)))
            yield statements
        else:
            event.listen(database.engine, "before_cursor_execute", note_event)
            yield statements
            event.remove(database.engine, "before_cursor_execute", note_event)


def details(card: AnyRow) -> dict[str, Any]:
    """What a capture card keeps as JSON."""
    read: dict[str, Any] = json.loads(card.details)
    return read


class Start(Protocol):
    """Starts a pipeline on the test's database; `Pipeline`'s arguments."""

    def __call__(
        self,
        configuration: str = HOUSE,
        *,
        extra: Iterable[Source] = (),
        http: HttpClient | None = None,
        targets: Mapping[str, Target] | None = None,
        now: datetime = NOW,
    ) -> Pipeline: ...


def _starting(url: str) -> Iterator[Start]:
    with ExitStack() as started:

        def start(*args: Any, **options: Any) -> Pipeline:
            pipeline = Pipeline(url, *args, **options)
            started.callback(pipeline.close)
            return pipeline

        yield start


@pytest.fixture
def start(database_url: str) -> Iterator[Start]:
    """A pipeline on SQLite and on PostgreSQL."""
    yield from _starting(database_url)


@pytest.fixture
def start_on_sqlite(sqlite_url: str) -> Iterator[Start]:
    """A pipeline on SQLite alone: for what is decided in plain Python."""
    yield from _starting(sqlite_url)


@pytest.fixture
def start_on_postgresql(postgresql_url: str) -> Iterator[Start]:
    """A pipeline on PostgreSQL alone."""
    yield from _starting(postgresql_url)
