"""WhatsApp Cloud API beyond its fixtures: handshake, whose number, what makes a capture."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.sources.whatsapp_cloud import WhatsappOptions
from schemas.errors import Park, Reject
from schemas.source import NotALead, Read, ReadLead
from tests.adapters.sources.entrances import entrance, get, post

SLUG = "whatsapp_cloud"
HUB = "hub.mode=subscribe&hub.verify_token=verificacao-exemplo&hub.challenge=1158201444"
NUMBER = "5531999990151"


def read(*messages: dict[str, Any], options: dict[str, Any] | None = None, **value: Any) -> list[Read]:
    """What is read out of one change of the field `messages`."""
    metadata = {"display_phone_number": "553140000000", "phone_number_id": "210000000000001"}
    change = {"field": "messages", "value": {"metadata": metadata, "messages": list(messages), **value}}
    body = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
    door = entrance(SLUG, options=options)
    return list(door.source.read(post(json.dumps(body)), door))


def text(body: str, **more: Any) -> dict[str, Any]:
    return {"id": "wamid.1", "from": NUMBER, "type": "text", "text": {"body": body}, **more}


def the_lead(reads: list[Read]) -> ReadLead:
    (found,) = reads
    assert isinstance(found, ReadLead)
    return found


def test_the_handshake_gives_the_bare_challenge_to_the_right_token_alone() -> None:
    door = entrance(SLUG)
    reply = door.source.handshake(get(HUB), door)
    assert (reply.status, reply.body, reply.content_type) == (200, b"1158201444", "text/plain")
    with pytest.raises(Reject) as refused:
        door.source.handshake(get(HUB.replace("verificacao", "outra")), door)
    assert refused.value.status == 403


def test_every_message_is_one_of_a_conversation_and_only_an_advertisement_fills_ad() -> None:
    talk = the_lead(read(text("Oi")))
    assert talk.conversation == "message"
    assert talk.lead.ad == {}
    brought = the_lead(read(text("Oi", referral={"source_type": "story", "source_id": 7})))
    assert brought.conversation == "message"
    assert brought.lead.ad == {"source_type": "story", "source_id": "7"}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://fb.me/x", "facebook"),
        ("https://www.instagram.com/p/x/?a=fb.me", "instagram"),
        ("https://l.facebook.com:443/l.php", "facebook"),
        ("https://instagram.com.example.org/", None),
        ("https://notinstagram.com", None),
        ("fb.me/x", None),
        ("https://[", None),
    ],
)
def test_the_origin_is_the_advertisements_network(url: str, origin: str | None) -> None:
    assert the_lead(read(text("Oi", referral={"source_url": url}))).lead.origin == origin


def test_only_the_channels_own_numbers_when_it_names_them() -> None:
    options = {"phone_number_ids": [210000000000001]}
    assert isinstance(the_lead(read(text("Oi"), options=options)), ReadLead)
    (other,) = read(text("Oi"), options=options, metadata={"phone_number_id": "9"})
    assert isinstance(other, NotALead)
    assert (other.outcome, other.reason) == ("ignored", "another_number")


@pytest.mark.parametrize("change", [{"from": "16315551181"}, {"metadata": {"phone_number_id": "123456123"}}])
def test_the_dashboards_sample_is_a_test(change: dict[str, Any]) -> None:
    message = text("this is a text message", **({"from": change["from"]} if "from" in change else {}))
    (found,) = read(message, **{name: value for name, value in change.items() if name == "metadata"})
    assert isinstance(found, NotALead)
    assert found.outcome == "test"


@pytest.mark.parametrize("kind", ["reaction", "system", "edit", "revoke"])
def test_what_says_nothing_new_is_no_lead(kind: str) -> None:
    (found,) = read({"id": "wamid.2", "from": NUMBER, "type": kind, kind: {}})
    assert isinstance(found, NotALead)
    assert (found.outcome, found.key) == ("ignored", "wamid.2")


@pytest.mark.parametrize(
    ("contacts", "name", "phone"),
    [
        ([{"wa_id": NUMBER, "profile": {"name": "Ana"}}, {"wa_id": "1", "profile": {"name": "Bia"}}], "Ana", NUMBER),
        ([{"wa_id": "1", "profile": {"name": "Bia"}}, {"wa_id": "2", "profile": {"name": "Cris"}}], None, NUMBER),
        ([{"wa_id": "553199990151", "profile": {"name": "Ana"}}], "Ana", "553199990151"),
        ([], None, NUMBER),
    ],
)
def test_the_sender_is_found_among_the_contacts(contacts: list[Any], name: str | None, phone: str) -> None:
    lead = the_lead(read(text("Oi"), contacts=contacts)).lead
    assert (lead.name, [sent.value for sent in lead.phones]) == (name, ["+" + phone])


def test_a_person_without_a_number_is_known_by_the_user_id() -> None:
    message = {"id": "wamid.3", "from_user_id": "BR.x", "type": "text", "text": {"body": "Oi"}}
    lead = the_lead(read(message, contacts=[{"user_id": "BR.x", "profile": {"name": "Ana", "username": "ana.x"}}])).lead
    assert (lead.name, lead.phones) == ("Ana", [])
    assert lead.extra["from_user_id"] == "BR.x"
    assert lead.extra["username"] == "ana.x"


@pytest.mark.parametrize("response", ["[1]", "{", "", "\ud800"])
def test_an_unreadable_form_answer_is_kept_as_sent(response: str) -> None:
    reply = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "response_json": response}}
    lead = the_lead(read({"id": "wamid.4", "from": NUMBER, "type": "interactive", "interactive": reply})).lead
    assert lead.answers == {}
    assert lead.extra["interactive"] == reply


@pytest.mark.parametrize(
    "body", [{}, {"entry": []}, {"entry": [{"changes": [{}]}]}, {"entry": [{"changes": [{"field": "messages"}]}]}]
)
def test_what_holds_no_change_is_parked(body: dict[str, Any]) -> None:
    door = entrance(SLUG)
    with pytest.raises(Park, match="no change"):
        door.source.read(post(json.dumps({"object": "whatsapp_business_account", **body})), door)


def test_a_full_batch_gives_a_read_for_each_message_and_one_for_all_receipts() -> None:
    messages = [text("Oi", id=f"wamid.{number}") for number in range(1000)]
    reads = read(*messages, statuses=[{"id": "x"}] * 1000, contacts=[{"wa_id": str(n)} for n in range(1000)])
    assert len({found.key for found in reads if isinstance(found, ReadLead)}) == 1000
    assert [found.reason for found in reads if isinstance(found, NotALead)] == ["status_update"]


def test_another_product_is_ignored() -> None:
    door = entrance(SLUG)
    (found,) = door.source.read(post('{"object": "page", "entry": []}'), door)
    assert isinstance(found, NotALead)


def test_options_are_checked_and_hide_their_secret() -> None:
    assert "verificacao" not in repr(WhatsappOptions.model_validate({"verify_token": "verificacao-exemplo"}))
    for wrong in ({}, {"verify_token": ""}, {"verify_token": "v", "novo": 1}):
        with pytest.raises(ValidationError):
            WhatsappOptions.model_validate(wrong)
