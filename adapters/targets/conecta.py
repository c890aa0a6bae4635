"""Conecta: conversations on WhatsApp through the house's own number, opened by API.

`POST {api_url}/conversations` with `{phone, name, text, opv, client, person}` is answered with `{url}`, where a person
writes on. A person waits for it: what gets no answer is tried again for a few seconds, with the same key.
"""

from __future__ import annotations

import json
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel
from tenacity import retry, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_random_exponential

from adapters.targets.base import (
    ApiOptions,
    ConfiguredTargetBase,
    identifier_of,
    json_of,
    options_of,
    raise_if_later,
    words_of,
)
from schemas.errors import Park, Retry
from schemas.target import Answer, Message, Refused

WHO = "Conecta"


class ConectaOptions(ApiOptions):
    """The address of the API and its token."""


class Conecta(ConfiguredTargetBase):
    """Opens a conversation. Its address is the answer's `url`."""

    slug: ClassVar[str] = "conecta"
    title: ClassVar[str] = "Conecta"
    options_model: ClassVar[type[BaseModel]] = ConectaOptions

    @retry(
        retry=retry_if_exception_type(Retry),
        stop=stop_after_attempt(3) | stop_after_delay(4),
        wait=wait_random_exponential(multiplier=0.1, max=0.5),
        reraise=True,
    )
    def send(self, message: Message) -> Answer:
        """Raises `Retry` when it did not answer in time, `Refused` or `Park` when its answer is no conversation."""
        options = options_of(message, ConectaOptions)
        headers = {**options.headers(), "Idempotency-Key": message.idempotency_key}
        answer = self._http.post(options.address("conversations"), json=json.loads(message.body), headers=headers)
        raise_if_later(answer, WHO)
        body = json_of(answer)
        url = body.get("url") if isinstance(body, dict) else None
        if (200 <= answer.status < 300 or answer.status == 409) and isinstance(url, str) and _is_link(url):
            return Answer(identifier_of(body.get("id")), url)
        if 400 <= answer.status < 500:
            raise Refused("conversation_refused", f"{WHO} answered {answer.status}", words_of(answer))
        raise Park("no_url", f"{WHO} answered {answer.status} without the address of the conversation")


def _is_link(url: str) -> bool:
    """Whether it may be handed to a browser."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url
