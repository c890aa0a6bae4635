"""Conecta: messages and conversations on WhatsApp through the house's own number, by API.

`POST {api_url}/messages` with `{phone, name, text, url, opv, person}` tells a person of the house something.
`POST {api_url}/conversations` with `{phone, name, text, opv, client, person}` is answered with `{url}`, where a person
writes on to a client. A person waits for it: what gets no answer is tried again for a few seconds, with the same key.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel
from tenacity import retry, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_random_exponential

from adapters.targets.base import (
    ApiOptions,
    ConfiguredTargetBase,
    client_message_of,
    identifier_of,
    json_of,
    notice_of,
    options_of,
    raise_if_later,
    words_of,
)
from schemas.client_message import KIND as CLIENT_MESSAGE
from schemas.errors import Park, Retry
from schemas.notice import KIND as NOTICE
from schemas.source import HttpAnswer
from schemas.target import Answer, Message, Refused

WHO = "Conecta"


class ConectaOptions(ApiOptions):
    """The address of the API and its token."""


class Conecta(ConfiguredTargetBase):
    """Sends a notice or a message to a client; opens a conversation with any other message. Its address is the answer's
    `url`."""

    slug: ClassVar[str] = "conecta"
    title: ClassVar[str] = "Conecta"
    options_model: ClassVar[type[BaseModel]] = ConectaOptions

    def send(self, message: Message) -> Answer:
        """Raises `Retry` when it did not answer in time, `Refused` or `Park` when it did not do as it was asked."""
        options = options_of(message, ConectaOptions)
        told = {NOTICE: _notice, CLIENT_MESSAGE: _to_client}.get(message.kind)
        return self._open(message, options) if told is None else self._tell(told(message), message, options)

    def _tell(self, body: dict[str, Any], message: Message, options: ConectaOptions) -> Answer:
        if body["phone"] is None:
            raise Park("no_phone", "the person has no phone")
        answer = self._post("messages", body, message, options)
        if 200 <= answer.status < 300 or answer.status == 409:
            said = json_of(answer)
            return Answer(identifier_of(said.get("id")) if isinstance(said, dict) else None)
        if answer.status in (401, 403):
            raise Park("not_authorized", f"{WHO} answered {answer.status}: it does not accept the token")
        if 400 <= answer.status < 500:
            raise Refused("message_refused", f"{WHO} answered {answer.status}", words_of(answer))
        raise Park(f"http_{answer.status}", f"{WHO} answered {answer.status}, which is no answer to a message")

    @retry(
        retry=retry_if_exception_type(Retry),
        stop=stop_after_attempt(3) | stop_after_delay(4),
        wait=wait_random_exponential(multiplier=0.1, max=0.5),
        reraise=True,
    )
    def _open(self, message: Message, options: ConectaOptions) -> Answer:
        answer = self._post("conversations", json.loads(message.body), message, options)
        body = json_of(answer)
        url = body.get("url") if isinstance(body, dict) else None
        if (200 <= answer.status < 300 or answer.status == 409) and isinstance(url, str) and _is_link(url):
            return Answer(identifier_of(body.get("id")), url)
        if 400 <= answer.status < 500:
            raise Refused("conversation_refused", f"{WHO} answered {answer.status}", words_of(answer))
        raise Park("no_url", f"{WHO} answered {answer.status} without the address of the conversation")

    def _post(self, path: str, body: dict[str, Any], message: Message, options: ConectaOptions) -> HttpAnswer:
        headers = {**options.headers(), "Idempotency-Key": message.idempotency_key}
        answer = self._http.post(options.address(path), json=body, headers=headers)
        raise_if_later(answer, WHO, self._clock())
        return answer


def _notice(message: Message) -> dict[str, Any]:
    return notice_of(message).model_dump(mode="json", include={"phone", "name", "text", "url", "opv", "person"})


def _to_client(message: Message) -> dict[str, Any]:
    said = {"phone", "name", "text", "template", "values", "opv", "client"}
    return client_message_of(message).model_dump(mode="json", include=said)


def _is_link(url: str) -> bool:
    """Whether it may be handed to a browser."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url
