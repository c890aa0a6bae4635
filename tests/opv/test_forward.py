"""Sending deliveries on: each once, as it came, to the system beside which Porteiro runs."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest

from adapters.sources.registry import sources
from db.bulk import insert_rows
from db.ids import new_id
from db.queries.forwarding import forwarding
from opv.forward import request_to_send, resend
from schemas.errors import Park, PorteiroError, Retry
from schemas.source import Entrance, Request, header_texts, query_texts
from schemas.target import Message
from tests.adapters.sources.entrances import OPTIONS, SECRETS
from tests.pipeline import HOUSE, NOW, TABLES, Pipeline, Start, lead
from web.intake.masking import Masker

SENDING = HOUSE.replace(
    'key: site, source: form, secrets: ["${S}"]',
    'key: site, source: form, secrets: ["${S}"], forward_to: "https://crm.example.com/leads?token=${CRM}"',
)
PERSON = {"name": "Maria Exemplo", "phone": "+5511999990001", "email": "maria@example.com"}
TRIED_AT_ONCE = 8


class Crm:
    """A target that keeps what it is sent, after it has failed as told."""

    slug: ClassVar[str] = "forward"

    def __init__(self, *failures: PorteiroError) -> None:
        self.failures = list(failures)
        self.got: list[Request] = []
        self.tried = 0
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        assert message.request is not None
        with self._lock:
            self.tried += 1
            if self.failures:
                raise self.failures.pop(0)
            self.got.append(message.request)


def started(start: Start, *failures: PorteiroError, now: datetime = NOW) -> tuple[Pipeline, Crm]:
    crm = Crm(*failures)
    return start(SENDING, targets={crm.slug: crm}, now=now), crm


def test_each_delivery_is_sent_on_once_and_nothing_personal_is_copied(start: Start) -> None:
    house, crm = started(start)
    headers = (
        b"Host: leads.example.com\r\nContent-Type: text/plain\r\nX-Trace: a\r\nx-trace: b\r\n"
        b"Connection: x-gone, close\r\nX-Gone: 1\r\nTransfer-Encoding: chunked\r\n"
        b"X-Forwarded-Host: x\r\nX-Forwarded-For: 203.0.113.7\r\n"
    )
    body = json.dumps(lead(1)).encode()
    first = house.deliver(
        "site", body, headers=headers, url="https://leads.example.com/hooks/site?a=1&token=mine&b=%20"
    )
    house.deliver("site", body)
    parked = house.deliver("site", b"no JSON")
    house.deliver("blog", lead(2))
    for mark in ("import", "reconciled", "forwarded"):
        house.deliver("site", lead(3), headers=f"x-porteiro-{mark}: 1\r\n".encode())
    house.run()
    house.replay(first)
    house.replay(parked)
    house.run()
    assert sorted(request.body for request in crm.got) == sorted([body, body, b"no JSON"])
    (sent,) = [request for request in crm.got if request.headers["x-porteiro-forwarded"] == str(first)]
    assert sent.url == "https://crm.example.com/leads?token=segredo-CRM&a=1&b=%20"
    assert sent.headers == {
        "content-type": "text/plain", "x-trace": "a, b", "x-forwarded-for": "203.0.113.7",
        "x-porteiro-forwarded": str(first),
    }  # fmt: skip
    rows = house.rows("outbound_messages")
    assert {row.state for row in rows} == {"sent"}
    assert json.loads(rows[0].body) == {
        "delivery": str(first), "url": "https://crm.example.com/leads?token=${CRM}",
    }  # fmt: skip


@pytest.mark.parametrize("slug", sorted(set(sources()) & set(SECRETS)))
def test_the_secret_is_put_back_where_it_was(start_on_sqlite: Start, slug: str) -> None:
    house = start_on_sqlite(HOUSE)
    source = sources()[slug]
    options = source.options_model.model_validate(OPTIONS.get(slug, {}))
    entrance = Entrance("canal", 1, source, ("outro-segredo", SECRETS[slug]), options, ZoneInfo("UTC"),
                        forward_to="https://crm.example.com/x")  # fmt: skip
    headers, body, _ = source.sample(replace(entrance, secrets=(SECRETS[slug],)), PERSON, 1)
    url, _, query = str(OPTIONS.get(slug, {}).get("public_url", "https://leads.example.com/hooks/canal")).partition("?")
    came = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    index = source.verify(Request("POST", url, header_texts(came), query_texts(query.encode()), body), entrance)
    masker = Masker(entrance)
    id_ = new_id()
    row = {
        "id": id_, "channel": 1, "received_at": NOW, "due_at": None, "secret": index,
        "sha256": hashlib.sha256(body).digest(), "url": masker.url(url.encode(), query.encode()),
        "headers": masker.header_lines(came), "body": masker.body(body, headers.get("Content-Type", "")),
    }  # fmt: skip
    with house.database.write() as tx:
        insert_rows(tx, TABLES["deliveries"], [row])
        sent = request_to_send(tx, id_, replace(house.house(), entrances={1: entrance}))
    assert index == 1
    assert sent.body == body
    assert source.verify(replace(sent, url=url), entrance) == 1
    expected = {**header_texts(came), "x-porteiro-forwarded": str(id_)}
    if slug in ("chaves_na_mao", "inbound_email"):  # their users are the house's choice, and masked with the secret
        expected["authorization"] = sent.headers["authorization"]
    assert sent.headers == expected


@pytest.mark.parametrize(
    ("channel", "url", "body", "expected"),
    [
        ("site", "https://x/hooks/site?key=***&b=1", b"{}", ("?key=segredo-S&b=1", b"{}")),
        (
            "google",
            "https://x/g",
            b'{"google_key" : "***", "x": "***"}',
            ("", b'{"google_key" : "segredo-S", "x": "***"}'),
        ),
        ("google", "https://x/g?***&c=2", b'{"Google_Key":"***"}', ("?c=2", b'{"Google_Key":"segredo-S"}')),
    ],
)
def test_secrets_in_queries_and_bodies(
    start_on_sqlite: Start, channel: str, url: str, body: bytes, expected: tuple[str, bytes]
) -> None:
    crm = Crm()
    text = HOUSE.replace('secrets: ["${S}"]}', 'secrets: ["${S}"], forward_to: "https://crm.example.com/x"}')
    house = start_on_sqlite(text, targets={crm.slug: crm})
    house.deliver(channel, body, url=url, headers=b"authorization: ***\r\n" if channel == "zap" else b"a: b\r\n")
    house.set("deliveries", {"sha256": b"\0" * 32})
    house.run()
    (sent,) = crm.got
    assert (sent.url, sent.body) == (f"https://crm.example.com/x{expected[0]}", expected[1])


def test_what_is_refused_is_parked_with_the_status_and_can_be_sent_again(start: Start) -> None:
    house, crm = started(start, Park("http_404", "not there"))
    house.deliver("site", lead(1))
    house.run()
    (row,) = house.rows("outbound_messages")
    assert (row.state, row.reason, row.due_at) == ("parked", "http_404", None)
    with house.database.write() as tx:
        assert resend(tx, "blog", house.clock()) == 0
        assert resend(tx, "site", house.clock()) == 1
    house.run()
    assert len(crm.got) == 1
    house.deliver("site", lead(2))
    house.round("ingest")
    house.apply(HOUSE)
    house.run()
    assert [(row.state, row.reason) for row in house.rows("outbound_messages")] == [
        ("sent", None), ("parked", "not_forwarded"),
    ]  # fmt: skip


def test_a_system_that_is_away_is_not_asked_by_every_message_of_a_round(start: Start) -> None:
    house, crm = started(start, *(Retry("no_answer", "away") for _ in range(1000)))
    house.deliver_all([("site", lead(number)) for number in range(60)])
    house.run()
    assert 1 <= crm.tried <= TRIED_AT_ONCE
    rows = house.rows("outbound_messages")
    assert {(row.state, row.reason, row.failures, row.attempts) for row in rows} == {("pending", "no_answer", 1, 0)}
    crm.failures.clear()
    house.clock.forward(minutes=1)
    house.run()
    assert len({request.headers["x-porteiro-forwarded"] for request in crm.got}) == 60


def test_a_slow_system_holds_no_round_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    house, crm = started(start)
    house.deliver_all([("site", lead(number)) for number in range(20)])
    house.round("ingest")
    monkeypatch.setattr("opv.outbound.ROUND_SECONDS", -1.0)
    progress = house.round("outbound")
    assert (progress.more, crm.tried) == (True, 0)
    assert {(row.state, row.attempts, row.lease) for row in house.rows("outbound_messages")} == {("pending", 0, None)}
    monkeypatch.undo()
    house.run()
    assert len(crm.got) == 20


def test_a_delivery_that_ingest_gives_up_is_sent_on_too(start: Start) -> None:
    house, crm = started(start)

    def fail(*_: Any) -> set[str]:
        raise ValueError

    id_ = house.deliver("site", lead(1))
    house.step("ingest").work = fail
    house.run()
    assert house.outcomes(id_) == ["parked bug"]
    assert len(crm.got) == 1


def test_a_day_is_counted(start: Start) -> None:
    now = datetime.now(UTC)
    house, _ = started(start, Park("http_404", ""), Park("http_404", ""), Retry("http_503", ""), now=now)
    house.deliver_all([("site", lead(number)) for number in range(3)])
    house.run()
    house.deliver("site", lead(4))
    house.deliver("site", lead(5), headers=b"x-porteiro-forwarded: 1\r\n")
    house.deliver("blog", lead(6))
    house.run()
    with house.database.read() as tx:
        kept = house.house()
        (day,) = forwarding(tx, now.astimezone(kept.zone).date(), kept.zone, kept.forwards.keys())
        (other,) = forwarding(tx, datetime(2020, 1, 1, tzinfo=UTC).date(), kept.zone, kept.forwards.keys())
    counts = (day.channel, day.received, day.forwarded, day.waiting, day.parked, day.unsent)
    assert counts == ("site", 5, 1, 1, 2, 1)
    assert day.parked_by_reason == {"http_404": 2}
    assert other.received == 0
