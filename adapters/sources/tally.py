"""Tally: one response in each request, all fields of the form in it, the unanswered ones as null.

The signing secret is optional at Tally: with one, the raw body is signed; without one, the house's own secret comes as
a custom header or in the address. Payload and signature are known from public guides only.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.sources.base import (
    HOUSE_CARRIERS,
    Entrance,
    Fields,
    Read,
    Request,
    Sample,
    Source,
    as_text,
    flat,
    hmac_sha256_base64,
    house_secret,
    identifier,
    json_object,
)
from adapters.sources.form import Form

SIGNATURE = "tally-signature"
KINDS = {"INPUT_PHONE_NUMBER": "phone", "INPUT_EMAIL": "email"}
"""Types of fields that say what they hold, whatever the label is."""


class Tally(Source):
    slug = "tally"
    title = "Tally"
    documentation = "https://developers.tally.so/api-reference/endpoint/webhooks/post"
    identity = "data.submissionId (data.responseId is the same): Tally's id of the submission, the same in its retries."
    carriers = HOUSE_CARRIERS
    known_fields = frozenset({"eventId", "eventType", "createdAt", "data.fields[].*", *(
        f"data.{name}" for name in ("responseId", "submissionId", "respondentId", "formId", "formName", "createdAt")
    )})  # fmt: skip

    def __init__(self) -> None:
        self._form = Form()

    def verify(self, request: Request, entrance: Entrance) -> int:
        signature = request.headers.get(SIGNATURE)
        if signature is None:
            return house_secret(request, entrance)
        return hmac_sha256_base64(request.body, signature, entrance)

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = Fields(json_object(request.body))
        response, created = body.fields("data"), body.text("createdAt")
        key = identifier(response.text("submissionId", "responseId"))
        sent = {
            "fields": list(_answers(response.items("fields"))), "form_id": response.text("formId"),
            "form_name": response.text("formName"), "submitted_at": response.text("createdAt") or created,
        }  # fmt: skip
        response.drop("responseId")
        read = self._form.read_fields(sent, entrance, key)
        read.lead.extra |= {**response.rest(), **body.rest()}
        return [read]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        asked = (("Nome", "INPUT_TEXT", person["name"]), ("Fone", "INPUT_PHONE_NUMBER", person["phone"]),
                 ("Onde respondemos?", "INPUT_EMAIL", person["email"]))  # fmt: skip
        fields = [{"key": f"question_{label}", "label": label, "type": kind, "value": v} for label, kind, v in asked]
        data = {"responseId": f"R{number}", "submissionId": f"R{number}", "formId": "F0001", "formName": "Interesse",
                "createdAt": "2026-09-21T14:15:00.000Z", "fields": fields}  # fmt: skip
        body = json.dumps({"eventId": f"ev-{number}", "eventType": "FORM_RESPONSE", "data": data}).encode()
        signature = base64.b64encode(hmac.digest(entrance.secrets[0].encode(), body, "sha256")).decode()
        return {"Content-Type": "application/json", "Tally-Signature": signature}, body, {}


def _answers(fields: list[Any]) -> Iterator[dict[str, Any]]:
    """Answers by label and key. Each box of a list to tick comes a second time as a field of its own: left out."""
    known = [field for field in fields if isinstance(field, dict)]
    lists = tuple(f"{field.get('key')}_" for field in known if isinstance(field.get("value"), list))
    for field in known:
        key, label, kind = as_text(field.get("key")), as_text(field.get("label")), as_text(field.get("type"))
        if not (isinstance(field.get("value"), bool) and kind == "CHECKBOXES" and (key or "").startswith(lists)):
            yield {"title": label, "key": key, "type": KINDS.get(kind or ""), "value": _value(field)}


def _value(field: dict[str, Any]) -> Any:
    """A field's value: options by their text, files by their address."""
    value, options = field.get("value"), field.get("options")
    if not isinstance(value, list):
        return flat(value)
    texts = {one.text("id"): one.text("text") for one in map(Fields, options if isinstance(options, list) else [])}
    return flat([texts.get(as_text(one)) or Fields(one).text("url") or one for one in value])
