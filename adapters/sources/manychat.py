"""ManyChat: the request that a flow makes at its "External Request" step, its body made by the flow's author.

There are no webhooks of events, so nothing is signed and nothing is tried again. The ready-made body is "Full Contact
Data"; any other shape is read as `form` reads one. The flow waits for a JSON answer, which a Dynamic Block shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.sources.base import MIB, Entrance, NoOptions, Read, ReadLead, Reply, Request, Sample, identifier
from adapters.sources.form import Form
from adapters.sources.form_presets import Preset

ANSWER = b'{"version":"v2","content":{}}'
"""An empty Dynamic Block: right where the step expects one, and JSON where it expects any."""

FULL_CONTACT_DATA = Preset(
    "ManyChat",
    synonyms={
        "message": ("last input text",),
        "phone": ("whatsapp phone",),
        "submitted_at": ("last interaction", "ig last interaction"),
        "consent": ("optin whatsapp", "optin phone", "optin email"),
    },
    mapping={"extra.flow": "flow"},
    extra=(
        "key", "pageid", "userrefs*", "status", "gender", "profilepic", "locale", "language", "timezone",
        "livechaturl", "phonecountrycode", "subscribed", "lastseen", "iglastseen", "isfollowupenabled", "igusername",
        "igid", "lastgrowthtool*",
    ),
)  # fmt: skip
"""The ready-made body. `flow` is a field of ours, which the flow's author adds to say which flow it is."""


class ManyChat(Form):
    slug = "manychat"
    title = "ManyChat"
    documentation = "https://manychat.github.io/dynamic_block_docs/"
    identity = (
        "The subscriber's id with the flow (field flow) and the day of the last interaction: a person may go through a "
        "flow again another day. Without that time: the content within 10 minutes."
    )

    options_model = NoOptions
    max_body = MIB

    def preset(self, entrance: Entrance) -> Preset:
        return FULL_CONTACT_DATA

    def accepted(self, delivery: str) -> Reply:
        return Reply(200, ANSWER)

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        return [_keyed(one, entrance) if isinstance(one, ReadLead) else one for one in super().read(request, entrance)]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        first, _, last = person["name"].partition(" ")
        body: dict[str, Any] = {
            "id": f"{1000000000000 + number}", "key": f"user:{1000000000000 + number}", "status": "active",
            "first_name": first, "last_name": last, "name": person["name"], "email": person["email"],
            "whatsapp_phone": person["phone"], "optin_whatsapp": True, "last_input_text": "Quero agendar visita",
            "last_interaction": "2026-09-21T15:05:00+00:00", "flow": "visita",
            "custom_fields": {"empreendimento": "Residencial Jardim", "origem": "instagram"},
        }  # fmt: skip
        headers = {"Content-Type": "application/json", "X-Lead-Key": entrance.secrets[0]}
        return headers, json.dumps(body, ensure_ascii=False).encode(), {}


def _keyed(read: ReadLead, entrance: Entrance) -> ReadLead:
    """The submission with a key that says the flow and the day too: the id alone is the person's, for ever."""
    moment = read.lead.submitted_at
    if read.key is None or moment is None:
        return replace(read, key=None)
    day = moment.astimezone(entrance.timezone).date()
    return replace(read, key=identifier(f"{read.key}:{read.lead.extra.get('flow', '')}:{day}"))
