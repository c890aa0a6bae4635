"""Entrances, and what is kept out or kept for a time."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from schemas.config.values import Address, ClockText, Key, Part, Pattern, SpanText, Text

LeadDefault = Literal["campaign", "medium", "origin", "development", "listing", "transaction", "price", "city", "state"]


class Reconcile(Part):
    """How often the platform is asked for leads that its webhook did not bring, and how far back."""

    every: SpanText = "1 hour"
    window: SpanText = "2 days"


class Channel(Part):
    """An entrance: the platform posts to `/hooks/<key>`."""

    key: Key
    source: Text
    secrets: list[Text] = Field(default_factory=list)
    """`${NAME}` each, read from the environment; any of them verifies, so that they can be rotated."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The source's own; a value may hold `${NAME}`."""
    defaults: dict[LeadDefault, Text] = Field(default_factory=dict)
    """Fill what a lead lacks."""
    mapping: dict[str, Text] = Field(default_factory=dict)
    """Where a lead's field is in the body (`name: contato.nome`), for sources of free shape."""
    reconcile: Reconcile = Field(default_factory=Reconcile)
    """For sources whose platform has an API that gives leads back."""
    forward_to: Address | None = None
    """Where each delivery is sent on, unchanged: the CRM beside which Porteiro runs. It may hold `${NAME}`."""


class Deny(Part):
    """Whose leads are junk. Phones, e-mails and documents are compared as the house keeps them."""

    phones: list[Text] = Field(default_factory=list)
    emails: list[Text] = Field(default_factory=list)
    documents: list[Text] = Field(default_factory=list)
    patterns: list[Pattern] = Field(default_factory=list)
    """A text found in the name, the message or an e-mail, whatever the case and accents; `re:…` is a regular
    expression."""


class PerAddress(Part):
    """Leads that one visitor's address may send; those beyond are junk."""

    count: int = Field(5, ge=1, le=10_000)
    per: ClockText = "1 hour"


class FormJunk(Part):
    """What gives a robot away that fills in forms. All but `links_in_name` is about channels of the source `form`."""

    honeypot: list[Text] = Field(default_factory=list)
    """Fields that people do not see: a lead that fills one in is junk."""
    min_seconds: int = Field(0, ge=0, le=3600)
    """Sent sooner than this after the page was made is too fast; 0: no lead is."""
    rendered_at: Text = "rendered_at"
    """The form's field with the time at which the server made the page, in epoch seconds or milliseconds."""
    per_address: PerAddress | None = None
    links_in_name: bool = True
    """A link where the name should be is junk, on every channel but those of chats."""


class Junk(Part):
    """Leads that are ignored, with the reason; `porteiro deliveries accept ID` takes one all the same."""

    deny: Deny = Field(default_factory=Deny)
    form: FormJunk = Field(default_factory=FormJunk)


class Retention(Part):
    """For how long the raw request of a delivery is kept, by its outcome; for ever, when nothing is said."""

    captured: SpanText | None = None
    repeated: SpanText | None = None
    test: SpanText | None = None
    ignored: SpanText | None = None
    parked: SpanText | None = None
