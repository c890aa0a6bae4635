"""What every source must keep, whatever its format; a new source is tested by being in the registry."""

from __future__ import annotations

import inspect
import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.sources.base import Source
from adapters.sources.registry import sources
from schemas.drift import unknown_fields
from schemas.errors import Park, Reject
from schemas.source import Entrance, NotALead, Pointer, Read, ReadLead, Request
from tests.adapters.sources.entrances import (
    FIXTURES,
    PERSON,
    SECRETS,
    as_json,
    entrance,
    fixture,
    lead_json,
    post,
    sample,
)

SLUGS = sorted(sources())
FETCHING = [slug for slug, source in sorted(sources().items()) if type(source).fetch is not Source.fetch]
SIGNING = [
    "hubspot",
    "linkedin_lead_gen",
    "meta_lead_ads",
    "standard_webhooks",
    "tally",
    "twilio_call",
    "typeform",
    "webflow",
    "whatsapp_cloud",
]
"""Sources whose signature binds the body."""
MANY_FORMATS = [
    "blip",
    "chatwoot",
    "form",
    "inbound_email",
    "jivochat",
    "navent",
    "rd_station",
    "standard_webhooks",
    "whatsapp_cloud",
]
ONE_FORMAT = [slug for slug in SLUGS if slug not in (*FETCHING, *MANY_FORMATS)]
WITHOUT_EMAIL = ["twilio_call", "whatsapp_cloud"]
"""Sources that know a person by the phone alone."""
REQUESTS = sorted(FIXTURES.glob("*/*.request"))

fuzz = settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(), max_size=30)
    | st.sampled_from(["\x00", "\ud800", "1" * 60, "<test lead: x>", "2026-13-99", "1e999", " "])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("slug", SLUGS)
def test_declares_itself(slug: str) -> None:
    source = sources()[slug]
    assert source.slug == slug
    assert source.title
    assert source.documentation
    assert len(source.identity) > 20
    assert source.namespace in ("source", "channel")
    assert source.carriers or slug in SIGNING, "a secret that travels has to be masked"


@pytest.mark.parametrize("slug", ONE_FORMAT)
def test_a_source_without_fetch_is_small(slug: str) -> None:
    file = Path(inspect.getfile(type(sources()[slug])))
    assert len(file.read_text().splitlines()) <= 100


@pytest.mark.parametrize("slug", SLUGS)
def test_the_sample_verifies_under_any_of_the_secrets(slug: str) -> None:
    request, _ = sample(slug)
    assert sources()[slug].verify(request, entrance(slug)) == 0
    rotated = entrance(slug, secrets=("segredo-novo", "", SECRETS[slug]))
    assert rotated.source.verify(request, rotated) == 2


@pytest.mark.parametrize("held", [(), ("",), ("outro-segredo",)], ids=["none", "empty", "another"])
@pytest.mark.parametrize("slug", SLUGS)
def test_without_the_right_secret_it_is_refused_with_401(slug: str, held: tuple[str, ...]) -> None:
    for request in (sample(slug)[0], post(sample(slug)[0].body)):
        with pytest.raises(Reject) as refused:
            sources()[slug].verify(request, entrance(slug, secrets=held))
        assert refused.value.status == 401


@pytest.mark.parametrize("slug", SIGNING)
def test_a_signature_binds_the_raw_body(slug: str) -> None:
    request, _ = sample(slug)
    document = _document(request)
    again = [json.dumps(document, indent=1).encode()] if document is not None else []
    for body in (*again, request.body[:-1], request.body + b"\n", b""):
        with pytest.raises(Reject, match="does not match"):
            sources()[slug].verify(_with(request, body), entrance(slug))


@pytest.mark.parametrize("slug", SLUGS)
def test_carriers_cover_the_secret(slug: str) -> None:
    request, _ = sample(slug)
    hidden = {(carrier.place, carrier.name) for carrier in sources()[slug].carriers}
    headers = [value for name, value in request.headers.items() if ("header", name) not in hidden]
    query = [value for name, value in request.query.items() if ("query", name) not in hidden]
    document = _document(request)
    pairs = document.items() if isinstance(document, dict) else parse_qsl(request.body.decode("latin-1"))
    body = [value for name, value in pairs if not {("json", name.lower()), ("form", name)} & hidden]
    assert SECRETS[slug] not in repr((headers, query, body))


