"""The lead: what a source says of one submission, values as sent. Normalizing them is `opv.normalize`'s work."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class SentPhone(BaseModel):
    """A phone as sent: `value` may hold anything, several numbers included; `ddd` is the area code field beside it."""

    model_config = ConfigDict(frozen=True)

    value: str
    ddd: str | None = None


class Lead(BaseModel):
    """One lead in the house's own words.

    Text fields hold what the source sent, untouched; `submitted_at` is aware, or None when the source does
    not say. `ad` keeps the ids and names of the advertisement (`form_id`, `ad_id`, `campaign_id`, …), `utm`
    the keys without their `utm_` prefix, `click_ids` the platforms' click ids by their name (`gclid`,
    `fbclid`), `answers` the questions' answers, `consent` items `{key, granted, …}`, `extra` what the source
    says besides and no field here holds (never lost). `broker` is whom of the house the sender names (a key, a name, an
    e-mail, a phone, a CRECI). `raw` keeps values as sent that reading had to change,
    `flags` says what was done (`phone_inferred_ninth_digit`, …).
    """

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    phones: list[SentPhone] = Field(default_factory=list)
    emails: list[str] = Field(default_factory=list)
    document: str | None = None
    message: str | None = None
    campaign: str | None = None
    medium: str | None = None
    origin: str | None = None
    development: str | None = None
    listing: str | None = None
    transaction: str | None = None
    price: str | None = None
    city: str | None = None
    state: str | None = None
    broker: str | None = None
    submitted_at: datetime | None = None
    ad: dict[str, str] = Field(default_factory=dict)
    utm: dict[str, str] = Field(default_factory=dict)
    click_ids: dict[str, str] = Field(default_factory=dict)
    answers: dict[str, Any] = Field(default_factory=dict)
    consent: list[dict[str, Any]] = Field(default_factory=list)
    extra: dict[str, Any] = Field(default_factory=dict)
    raw: dict[str, Any] = Field(default_factory=dict)
    flags: list[str] = Field(default_factory=list)
