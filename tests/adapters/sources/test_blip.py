"""Blip beyond its fixtures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.source import NotALead, Read
from tests.adapters.sources.entrances import entrance, post, read_one

SLUG = "blip"
PERSON = "5531999990133@wa.gw.msging.net"
CONTACT = {"identity": PERSON, "name": "Noel Exemplo", "lastMessageDate": "2026-09-21T14:58:00Z", "extras": {"a": "1"}}


def _read(body: dict[str, Any]) -> Read:
    door = entrance(SLUG)
    (read,) = door.source.read(post(json.dumps(body)), door)
    return read


@pytest.mark.parametrize(
    "sender",
    ["imob@msging.net", "imob@msging.net/#inst-1", "tom%40imob.com.br@blip.ai/portal", "postmaster@desk.msging.net"],
)
def test_what_bots_and_agents_say_is_no_message_of_the_person(sender: str) -> None:
    metadata = {"#tunnel.originator": PERSON}
    read = _read({"type": "text/plain", "content": "Olá", "from": sender, "to": PERSON, "metadata": metadata})
    assert isinstance(read, NotALead)
    assert read.reason == "not_from_the_contact"


@pytest.mark.parametrize(
    "sender", ["user%40x@instagram.gw.msging.net", "a1b2@0mn.io", "3b1f@tunnel.msging.net", "BR.1@wa.gw.msging.net", ""]
)
def test_a_person_without_a_number_is_left_for_later(sender: str) -> None:
    read = _read({"type": "text/plain", "content": "Olá", "id": "1", "from": sender})
    assert isinstance(read, NotALead)
    assert (read.outcome, read.reason, read.key) == ("ignored", "no_contact_yet", None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Olá", "Olá"),
        ({"text": "Olá", "options": []}, "Olá"),
        ({"title": "Planta", "uri": "https://media.example.com/1.jpg"}, "Planta"),
        ({"replied": {"type": "text/plain", "value": "Sim"}}, "Sim"),
        ({"replied": {"type": "x", "value": {"uri": "y"}}}, None),
        ({"uri": "https://media.example.com/1.ogg"}, None),
        (["?"], None),
    ],
)
def test_what_a_message_says(content: object, said: str | None) -> None:
    lead = read_one(SLUG, {"type": "x", "content": content, "from": PERSON}).lead
    assert lead.message == said
    if said is None:
        assert {"content", "replied"} & lead.extra.keys()


@pytest.mark.parametrize(
    ("metadata", "moment"),
    [
        ({"#envelope.storageDate": "2026-09-21T14:57:30.5000000Z", "#wa.timestamp": "1"}, "2026-09-21T14:57:30.500000"),
        ({"#wa.timestamp": "1790002650"}, "2026-09-21T14:57:30"),
    ],
)
def test_when_it_was_said(metadata: dict[str, str], moment: str) -> None:
    lead = read_one(SLUG, {"type": "text/plain", "content": "oi", "from": PERSON, "metadata": metadata}).lead
    assert lead.submitted_at is not None
    assert lead.submitted_at.isoformat() == f"{moment}+00:00"


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"lastMessageDate": "2026-09-21T23:00:00Z", "lastUpdateDate": "2026-09-21T23:00:01Z"}, True),
        ({"lastMessageDate": "2026-09-22T00:00:00Z"}, False),
        ({"extras": {"a": "1", "empreendimento": "Jardim Exemplo"}}, False),
        ({"name": "Noel E."}, False),
    ],
)
def test_a_contact_that_says_nothing_new_that_day_is_a_repeat(change: dict[str, Any], same: bool) -> None:
    assert (read_one(SLUG, CONTACT).key == read_one(SLUG, {**CONTACT, **change}).key) is same


def test_two_numbers_of_a_contact() -> None:
    lead = read_one(SLUG, {**CONTACT, "phoneNumber": "+553133330140"}).lead
    assert [phone.value for phone in lead.phones] == ["+553133330140", "+5531999990133"]