@pytest.mark.parametrize("slug", SLUGS)
def test_each_sample_is_a_lead_of_its_own_with_the_person(slug: str) -> None:
    keys = set()
    for number in (1, 2):
        request, answers = sample(slug, number)
        (lead,) = _leads(slug, request, answers)
        assert lead.lead.name == PERSON["name"]
        assert lead.lead.emails == ([] if slug in WITHOUT_EMAIL else [PERSON["email"]])
        (phone,) = lead.lead.phones
        assert PERSON["phone"].endswith((phone.ddd or "") + phone.value)
        assert not lead.test
        keys.add(lead.key)
    assert len(keys - {None}) == 2


@pytest.mark.parametrize("slug", SLUGS)
def test_replies_are_what_they_say_and_keep_the_status(slug: str) -> None:
    source = sources()[slug]
    accepted = source.accepted("0190a000-0000-7000-8000-000000000000")
    assert accepted.status == 200
    if accepted.content_type == "application/json":
        assert isinstance(json.loads(accepted.body), dict)
    for status in (400, 401, 413, 503):
        refused = source.refused(status, "a_reason", "in words")
        assert refused.status == status
        assert "in words" in refused.body.decode()


@pytest.mark.parametrize("slug", SLUGS)
def test_what_is_new_in_a_body_is_kept(slug: str) -> None:
    request, answers = sample(slug)
    news = {"campo_novo": "valor novo", "fundo": _nested(100), "enorme": int("9" * 60)}
    if slug in FETCHING:
        answers = {key: json.dumps({**json.loads(answer), **news}).encode() for key, answer in answers.items()}
    elif isinstance(document := _document(request), dict):
        request = _with(request, json.dumps({**document, **news}).encode())
    else:
        request = _with(request, request.body + b"&" + urlencode(news).encode())
    (read,) = _leads(slug, request, answers)
    kept = {**read.lead.answers, **read.lead.extra}
    assert kept["campo_novo"] == "valor novo"
    assert kept["enorme"] == "9" * 60
    assert read.lead.emails == ([] if slug in WITHOUT_EMAIL else [PERSON["email"]])


@pytest.mark.parametrize("slug", [slug for slug in SLUGS if sources()[slug].known_fields is not None])
def test_only_what_is_new_in_a_body_is_drift(slug: str) -> None:
    known = sources()[slug].known_fields or frozenset()
    plain = json.loads(fixture(FIXTURES / slug / "plain.request")[1].body)
    for body in (plain, json.loads(sample(slug)[0].body)):
        assert unknown_fields(body, known) == []
        assert unknown_fields({**body, "campo_novo": {"valor": 1}}, known) == ["campo_novo"]


