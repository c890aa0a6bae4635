"""HubSpot beyond its fixtures: three generations of signatures, the address and the time they bind, and the fetch."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from adapters.sources.base import Source
from adapters.sources.hubspot import ASKED, HubSpot, HubSpotOptions
from schemas.errors import Park, Reject
from schemas.source import Entrance, ReadLead, Request, request_from
from tests.adapters.sources.entrances import entrance, post
from tests.adapters.sources.platform_api import PlatformApi, answer

SLUG = "hubspot"
NOW = 1790000400.5
PUBLIC = "https://leads.example.com.br/webhooks/hubspot/t1"
BODY = (
    b'[{"appId":1001,"eventId":100,"subscriptionId":120,"portalId":62515,"occurredAt":1790000400000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW"}]'
)
SIGNED = {
    "X-HubSpot-Request-Timestamp": "1790000400500",
    "X-HubSpot-Signature-v3": "DtoxARzYO+jow9D7FWSa14WeY3Fybf9JwKeSTmaR1gA=",
}


def door_at(now: float = NOW, public_url: str | None = PUBLIC) -> Entrance:
    source: Source = HubSpot(now=lambda: now)
    return replace(entrance(SLUG, options={"public_url": public_url}), source=source)


def request(url: str, headers: dict[str, str], body: bytes = BODY) -> Request:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    return request_from("POST", url.encode(), lines, body)


def v3(url: str, headers: dict[str, str], body: bytes) -> str:
    text = f"POST{url}".encode() + body + headers["X-HubSpot-Request-Timestamp"].encode()
    return base64.b64encode(hmac.digest(b"client-secret-exemplo", text, "sha256")).decode()


def test_the_documented_example_verifies_as_called_and_behind_a_proxy() -> None:
    as_called = request(f"{PUBLIC}?canal=site", SIGNED)
    rewritten = request("http://10.0.0.7:8000/hooks/hubspot?canal=site", SIGNED)
    assert door_at().source.verify(rewritten, door_at()) == 0
    assert door_at(public_url=None).source.verify(as_called, door_at(public_url=None)) == 0
    with pytest.raises(Reject, match="does not match"):
        door_at().source.verify(rewritten, door_at(public_url=None))


def test_what_the_url_has_encoded_may_be_signed_decoded() -> None:
    door = door_at(public_url=None)
    for signed, called in (("p?a=b:c/d", "p?a=b%3Ac%2fd"), ("p?a=b%3Ac", "p?a=b%3Ac"), ("p?a=b%20c!", "p?a=b%20c%21")):
        headers = {"X-HubSpot-Request-Timestamp": "1790000400500"}
        headers["X-HubSpot-Signature-v3"] = v3(f"https://x.example/{signed}", headers, BODY)
        assert door.source.verify(request(f"https://x.example/{called}", headers), door) == 0


@pytest.mark.parametrize("now", [NOW - 301, NOW + 301, 0])
def test_a_signature_is_good_for_five_minutes(now: float) -> None:
    door = door_at(now)
    with pytest.raises(Reject) as refused:
        door.source.verify(request(f"{PUBLIC}?canal=site", SIGNED), door)
    assert (refused.value.status, refused.value.reason) == (401, "stale_timestamp")


@pytest.mark.parametrize("sent", ["", "agora", "1790000400500.0", "١٢٣", "9" * 5000])
def test_an_odd_time_is_refused_even_when_it_is_signed(sent: str) -> None:
    door = door_at(public_url=None)
    headers = {"X-HubSpot-Request-Timestamp": sent}
    headers["X-HubSpot-Signature-v3"] = v3("https://x.example/", headers, BODY)
    signed = Request("POST", "https://x.example/", {k.lower(): v for k, v in headers.items()}, {}, BODY)
    with pytest.raises(Reject) as refused:
        door.source.verify(signed, door)
    assert refused.value.reason == "stale_timestamp"


def test_older_signatures_count_when_there_is_no_v3() -> None:
    door, url = door_at(), f"{PUBLIC}?canal=site"
    v1 = hashlib.sha256(b"client-secret-exemplo" + BODY).hexdigest()
    v2 = hashlib.sha256(b"client-secret-exemploPOST" + url.encode() + BODY).hexdigest()
    for version, signature in (("v1", v1), ("v2", v2)):
        old = {"X-HubSpot-Signature": signature, "X-HubSpot-Signature-Version": version}
        assert door.source.verify(request(url, old), door) == 0
        with pytest.raises(Reject, match="does not match"):
            door.source.verify(request(url, old, BODY + b" "), door)
        with pytest.raises(Reject, match="does not match"):
            door.source.verify(request(url, {**old, "X-HubSpot-Signature-v3": "x"}), door)


@pytest.mark.parametrize("how", ["X-Lead-Key", "Authorization", "key"])
def test_a_workflow_may_have_a_key_instead(how: str) -> None:
    door, secret = door_at(), "client-secret-exemplo"
    headers = {"X-Lead-Key": {"X-Lead-Key": secret}, "Authorization": {"Authorization": f"Bearer {secret}"}}.get(how)
    assert door.source.verify(post("{}", headers, f"key={secret}" if how == "key" else ""), door) == 0


def test_a_conversion_is_one_submission_however_it_comes() -> None:
    door = door_at()
    event = {"subscriptionType": "contact.propertyChange", "objectId": 5, "propertyName": "recent_conversion_date"}
    records = [
        [{**event, "propertyValue": "1790000400000"}],
        [{**event, "propertyValue": "2026-09-21T14:20:00Z"}],
        {"vid": 5, "properties": {"recent_conversion_date": {"value": "1790000400000"}}},
        {"hs_object_id": "5", "recent_conversion_date": "2026-09-21T14:20:00.000Z"},
    ]
    keys = {read.key for body in records for read in door.source.read(post(json.dumps(body)), door)}
    assert keys == {"5:1790000400000"}


def test_fetch_asks_for_the_usual_and_the_configured_properties() -> None:
    options = {"api_url": "http://127.0.0.1:9/", "properties": ["quantos_quartos"]}
    door = entrance(SLUG, options=options)
    api = PlatformApi(answer(b'{"id": "5"}'))
    assert door.source.fetch({"contact": "5"}, door, api) == b'{"id": "5"}'
    ((url, params, headers),) = api.asked
    assert url == "http://127.0.0.1:9/crm/v3/objects/contacts/5"
    assert params == {"properties": ",".join((*ASKED, "quantos_quartos"))}
    assert headers == {"Authorization": "Bearer token-do-app-exemplo"}


def test_without_a_token_a_contact_waits_for_one() -> None:
    door = replace(entrance(SLUG), options=HubSpotOptions())
    with pytest.raises(Park, match="access_token"):
        door.source.fetch({"contact": "5"}, door, PlatformApi(answer()))


def test_the_first_conversion_counts_when_the_contact_is_older() -> None:
    door = door_at()
    pointer = {"contact": "5", "key": "5:1", "converted": "1790000400000"}
    properties = {"createdate": "2026-09-21T13:00:00Z", "recent_conversion_date": "2026-09-21T14:20:00Z"}
    answers = {"properties": {**properties, "num_conversion_events": "1", "email": "ana@example.com"}}
    read = door.source.read_fetched(pointer, json.dumps(answers).encode(), door)
    assert isinstance(read, ReadLead)
    assert read.lead.emails == ["ana@example.com"]


def test_options_are_checked_and_hide_their_secret() -> None:
    assert "segredo" not in repr(HubSpotOptions.model_validate({"access_token": "t-segredo"}))
    for wrong in ({"access_token": ""}, {"public_url": "https://x.example/?a=b"}, {"public_url": "x"}, {"novo": 1}):
        with pytest.raises(ValidationError):
            HubSpotOptions.model_validate(wrong)
