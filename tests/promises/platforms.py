"""The platforms that post leads: signed requests of invented persons, one at a time, together, or in a long burst."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple
from zoneinfo import ZoneInfo

from adapters.sources.base import NoOptions
from adapters.sources.registry import sources
from porteiro.send import serve_api
from schemas.source import Entrance

CHANNELS = {
    "zap": ("grupo_olx", "ZAP_SECRET", "{:024x}"),
    "meta": ("meta_lead_ads", "META_APP_SECRET", "12{:014d}"),
    "google": ("google_lead_form", "GOOGLE_KEY", "CjwKEXEMPLO{}"),
    "site": ("form", "SITE_TOKEN", "site-{}"),
}
"""By channel: its source, the name of its secret, and how the source's sample writes a submission's id."""

FIRST_NAMES = ("Alice", "Bruno", "Clara", "Diego", "Elisa", "Fabio", "Gilda", "Hugo", "Iara", "Jonas", "Karin", "Lauro")


class Sent(NamedTuple):
    """A request to a channel, and the id that its sender gives the submission."""

    channel: str
    headers: Mapping[str, str]
    body: bytes
    external_id: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the body, as deliveries keep it."""
        return hashlib.sha256(self.body).digest()


class Answer(NamedTuple):
    """What came back; `status` is 0 when nothing did."""

    sent: Sent
    status: int
    seconds: float
    body: bytes = b""

    @property
    def accepted(self) -> bool:
        """A 2xx."""
        return 200 <= self.status < 300


def person(number: int) -> dict[str, str]:
    """For each number another person, with a phone and an e-mail of the own."""
    return {
        "name": f"{FIRST_NAMES[number % len(FIRST_NAMES)]} Exemplo",
        "phone": f"+55119{80_000_000 + number}",
        "email": f"pessoa{number}@example.com",
    }


class Platforms:
    """All the platforms, as they see one installation. Serves Meta's Graph API from the first Meta lead on."""

    def __init__(self, port: int, graph_port: int, secrets: Mapping[str, str]) -> None:
        self._port = port
        self._graph = ("127.0.0.1", graph_port)
        self._answers: dict[str, bytes] = {}
        self._serving = ExitStack()
        self._entrances = {
            channel: Entrance(channel, 0, sources()[slug], (secrets[secret],), NoOptions(), ZoneInfo("UTC"))
            for channel, (slug, secret, _) in CHANNELS.items()
        }

    def close(self) -> None:
        """Ends the Graph API."""
        self._serving.close()

    def lead(self, channel: str, number: int, of: Mapping[str, str] | None = None) -> Sent:
        """A signed lead; `number` names the submission and, unless `of` is given, the person."""
        slug, _, external_id = CHANNELS[channel]
        headers, body, answers = sources()[slug].sample(self._entrances[channel], of or person(number), number)
        if answers and not self._answers:
            self._serving.enter_context(serve_api(self._graph, self._answers))
        self._answers.update(answers)
        return Sent(channel, headers, body, external_id.format(number))

    def know(self, lead: Sent, answer: bytes) -> None:
        """What Meta's Graph API says of a lead."""
        self._answers[lead.external_id] = answer

    def date(self, lead: Sent, submitted_at: datetime) -> None:
        """When Meta's Graph API says that a lead was submitted."""
        known = json.loads(self._answers[lead.external_id])
        known["created_time"] = f"{submitted_at:%Y-%m-%dT%H:%M:%S+0000}"
        self._answers[lead.external_id] = json.dumps(known).encode()

    def set_list(self, leads: Sequence[Sent]) -> None:
        """The leads that Meta's Graph API gives of a form, as they are known now."""
        known = [json.loads(self._answers[lead.external_id]) for lead in leads]
        self._answers["leads"] = json.dumps({"data": known}).encode()

    def forget(self, lead: Sent) -> None:
        """Meta does not know a lead any more of which it told."""
        del self._answers[lead.external_id]

    def get(self, path: str) -> int:
        """The status that a GET is answered with."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status

    def post(self, sent: Sent, ready: threading.Barrier | None = None) -> Answer:
        """Posts it over a connection of its own; those that share a barrier are sent when all are connected."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        start = time.monotonic()
        try:
            connection.connect()
            if ready is not None:
                ready.wait(60)
            connection.request("POST", f"/hooks/{sent.channel}", sent.body, dict(sent.headers))
            reply = connection.getresponse()
            return Answer(sent, reply.status, time.monotonic() - start, reply.read())
        except (OSError, HTTPException):
            return Answer(sent, 0, time.monotonic() - start)
        finally:
            connection.close()

    def post_together(self, requests: Sequence[Sent]) -> list[Answer]:
        """Posts all at the same moment."""
        ready = threading.Barrier(len(requests))
        with ThreadPoolExecutor(len(requests)) as threads:
            return list(threads.map(lambda sent: self.post(sent, ready), requests))

    def post_all(self, requests: Iterable[Sent]) -> list[Answer]:
        """Posts all, sixteen at a time."""
        return Burst(self, requests).start().wait()

    def say(self, raw: bytes) -> int:
        """Writes bytes as they are to a connection; the status of the reply, after which the other side closes."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
            connection.sendall(raw)
            reply = b""
            with suppress(ConnectionResetError):  # the other side did not read to the end
                while part := connection.recv(65536):
                    reply += part
        assert reply.startswith(b"HTTP/1.1 "), reply
        return int(reply.split()[1])


@dataclass
class Burst:
    """Requests posted in sixteen threads, at most so many a second, in the background; `answers` grows meanwhile."""

    platforms: Platforms
    requests: Iterable[Sent]
    per_second: float = 1e6
    answers: list[Answer] = field(default_factory=list)

    def start(self) -> Burst:
        """Begins."""
        self._next = iter(self.requests)
        self._stopped = False
        self._lock = threading.Lock()
        self._turn = time.monotonic()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(16)]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> list[Answer]:
        """Posts no more; the answers to what was posted."""
        self._stopped = True
        return self.wait()

    def wait(self) -> list[Answer]:
        """The answers to all, when there are."""
        for thread in self._threads:
            thread.join()
        return self.answers

    @property
    def accepted(self) -> list[Sent]:
        """What was answered with a 2xx up to now."""
        return [answer.sent for answer in list(self.answers) if answer.accepted]

    def _run(self) -> None:
        while True:
            with self._lock:
                sent = None if self._stopped else next(self._next, None)
                self._turn = max(self._turn + 1 / self.per_second, time.monotonic() - 1)
                turn = self._turn
            if sent is None:
                return
            time.sleep(max(0.0, turn - time.monotonic()))
            self.answers.append(self.platforms.post(sent))