BODIES = {
    "empty": b"",
    "blank": b" \r\n",
    "not json": b"garbage",
    "a number": b"7",
    "a list": b"[1]",
    "nothing in it": b"{}",
    "not a number": b'{"name": NaN, "email": -Infinity}',
    "nested 100 levels": b"[" * 100 + b"]" * 100,
    "nested without end": b'{"a":' * 50_000,
    "nested keys": b"a" + b"[b]" * 50_000 + b"=c",
    "NUL": b'{"id":"a\\u0000b","name":"a\\u0000","lead_id":"\\u0000","originLeadId":"x\\u0000"}',
    "lone surrogate": b'{"id":"\\ud800","name":"\\udfff","lead_id":"\\ud800","originLeadId":"\\ud800"}',
    "not UTF-8": b'{"name":"Jos\xe9","id":"\xff"}',
    "UTF-16": '{"name":"José"}'.encode("utf-16"),
    "huge numbers": b'{"id":1e999,"lead_id":' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("slug", SLUGS)
def test_awkward_bodies_are_read_or_parked(slug: str, body: bytes) -> None:
    for headers in ({}, {"Content-Type": "image/png"}, {"Content-Type": "application/json"}):
        _read_or_park(slug, post(body, headers))
    truncated = sample(slug)[0]
    _read_or_park(slug, _with(truncated, truncated.body[:-9]))


@pytest.mark.parametrize("slug", SLUGS)
@fuzz
@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_parked(slug: str, body: bytes) -> None:
    request, _ = sample(slug)
    _read_or_park(slug, post(body))
    _read_or_park(slug, _with(request, request.body[:40] + body + request.body[60:]))
    door = entrance(slug)
    with suppress(Reject):
        door.source.verify(post(body), door)


@pytest.mark.parametrize("slug", SLUGS)
@fuzz
@given(data=st.data())
def test_any_json_is_read_or_parked(slug: str, data: st.DataObject) -> None:
    request, answers = sample(slug)
    document = data.draw(st.just(_document(request)).flatmap(_altered) | JSON)
    _read_or_park(slug, _with(request, json.dumps(document).encode()))
    for lead_id, answer in answers.items():
        altered = data.draw(st.just(json.loads(answer)).flatmap(_altered) | JSON)
        door = entrance(slug)
        with suppress(Park):
            _check(door.source.read_fetched({"leadgen_id": lead_id}, json.dumps(altered).encode(), door))


@pytest.mark.parametrize("slug", FETCHING)
@fuzz
@given(answer=st.binary(max_size=60))
def test_any_fetched_bytes_are_read_or_parked(slug: str, answer: bytes) -> None:
    door = entrance(slug)
    with suppress(Park):
        _check(door.source.read_fetched({"leadgen_id": "1"}, answer, door))


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_fixture(path: Path) -> None:
    door, request = fixture(path)
    expected = json.loads(path.with_suffix(".expected.json").read_text())
    assert _outcome(path, request, door) == expected


@pytest.mark.parametrize("slug", SLUGS)
def test_every_source_has_fixtures_and_every_expectation_a_request(slug: str) -> None:
    names = {path.name.partition(".")[0] for path in (FIXTURES / slug).iterdir()}
    requests = {path.stem for path in REQUESTS if path.parent.name == slug}
    assert names == requests
    assert len(requests) >= 3
    assert {"plain", "minimal", "awkward"} <= requests


def _outcome(path: Path, request: Request, door: Entrance) -> dict[str, Any]:
    try:
        door.source.verify(request, door)
        reads = door.source.read(request, door)
    except Reject as error:
        return {"rejected": {"status": error.status, "reason": error.reason}}
    except Park as error:
        return {"parked": error.reason}
    found: dict[str, Any] = {"reads": [as_json(read) for read in reads]}
    stored = path.with_suffix(".answers.json")
    if stored.exists():
        answers = json.loads(stored.read_text())
        pointers = {read.key: read.data for read in reads if isinstance(read, Pointer)}
        found["fetched"] = {
            key: as_json(door.source.read_fetched(pointers[key], json.dumps(answer).encode(), door))
            for key, answer in answers.items()
        }
    return found


def _leads(slug: str, request: Request, answers: dict[str, bytes]) -> list[ReadLead]:
    door = entrance(slug)
    found: list[Read] = []
    for read in door.source.read(request, door):
        if isinstance(read, Pointer):
            found.append(door.source.read_fetched(read.data, answers[read.key], door))
        else:
            found.append(read)
    return [read for read in found if isinstance(read, ReadLead)]


def _read_or_park(slug: str, request: Request) -> None:
    door = entrance(slug)
    with suppress(Park):
        for read in door.source.read(request, door):
            _check(read)


def _check(read: Read) -> None:
    """A key fits a unique index, a pointer is JSON, a lead is what the next step can take apart."""
    if read.key is not None:
        assert 0 < len(read.key.encode()) < 1000
        assert "\x00" not in read.key
    if isinstance(read, Pointer):
        assert "\\u0000" not in json.dumps(read.data)
    elif isinstance(read, ReadLead):
        json.dumps(lead_json(read.lead))
        read.lead.model_validate(read.lead.model_dump())
    else:
        assert isinstance(read, NotALead)
        assert read.reason


def _document(request: Request) -> Any:
    """The body as JSON; None when it is another format."""
    with suppress(ValueError):
        return json.loads(request.body)
    return None


def _with(request: Request, body: bytes) -> Request:
    return Request(request.method, request.url, request.headers, request.query, body)


def _nested(levels: int) -> Any:
    value: Any = "fundo"
    for level in range(levels):
        value = [value] if level % 2 else {"x": value}
    return value


def _altered(document: Any) -> st.SearchStrategy[Any]:
    """The document with one of its parts replaced by anything."""
    paths = list(_paths(document))
    return st.tuples(st.sampled_from(paths), JSON).map(lambda change: _replaced(document, *change))


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, child in children for found in _paths(child, (*path, key)))]


def _replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    if isinstance(value, dict):
        return {key: _replaced(child, path[1:], new) if key == path[0] else child for key, child in value.items()}
    return [_replaced(child, path[1:], new) if key == path[0] else child for key, child in enumerate(value)]
