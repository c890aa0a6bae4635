"""Chatwoot beyond its fixtures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.errors import Reject
from schemas.source import NotALead
from tests.adapters.sources.entrances import FIXTURES, entrance, fixture, post, read_one

SLUG = "chatwoot"
KEY = "key=SEGREDO-EXEMPLO"
SIGNING = {"signing_secret": "segredo-chatwoot-exemplo"}
CONTACT = {"id": 9, "name": "Saulo Exemplo", "phone_number": "+5531999990141"}


def test_both_the_key_and_the_signature_where_its_secret_is_known() -> None:
    _, signed = fixture(FIXTURES / SLUG / "contact.request")
    door = entrance(SLUG, options=SIGNING)
    assert door.source.verify(signed, door) == 0
    with pytest.raises(Reject, match="missing or wrong"):
        door.source.verify(post(signed.body, signed.headers, "key=outro"), door)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x-chatwoot-timestamp": "1790000701"}, "wrong_signature"),
        ({"x-chatwoot-signature": "sha256=00"}, "wrong_signature"),
        ({"x-chatwoot-signature": ""}, "missing_signature"),
        ({"x-chatwoot-signature": "cef9bec9f7f9681af4ccf467397e1564cdb4aae076bcbc05edf4cc1809c68ce6"},
         "missing_signature"),
    ],
)  # fmt: skip
def test_a_signature_that_is_not_right(change: dict[str, str], reason: str) -> None:
    _, signed = fixture(FIXTURES / SLUG / "contact.request")
    door = entrance(SLUG, options=SIGNING)
    with pytest.raises(Reject) as refused:
        door.source.verify(post(signed.body, {**signed.headers, **change}, KEY), door)
    assert (refused.value.status, refused.value.reason) == (401, reason)


def test_a_signature_over_another_body_is_refused() -> None:
    _, signed = fixture(FIXTURES / SLUG / "contact.request")
    door = entrance(SLUG, options=SIGNING)
    with pytest.raises(Reject, match="does not match"):
        door.source.verify(post(signed.body + b" ", signed.headers, KEY), door)


@pytest.mark.parametrize(
    "fields",
    [
        {"message_type": "outgoing"},
        {"message_type": "template"},
        {"message_type": "activity"},
        {"message_type": 1},
        {"message_type": 3},
        {"message_type": "incoming", "private": True},
    ],
)
def test_only_what_the_contact_says(fields: dict[str, Any]) -> None:
    door = entrance(SLUG)
    body = {"event": "message_created", "id": 1, "sender": CONTACT, **fields}
    (read,) = door.source.read(post(json.dumps(body)), door)
    assert isinstance(read, NotALead)
    assert (read.outcome, read.reason) == ("ignored", "not_from_the_contact")


@pytest.mark.parametrize("fields", [{"message_type": "incoming"}, {"message_type": 0}, {}, {"message_type": "new"}])
def test_a_message_of_an_unknown_type_is_no_loss(fields: dict[str, Any]) -> None:
    assert read_one(SLUG, {"event": "message_created", "id": 1, "sender": CONTACT, **fields}).lead.phones


@pytest.mark.parametrize(
    ("events", "body", "key"),
    [
        ("contact_created contact_updated", {**CONTACT, "account": {"id": 1}}, "1:contact:9"),
        ("conversation_created conversation_updated conversation_status_changed",
         {"id": 55, "meta": {"sender": CONTACT}, "account": {"id": 1}}, "1:conversation:55"),
        ("message_created message_updated", {"id": 77, "sender": CONTACT, "account": {"id": 1}}, "1:message:77"),
        ("message_created", {"sender": CONTACT}, None),
    ],
)  # fmt: skip
def test_each_thing_counts_once_whatever_event_tells_of_it(events: str, body: dict[str, Any], key: str | None) -> None:
    assert {read_one(SLUG, {"event": event, **body}).key for event in events.split()} == {key}


def test_the_sender_says_more_than_the_conversation_or_less() -> None:
    talk = {"meta": {"sender": {"name": "Antigo", "email": "saulo@example.com", "phone_number": None}}}
    lead = read_one(SLUG, {"event": "message_created", "sender": {**CONTACT, "email": None}, "conversation": talk}).lead
    assert (lead.name, lead.emails) == ("Saulo Exemplo", ["saulo@example.com"])
    assert [phone.value for phone in lead.phones] == ["+5531999990141"]


def test_a_whole_conversation_is_left_out_of_a_message() -> None:
    body = {"event": "message_created", "id": 1, "sender": CONTACT, "conversation": {"id": 5, "messages": [{"id": 1}]}}
    assert read_one(SLUG, body).lead.extra == {"event": "message_created"}
