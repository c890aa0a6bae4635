"""RD Station Marketing: where a contact stands in its funnel, by the OPV that its conversion began (docs/targets.md).

`PUT /platform/contacts/{uuid or e-mail}/funnels/default` with `{lifecycle_stage, opportunity}`: the same once or twice.
An access token lasts a day, and the refresh token it is had with does not change: each process has an access token of
its own, in memory, and asks for another when that one is over or is not taken any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, ClassVar, Literal
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr

from adapters.targets.addressed import AddressedTarget, PlatformOptions, as_body, news_of
from adapters.targets.base import Clock, json_of, options_of
from schemas.errors import Park, Retry
from schemas.source import HttpAnswer, HttpClient
from schemas.stage_news import StageNews
from schemas.target import Message

Standing = Literal["Lead", "Qualified Lead", "Client", "Opportunity"]

FUNNEL: Mapping[str, Mapping[str, Any]] = {
    "Lead": {"lifecycle_stage": "Lead", "opportunity": False},
    "Qualified Lead": {"lifecycle_stage": "Qualified Lead", "opportunity": False},
    "Opportunity": {"lifecycle_stage": "Qualified Lead", "opportunity": True},
    "Client": {"lifecycle_stage": "Client", "opportunity": False},
}
"""How RD Station says where a contact stands. An opportunity is no stage there, but a mark on a contact."""

EARLY = timedelta(minutes=5)
"""So long before its end a token is not used any more."""
LONGEST = timedelta(days=1)
"""What a token lasts, unless its answer says less."""


class RdStationOptions(PlatformOptions):
    """`client_id`, `client_secret` and `refresh_token` of an app in RD Station's store; `stages`: where a contact
    stands whose OPV is in a stage, is `won` or `lost`."""

    api_url: str = Field("https://api.rd.services", pattern=r"^https?://[!-~]+$")
    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    refresh_token: SecretStr = Field(min_length=1)
    stages: dict[str, Standing] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    until: datetime


class RdStation(AddressedTarget):
    """Says where a contact stands."""

    slug: ClassVar[str] = "rd_station"
    title: ClassVar[str] = "RD Station Marketing"
    options_model: ClassVar[type[BaseModel]] = RdStationOptions
    who = "RD Station"

    def __init__(self, http: HttpClient, clock: Clock, **options: Any) -> None:
        super().__init__(http, clock, **options)
        self._tokens: dict[tuple[str, str, str], _Token] = {}
        self._lock = Lock()

    def send(self, message: Message) -> None:
        """Raises `Retry`, `Refused` (`http_404`: it has no such contact, …) or `Park` (`not_authorized`, `no_contact`,
        …)."""
        options, news = options_of(message, RdStationOptions), news_of(message)
        url = options.address(f"platform/contacts/{_contact(news)}/funnels/default")
        if news.name not in FUNNEL:
            raise Park("not_mapped", "`stages` of the target says something that RD Station does not know")
        body = as_body(FUNNEL[news.name])
        token = self._token(options)
        answer = self._put(url, body, message, token, options)
        if answer.status == 401:
            answer = self._put(url, body, message, self._token(options, instead_of=token), options)
        if answer.status in (401, 403):
            raise Park("not_authorized", f"{self.who} answered {answer.status}: it does not accept the token")
        if not 200 <= answer.status < 300:
            raise self._fault(answer)

    def _put(self, url: str, body: bytes, message: Message, token: str, options: RdStationOptions) -> HttpAnswer:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": message.idempotency_key}
        return self._exchange("PUT", url, body, options, headers)

    def _token(self, options: RdStationOptions, *, instead_of: str | None = None) -> str:
        """A token that is good, as far as is known: threads ask for it once."""
        secret, refresh = options.client_secret.get_secret_value(), options.refresh_token.get_secret_value()
        place = (options.api_url, options.client_id, refresh)
        with self._lock:
            known = self._tokens.get(place)
            if known is None or known.value == instead_of or known.until <= self._clock():
                asked = {"client_id": options.client_id, "client_secret": secret, "refresh_token": refresh}
                known = self._tokens[place] = self._new_token(as_body(asked), options)
            return known.value

    def _new_token(self, body: bytes, options: RdStationOptions) -> _Token:
        answer = self._exchange("POST", options.address("auth/token"), body, options, {}, reads=True)
        if 400 <= answer.status < 500:
            raise Park("not_authorized", f"{self.who} answered {answer.status} when asked for a token")
        if not 200 <= answer.status < 300:
            raise self._fault(answer)
        said = json_of(answer)
        value = said.get("access_token") if isinstance(said, dict) else None
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value:
            raise Retry("no_token", f"{self.who} answered {answer.status} without a token")
        seconds = said.get("expires_in")
        lasts = timedelta(seconds=seconds) if isinstance(seconds, int) and 0 < seconds < 86400 else LONGEST
        return _Token(value, self._clock() + lasts - EARLY)


def _contact(news: StageNews) -> str:
    """The contact as a part of a path: by the uuid that came with its conversion, else by e-mail. Raises `Park`."""
    try:
        return f"uuid:{UUID((news.external_id or '').partition('|')[0])}"
    except ValueError:
        pass
    if not news.emails:
        raise Park("no_contact", "neither the contact's uuid nor an e-mail is known")
    return f"email:{quote(news.emails[0], safe='@')}"
