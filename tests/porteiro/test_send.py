"""`porteiro send` against a stand-in for web and pipeline: what it posts verifies, what comes of it is found."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from adapters.sources.registry import sources
from db.ids import new_id
from db.migrate import migrate
from db.models import DeliveryOutcome
from db.session import Database
from opv.house import House
from porteiro.send import Platform, api_address, find_entrance, invent_person, serve_api
from schemas.errors import PorteiroError, Reject
from schemas.source import Entrance, Request
from tests.stored import NOW, Stored, house

OPTIONS: dict[str, dict[str, str]] = {"meta_lead_ads": {"verify_token": "v", "page_token": "t"}}
Answer = Callable[[Stored, bytes], None]


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    database = Database(f"sqlite:///{tmp_path}/porteiro.db")
    migrate(database)
    yield Stored(database)
    database.dispose()


@pytest.fixture
def free_port() -> int:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_port


def entrance(slug: str, **options: str) -> Entrance:
    source = sources()[slug]
    read = source.options_model.model_validate({**OPTIONS.get(slug, {}), **options})
    return Entrance("site", 1, source, ("a-secret",), read, ZoneInfo("America/Sao_Paulo"))


def house_of(*entrances: Entrance) -> House:
    return replace(house(), entrances={one.id: one for one in entrances})


@contextmanager
def web(stored: Stored, at: Entrance, answer: Answer) -> Iterator[str]:
    """Accepts what verifies and then does what the pipeline would, before it replies."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                at.source.verify(Request("POST", self.path, headers, {}, body), at)
                answer(stored, body)
                reply = at.source.accepted("an-id")
            except Reject as error:
                reply = at.source.refused(error.status, error.reason, error.detail)
            self.send_response(reply.status)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def assigned(stored: Stored, body: bytes) -> None:
    opv = stored.opv(stage="contacted", team="sul", manager="paula", broker="ana", assigned_at=NOW)
    delivery = stored.delivery(DeliveryOutcome.CAPTURED, body=body)
    submission = stored.submission(delivery, "captured")
    stored.card(opv, submission_id=submission, delivery_id=delivery, campaign="Jardim")
    run = {"id": new_id(), "automation": "hello", "opportunity_id": opv, "occurrence": "3", "at": NOW,
           "result": "done", "because": None, "steps": '[{"action": "advance"}]'}  # fmt: skip
    stored.insert("automation_runs", run)


@pytest.mark.parametrize("slug", ["grupo_olx", "google_lead_form", "form"])
def test_a_sample_verifies_and_its_opv_is_found(stored: Stored, slug: str) -> None:
    at = entrance(slug)
    with web(stored, at, assigned) as url:
        platform = Platform(stored.database, house_of(at), at, url)
        with platform.on_stage():
            report = platform.send()
    assert report.accepted
    assert report.assigned
    assert report.opv is not None
    assert report.capture is not None
    assert report.opv["broker"] == {"key": "ana", "name": "Ana Corretora"}
    assert report.opv["stage"] == {"key": "contacted", "name": "Em atendimento"}
    assert report.capture["campaign"] == "Jardim"
    assert [(run["automation"], run["result"]) for run in report.automations] == [("hello", "done")]
    assert 0 < report.ms["reply"] <= report.ms["assigned"] <= report.ms["advanced"]


def test_the_api_of_a_pointer_source_is_played_meanwhile(stored: Stored, free_port: int) -> None:
    at = entrance("meta_lead_ads", api_url=f"http://127.0.0.1:{free_port}/v25.0")

    def fetched(stored: Stored, body: bytes) -> None:
        pointer = at.source.read(Request("POST", "", {}, {}, body), at)[0]
        answer = requests.get(f"http://127.0.0.1:{free_port}/v25.0/{getattr(pointer, 'key', '')}", timeout=5)
        assert answer.json()["field_data"]
        assigned(stored, body)

    with web(stored, at, fetched) as url:
        platform = Platform(stored.database, house_of(at), at, url)
        assert platform.is_fetched_from
        with platform.on_stage():
            assert platform.send().assigned
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{free_port}/v25.0/1", timeout=5)


