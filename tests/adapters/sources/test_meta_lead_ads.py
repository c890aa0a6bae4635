"""Meta Lead Ads beyond its fixtures: handshake, what is fetched and what each failure means."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.sources.meta_lead_ads import ASKED, MetaOptions
from schemas.errors import Park, Reject, Retry
from schemas.source import HttpAnswer, Pointer, ReadLead
from tests.adapters.sources.entrances import entrance, get, post

SLUG = "meta_lead_ads"
HUB = "hub.mode=subscribe&hub.verify_token=verificacao-exemplo&hub.challenge=1158201444"


@dataclass
class Graph:
    """An HTTP client that gives one answer and keeps what was asked."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def get(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        self.asked.append((url, params or {}))
        return HttpAnswer(self.status, self.headers, self.body)

    def post(self, url: str, *, json: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> HttpAnswer:
        raise AssertionError("leads of Meta are read by GET alone")


def test_the_handshake_gives_the_bare_challenge() -> None:
    door = entrance(SLUG)
    reply = door.source.handshake(get(HUB), door)
    assert (reply.status, reply.body, reply.content_type) == (200, b"1158201444", "text/plain")


@pytest.mark.parametrize(
    "query",
    [
        "",
        HUB.replace("subscribe", "unsubscribe"),
        HUB.replace("verificacao", "outra"),
        HUB.replace("verify_token", "token"),
        HUB.partition("&hub.challenge")[0],
        HUB.replace("verificacao-exemplo", "%FF%00"),
    ],
)
def test_a_wrong_handshake_is_refused(query: str) -> None:
    door = entrance(SLUG)
    with pytest.raises(Reject) as refused:
        door.source.handshake(get(query), door)
    assert refused.value.status == 403


@pytest.mark.parametrize("prefix", ["", "sha1=", "SHA256 "])
def test_only_a_sha256_signature_counts(prefix: str) -> None:
    door = entrance(SLUG)
    signature = hmac.new(door.secrets[0].encode(), b"{}", hashlib.sha256).hexdigest()
    with pytest.raises(Reject) as refused:
        door.source.verify(post("{}", {"X-Hub-Signature-256": prefix + signature}), door)
    assert refused.value.status == 401


def test_a_full_batch_of_two_pages_gives_a_pointer_for_each() -> None:
    changes = [{"field": "leadgen", "value": {"leadgen_id": str(10**15 + n)}} for n in range(1000)]
    entries = [{"id": "1", "changes": changes[:600]}, {"id": "2", "changes": changes[600:]}]
    door = entrance(SLUG)
    reads = door.source.read(post(json.dumps({"object": "page", "entry": entries})), door)
    assert len({read.key for read in reads if isinstance(read, Pointer)}) == 1000


def test_fetch_asks_for_every_field_with_the_token() -> None:
    door = entrance(SLUG, options={"api_url": "http://127.0.0.1:9/v25.0/"})
    graph = Graph(body=b'{"id": "12"}')
    assert door.source.fetch({"leadgen_id": "12"}, door, graph) == b'{"id": "12"}'
    ((url, params),) = graph.asked
    assert url == "http://127.0.0.1:9/v25.0/12"
    assert params == {"fields": ASKED, "access_token": "token-da-pagina-exemplo"}


def test_fetch_proves_the_app_secret_when_asked_to() -> None:
    door = entrance(SLUG, options={"appsecret_proof": True})
    graph = Graph()
    door.source.fetch({"leadgen_id": "12"}, door, graph)
    proof = hmac.new(b"segredo-do-app-exemplo", b"token-da-pagina-exemplo", hashlib.sha256).hexdigest()
    assert graph.asked[0][1]["appsecret_proof"] == proof


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (400, {"code": 190, "error_subcode": 463}, "token_expired"),
        (401, {}, "token_expired"),
        (400, {"code": 100, "error_subcode": 33}, "not_yet_readable"),
        (400, {"code": 4}, "rate_limited"),
        (403, {"code": 80005}, "rate_limited"),
        (429, {}, "rate_limited"),
        (403, {"code": 200}, "permission_missing"),
        (403, {"code": 10}, "permission_missing"),
        (400, {"code": 2}, "platform_error"),
        (400, {"code": 999, "is_transient": True}, "platform_error"),
        (500, {"code": "x"}, "platform_error"),
        (502, None, "platform_error"),
        (302, None, "platform_error"),
    ],
)
def test_a_failure_that_may_pass_is_tried_again(status: int, error: dict[str, Any] | None, reason: str) -> None:
    body = b"<html>" if error is None else json.dumps({"error": error}).encode()
    door = entrance(SLUG)
    with pytest.raises(Retry) as raised:
        door.source.fetch({"leadgen_id": "12"}, door, Graph(status, body, {"retry-after": "120"}))
    assert raised.value.reason == reason
    assert raised.value.after == (timedelta(seconds=120) if reason == "rate_limited" else None)


@pytest.mark.parametrize("wait", ["", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 40, "²"])
def test_an_odd_retry_after_is_no_wait(wait: str) -> None:
    door = entrance(SLUG)
    with pytest.raises(Retry) as raised:
        door.source.fetch({"leadgen_id": "12"}, door, Graph(429, b"", {"retry-after": wait}))
    assert raised.value.after is None


@pytest.mark.parametrize("error", [{"code": 100}, {"code": 12}, {"code": [1]}, "nada", None])
def test_a_refusal_is_parked(error: Any) -> None:
    door = entrance(SLUG)
    with pytest.raises(Park) as raised:
        door.source.fetch({"leadgen_id": "12"}, door, Graph(400, json.dumps({"error": error}).encode()))
    assert raised.value.reason == "platform_refused"


def test_an_error_never_quotes_graphs_message() -> None:
    body = json.dumps({"error": {"code": 190, "message": "Malformed access token token-da-pagina-exemplo"}}).encode()
    door = entrance(SLUG)
    with pytest.raises(Retry) as raised:
        door.source.fetch({"leadgen_id": "12"}, door, Graph(400, body))
    assert "token-da-pagina" not in str(raised.value)


def test_a_fetched_lead_is_known_by_its_pointer_and_keeps_its_ids() -> None:
    door = entrance(SLUG)
    answer = b'{"id":"99","ad_id":"new","field_data":[{"name":"full_name","values":["Ana"]}]}'
    read = door.source.read_fetched({"leadgen_id": "12", "form_id": "7", "ad_id": "old"}, answer, door)
    assert isinstance(read, ReadLead)
    assert read.key == "12"
    assert read.lead.ad == {"form_id": "7", "ad_id": "new"}


@pytest.mark.parametrize(
    ("home", "listing"), [("AP-0101", "AP-0101"), ({"id": 77}, "77"), ({"name": "Apto"}, "Apto"), ([], None)]
)
def test_the_home_of_a_catalogue_ad_is_the_listing(home: Any, listing: str | None) -> None:
    door = entrance(SLUG)
    read = door.source.read_fetched({"leadgen_id": "12"}, json.dumps({"home_listing": home}).encode(), door)
    assert isinstance(read, ReadLead)
    assert read.lead.listing == listing


def test_options_are_checked_and_hide_their_secrets() -> None:
    options = MetaOptions.model_validate({"verify_token": "v-segredo", "page_token": "p-segredo"})
    assert options.api_url == "https://graph.facebook.com/v25.0"
    assert "segredo" not in repr(options)
    for wrong in ({"verify_token": ""}, {"api_url": "graph.facebook.com"}, {"novo": 1}):
        with pytest.raises(ValidationError):
            MetaOptions.model_validate({"verify_token": "v", "page_token": "p", **wrong})
