"""What targets that the configuration names have in common, and what the answers of other systems mean."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from schemas.client_message import ClientMessage
from schemas.errors import Park, Retry
from schemas.notice import Notice
from schemas.source import HttpAnswer, HttpClient
from schemas.target import Answer, Message

PATIENT = frozenset({408, 425, 429})
"""Statuses that ask to try again later (RFC 9110, RFC 8470, RFC 6585), besides those over 499."""

Options = TypeVar("Options", bound=BaseModel)

MOST_WORDS = 2000
"""Characters of another system's explanation that are kept."""


Clock = Callable[[], datetime]
"""Gives aware times."""


class ConfiguredTargetBase:
    """Base of a target of the configuration's `targets`. A message brings its options along: an instance serves any
    number of them, from several threads."""

    slug: ClassVar[str]
    """Name in the configuration."""
    title: ClassVar[str]
    """Name on screens."""
    options_model: ClassVar[type[BaseModel]]
    """Options; secret ones are `SecretStr`. Configuration refuses unknown keys."""

    def __init__(self, http: HttpClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    def send(self, message: Message) -> Answer | None:
        """Raises `Retry` when a later try can succeed, else `Park`."""
        raise NotImplementedError  # each target has its own


class ApiOptions(BaseModel):
    """`api_url` is the address that paths are added to; `token` goes along as `Authorization: Bearer`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_url: str = Field(pattern=r"^https?://[^\s?#]+$")
    token: SecretStr = Field(min_length=1)

    def address(self, path: str) -> str:
        """The address of a path."""
        return f"{self.api_url.rstrip('/')}/{path}"

    def headers(self) -> dict[str, str]:
        """What every request has."""
        return {"Authorization": f"Bearer {self.token.get_secret_value()}", "Accept": "application/json"}


def wait_asked(retry_after: str, now: datetime) -> timedelta | None:
    """The wait that a `Retry-After` asks for, in seconds or as a date; None when it is neither."""
    if re.fullmatch("[0-9]{1,6}", retry_after):
        return timedelta(seconds=int(retry_after))
    try:
        until = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return max(wait, timedelta(0))


def raise_if_later(answer: HttpAnswer, who: str, now: datetime) -> None:
    """Raises `Retry` for an answer that asks to try again later."""
    if answer.status in PATIENT or answer.status >= 500:
        wait = wait_asked(answer.headers.get("retry-after", ""), now)
        raise Retry(f"http_{answer.status}", f"{who} answered {answer.status}", wait)


def json_of(answer: HttpAnswer) -> Any:
    """The body as JSON; None when it is none."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def words_of(answer: HttpAnswer) -> str | None:
    """How the other system explains itself: the usual fields of an error's JSON (RFC 9457 first), else the text."""
    body = json_of(answer)
    if isinstance(body, dict):
        said = [body.get(name) for name in ("detail", "message", "error_description", "error", "title", "reason")]
        errors = body.get("errors")
        texts = [one for one in said if isinstance(one, str) and one.strip()][:1]
        texts += [json.dumps(errors, ensure_ascii=False)] if errors else []
        text = "; ".join(texts) or json.dumps(body, ensure_ascii=False)
    else:
        text = answer.body.decode("utf-8", "replace")
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd").strip()[:MOST_WORDS] or None


def identifier_of(value: Any) -> str | None:
    """Another system's id as text: a word or a number, printable, at most 200 characters."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return text if text and len(text) <= 200 and text.isprintable() else None


def options_of(message: Message, model: type[Options]) -> Options:
    """The message's options. Raises `Park` when they are another target's."""
    if not isinstance(message.options, model):
        raise Park("not_configured", "the message has no options of this target")
    return message.options


def notice_of(message: Message) -> Notice:
    """The notice that is the message's body. Raises `Park` when it is none."""
    try:
        return Notice.model_validate_json(message.body)
    except ValidationError:
        raise Park("no_notice", "the message is no notice to a person") from None


def client_message_of(message: Message) -> ClientMessage:
    """What a client is written, the message's body. Raises `Park` when it is no such thing."""
    try:
        return ClientMessage.model_validate_json(message.body)
    except ValidationError:
        raise Park("no_client_message", "the message is none to a client") from None
