"""Webflow forms: one submission in each request, its answers by the field's label.

Webflow signs the hooks of an app and those that have a secret; hooks made in the dashboard or with a site token may
come unsigned, and show the house's own secret instead. A redirect counts as a failure; there are three retries, 10
minutes apart. The signed time is not held against the clock: a request that is played again is a repeat.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.sources.base import (
    HOUSE_CARRIERS,
    Entrance,
    Fields,
    NotALead,
    Park,
    Read,
    Reject,
    Request,
    Sample,
    Source,
    hmac_sha256_hex,
    house_secret,
    json_object,
)
from adapters.sources.form import Form

EVENT = "form_submission"


class Webflow(Source):
    slug = "webflow"
    title = "Webflow (formulários)"
    documentation = "https://developers.webflow.com/reference/webhooks"
    identity = "payload.id: Webflow's own id of the submission, the same in each of its retries."
    carriers = HOUSE_CARRIERS
    known_fields = frozenset({
        "triggerType", "payload.name", "payload.siteId", "payload.data.*", "payload.schema.*", "payload.submittedAt",
        "payload.id", "payload.formId", "payload.formElementId", "payload.pageId", "payload.publishedPath",
        "payload.pageUrl", "_id", "d", "data.*", "name", "site",
    })  # fmt: skip

    def __init__(self) -> None:
        self._form = Form()

    def verify(self, request: Request, entrance: Entrance) -> int:
        """The house's own secret, or the signature over time and body."""
        signature = request.headers.get("x-webflow-signature")
        try:
            return house_secret(request, entrance)
        except Reject:
            if not signature:
                raise
        time = request.headers.get("x-webflow-timestamp", "").encode("latin-1", "replace")
        return hmac_sha256_hex(time + b":" + request.body, signature, entrance)

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        raw = json_object(request.body)
        body = Fields(raw)
        if body.text("triggerType") not in (None, EVENT):
            return [NotALead("ignored", "not_a_form", "a notification of another kind than form_submission")]
        # The older shape has no wrapper.
        sent = body.fields("payload") if isinstance(raw.get("payload"), dict) else body
        if not isinstance(data := sent.rest().get("data", {}), dict):
            raise Park("no_fields", "the submission's data is no object with fields")
        sent.drop("data")
        about = {
            "id": sent.text("id", "_id"), "form_id": sent.text("formId"), "form_name": sent.text("name"),
            "submitted_at": sent.text("submittedAt", "d"), "page_url": sent.text("pageUrl"),
        }  # fmt: skip
        read = self._form.read_fields({**about, "data": data}, entrance)
        read.lead.extra |= {**body.rest(), **sent.rest()}
        return [read]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        payload: dict[str, Any] = {
            "name": "Contato", "siteId": "65427cf400e02b306eaa0001", "id": f"66f0{number:020x}",
            "data": {"Nome": person["name"], "E-mail": person["email"], "Telefone": person["phone"],
                     "Empreendimento": "Residencial Jardim", "Quantos quartos?": "2", "utm_source": "google"},
            "submittedAt": "2026-09-21T14:20:00.000Z", "formId": "65429eadebe8a9f3a30f0001",
        }  # fmt: skip
        body = json.dumps({"triggerType": EVENT, "payload": payload}, ensure_ascii=False).encode()
        time = "1790000600000"
        signature = hmac.new(entrance.secrets[0].encode(), f"{time}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "x-webflow-timestamp": time, "x-webflow-signature": signature}
        return headers, body, {}
