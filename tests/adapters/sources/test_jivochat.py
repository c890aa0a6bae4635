"""JivoChat beyond its fixtures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.source import NotALead, ReadLead
from tests.adapters.sources.entrances import entrance, post, read_one

SLUG = "jivochat"
VISITOR = {"phone": "31999990132"}


def test_events_that_read_the_answer_get_json() -> None:
    assert json.loads(entrance(SLUG).source.accepted("x").body) == {"result": "ok"}


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"event_name": "chat_accepted", "chat_id": 7, "widget_id": "w"}, "w:7"),
        ({"event_name": "chat_updated", "chat_id": "7", "widget_id": "w"}, "w:7"),
        ({"event_name": "client_updated", "chat_id": 7, "widget_id": "w"}, "w:7"),
        ({"event_name": "a_new_event", "chat_id": 7, "widget_id": "w"}, "w:7"),
        ({"event_name": "chat_finished", "chat_id": 7, "widget_id": "w"}, "w:7:finished"),
        ({"event_name": "call_event", "chat_id": 7, "widget_id": "w", "call": {"status": "start"}}, "w:7:call:start"),
        ({"event_name": "call_event", "chat_id": 7, "widget_id": "w", "call": {"status": "end"}}, "w:7:call:end"),
        ({"event_name": "offline_message", "chat_id": 7, "widget_id": "w"}, "w:7:offline"),
        ({"event_name": "offline_message", "offline_message_id": 9, "chat_id": 7}, ":offline:9"),
        ({"event_name": "chat_accepted"}, None),
        ({}, None),
    ],
)
def test_one_chat_is_one_lead_and_its_end_another_entry(fields: dict[str, Any], key: str | None) -> None:
    read = read_one(SLUG, {**fields, "visitor": VISITOR})
    assert read.key == key
    assert read.conversation == ("call" if fields.get("event_name") == "call_event" else "message")


def test_the_visitors_number_is_no_phone() -> None:
    door = entrance(SLUG)
    (read,) = door.source.read(post('{"event_name": "chat_accepted", "visitor": {"number": "88"}}'), door)
    assert isinstance(read, NotALead)
    assert (read.outcome, read.reason, read.key) == ("ignored", "no_contact_yet", None)


@pytest.mark.parametrize(
    "said",
    [
        {"plain_messages": "Bom dia"},
        {"chat": {"plain_messages": "Bom dia", "html_messages": "<p>Bom dia</p>"}, "html_messages": "<p>Bom dia</p>"},
        {"message": "Bom dia"},
    ],
)
def test_the_talk_ready_made(said: dict[str, Any]) -> None:
    lead = read_one(SLUG, {"event_name": "chat_finished", "visitor": VISITOR, **said}).lead
    assert lead.message == "Bom dia"
    assert lead.extra == {"event": "chat_finished"}


def test_a_talk_of_odd_messages() -> None:
    messages = [{"message": "Oi"}, {"type": "visitor"}, "x", None, {"type": "agent", "message": 5}]
    lead = read_one(SLUG, {"visitor": VISITOR, "chat": {"messages": messages}}).lead
    assert lead.message == "?: Oi\nagent: 5"


@pytest.mark.parametrize(
    ("session", "utm"),
    [
        ({"utm": "source=google|medium=cpc|x|=y|term="}, {"source": "google", "medium": "cpc"}),
        ({"utm": "source=google", "utm_json": {"source": "meta", "term": None}}, {"source": "meta"}),
        ({"utm_json": []}, {}),
    ],
)
def test_utm_in_both_spellings(session: dict[str, Any], utm: dict[str, str]) -> None:
    assert read_one(SLUG, {"visitor": VISITOR, "session": session}).lead.utm == utm


def test_a_caller_without_a_card_is_known_by_the_calls_phone() -> None:
    door = entrance(SLUG)
    body = {"event_name": "call_event", "chat_id": 1, "call": {"type": "incoming", "phone": "31999990137"}}
    (read,) = door.source.read(post(json.dumps(body)), door)
    assert isinstance(read, ReadLead)
    assert [phone.value for phone in read.lead.phones] == ["31999990137"]
