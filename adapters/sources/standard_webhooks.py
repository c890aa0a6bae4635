"""The house's own published contract (docs/standard-webhooks.md): leads signed by Standard Webhooks 1.0, bare or in its
`{type, timestamp, data}` envelope, and CloudEvents 1.0 in all three modes of its HTTP binding.

A redirect is a failure to these senders and 410 disables the hook, so neither is ever answered.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from adapters.sources.base import (
    HOUSE_CARRIERS,
    Carrier,
    Entrance,
    Fields,
    NotALead,
    Park,
    Read,
    ReadLead,
    Request,
    Sample,
    identifier,
    json_body,
    note_submitted_at,
)
from adapters.sources.form import MAX_LEADS, Form
from adapters.sources.signing import standard_headers, standard_webhook

EVENT = {"id": "event_id", "source": "event_source", "type": "event_type", "subject": "event_subject"}
"""What an envelope's own fields are called beside the lead's, which have fields of the same names."""


class StandardWebhooks(Form):
    slug = "standard_webhooks"
    title = "Webhook assinado (Standard Webhooks, CloudEvents)"
    documentation = "docs/standard-webhooks.md"
    identity = (
        "The lead's own `id`; else a CloudEvent's source and id, else the webhook-id header: each stays the same when "
        "a sender tries again. Unique within the channel alone, since each sender counts for itself."
    )
    carriers = (*HOUSE_CARRIERS, Carrier("query", "access_token"))

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """`now` gives seconds since 1970, to refuse signatures that are older than five minutes."""
        super().__init__()
        self._now = now

    def verify(self, request: Request, entrance: Entrance) -> int:
        """A `v1` signature; a request without any has to show the secret itself (CloudEvents has no signature)."""
        return standard_webhook(request, entrance, self._now(), request.query.get("access_token"))

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        events = _events(request)
        reads: list[Read] = []
        for event in events:
            inner = replace(request, headers={**request.headers, "idempotency-key": event.key or ""}, body=event.data)
            try:
                found = super().read(inner, entrance)
            except Park as error:
                if len(events) == 1:
                    raise
                found = [NotALead("ignored", "event_unreadable", error.detail)]
            reads += [_completed(read, event, entrance) for read in found]
        if all(isinstance(read, NotALead) for read in reads):
            raise Park("nothing_readable", "no event of the batch holds a lead")
        return reads

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        lead = {
            "id": f"lead_{number}", "name": person["name"], "phone": person["phone"], "email": person["email"],
            "message": "Quero conhecer o decorado.", "development": "Residencial Jardim", "source": "parceiro",
            "campaign": "lancamento jardim", "utm_source": "google", "answers": {"Quantos quartos?": "2"},
        }  # fmt: skip
        envelope = {"type": "lead.created", "timestamp": "2026-09-21T14:30:00Z", "data": lead}
        body = json.dumps(envelope, ensure_ascii=False).encode()
        signed = standard_headers(entrance.secrets[0], f"msg_{number}", self._now(), body)
        return {"Content-Type": "application/json", **signed}, body, {}


@dataclass(frozen=True, slots=True)
class _Event:
    """The lead's own bytes, what identifies them if they do not, when it happened, and what else was said of it."""

    data: bytes
    key: str | None
    at: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


def _events(request: Request) -> list[_Event]:
    """The events of a request. Told by the headers and the body itself: content types are often wrong."""
    headers = request.headers
    own = next((headers[name] for name in ("idempotency-key", "webhook-id", "svix-id") if headers.get(name)), None)
    if "ce-specversion" in headers:
        attributes = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
        return [_event(attributes, request.body, own)]
    try:
        body = json_body(request.body)
    except Park:
        body = None
    items = body if isinstance(body, list) else [body]
    if not any(map(_is_envelope, items)):
        return [_Event(request.body, own)]
    if len(items) > MAX_LEADS:
        raise Park("too_many_leads", f"the body is a list of more than {MAX_LEADS} leads")
    keys = [f"{own}:{index}" if own and len(items) > 1 else own for index in range(len(items))]
    return [
        _event(item, _data(item), key) if _is_envelope(item) else _Event(json.dumps(item).encode(), key)
        for item, key in zip(items, keys, strict=True)
    ]


def _is_envelope(item: Any) -> bool:
    """`data` alone would not tell: in Portuguese it is the word for a date."""
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        return False
    return "specversion" in item or isinstance(item.get("data"), dict)


def _data(envelope: Mapping[str, Any]) -> bytes:
    """The data of an envelope as a body of its own; what is not there or no base64 is empty, which nobody can read."""
    encoded, data = envelope.get("data_base64"), envelope.get("data")
    if isinstance(encoded, str):
        try:
            return base64.b64decode(encoded, validate=True)
        except ValueError:
            return b""
    if isinstance(data, str):
        return data.encode("utf-8", "surrogatepass")
    return b"" if data is None else json.dumps(data).encode()


def _event(envelope: Mapping[str, Any], data: bytes, key: str | None) -> _Event:
    fields = Fields(envelope)
    is_cloud_event = fields.text("specversion") is not None
    fields.drop("data", "data_base64", "datacontenttype")
    at = fields.text("time", "timestamp")
    about = {EVENT.get(name, name): value for name, value in fields.rest().items()}
    if is_cloud_event and "event_id" in about:
        key = identifier(f"{about.get('event_source', '')} {about['event_id']}")
    return _Event(data, key, at, about)


def _completed(read: Read, event: _Event, entrance: Entrance) -> Read:
    """The lead with what its envelope says, where it does not say so itself."""
    if isinstance(read, ReadLead):
        read.lead.extra = {**event.about, **read.lead.extra}
        if read.lead.submitted_at is None and "submitted_at" not in read.lead.raw:
            note_submitted_at(read.lead, event.at, entrance.timezone)
    return read
