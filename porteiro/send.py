"""Plays a platform: posts a signed sample of a new, invented person and watches the OPV that comes of it."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import requests
from sqlalchemy import Connection, Row, func, select

from adapters.sources.base import Source
from db.models import (
    AutomationRun,
    CaptureOrigin,
    Client,
    Delivery,
    DeliveryOutcome,
    DistributionWork,
    Opportunity,
    PendingEvent,
    Submission,
)
from db.session import Database
from opv.house import House
from schemas.errors import PorteiroError
from schemas.source import Entrance

GIVEN_NAMES = (
    "Adriana Amanda André Beatriz Bruno Caio Camila Carla Cecília Daniel Débora Diego Eduardo Elisa Fábio Fernanda "
    "Gabriel Helena Igor Isabela João Juliana Larissa Leonardo Letícia Lucas Luísa Marcelo Mariana Mateus Natália "
    "Otávio Patrícia Paulo Rafael Renata Rodrigo Sabrina Sérgio Tatiana Thiago Vanessa Vinícius Yasmin"
)
SURNAMES = (
    "Almeida Andrade Araújo Barbosa Barros Batista Campos Cardoso Carvalho Castro Coelho Correia Costa Cunha Dias "
    "Duarte Farias Fernandes Ferreira Freitas Gomes Lima Lopes Machado Marques Martins Melo Monteiro Moraes Moreira "
    "Nascimento Nogueira Nunes Oliveira Pereira Pinto Ramos Ribeiro Rocha Santana Silveira Teixeira Vieira Xavier"
)
AREA_CODES = (11, 12, 13, 19, 21, 27, 31, 41, 47, 48, 51, 61, 62, 65, 71, 81, 85, 91, 92, 98)
CAPTURED = ("source", "channel", "external_id", "campaign", "medium", "origin", "development", "listing")
"""Fields of the capture card that are shown."""
PATIENCE = 15.0
"""Seconds to wait for the OPV."""
_POLL = 0.02
_CLOCK_SLACK_MS = 60_000

Answers = dict[str, bytes]
"""A platform's API answers by the last part of their path."""


def invent_person() -> dict[str, str]:
    """A person who does not exist: `name`, `phone` (Brazilian mobile, E.164) and `email` (example.com)."""
    given, surnames = secrets.choice(GIVEN_NAMES.split()), SURNAMES.split()
    name = f"{given} {secrets.choice(surnames)} {secrets.choice(surnames)}"
    phone = f"+55{secrets.choice(AREA_CODES)}9{secrets.randbelow(90_000_000) + 10_000_000}"
    return {"name": name, "phone": phone, "email": f"lead-{secrets.token_hex(6)}@example.com"}


def find_entrance(house: House, source: str, channel: str | None) -> Entrance:
    """The channel of the source: the one named, else the first configured. Raises `PorteiroError`."""
    active = [entrance for entrance in house.entrances.values() if not entrance.retired]
    fitting = [entrance for entrance in active if entrance.source.slug == source]
    if channel is not None:
        fitting = [entrance for entrance in fitting if entrance.key == channel]
    if fitting:
        return fitting[0]
    configured = ", ".join(f"{entrance.source.slug} ({entrance.key})" for entrance in active) or "none"
    wanted = f"{source} named {channel}" if channel else source
    raise PorteiroError("no_channel", f"no channel of source {wanted} is configured; there is: {configured}")


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one sample. `body` is the reply as text, `outcome` None while nothing is stored; `opv`,
    `capture` and `automations` as shown; `ms` holds `reply`, `assigned` and `advanced`, milliseconds from the post."""

    channel: str
    source: str
    person: str
    status: int
    body: str
    ms: Mapping[str, float]
    delivery: str | None = None
    outcome: str | None = None
    reason: str | None = None
    detail: str | None = None
    opv: Mapping[str, Any] | None = None
    capture: Mapping[str, Any] | None = None
    automations: tuple[Mapping[str, Any], ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the web took the delivery."""
        return 200 <= self.status < 300

    @property
    def assigned(self) -> bool:
        """Whether an OPV came and has a broker."""
        return "assigned" in self.ms


