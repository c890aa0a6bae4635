"""Meta's Conversions API for CRM: what became of a lead of its forms, by the lead's id there (docs/targets.md).

`POST /{dataset}/events` with one event, whose `event_id` is the message's key: Meta counts it once. The token travels
in the body, so that no address holds it.
"""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field, SecretStr

from adapters.sources.meta_graph import DOWN, LIMITED, RETRIES
from adapters.targets.addressed import AddressedTarget, PlatformOptions, as_body, news_of
from adapters.targets.base import json_of, options_of
from schemas.errors import Park, Retry
from schemas.source import HttpAnswer
from schemas.stage_news import StageNews
from schemas.target import Message

LATER = (DOWN, LIMITED)
"""Of Graph's errors, those that a later try can mend by itself."""


class MetaConversionsOptions(PlatformOptions):
    """`dataset`: id of the dataset (pixel); `stages`: what an event is called by the OPV's stage, `won` or `lost`;
    `lead_event_source`: what Meta shows as the CRM; `match`: what of the client goes along besides the lead's id,
    hashed."""

    api_url: str = Field("https://graph.facebook.com/v25.0", pattern=r"^https?://[!-~]+$")
    dataset: str = Field(pattern=r"^[0-9]{5,20}$")
    access_token: SecretStr = Field(min_length=1)
    stages: dict[str, str] = Field(min_length=1)
    lead_event_source: str = Field("Porteiro", min_length=1, max_length=100)
    match: list[Literal["email", "phone"]] = Field(default_factory=list)


class MetaConversions(AddressedTarget):
    """Sends an event of a lead."""

    slug: ClassVar[str] = "meta_conversions"
    title: ClassVar[str] = "Meta (API de Conversões)"
    options_model: ClassVar[type[BaseModel]] = MetaConversionsOptions
    who = "Meta"

    def send(self, message: Message) -> None:
        """Raises `Retry` (`rate_limited`, …), `Refused` (`http_400`: too old, …) or `Park` (`not_authorized`,
        `no_lead_id`, …)."""
        options, news = options_of(message, MetaConversionsOptions), news_of(message)
        event = {
            "event_name": news.name, "event_time": int(news.at.timestamp()), "event_id": message.idempotency_key,
            "action_source": "system_generated", "user_data": _person(news, options),
            "custom_data": {"event_source": "crm", "lead_event_source": options.lead_event_source},
        }  # fmt: skip
        body = as_body({"data": [event], "access_token": options.access_token.get_secret_value()})
        answer = self._exchange("POST", options.address(f"{options.dataset}/events"), body, options, {})
        if not 200 <= answer.status < 300:
            raise self._graph_fault(answer)

    def _graph_fault(self, answer: HttpAnswer) -> Retry | Park:
        """By Graph's error code, which says more than the status."""
        body = json_of(answer)
        error = body.get("error") if isinstance(body, dict) else None
        fields: dict[str, Any] = error if isinstance(error, dict) else {}
        code = fields.get("code")
        reason, _ = RETRIES.get(code, ("", "")) if isinstance(code, int) else ("", "")
        if reason in LATER or fields.get("is_transient") is True:
            return Retry(reason or DOWN, f"{self.who} answered {answer.status}, code {code}: later")
        if reason or answer.status in (401, 403):
            return Park(
                "not_authorized", f"{self.who} answered {answer.status}: the token is not good for this dataset"
            )
        return self._fault(answer)


def _person(news: StageNews, options: MetaConversionsOptions) -> dict[str, Any]:
    """The lead's id, and what of the client is to go along. Raises `Park`."""
    lead = news.external_id or ""
    if not (lead.isascii() and lead.isdigit() and len(lead) <= 20):
        raise Park("no_lead_id", "the capture card has no id of a lead of Meta")
    person: dict[str, Any] = {"lead_id": int(lead)}
    if "email" in options.match and news.emails:
        person["em"] = [_hashed(one.strip().lower()) for one in news.emails]
    if "phone" in options.match and news.phones:
        person["ph"] = [_hashed(one.removeprefix("+")) for one in news.phones]
    return person


def _hashed(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()
