"""Chatwoot: contacts, conversations and messages of a help desk, in webhooks of a whole account.

The house's own secret is in the address always, since older versions sign nothing; newer ones sign time and body, which
is checked too where `signing_secret` is set. How they sign is known from public code only. The signed time is not held
against the clock: a request that is played again is a repeat. Older versions never try again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from adapters.sources.base import (
    HOUSE_CARRIERS,
    Entrance,
    Fields,
    Lead,
    NotALead,
    Read,
    ReadLead,
    Request,
    Sample,
    SentPhone,
    Source,
    as_text,
    hmac_sha256_hex,
    house_secret,
    identifier,
    is_true,
    json_object,
    list_of,
    note_page_url,
    note_submitted_at,
)
from adapters.sources.form import Form

FROM_OTHERS = frozenset({"outgoing", "activity", "template", "1", "2", "3"})
"""Types of messages that agents, bots or the system wrote; some payloads have their numbers. Incoming is 0."""

READ = ("event", "id", "name", "email", "phone_number", "content", "created_at", "message_type", "private")
KEPT = ("attachments", "channel", "content_type", "identifier", "inbox", "labels", "priority", "status")
PARTS = (
    "account", "additional_attributes", "contact", "conversation", "current_conversation", "custom_attributes",
    "messages", "meta", "sender",
)  # fmt: skip
"""Objects of which parts are read."""
LEFT = (
    "agent_last_seen_at", "assignee_last_seen_at", "availability_status", "avatar", "avatar_url", "blocked",
    "can_reply", "changed_attributes", "contact_inbox", "contact_last_seen_at", "content_attributes", "display_id",
    "event_info", "first_reply_created_at", "inbox_id", "last_activity_at", "sentiment", "snoozed_until", "source_id",
    "thumbnail", "timestamp", "type", "unread_count", "updated_at", "uuid", "waiting_since",
)  # fmt: skip
"""What says how the desk works and nothing of the lead."""


class ChatwootOptions(BaseModel):
    """`signing_secret`: the webhook's own secret, in versions that sign."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signing_secret: SecretStr | None = Field(None, min_length=1)


class Chatwoot(Source):
    slug = "chatwoot"
    title = "Chatwoot"
    documentation = "https://www.chatwoot.com/hc/user-guide/articles/1677693021-how-to-use-webhooks"
    identity = (
        "account.id with the id of the message, the conversation or the contact: each counts once, however many events "
        "tell of it. Unique within the channel alone, since a Chatwoot may be anybody's own installation."
    )
    namespace = "channel"
    options_model = ChatwootOptions
    carriers = HOUSE_CARRIERS
    known_fields = frozenset({*READ, *(f"{name}.*" for name in (*KEPT, *PARTS, *LEFT))})

    def __init__(self) -> None:
        self._form = Form()

    def verify(self, request: Request, entrance: Entrance) -> int:
        """The house's own secret, and the signature where its secret is known."""
        index = house_secret(request, entrance)
        signing = cast(ChatwootOptions, entrance.options).signing_secret
        if signing is not None:
            scheme, _, signature = request.headers.get("x-chatwoot-signature", "").partition("=")
            time = request.headers.get("x-chatwoot-timestamp", "").encode("latin-1", "replace")
            signer = replace(entrance, secrets=(signing.get_secret_value(),))
            hmac_sha256_hex(time + b"." + request.body, signature if scheme == "sha256" else None, signer)
        return index

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = json_object(request.body)
        fields = Fields(body)
        event = fields.text("event") or ""
        about = event.partition("_")[0]
        if about not in ("contact", "conversation", "message", "webwidget"):
            return [NotALead("ignored", "other_event", "a notification of no contact, conversation or message")]
        if about == "message" and (is_true(body.get("private")) or as_text(body.get("message_type")) in FROM_OTHERS):
            return [
                NotALead("ignored", "not_from_the_contact", "a note, or a message of an agent, a bot or the system")
            ]
        talk = _talk(body, about)
        lead = self._lead(_person(body, about, talk), talk, entrance)
        if not lead.phones and not lead.emails:
            return [NotALead("ignored", "no_contact_yet", "the contact has neither phone nor e-mail so far")]
        said = fields.text("content") or (_first_said(talk) if about == "conversation" else None)
        lead.message = said or lead.message
        note_submitted_at(lead, fields.text("created_at"), entrance.timezone)
        number, account = fields.text("id"), as_text(_object(body, "account").get("id")) or ""
        fields.drop(*READ, *PARTS, *LEFT)
        lead.extra |= {"event": event, **fields.rest()}
        return [ReadLead(identifier(f"{account}:{about}:{number}") if number else None, lead, conversation="message")]

    def _lead(self, person: dict[str, Any], talk: dict[str, Any], entrance: Entrance) -> Lead:
        """The person, and what the desk's custom attributes say by their names."""
        own = {**_object(person, "custom_attributes"), **_object(talk, "custom_attributes")}
        lead = self._form.read_fields(own, entrance).lead
        contact = Fields(person)
        lead.name = contact.text("name") or lead.name
        lead.phones[:0] = [SentPhone(value=value) for value in list_of(contact.text("phone_number"))]
        lead.emails[:0] = list_of(contact.text("email"))
        about = Fields({**_object(person, "additional_attributes"), **_object(talk, "additional_attributes")})
        note_page_url(lead, about.text("referer"))
        lead.extra |= {"additional_attributes": rest} if (rest := about.rest()) else {}
        return lead

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        contact = {"id": 900 + number, "name": person["name"], "email": person["email"],
                   "phone_number": person["phone"], "identifier": None, "additional_attributes": {},
                   "custom_attributes": {"empreendimento": "Residencial Jardim"}}  # fmt: skip
        body: dict[str, Any] = {
            "event": "message_created", "id": number, "content": "Quero agendar uma visita.", "private": False,
            "message_type": "incoming", "created_at": "2026-09-21T14:50:00.000Z", "sender": contact,
            "account": {"id": 1, "name": "Imobiliária Exemplo"}, "inbox": {"id": 3, "name": "Site"},
            "conversation": {"id": 55, "status": "open", "meta": {"sender": contact}},
        }  # fmt: skip
        headers = {"Content-Type": "application/json", "X-Lead-Key": entrance.secrets[0]}
        return headers, json.dumps(body, ensure_ascii=False).encode(), {}


def _object(value: dict[str, Any], *names: str) -> dict[str, Any]:
    """The object that these names lead to; an empty one where there is none."""
    for name in names:
        inner = value.get(name)
        value = inner if isinstance(inner, dict) else {}
    return value


def _talk(body: dict[str, Any], about: str) -> dict[str, Any]:
    """The conversation that an event belongs to."""
    return body if about == "conversation" else _object(body, "conversation") or _object(body, "current_conversation")


def _person(body: dict[str, Any], about: str, talk: dict[str, Any]) -> dict[str, Any]:
    """The contact; a message's sender may say less than the conversation's."""
    if about == "contact":
        return body
    nearest = _object(body, "sender") if about == "message" else _object(body, "contact")
    return _object(talk, "meta", "sender") | {name: value for name, value in nearest.items() if value}


def _first_said(talk: dict[str, Any]) -> str | None:
    """The contact's first message in a conversation's own."""
    messages = talk.get("messages")
    for message in map(Fields, messages if isinstance(messages, list) else []):
        if message.text("message_type") not in FROM_OTHERS and (text := message.text("content")):
            return text
    return None
