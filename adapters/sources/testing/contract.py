"""What every source must keep, whatever its format."""

# ruff: noqa: S101 - these are tests

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.sources.testing.bodies import BODIES, JSON, altered, nested
from adapters.sources.testing.subject import PERSON, Subject, as_json, lead_json, post, shown
from schemas.drift import unknown_fields
from schemas.errors import Park, Reject
from schemas.source import Entrance, NotALead, Pointer, ProcessStatus, Read, ReadLead, Request, Trigger

CASES = {"plain", "minimal", "awkward"}
"""Requests that every source has: as usual, with the least that can be sent, and as bad as it was ever seen."""

WHICH: Mapping[str, Callable[[Subject], bool]] = {
    "subject": lambda _: True,
    "signing": lambda subject: subject.signs_body,
    "leading": lambda subject: subject.brings_leads,
    "telling": lambda subject: not subject.brings_leads,
    "fetching": lambda subject: subject.fetches,
    "declaring": lambda subject: subject.source.known_fields is not None,
}
"""Whom a test is for, by the name of its argument."""

fuzz = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)


class SourceContract:
    """The tests; a class that inherits them names its `subjects`."""

    subjects: ClassVar[Sequence[Subject]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Runs each test for each subject that it is for, those of requests for each request."""
        if "path" in metafunc.fixturenames:
            cases = [(subject, path) for subject in self.subjects for path in subject.requests]
            ids = [f"{subject.source.slug}-{path.stem}" for subject, path in cases]
            metafunc.parametrize(("subject", "path"), cases, ids=ids)
            return
        for name, fits in WHICH.items():
            if name in metafunc.fixturenames:
                fitting = [subject for subject in self.subjects if fits(subject)]
                metafunc.parametrize(name, fitting, ids=[subject.source.slug for subject in fitting])

    def test_declares_itself(self, subject: Subject) -> None:
        source, place = subject.source, subject.place
        assert source.title, f"{place}: `title` is the name on screens"
        assert source.documentation, f"{place}: `documentation` is the address of the page that describes the format"
        assert len(source.identity) > 20, (
            f"{place}: `identity` says in a sentence what identifies a submission, and why it is the same when the "
            "sender repeats it"
        )
        assert source.namespace in ("source", "channel")
        assert source.carriers or subject.signs_body, f"{place}: `carriers`: a secret that travels has to be masked"

    def test_the_sample_verifies_under_any_of_the_secrets(self, subject: Subject) -> None:
        request, _ = subject.sample()
        assert subject.source.verify(request, subject.entrance()) == 0
        rotated = subject.entrance(secrets=("segredo-novo", "", subject.secret))
        assert subject.source.verify(request, rotated) == 2

    @pytest.mark.parametrize("held", [(), ("",), ("outro-segredo",)], ids=["none", "empty", "another"])
    def test_without_the_right_secret_it_is_refused_with_401(self, subject: Subject, held: tuple[str, ...]) -> None:
        sample = subject.sample()[0]
        for request in (sample, post(sample.body)):
            with pytest.raises(Reject) as refused:
                subject.source.verify(request, subject.entrance(secrets=held))
            assert refused.value.status == 401

    def test_a_signature_binds_the_raw_body(self, signing: Subject) -> None:
        request, _ = signing.sample()
        document = _document(request)
        again = [json.dumps(document, indent=1).encode()] if document is not None else []
        for body in (*again, request.body[:-1], request.body + b"\n", b""):
            with pytest.raises(Reject, match="does not match"):
                signing.source.verify(_with(request, body), signing.entrance())

    def test_carriers_cover_the_secret(self, subject: Subject) -> None:
        request, _ = subject.sample()
        hidden = {(carrier.place, carrier.name) for carrier in subject.source.carriers}
        headers = [value for name, value in request.headers.items() if ("header", name) not in hidden]
        query = [value for name, value in request.query.items() if ("query", name) not in hidden]
        document = _document(request)
        pairs = document.items() if isinstance(document, dict) else parse_qsl(request.body.decode("latin-1"))
        body = [value for name, value in pairs if not {("json", name.lower()), ("form", name)} & hidden]
        assert subject.secret not in repr((headers, query, body)), f"{subject.place}: `carriers` misses a place"

    def test_each_sample_is_a_lead_of_its_own_with_the_person(self, leading: Subject) -> None:
        keys = set()
        for number in (1, 2):
            (lead,) = _leads(leading, *leading.sample(number))
            assert lead.lead.name == PERSON["name"]
            assert lead.lead.emails == leading.emails
            (phone,) = lead.lead.phones
            assert PERSON["phone"].endswith((phone.ddd or "") + phone.value)
            assert not lead.test
            keys.add(lead.key)
        assert len(keys - {None}) == 2, f"{leading.place}: `sample` makes a submission's id of `number`"

    def test_each_sample_tells_something_of_its_own(self, telling: Subject) -> None:
        told = [one for number in (1, 2) for one in telling.source.read(telling.sample(number)[0], telling.entrance())]
        assert [isinstance(one, ProcessStatus | Trigger) for one in told] == [True] * 2
        assert len({one.key for one in told}) == 2, f"{telling.place}: `sample` makes a submission's id of `number`"

    def test_replies_are_what_they_say_and_keep_the_status(self, subject: Subject) -> None:
        accepted = subject.source.accepted("0190a000-0000-7000-8000-000000000000")
        assert accepted.status == 200
        if accepted.content_type == "application/json":
            assert isinstance(json.loads(accepted.body), dict)
        for status in (400, 401, 413, 503):
            refused = subject.source.refused(status, "a_reason", "in words")
            assert refused.status == status
            assert "in words" in refused.body.decode()

    def test_what_is_new_in_a_body_is_kept(self, leading: Subject) -> None:
        request, answers = leading.sample()
        news = {"campo_novo": "valor novo", "fundo": nested(100), "enorme": int("9" * 60)}
        if leading.fetches:
            answers = {key: json.dumps({**json.loads(answer), **news}).encode() for key, answer in answers.items()}
        elif isinstance(document := _document(request), dict):
            request = _with(request, json.dumps({**document, **news}).encode())
        else:
            request = _with(request, request.body + b"&" + urlencode(news).encode())
        (read,) = _leads(leading, request, answers)
        kept = {**read.lead.answers, **read.lead.extra}
        for name, value in (("campo_novo", "valor novo"), ("enorme", "9" * 60)):
            assert kept.get(name) == value, f"{leading.place}: a field that is new goes into `Lead.extra` or `.answers`"
        assert read.lead.emails == leading.emails

    def test_what_is_new_of_what_is_told_is_kept(self, telling: Subject) -> None:
        request, _ = telling.sample()
        news = _with(request, json.dumps({**_document(request), "campo_novo": "valor novo"}).encode())
        (read,) = telling.source.read(news, telling.entrance())
        assert isinstance(read, ProcessStatus | Trigger)
        assert read.said["campo_novo"] == "valor novo", f"{telling.place}: a field that is new goes into `said`"

    def test_only_what_is_new_in_a_body_is_drift(self, declaring: Subject) -> None:
        known = declaring.source.known_fields or frozenset()
        for request in (declaring.fixture(declaring.fixtures / "plain.request")[1], declaring.sample()[0]):
            body = _document(request)
            assert body is not None, f"{declaring.place}: `known_fields` tells of JSON bodies alone"
            assert unknown_fields(body, known) == []
            assert unknown_fields({**body, "campo_novo": {"valor": 1}}, known) == ["campo_novo"]

    @pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
    def test_awkward_bodies_are_read_or_parked(self, subject: Subject, body: bytes) -> None:
        for headers in ({}, {"Content-Type": "image/png"}, {"Content-Type": "application/json"}):
            _read_or_park(subject, post(body, headers))
        truncated = subject.sample()[0]
        _read_or_park(subject, _with(truncated, truncated.body[:-9]))

    @fuzz
    @given(body=st.binary(max_size=200))
    def test_any_bytes_are_read_or_parked(self, subject: Subject, body: bytes) -> None:
        request, _ = subject.sample()
        _read_or_park(subject, post(body))
        _read_or_park(subject, _with(request, request.body[:40] + body + request.body[60:]))
        with suppress(Reject):
            subject.source.verify(post(body), subject.entrance())

    @fuzz
    @given(data=st.data())
    def test_any_json_is_read_or_parked(self, subject: Subject, data: st.DataObject) -> None:
        request, answers = subject.sample()
        document = data.draw(st.just(_document(request)).flatmap(altered) | JSON)
        _read_or_park(subject, _with(request, json.dumps(document).encode()))
        door, pointers = subject.entrance(), _pointers(subject, request)
        for key, answer in answers.items():
            other = data.draw(st.just(json.loads(answer)).flatmap(altered) | JSON)
            with suppress(Park):
                _check(subject.source.read_fetched(pointers.get(key, {}), json.dumps(other).encode(), door))

    @fuzz
    @given(answer=st.binary(max_size=60))
    def test_any_fetched_bytes_are_read_or_parked(self, fetching: Subject, answer: bytes) -> None:
        door = fetching.entrance()
        for pointer in _pointers(fetching, fetching.sample()[0]).values():
            with suppress(Park):
                _check(fetching.source.read_fetched(pointer, answer, door))

    def test_fixture(self, subject: Subject, path: Path) -> None:
        door, request = subject.fixture(path)
        expectation = path.with_suffix(".expected.json")
        assert expectation.is_file(), f"{path} has no {expectation.name}"
        found, expected = _outcome(path, request, door), json.loads(expectation.read_text(encoding="utf-8"))
        assert found == expected, f"{path}\ngave\n{shown(found)}\n{expectation.name} says\n{shown(expected)}"

    def test_has_fixtures_and_every_expectation_a_request(self, subject: Subject) -> None:
        requests = {path.stem for path in subject.requests}
        assert requests >= CASES, f"{subject.fixtures} lacks {', '.join(sorted(CASES - requests))}"
        assert {path.name.partition(".")[0] for path in subject.fixtures.iterdir()} == requests


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
        answers = json.loads(stored.read_text(encoding="utf-8"))
        pointers = {read.key: read.data for read in reads if isinstance(read, Pointer)}
        found["fetched"] = {
            key: as_json(door.source.read_fetched(pointers[key], json.dumps(answer).encode(), door))
            for key, answer in answers.items()
        }
    return found


def _leads(subject: Subject, request: Request, answers: Mapping[str, bytes]) -> list[ReadLead]:
    door = subject.entrance()
    found: list[Read] = []
    for read in subject.source.read(request, door):
        if isinstance(read, Pointer):
            found.append(subject.source.read_fetched(read.data, answers[read.key], door))
        else:
            found.append(read)
    return [read for read in found if isinstance(read, ReadLead)]


def _pointers(subject: Subject, request: Request) -> dict[str, dict[str, Any]]:
    """The data of a request's pointers by key."""
    reads = subject.source.read(request, subject.entrance())
    return {read.key: read.data for read in reads if isinstance(read, Pointer)}


def _read_or_park(subject: Subject, request: Request) -> None:
    with suppress(Park):
        for read in subject.source.read(request, subject.entrance()):
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
    elif isinstance(read, ProcessStatus):
        assert 0 < len(read.status) <= 100
        assert "\x00" not in read.process_id + read.status
    elif isinstance(read, Trigger):
        json.dumps(lead_json(read.client))
        assert "\x00" not in (read.name or "")
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
