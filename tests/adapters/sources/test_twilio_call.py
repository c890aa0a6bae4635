"""Twilio calls beyond the fixtures: the signature, the campaign of a number, the reply."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

import pytest

from adapters.sources.signing import sample_url
from adapters.sources.twilio_call import _signed
from schemas.errors import Reject
from schemas.source import NotALead, ReadLead, Request, request_from
from tests.adapters.sources.entrances import entrance, post, read_one

SLUG = "twilio_call"
HOUSE = "https://leads.example.com.br/webhooks/twilio/t1"


def request(url: str, body: bytes, signature: str) -> Request:
    return request_from("POST", url.encode(), f"X-Twilio-Signature: {signature}\r\n".encode(), body)


@pytest.mark.parametrize(
    ("url", "body", "token", "signature"),
    [
        (
            "https://mycompany.com/myapp.php?foo=1&bar=2",
            "To=%2B18005551212&CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030",
            "12345",
            "0/KCTR6DLpKmkAf8muzZqo1nDgQ=",
        ),
        (
            HOUSE,
            "AccountSid=ACexemplo0000000000000000000000001&CallSid=CAexemplo0000000000000000000000001&"
            "CallStatus=completed&CallDuration=37&Direction=inbound&From=%2B5531999990106&To=%2B553140000000",
            "auth-token-exemplo",
            "1NjkOxdJ+CMa+YdRAkJ+b4XfniY=",
        ),
    ],
    ids=["public vector", "composed"],
)
def test_published_signatures_verify(url: str, body: str, token: str, signature: str) -> None:
    door = entrance(SLUG, secrets=("outro", token), options={"public_url": None})
    assert door.source.verify(request(url, body.encode(), signature), door) == 1
    for wrong_url, wrong_body in ((url.replace("https", "http"), body), (url, body + "&Novo=1"), (url + "&x", body)):
        with pytest.raises(Reject, match="does not match"):
            door.source.verify(request(wrong_url, wrong_body.encode(), signature), door)


def test_a_parameter_that_repeats_is_signed_with_each_of_its_values_once() -> None:
    door = entrance(SLUG, options={"public_url": HOUSE})
    signature = _signed("auth-token-exemplo", f"{HOUSE}?a=1AvazioB1B2")
    body = b"B=2&B=1&B=2&Avazio="
    assert door.source.verify(request("http://10.0.0.7/hooks/x?a=1", body, signature), door) == 0


def test_a_signature_over_the_address_alone_needs_the_hash_of_the_body() -> None:
    door = entrance(SLUG, options={"public_url": HOUSE})
    query = f"?bodySHA256={hashlib.sha256(b'{}').hexdigest().upper()}"
    signature = _signed("auth-token-exemplo", HOUSE + query)
    assert door.source.verify(request(HOUSE + query, b"{}", signature), door) == 0
    with pytest.raises(Reject, match="does not match"):
        door.source.verify(request(HOUSE + query, b'{"From": "+5531999990106"}', signature), door)


def test_the_number_that_was_called_tells_the_campaign() -> None:
    options = {"campaigns": {"+553140000001": "Lançamento Jardim"}}
    for called, campaign in (("+553140000001", "Lançamento Jardim"), ("+553140000002", None)):
        body = urlencode({"CallSid": "CA1", "From": "+5531999990106", "To": called})
        assert read_one(SLUG, body, options=options).lead.campaign == campaign


def test_a_call_is_two_submissions_its_start_and_its_end() -> None:
    keys = [
        read_one(SLUG, urlencode({"CallSid": "CA1", "From": "+5531999990106", "CallStatus": status})).key
        for status in ("queued", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled")
    ]
    assert keys == ["CA1"] * 3 + ["CA1:end"] * 5


@pytest.mark.parametrize("caller", ["anonymous", "Restricted", "+266696687", "", " "])
def test_a_caller_who_hides_is_no_lead(caller: str) -> None:
    door = entrance(SLUG)
    (read,) = door.source.read(post(urlencode({"CallSid": "CA1", "From": caller})), door)
    assert isinstance(read, NotALead)
    assert (read.outcome, read.reason) == ("ignored", "hidden_caller")


def test_a_call_is_a_conversation() -> None:
    door = entrance(SLUG)
    (read,) = door.source.read(post(urlencode({"CallSid": "CA1", "From": "+5531999990106"})), door)
    assert isinstance(read, ReadLead)
    assert read.conversation == "call"


def test_the_reply_is_twiml_that_does_nothing() -> None:
    reply = entrance(SLUG).source.accepted("x")
    assert (reply.status, reply.body, reply.content_type) == (200, b"<Response/>", "text/xml")


def test_a_sample_is_signed_for_the_address_that_will_be_called() -> None:
    assert sample_url(entrance(SLUG, options={"public_url": HOUSE})) == HOUSE
    assert sample_url(entrance(SLUG, key="fone", options={"public_url": None})) == "http://127.0.0.1:8000/hooks/fone"
