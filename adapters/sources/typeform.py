"""Typeform: one response in each request, its answers by the question's id.

With a secret Typeform signs the raw body (base64, despite the prefix); without one, the house's own is in the address.
A 404 or 410 switches the webhook off: nothing here answers one. Retries and partial responses are unverified.
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
    NotALead,
    Read,
    Request,
    Sample,
    as_text,
    flat,
    hmac_sha256_base64,
    house_secret,
    identifier,
    json_object,
)
from adapters.sources.form import Form
from adapters.sources.typeform_responses import ReadsResponses

KNOWN = ("form_id", "token", "landed_at", "submitted_at", "hidden.*", "calculated.*", "variables[].*", "definition.*",
         "answers[].*", "ending.*")  # fmt: skip
KINDS = {"phone_number": "phone", "email": "email"}  # types of answers that say what they hold


class Typeform(ReadsResponses):
    slug = "typeform"
    title = "Typeform"
    documentation = "https://www.typeform.com/developers/webhooks/example-payload/"
    identity = "form_response.token: Typeform's id of the submission, the same in its retries and in its responses API."
    carriers = HOUSE_CARRIERS
    known_fields = frozenset({"event_id", "event_type", *(f"form_response.{name}" for name in KNOWN)})

    def __init__(self) -> None:
        self._form = Form()

    def verify(self, request: Request, entrance: Entrance) -> int:
        signature = request.headers.get("typeform-signature")
        if signature is None:
            return house_secret(request, entrance)
        return hmac_sha256_base64(request.body, signature.removeprefix("sha256="), entrance)

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = Fields(raw := json_object(request.body))
        response, partial = body.fields("form_response"), raw.get("event_type") == "form_response_partial"
        definition, token = response.fields("definition"), response.text("token")
        sent = {
            "data": response.take("hidden"), "fields": list(_answers(response.items("answers"), definition)),
            "form_id": response.text("form_id"), "form_name": definition.text("title"),
            "submitted_at": response.text("submitted_at"),
        }  # fmt: skip
        # What a person who leaves halfway has typed so far must not stand in the way of the whole response.
        read = self._form.read_fields(sent, entrance, identifier(f"{token}:partial" if token and partial else token))
        if partial and not read.lead.phones and not read.lead.emails:
            return [NotALead("ignored", "partial_response", "not finished, and no contact in it so far")]
        read.lead.extra |= {**response.rest(), **body.rest()}
        return [read]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        kinds = {"name": "text", "email": "email", "phone": "phone_number"}
        answers = [{"type": kind, kind: person[ref], "field": {"ref": ref}} for ref, kind in kinds.items()]
        body = json.dumps({"form_response": {"token": f"tok{number}", "answers": answers}}).encode()
        signature = base64.b64encode(hmac.digest(entrance.secrets[0].encode(), body, "sha256")).decode()
        return {"Content-Type": "application/json", "Typeform-Signature": f"sha256={signature}"}, body, {}


def _answers(answers: list[Any], definition: Fields) -> Iterator[dict[str, Any]]:
    """Answers with the question's text and its `ref`, the name that an editor of the form gives it."""
    titles = dict(_titles(definition.items("fields")))
    for answer in filter(lambda one: isinstance(one, dict), answers):
        asked, kind = Fields(answer.get("field")), as_text(answer.get("type")) or ""
        key, ref = asked.text("id") or kind, asked.text("ref")
        title = titles.get(key) or ref or key
        yield {"title": title, "id": ref, "type": KINDS.get(kind), "value": _value(answer, kind)}


def _titles(fields: list[Any]) -> Iterator[tuple[str, str]]:
    """Questions by id, those of a group (address, contact) too."""
    for field in map(Fields, fields):
        yield field.text("id") or "", field.text("title") or ""
        yield from _titles(field.fields("properties").items("fields"))


def _value(answer: dict[str, Any], kind: str) -> Any:
    """An answer's value: of choices, their labels and what was written beside them."""
    value = answer.get(kind)
    choice = Fields(value)
    return flat([*choice.items("labels"), *choice.texts("label", "other").values()] or value)