class Platform:
    """Sends samples of one channel to the running web process, and finds them again in the database."""

    def __init__(self, database: Database, house: House, entrance: Entrance, base_url: str) -> None:
        source = entrance.source
        if not isinstance(source, Source):
            raise PorteiroError("no_sample", f"{source.title} has no sample")
        if source.needs_secret and not entrance.secrets:
            raise PorteiroError("no_secret", f"the secret of channel {entrance.key} is not in the environment")
        self._database = database
        self._house = house
        self._entrance = entrance
        self._source = source
        self._url = f"{base_url}/hooks/{quote(entrance.key)}"
        self._http = requests.Session()
        self._http.trust_env = False  # the web process is on this machine, whatever proxy the environment names
        self._answers: Answers = {}
        self.is_fetched_from = bool(source.sample(entrance, invent_person(), _number())[2])
        """Whether the sample's lead is fetched from the platform's API afterwards."""

    @contextmanager
    def on_stage(self) -> Iterator[Platform]:
        """Within it, the platform's API is served when its channel fetches leads. Raises `PorteiroError`."""
        if not self.is_fetched_from:
            yield self
            return
        with serve_api(api_address(self._entrance), self._answers):
            yield self

    def send(self, *, patience: float = PATIENCE) -> Report:
        """Posts one sample and waits up to `patience` seconds (0: not at all) until its OPV has a broker and
        nothing more is pending for it. Raises `PorteiroError` when the web does not answer."""
        person = invent_person()
        headers, body, answers = self._source.sample(self._entrance, person, _number())
        self._answers.update(answers)
        since, start = UUID(int=(time.time_ns() // 1_000_000 - _CLOCK_SLACK_MS) << 80), time.perf_counter()
        try:
            reply = self._http.post(self._url, data=body, headers=headers, timeout=(5, 20), allow_redirects=False)
        except requests.RequestException as error:
            hint = "is `porteiro up` running? (PORT and PORTEIRO_HOST say where)"
            raise PorteiroError("web_unreachable", f"{self._url} does not answer ({_why(error)}); {hint}") from None
        ms = {"reply": _since(start)}
        base = Report(
            self._entrance.key, self._source.slug, person["name"], reply.status_code, reply.text[:2000].strip(), ms
        )
        if not base.accepted or not patience:
            return base
        return self._watch(base, hashlib.sha256(body).digest(), since, start, patience)

    def _watch(self, base: Report, digest: bytes, since: UUID, start: float, patience: float) -> Report:
        ms = dict(base.ms)
        first_stages = [funnel.stages[0].key for funnel in self._house.configuration.all_funnels]
        while True:
            with self._database.read() as tx:
                row = _progress(tx, self._entrance.id, digest, since)
            if row is not None and row.broker:
                ms.setdefault("assigned", _since(start))
                if row.stage not in first_stages:
                    ms.setdefault("advanced", _since(start))
            if (row is not None and _is_settled(row)) or time.perf_counter() - start > patience:
                break
            time.sleep(_POLL)
        if row is None:
            return base
        with self._database.read() as tx:
            return self._report(tx, base, row, ms)

    def _report(self, tx: Connection, base: Report, row: Row[Any], ms: Mapping[str, float]) -> Report:
        people = self._house.roster.people
        stages = {stage.key: stage.name for stage in self._house.configuration.stages}
        teams = self._house.roster.teams

        def named(key: str | None, names: Mapping[str, Any]) -> dict[str, Any] | None:
            return {"key": key, "name": getattr(names.get(key), "name", key)} if key else None

        opv = capture = None
        if row.number is not None:
            opv = {
                "id": str(row.opportunity_id),
                "number": row.number,
                "client": row.client_name,
                "stage": {"key": row.stage, "name": stages.get(row.stage, row.stage)},
                "team": named(row.team, teams),
                "manager": named(row.manager, people),
                "broker": named(row.broker, people),
                "undistributed": None if row.broker else row.undistributed,
            }
            capture = {field: getattr(row, f"capture_{field}") for field in CAPTURED}
        return Report(
            base.channel, base.source, base.person, base.status, base.body, ms,
            delivery=str(row.delivery_id),
            outcome=row.outcome or DeliveryOutcome(row.delivery_outcome).outcome.value,
            reason=row.reason, detail=row.detail, opv=opv, capture=capture,
            automations=_runs(tx, row.opportunity_id),
        )  # fmt: skip


def _progress(tx: Connection, channel: int, digest: bytes, since: UUID) -> Row[Any] | None:
    """How far the delivery of these bytes has come: its first submission, its capture card and its OPV."""
    capture, opv = CaptureOrigin, Opportunity
    # In the same statement as the rest, so that both are of one instant.
    pending = select(func.count()).where(PendingEvent.opportunity_id == opv.id).scalar_subquery()
    columns: list[Any] = [
        Delivery.id.label("delivery_id"), Delivery.outcome.label("delivery_outcome"),
        Submission.outcome, Submission.reason, Submission.detail, Client.name.label("client_name"),
        opv.id.label("opportunity_id"), opv.number, opv.stage, opv.team, opv.manager, opv.broker,
        DistributionWork.reason.label("undistributed"), DistributionWork.due_at.label("distribution_due_at"),
        pending.label("pending"),
        *(getattr(capture, field).label(f"capture_{field}") for field in CAPTURED),
    ]  # fmt: skip
    statement = (
        select(*columns)
        .outerjoin(Submission, Submission.delivery_id == Delivery.id)
        .outerjoin(capture, capture.submission_id == Submission.id)
        .outerjoin(opv, opv.id == capture.opportunity_id)
        .outerjoin(Client, Client.id == opv.client_id)
        .outerjoin(DistributionWork, DistributionWork.opportunity_id == opv.id)
        .where(Delivery.id >= since, Delivery.channel == channel, Delivery.sha256 == digest)
        .order_by(Delivery.id, Submission.position)
        .limit(1)
    )
    return tx.execute(statement).first()


def _is_settled(row: Row[Any]) -> bool:
    """Whether nothing more will happen soon: no OPV will come, none can be assigned, or all its automations ran."""
    if row.number is None:
        outcome = row.outcome or DeliveryOutcome(row.delivery_outcome).outcome.value
        return outcome not in ("pending", "captured")
    if not row.broker:
        return row.undistributed is not None and row.distribution_due_at is None
    return bool(row.pending == 0)


def _runs(tx: Connection, opportunity: UUID | None) -> tuple[Mapping[str, Any], ...]:
    if opportunity is None:
        return ()
    run = AutomationRun
    statement = (
        select(run.automation, run.result, run.because, run.steps)
        .where(run.opportunity_id == opportunity)
        .order_by(run.id)
    )
    return tuple({**row._mapping, "steps": json.loads(row.steps)} for row in tx.execute(statement))


def api_address(entrance: Entrance) -> tuple[str, int]:
    """Host and port of the channel's `api_url`, which must be an http address of this machine to be played here.
    Raises `PorteiroError` with what to do."""
    url = str(getattr(entrance.options, "api_url", ""))
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts.hostname):
        return parts.hostname, parts.port or 80
    raise PorteiroError(
        "real_platform",
        f"channel {entrance.key} fetches its leads from {url or 'the platform'}, which knows nothing of a sample; "
        f'set its option `api_url: "http://127.0.0.1:8099"` in the configuration, apply it, and send again',
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def serve_api(address: tuple[str, int], answers: Answers) -> Iterator[None]:
    """Serves a platform's API on this machine: GET answers by the last part of the path, else an error in the shape
    of Meta's Graph API. `answers` may grow meanwhile. Raises `PorteiroError` when the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(urlsplit(self.path).path.rstrip("/").rpartition("/")[2])
            missing = {"error": {"message": "Unsupported get request.", "type": "GraphMethodException", "code": 100}}
            body = answer if answer is not None else json.dumps(missing).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing: the address may carry a page token."""

    try:
        server = ThreadingHTTPServer(address, Handler)
    except OSError as error:
        place = f"{address[0]}:{address[1]}"
        raise PorteiroError(
            "api_port_taken", f"the platform's API cannot be served at {place}: {_why(error)}"
        ) from None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _number() -> int:
    """New for each call: microseconds since 1970."""
    return time.time_ns() // 1000


def _since(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 1)


def _why(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) and error.strerror else type(error).__name__
