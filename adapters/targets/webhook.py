"""Any system's own address: a message is posted there, signed as Standard Webhooks 1.0 describes (docs/targets.md).

What the address leads to is the receiver's doing: it is checked where it is connected to, nothing is followed, and the
whole of it is over within seconds (`adapters/public_address.py`).
"""

from __future__ import annotations

import base64
import ssl
from functools import cached_property
from http.client import HTTPException
from ipaddress import ip_address
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from adapters.deadline import Deadline, trusting
from adapters.public_address import is_public, post
from adapters.sources.signing import STANDARD_PREFIX, standard_headers
from adapters.targets.base import Clock, ConfiguredTargetBase, options_of, raise_if_later, words_of
from schemas.errors import Park, Retry
from schemas.source import HttpAnswer, HttpClient
from schemas.target import Message, Refused

WHO = "the receiver"
SECONDS = 15.0
"""From the look-up of the name to the last byte of the answer."""


class WebhookOptions(BaseModel):
    """`secrets` (`whsec_` and base64) all sign, so that a receiver can go from one to the next. `allow_http`,
    `allow_private`: for an intranet, and for trying."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_http: bool = False
    allow_private: bool = False
    url: str = Field(pattern=r"^https?://[!-~]+$")
    secrets: list[Annotated[SecretStr, Field(min_length=1)]] = Field(min_length=1)

    @field_validator("url")
    @classmethod
    def _may_be_sent_to(cls, url: str, info: ValidationInfo) -> str:
        parts = urlsplit(url)
        if not parts.hostname or parts.port == 0:
            raise ValueError("this is no address: write `https://…`")
        if parts.username is not None or parts.fragment:
            raise ValueError("an address here has neither a user name nor a `#` part")
        if parts.scheme != "https" and not info.data.get("allow_http"):
            raise ValueError("write `https://…`, or `allow_http: true`: anybody on the way reads the message then")
        if not info.data.get("allow_private") and _is_private(parts.hostname):
            raise ValueError(
                "this is an address of a private network: nothing is sent there without `allow_private: true`"
            )
        return url

    @field_validator("secrets")
    @classmethod
    def _can_sign(cls, secrets: list[SecretStr]) -> list[SecretStr]:
        for one in (secret.get_secret_value() for secret in secrets):
            if one.startswith(STANDARD_PREFIX) and not _is_base64(one.removeprefix(STANDARD_PREFIX)):
                raise ValueError("a secret is `whsec_` and the base64 of 24 to 64 random bytes")
        return secrets


class Webhook(ConfiguredTargetBase):
    """Posts the body of a message as it is. Any 2xx ends it."""

    slug: ClassVar[str] = "webhook"
    title: ClassVar[str] = "Webhook"
    options_model: ClassVar[type[BaseModel]] = WebhookOptions

    def __init__(self, http: HttpClient, clock: Clock, *, seconds: float = SECONDS) -> None:
        """`seconds`: by when an answer must be there."""
        super().__init__(http, clock)
        self._seconds = seconds

    def send(self, message: Message) -> None:
        """Raises `Retry` (`no_answer`, `http_503`, …), `Refused` (`http_404`, …) or `Park` (`gone`, `redirected`,
        `private_address`, …)."""
        answer = self._post(message, options_of(message, WebhookOptions))
        status = answer.status
        if 200 <= status < 300:
            return
        raise_if_later(answer, WHO, self._clock())
        if status == 410:
            raise Park("gone", f"{WHO} answered 410: it wants no more messages")
        if 300 <= status < 400:
            raise Park("redirected", f"{WHO} answered {status}: redirects are not followed, write the new address")
        if 400 <= status < 500:
            raise Refused(f"http_{status}", f"{WHO} answered {status}: it will not take this one", words_of(answer))
        raise Park(f"http_{status}", f"{WHO} answered {status}, which is no answer")

    def _post(self, message: Message, options: WebhookOptions) -> HttpAnswer:
        body = message.body.encode()
        headers = {"Content-Type": "application/json", "User-Agent": "Porteiro"}
        try:
            return post(
                options.url,
                body,
                {**headers, **self._signed(message.idempotency_key, body, options)},
                self._trusting,
                Deadline(self._seconds),
                private=options.allow_private,
            )
        except (OSError, HTTPException) as error:
            raise Retry("no_answer", f"{WHO} did not answer ({type(error).__name__})") from None
        except ValueError as error:
            raise Park("cannot_be_sent", f"no request can be made of it ({type(error).__name__})") from None

    def _signed(self, key: str, body: bytes, options: WebhookOptions) -> dict[str, str]:
        now = self._clock().timestamp()
        each = [standard_headers(one.get_secret_value(), key, now, body) for one in options.secrets]
        return {**each[0], "webhook-signature": " ".join(one["webhook-signature"] for one in each)}

    @cached_property
    def _trusting(self) -> ssl.SSLContext:
        return trusting()


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False


def _is_private(host: str) -> bool:
    """Whether it is an IP address that is not public; what a name means is seen when it is connected to."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return not is_public(host)
