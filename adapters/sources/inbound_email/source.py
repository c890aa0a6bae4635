"""The source: who may post, what a mail's lead is, and a sample.

Mailgun gives up on a mail answered 406, Postmark on 403, SendGrid on any 4xx: whatever is verified is taken, and what
names nobody to reach is parked.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator

from adapters.sources.base import (
    HOUSE_CARRIERS,
    MIB,
    Entrance,
    Read,
    Reject,
    Request,
    Sample,
    Source,
    basic_password,
    hmac_sha256_hex,
    house_secret,
)
from adapters.sources.form import Form
from adapters.sources.form_keys import SYNONYMS
from adapters.sources.form_places import ALIASES, OPEN
from adapters.sources.inbound_email.envelopes import POSTMARK, mail_of, mailgun_signature
from adapters.sources.inbound_email.labels import Labels
from adapters.sources.inbound_email.lead import read_mail

MAX_AGE = 86_400.0
"""Seconds for which Mailgun's signature is worth anything: it does not cover the message. Retries end after 8 h."""


class EmailOptions(BaseModel):
    """`provider`: who posts; None: told by the request. `labels`: a lead's field → what the mails call it, besides the
    usual names. `listing`: regular expressions of listing codes in subject and text, their first group (or the whole)
    is the code. `senders`: addresses or domains that may write; empty: any."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Literal["sendgrid", "mailgun", "postmark"] | None = None
    labels: dict[str, list[str]] = Field(default_factory=dict)
    listing: list[re.Pattern[str]] = Field(default_factory=list)
    senders: list[str] = Field(default_factory=list)

    @field_validator("labels")
    @classmethod
    def _fields_of_a_lead(cls, labels: dict[str, list[str]]) -> dict[str, list[str]]:
        for means in labels:
            place, _, name = means.partition(".")
            if means not in SYNONYMS and means not in ALIASES and not (place in OPEN and name):
                raise ValueError(f"a lead has no field `{means}`")
        return labels


class InboundEmail(Source):
    slug = "inbound_email"
    title = "E-mail (SendGrid, Mailgun, Postmark)"
    documentation = "The three services' pages are named in inbound_email/envelopes.py"
    identity = (
        "The mail's Message-ID (RFC 5322), the same in every retry, unique within the channel: one mail to two of its "
        "addresses is one lead. Without one Postmark's own id, else the content within 10 minutes."
    )
    namespace = "channel"
    options_model = EmailOptions
    carriers = HOUSE_CARRIERS
    known_fields = frozenset(f"{name}.*" for name in POSTMARK)
    max_body = 25 * MIB

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._form = Form()
        self._now = now

    def verify(self, request: Request, entrance: Entrance) -> int:
        """Mailgun's signature; from the others the house's own secret, also as password of the address."""
        provider = cast(EmailOptions, entrance.options).provider
        signed = mailgun_signature(request.body) if provider in (None, "mailgun") else None
        if signed is None and provider != "mailgun":
            return house_secret(request, entrance, basic_password(request))
        if signed is None:
            raise Reject("missing_signature", "the form lacks timestamp, token and signature", 401)
        index = hmac_sha256_hex(f"{signed.timestamp}{signed.token}".encode(), signed.signature, entrance)
        if not signed.timestamp.isdecimal() or abs(self._now() - int(signed.timestamp[:15])) > MAX_AGE:
            raise Reject("stale_timestamp", "the signature is more than a day old", 401)
        return index

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        options = cast(EmailOptions, entrance.options)
        labels = Labels(options.labels, entrance.mapping)
        return [read_mail(mail_of(request), self._form, entrance, labels, options.listing, options.senders)]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        text = (
            f"Nome: {person['name']}\nE-mail: {person['email']}\nTelefone: {person['phone']}\nMensagem: Quero visitar"
        )
        body = {
            "From": "noreply@portal.example", "FromName": "Portal Exemplo", "Subject": "Novo contato AP-0101",
            "OriginalRecipient": "leads@in.example.com.br", "Date": "Mon, 21 Sep 2026 11:59:00 -0300",
            "TextBody": text, "Headers": [{"Name": "Message-ID", "Value": f"<{number}@portal.example>"}],
        }  # fmt: skip
        basic = "Basic " + base64.b64encode(f"porteiro:{entrance.secrets[0]}".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": basic}
        return headers, json.dumps(body, ensure_ascii=False).encode(), {}
