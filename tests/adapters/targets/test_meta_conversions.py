"""Meta's Conversions API against a real receiver: what its errors mean, and whom an event is of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.http import RequestsClient
from adapters.targets.meta_conversions import MetaConversions, MetaConversionsOptions
from adapters.targets.testing import NOW, Receiver, Step, serving
from schemas.errors import Park, PorteiroError, Retry
from schemas.stage_news import StageNews
from schemas.target import Message, Refused


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver("")) as receiver:
        yield receiver


def send(receiver: Receiver, external_id: str | None = "1203344556677889", **options: Any) -> None:
    said = MetaConversionsOptions.model_validate(
        {
            "allow_http": True, "allow_private": True, "api_url": f"{receiver.url}/v25.0", "dataset": "1234567890",
            "access_token": "token-exemplo", "stages": {"won": "Venda"}, **options,
        }
    )  # fmt: skip
    news = StageNews(
        name="Venda", at=NOW, external_id=external_id, emails=["Rita@Example.com"], phones=["+5511980000001"]
    )
    target = MetaConversions(RequestsClient(), lambda: NOW, seconds=2.0)
    target.send(Message("meta:1", "stage", "meta", news.model_dump_json(), options=said))


def test_the_token_is_in_no_address(receiver: Receiver) -> None:
    send(receiver, lead_event_source="CRM da casa", match=["email", "phone"])
    (asked,) = receiver.asked
    body = json.loads(asked.body)
    assert (asked.path, body["access_token"]) == ("/v25.0/1234567890/events", "token-exemplo")
    (event,) = body["data"]
    assert event["user_data"] == {
        "lead_id": 1203344556677889,
        "em": [hashlib.sha256(b"rita@example.com").hexdigest()],
        "ph": [hashlib.sha256(b"5511980000001").hexdigest()],
    }
    assert event["custom_data"] == {"event_source": "crm", "lead_event_source": "CRM da casa"}


@pytest.mark.parametrize("external_id", [None, "", "l:120", "١٢٣", "1" * 21])
def test_without_the_id_of_a_lead_nothing_is_said(receiver: Receiver, external_id: str | None) -> None:
    with pytest.raises(Park) as raised:
        send(receiver, external_id)
    assert (raised.value.reason, receiver.asked) == ("no_lead_id", [])


@pytest.mark.parametrize(
    ("status", "error", "kind", "reason"),
    [
        (400, {"code": 4}, Retry, "rate_limited"), (400, {"code": 613}, Retry, "rate_limited"),
        (400, {"code": 2}, Retry, "platform_error"), (400, {"code": 77, "is_transient": True}, Retry, "platform_error"),
        (400, {"code": 190}, Park, "not_authorized"), (403, {"code": 200}, Park, "not_authorized"),
        (401, None, Park, "not_authorized"), (400, {"code": 100}, Refused, "http_400"), (400, "x", Refused, "http_400"),
        (400, {"code": [1]}, Refused, "http_400"), (500, {"code": 190}, Retry, "http_500"),
    ],
)  # fmt: skip
def test_what_an_error_means(
    receiver: Receiver, status: int, error: Any, kind: type[PorteiroError], reason: str
) -> None:
    receiver.plan = [Step(status, body=json.dumps({"error": error}).encode())]
    with pytest.raises(PorteiroError) as raised:
        send(receiver)
    assert (type(raised.value), raised.value.reason) == (kind, reason)
