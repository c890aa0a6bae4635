"""JivoChat: events of chats and calls, growing as the visitor says more. Nothing is signed.

One chat is one lead, at its first event with a phone or an e-mail; its end brings the whole talk, and each state of a
call is told by itself. Some events read the answer, to show it to the agent, so it is always a JSON object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.sources.base import (
    HOUSE_CARRIERS,
    Entrance,
    Fields,
    Lead,
    NotALead,
    Read,
    ReadLead,
    Reply,
    Request,
    Sample,
    SentPhone,
    Source,
    house_secret,
    identifier,
    json_object,
    list_of,
    note_page_url,
)


class JivoChat(Source):
    slug = "jivochat"
    title = "JivoChat"
    documentation = "https://www.jivochat.com.br/docs/webhooks"
    identity = (
        "widget_id with chat_id: one chat is one lead. The end of a chat and each state of a call count by themselves; "
        "a message left while nobody was there has an offline_message_id."
    )
    namespace = "channel"
    carriers = HOUSE_CARRIERS
    known_fields = frozenset({
        "event_name", "chat_id", "widget_id", "offline_message_id", "message", "plain_messages", "html_messages",
        "visitor.name", "visitor.email", "visitor.phone", "visitor.number", "visitor.description", "visitor.social.*",
        "visitor.chats_count", "agent.*", "agents.*", "department.*", "session.geoip.*", "session.utm",
        "session.utm_json.*", "session.ip_addr", "session.user_agent", "page.url", "page.title", "call.type",
        "call.phone", "call.status", "call.reason", "call.record_url", "chat.messages.*", "chat.plain_messages",
        "chat.html_messages", "chat.rate", "chat.blacklisted", "analytics.*",
    })  # fmt: skip

    def verify(self, request: Request, entrance: Entrance) -> int:
        return house_secret(request, entrance)

    def accepted(self, delivery: str) -> Reply:
        return Reply(200, b'{"result":"ok"}')

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = Fields(json_object(request.body))
        parts = {name: body.fields(name) for name in ("visitor", "session", "page", "chat", "call")}
        visitor, call = parts["visitor"], parts["call"]
        event, kind, status = body.text("event_name"), call.text("type"), call.text("status")
        if kind == "outgoing":
            return [NotALead("ignored", "outgoing_call", "a call that an agent made")]
        key = _key(body, event, status)
        phones = dict.fromkeys([*list_of(visitor.text("phone")), *list_of(call.text("phone"))])
        lead = Lead(
            name=visitor.text("name"),
            phones=[SentPhone(value=phone) for phone in phones],
            emails=list_of(visitor.text("email")),
            message=body.text("message") or _talk(body, parts["chat"]),
            utm=_utm(parts["session"]),
        )
        if not lead.phones and not lead.emails:
            return [NotALead("ignored", "no_contact_yet", "the visitor has left neither phone nor e-mail so far")]
        note_page_url(lead, parts["page"].text("url"))
        told = {"event": event, "call_type": kind, "call_status": status}
        rests = {name: rest for name, part in parts.items() if (rest := part.rest())}
        lead.extra |= {**{name: value for name, value in told.items() if value}, **body.rest(), **rests}
        return [ReadLead(key, lead, conversation="call" if event == "call_event" else "message")]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        body: dict[str, Any] = {
            "event_name": "chat_updated", "chat_id": number, "widget_id": "wExemplo01",
            "visitor": {"name": person["name"], "email": person["email"], "phone": person["phone"], "number": "88"},
            "session": {"utm_json": {"source": "google", "medium": "cpc", "campaign": "lancamento"}},
            "page": {"url": "https://www.example.com.br/jardim", "title": "Residencial Jardim"},
        }  # fmt: skip
        headers = {"Content-Type": "application/json", "X-Lead-Key": entrance.secrets[0]}
        return headers, json.dumps(body, ensure_ascii=False).encode(), {}


def _key(body: Fields, event: str | None, status: str | None) -> str | None:
    widget, chat, left = body.text("widget_id"), body.text("chat_id"), body.text("offline_message_id")
    if left or chat is None:
        return identifier(f"{widget or ''}:offline:{left}") if left else None
    own = {"chat_finished": ":finished", "offline_message": ":offline", "call_event": f":call:{status}"}
    return identifier(f"{widget or ''}:{chat}{own.get(event or '', '')}")


def _talk(body: Fields, chat: Fields) -> str | None:
    """What was said, a line each, by whom; or the text of it that comes ready-made."""
    said = map(Fields, chat.items("messages"))
    lines = [f"{one.text('type') or '?'}: {text}" for one in said if (text := one.text("message"))]
    body.drop("html_messages")
    chat.drop("html_messages")
    ready = body.text("plain_messages") or chat.text("plain_messages")
    return "\n".join(lines) or ready


def _utm(session: Fields) -> dict[str, str]:
    """`utm_json`, else the same as `source=google|medium=cpc`."""
    pairs = [part.partition("=") for part in (session.text("utm") or "").split("|")]
    spelled = {name.strip(): value for name, _, value in pairs if name.strip() and value}
    given = session.fields("utm_json")
    return spelled | {name: text for name in given.rest() if (text := given.text(name))}
