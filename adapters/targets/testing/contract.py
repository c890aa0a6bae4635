"""What every target that talks HTTP must keep, whatever its receiver does."""

# ruff: noqa: S101 - these are tests

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import ClassVar

import pytest
from pydantic import BaseModel, SecretStr

from adapters.targets.testing.receiver import How, Receiver, Step, serving
from adapters.targets.testing.subject import KEY, NOW, PRIVATE, Subject
from schemas.errors import Park, PorteiroError, Retry

LATER = (408, 425, 429, 500, 502, 503, 504)
REDIRECTS = (301, 302, 303, 307, 308)
REFUSALS = (400, 404, 410, 413, 422)
LOST: tuple[How, ...] = ("half", "garbage", "hang", "close")
WAITS = {
    "45": timedelta(seconds=45),
    format_datetime(NOW + timedelta(seconds=90), usegmt=True): timedelta(seconds=90),
    format_datetime(NOW - timedelta(days=1), usegmt=True): timedelta(0),
    "Monday, 21-Sep-26 12:02:00 GMT": timedelta(seconds=120),
    "amanhã".encode().decode("latin-1"): None,
    "-5": None,
    "": None,
}
"""What a `Retry-After` asks for."""


class TargetContract:
    """The tests; a class that inherits them names its `subjects`."""

    subjects: ClassVar[Sequence[Subject]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Runs each test for each subject."""
        metafunc.parametrize("subject", self.subjects, ids=[one.name for one in self.subjects])

    @pytest.fixture
    def receiver(self, subject: Subject) -> Iterator[Receiver]:
        """One that takes everything, unless it is told otherwise."""
        with serving(subject.receiver()) as receiver:
            yield receiver

    def test_declares_itself(self, subject: Subject) -> None:
        target, options = subject.target, subject.message("http://127.0.0.1:1").options
        assert target.slug
        assert target.title, "`title` is the name on screens"
        assert target.options_model.model_config.get("extra") == "forbid", "unknown options are refused"
        assert isinstance(options, BaseModel)
        assert subject.secret not in repr(options) + options.model_dump_json(), "a secret option is a `SecretStr`"
        assert subject.secret in "".join(map(str, _secrets(options)))

    def test_what_is_taken_is_sent_once_with_its_key(self, subject: Subject, receiver: Receiver) -> None:
        for status in (200, 201, 202):
            receiver.plan.append(Step(status))
            subject.send(receiver.url)
        assert receiver.keys == [KEY] * 3
        (body,) = receiver.effects.values()
        assert isinstance(json.loads(body), dict)

    def test_an_answer_that_is_not_understood_is_no_fault_of_ours(self, subject: Subject, receiver: Receiver) -> None:
        for body in (b"", b"\x00\xff", b"[]", b"{}", b'"sim"', b"[" * 10000, b'{"id": {"url": null}}'):
            receiver.plan.append(Step(body=body, headers={"Content-Type": "application/json"}))
            with suppress(Park):
                subject.send(receiver.url)
        assert len(receiver.effects) == 1

    def test_later_is_later(self, subject: Subject, receiver: Receiver) -> None:
        for status in LATER:
            receiver.plan += [Step(status)] * subject.tries
            error = _failed(subject, receiver)
            assert (type(error), error.reason) == (Retry, f"http_{status}")
            assert not receiver.plan
        assert set(receiver.keys) == {KEY}
        assert receiver.effects == {}

    def test_the_wait_that_is_asked_for(self, subject: Subject, receiver: Receiver) -> None:
        for status, (said, wait) in ((status, one) for status in (429, 503) for one in WAITS.items()):
            receiver.plan += [Step(status, {"Retry-After": said})] * subject.tries
            error = _failed(subject, receiver)
            assert isinstance(error, Retry)
            assert error.after == wait, said

    def test_a_lost_answer_has_one_effect(self, subject: Subject, receiver: Receiver) -> None:
        receiver.plan = [Step(503), *(Step(how=how) for how in LOST), Step(429, {"Retry-After": "1"})]
        tried = False
        for _ in range(10):
            try:
                subject.send(receiver.url, tried=tried)
                break
            except Retry:
                tried = True
        else:
            pytest.fail("it is never taken")
        assert len(receiver.effects) == 1
        assert set(receiver.keys) == {KEY}, "every try has the same key"

    @pytest.mark.parametrize("how", ["garbage", "hang", "close"])
    def test_no_answer_is_a_later_and_soon(self, subject: Subject, receiver: Receiver, how: How) -> None:
        receiver.plan = [Step(how=how)] * subject.tries
        began = time.monotonic()
        error = _failed(subject, receiver)
        assert (type(error), error.reason) == (Retry, "no_answer")
        assert time.monotonic() - began < 5

    def test_nobody_there_is_a_later(self, subject: Subject) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(Retry) as raised:
            subject.send(url)
        assert raised.value.reason == "no_answer"

    def test_redirects_are_not_followed(self, subject: Subject, receiver: Receiver) -> None:
        with serving(subject.receiver()) as other:
            for status in REDIRECTS:
                receiver.plan.append(Step(status, {"Location": f"{other.url}/"}, b""))
                assert isinstance(_failed(subject, receiver), Park)
        assert (len(receiver.asked), other.asked, receiver.effects) == (len(REDIRECTS), [], {})

    def test_a_refusal_waits_for_a_person(self, subject: Subject, receiver: Receiver) -> None:
        for status in REFUSALS:
            for body in (b"", b"\xff", b'{"detail": "Ana Exemplo, +5511980000001"}', b"x" * 3_000_000):
                receiver.plan.append(Step(status, body=body))
                assert isinstance(_failed(subject, receiver), Park)
        assert len(receiver.asked) == 4 * len(REFUSALS), "it is asked once"
        assert receiver.effects == {}

    def test_options_of_another_target_send_nothing(self, subject: Subject, receiver: Receiver) -> None:
        class Others(BaseModel):
            """Nobody's options."""

        for options in (Others(), None):
            message = replace(subject.message(receiver.url), options=options)
            with pytest.raises(Park):
                subject.target.send(message)
        assert receiver.asked == []


def _failed(subject: Subject, receiver: Receiver) -> PorteiroError:
    """How it fails, in words that repeat neither a person's data nor a secret."""
    with pytest.raises(PorteiroError) as raised:
        subject.send(receiver.url)
    error = raised.value
    for private in (*PRIVATE, subject.secret, receiver.url):
        assert private not in error.reason + error.detail
    return error


def _secrets(options: BaseModel) -> Iterator[str]:
    for value in dict(options).values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, SecretStr):
                yield one.get_secret_value()
