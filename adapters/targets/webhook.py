"""Any system's own address: a message is posted there, signed as Standard Webhooks 1.0 describes (docs/targets.md)."""

from __future__ import annotations

import base64
from typing import Annotated, ClassVar

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

from adapters.sources.signing import STANDARD_PREFIX, standard_headers
from adapters.targets.addressed import AddressedTarget, AddressOptions, checked_address
from adapters.targets.base import options_of
from schemas.errors import Park
from schemas.target import Message


class WebhookOptions(AddressOptions):
    """`secrets` (`whsec_` and base64) all sign, so that a receiver can go from one to the next."""

    url: str = Field(pattern=r"^https?://[!-~]+$")
    secrets: list[Annotated[SecretStr, Field(min_length=1)]] = Field(min_length=1)

    @field_validator("url")
    @classmethod
    def _may_be_sent_to(cls, url: str, info: ValidationInfo) -> str:
        return checked_address(url, info)

    @field_validator("secrets")
    @classmethod
    def _can_sign(cls, secrets: list[SecretStr]) -> list[SecretStr]:
        for one in (secret.get_secret_value() for secret in secrets):
            if one.startswith(STANDARD_PREFIX) and not _is_base64(one.removeprefix(STANDARD_PREFIX)):
                raise ValueError("a secret is `whsec_` and the base64 of 24 to 64 random bytes")
        return secrets


class Webhook(AddressedTarget):
    """Posts the body of a message as it is. Any 2xx ends it."""

    slug: ClassVar[str] = "webhook"
    title: ClassVar[str] = "Webhook"
    options_model: ClassVar[type[BaseModel]] = WebhookOptions

    def send(self, message: Message) -> None:
        """Raises `Retry` (`no_answer`, `http_503`, …), `Refused` (`http_404`, …) or `Park` (`gone`, `redirected`,
        `private_address`, …)."""
        options, body = options_of(message, WebhookOptions), message.body.encode()
        signed = self._signed(message.idempotency_key, body, options)
        answer = self._exchange("POST", options.url, body, options, signed)
        if answer.status == 410:
            raise Park("gone", f"{self.who} answered 410: it wants no more messages")
        if not 200 <= answer.status < 300:
            raise self._fault(answer)

    def _signed(self, key: str, body: bytes, options: WebhookOptions) -> dict[str, str]:
        now = self._clock().timestamp()
        each = [standard_headers(one.get_secret_value(), key, now, body) for one in options.secrets]
        return {**each[0], "webhook-signature": " ".join(one["webhook-signature"] for one in each)}


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False