def test_what_no_opv_comes_of_is_told_at_once(stored: Stored) -> None:
    def parked(stored: Stored, body: bytes) -> None:
        stored.submission(stored.delivery(DeliveryOutcome.PARKED, body=body), "parked", reason="no_contact")

    def undistributed(stored: Stored, body: bytes) -> None:
        opv, delivery = stored.opv(), stored.delivery(DeliveryOutcome.CAPTURED, body=body)
        stored.card(opv, submission_id=stored.submission(delivery, "captured"), delivery_id=delivery)
        stored.waits(opv, "no_rule")

    at = entrance("form")
    with web(stored, at, parked) as url:
        report = Platform(stored.database, house_of(at), at, url).send()
    assert (report.outcome, report.reason, report.opv, report.assigned) == ("parked", "no_contact", None, False)
    with web(stored, at, undistributed) as url:
        report = Platform(stored.database, house_of(at), at, url).send()
    assert report.opv is not None
    assert report.opv["undistributed"] == "no_rule"
    assert not report.assigned


def test_a_refusal_and_a_silent_web_are_told(stored: Stored, free_port: int) -> None:
    at = entrance("form")
    with web(stored, replace(at, secrets=("another",)), assigned) as url:
        report = Platform(stored.database, house_of(at), at, url).send()
    assert (report.status, report.accepted, report.delivery) == (401, False, None)
    with pytest.raises(PorteiroError, match="porteiro up"):
        Platform(stored.database, house_of(at), at, f"http://127.0.0.1:{free_port}").send()


def test_not_waiting_and_waiting_in_vain(stored: Stored) -> None:
    at = entrance("form")
    with web(stored, at, lambda *_: None) as url:
        platform = Platform(stored.database, house_of(at), at, url)
        assert platform.send(patience=0).accepted
        report = platform.send(patience=0.1)
    assert (report.delivery, report.outcome) == (None, None)


def test_the_channel_is_the_sources_first_or_the_one_named() -> None:
    first, second = entrance("form"), replace(entrance("form"), key="landing", id=2)
    retired = replace(entrance("grupo_olx"), key="zap", id=3, retired=True)
    found = house_of(first, second, retired)
    assert find_entrance(found, "form", None) is first
    assert find_entrance(found, "form", "landing") is second
    for source, channel in (("grupo_olx", None), ("form", "other")):
        with pytest.raises(PorteiroError, match=r"form \(site\), form \(landing\)"):
            find_entrance(found, source, channel)


@pytest.mark.parametrize("url", ["https://graph.facebook.com/v25.0", "http://198.51.100.7/", "https://127.0.0.1"])
def test_a_real_platform_is_not_played(url: str) -> None:
    with pytest.raises(PorteiroError, match="api_url"):
        api_address(entrance("meta_lead_ads", api_url=url))


def test_the_played_api_answers_as_graph_does_and_says_when_its_port_is_taken(free_port: int) -> None:
    with serve_api(("127.0.0.1", free_port), {"42": b"{}"}):
        assert requests.get(f"http://127.0.0.1:{free_port}/v25.0/42?fields=id", timeout=5).content == b"{}"
        missing = requests.get(f"http://127.0.0.1:{free_port}/v25.0/43", timeout=5)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, 100)
        with pytest.raises(PorteiroError, match="cannot be served"), serve_api(("127.0.0.1", free_port), {}):
            pass


def test_every_person_is_new() -> None:
    people = [invent_person() for _ in range(50)]
    assert len({person["email"] for person in people}) == 50
    assert all(person["email"].endswith("@example.com") for person in people)
    assert all(len(person["phone"]) == 14 and person["phone"][5] == "9" for person in people)
