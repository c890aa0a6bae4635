"""RD Station against a real receiver: tokens, and who the contact is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.http import RequestsClient
from adapters.targets.rd_station import RdStation, RdStationOptions
from adapters.targets.testing import NOW, Receiver, Step, serving
from schemas.errors import Park, PorteiroError, Retry
from schemas.stage_news import StageNews
from schemas.target import Message

UUID_THERE = "5408c5a3-4711-4f2e-8d0b-13407a3e30f3"


def token(value: str, lasts: int = 86400) -> Step:
    return Step(body=f'{{"access_token": "{value}", "expires_in": {lasts}}}'.encode())


class Sending:
    """A target with a clock, and where it sends to."""

    def __init__(self, receiver: Receiver) -> None:
        self.now: datetime = NOW
        self.receiver = receiver
        self.target = RdStation(RequestsClient(), lambda: self.now, seconds=2.0)
        self.options = RdStationOptions.model_validate(
            {
                "allow_http": True, "allow_private": True, "api_url": receiver.url, "client_id": "app",
                "client_secret": "s", "refresh_token": "r", "stages": {"won": "Client"},
            }
        )  # fmt: skip

    def send(self, **news: Any) -> None:
        body = StageNews(**{"name": "Client", "at": NOW, "emails": ["rita@example.com"], **news}).model_dump_json()
        self.target.send(Message("rd:1", "stage", "rd", body, options=self.options))

    def asked(self) -> list[tuple[str, str]]:
        """Paths, with the token of each."""
        return [(one.path, one.headers.get("authorization", "")) for one in self.receiver.asked]

    def fault(self, **news: Any) -> PorteiroError:
        with pytest.raises(PorteiroError) as raised:
            self.send(**news)
        return raised.value


@pytest.fixture
def rd() -> Iterator[Sending]:
    with serving(Receiver("idempotency-key")) as receiver:
        yield Sending(receiver)


PUT, TOKEN = "/platform/contacts/email:rita@example.com/funnels/default", "/auth/token"


def test_a_token_serves_until_it_is_over(rd: Sending) -> None:
    rd.receiver.plan = [token("um"), Step(), Step(), token("dois", 3600), Step(), token("tres")]
    rd.send()
    rd.now += timedelta(hours=23)
    rd.send()
    rd.now += timedelta(hours=1)
    rd.send()
    rd.now += timedelta(minutes=56)
    rd.send()
    assert rd.asked() == [
        (TOKEN, ""), (PUT, "Bearer um"), (PUT, "Bearer um"), (TOKEN, ""), (PUT, "Bearer dois"), (TOKEN, ""),
        (PUT, "Bearer tres"),
    ]  # fmt: skip
    assert rd.receiver.asked[0].body == b'{"client_id": "app", "client_secret": "s", "refresh_token": "r"}'


def test_a_token_that_is_not_taken_is_replaced_once(rd: Sending) -> None:
    rd.receiver.plan = [token("velho"), Step(401), token("novo")]
    rd.send()
    assert rd.asked() == [(TOKEN, ""), (PUT, "Bearer velho"), (TOKEN, ""), (PUT, "Bearer novo")]
    rd.receiver.plan = [Step(401), token("outro"), Step(401)]
    error = rd.fault()
    assert (type(error), error.reason) == (Park, "not_authorized")


def test_threads_ask_for_a_token_once(rd: Sending) -> None:
    rd.receiver.plan = [token("um")]
    threads = [threading.Thread(target=rd.send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(rd.asked()) == [(TOKEN, "")] + [(PUT, "Bearer um")] * 8


@pytest.mark.parametrize(
    ("step", "kind", "reason"),
    [
        (Step(503), Retry, "http_503"), (Step(how="close"), Retry, "no_answer"), (Step(401), Park, "not_authorized"),
        (Step(400), Park, "not_authorized"), (Step(302), Park, "redirected"), (Step(body=b"{}"), Retry, "no_token"),
        (Step(body=b'{"access_token": "a\\nb"}'), Retry, "no_token"), (Step(how="half"), Retry, "no_token"),
    ],
)  # fmt: skip
def test_without_a_token_nothing_is_said(rd: Sending, step: Step, kind: type[PorteiroError], reason: str) -> None:
    rd.receiver.plan = [step]
    error = rd.fault()
    assert (type(error), error.reason) == (kind, reason)
    assert [path for path, _ in rd.asked()] == [TOKEN]


def test_who_the_contact_is(rd: Sending) -> None:
    rd.receiver.plan = [token("um")]
    for external_id in (f"{UUID_THERE}|2026-09-21T11:55:00-03:00|lp", "1|2026|lp", None):
        rd.send(external_id=external_id)
    rd.send(emails=["a/../b?c@example.com"])
    assert [path for path, _ in rd.asked() if path != TOKEN] == [
        f"/platform/contacts/uuid:{UUID_THERE}/funnels/default", PUT, PUT,
        "/platform/contacts/email:a%2F..%2Fb%3Fc@example.com/funnels/default",
    ]  # fmt: skip
    assert rd.fault(emails=[]).reason == "no_contact"
    assert rd.fault(name="Cliente").reason == "not_mapped"
