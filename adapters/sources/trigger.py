"""Word from another system that something happened to an OPV, for automations with `on: {webhook: CHANNEL}`.

`{opv, …}` or `{phone, email or document, …}`, with a `name` of what happened and any `data`. It brings no lead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.sources.base import (
    HOUSE_CARRIERS,
    Entrance,
    Fields,
    Lead,
    Park,
    Read,
    Reply,
    Request,
    Sample,
    SentPhone,
    Source,
    house_secret,
    identifier,
    json_object,
    list_of,
)
from schemas.source import Trigger

FIELDS = ("id", "opv", "phone", "email", "document", "name")
_WORD = re.compile(r"[\w.:-]{1,64}")


class TriggerSource(Source):
    slug = "trigger"
    title = "Gatilho de automações"
    documentation = "docs/automation-webhook.md"
    identity = (
        "The body's `id`, else the Idempotency-Key header: what the sender says is one occurrence; unique within the "
        "channel alone, since each sender counts for itself. Neither: the content within 10 minutes."
    )
    namespace = "channel"
    carriers = HOUSE_CARRIERS
    known_fields = frozenset({*FIELDS, "data.*"})

    def verify(self, request: Request, entrance: Entrance) -> int:
        return house_secret(request, entrance)

    def accepted(self, delivery: str) -> Reply:
        return Reply(200, json.dumps({"status": "received", "delivery": delivery}).encode())

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        fields = Fields(json_object(request.body))
        key = identifier(fields.text("id")) or identifier(request.headers.get("idempotency-key"))
        opv = (fields.text("opv") or "").strip().removeprefix("#") or None
        client = Lead(
            phones=[SentPhone(value=phone) for phone in list_of(fields.text("phone"))],
            emails=list_of(fields.text("email")),
            document=fields.text("document"),
        )
        if opv is None and client == Lead():
            raise Park("names_nobody", "the body names neither an OPV nor a phone, e-mail or document of its client")
        name = (fields.text("name") or "").strip() or None
        said: dict[str, Any] = fields.rest()
        if name is not None and not _WORD.fullmatch(name):  # a sentence may be personal: it is no fact
            said, name = {**said, "name": name}, None
        return [Trigger(key, opv, client.model_copy(update={"extra": said}), name)]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        body = {"id": f"gatilho-{number}", "phone": person["phone"], "name": "simulacao", "data": {"parcelas": 360}}
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {entrance.secrets[0]}"}
        return headers, json.dumps(body).encode(), {}
