"""Targets whose address somebody wrote down: what it leads to is the receiver's doing, so it is checked where it is
connected to, nothing is followed, and the whole of it is over within seconds (`adapters/public_address.py`)."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from functools import cached_property
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from adapters.deadline import Deadline, trusting
from adapters.public_address import exchange, is_public
from adapters.targets.base import Clock, ConfiguredTargetBase, raise_if_later, words_of
from schemas.errors import Park, Retry
from schemas.source import HttpAnswer, HttpClient
from schemas.stage_news import StageNews
from schemas.target import Message, Refused

SECONDS = 15.0
"""From the look-up of the name to the last byte of the answer."""


class AddressOptions(BaseModel):
    """`allow_http`, `allow_private`: for an intranet, and for trying."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_http: bool = False
    allow_private: bool = False


class PlatformOptions(AddressOptions):
    """`api_url`: the platform's API, to which paths are added."""

    api_url: str = Field(pattern=r"^https?://[!-~]+$")

    @field_validator("api_url")
    @classmethod
    def _may_be_sent_to(cls, url: str, info: ValidationInfo) -> str:
        return checked_address(url, info)

    def address(self, path: str) -> str:
        """The address of a path."""
        return f"{self.api_url.rstrip('/')}/{path}"


class AddressedTarget(ConfiguredTargetBase):
    """Sends to an address of its options."""

    who = "the receiver"
    """The other side, in sentences."""

    def __init__(self, http: HttpClient, clock: Clock, *, seconds: float = SECONDS) -> None:
        """`seconds`: by when an answer must be there."""
        super().__init__(http, clock)
        self._seconds = seconds

    def _exchange(
        self,
        method: Literal["POST", "PUT"],
        url: str,
        body: bytes,
        options: AddressOptions,
        headers: dict[str, str],
        *,
        reads: bool = False,
    ) -> HttpAnswer:
        """The answer. Raises `Retry` when there is none or it asks to come later, `Park` `private_address` or
        `cannot_be_sent`."""
        said = {"Content-Type": "application/json", "User-Agent": "Porteiro", **headers}
        within = Deadline(self._seconds)
        try:
            answer = exchange(
                method, url, body, said, self._trusting, within, private=options.allow_private, reads=reads
            )
        except (OSError, HTTPException) as error:
            raise Retry("no_answer", f"{self.who} did not answer ({type(error).__name__})") from None
        except ValueError as error:
            raise Park("cannot_be_sent", f"no request can be made of it ({type(error).__name__})") from None
        raise_if_later(answer, self.who, self._clock())
        return answer

    def _fault(self, answer: HttpAnswer) -> Park:
        """What a status means that is neither a yes nor a later."""
        status = answer.status
        if 300 <= status < 400:
            return Park(
                "redirected", f"{self.who} answered {status}: redirects are not followed, write the new address"
            )
        if 400 <= status < 500:
            said = f"{self.who} answered {status}: it will not take this one"
            return Refused(f"http_{status}", said, words_of(answer))
        return Park(f"http_{status}", f"{self.who} answered {status}, which is no answer")

    @cached_property
    def _trusting(self) -> ssl.SSLContext:
        return trusting()


def news_of(message: Message) -> StageNews:
    """The news that are the message's body. Raises `Park` when they are none."""
    try:
        return StageNews.model_validate_json(message.body)
    except ValidationError:
        raise Park("no_news", "the message does not say where an OPV stands") from None


def as_body(content: Mapping[str, Any]) -> bytes:
    """JSON as it is sent."""
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def checked_address(url: str, info: ValidationInfo) -> str:
    """The address as it stands after `allow_http` and `allow_private`. Raises `ValueError`."""
    parts = urlsplit(url)
    if not parts.hostname or parts.port == 0:
        raise ValueError("this is no address: write `https://…`")
    if parts.username is not None or parts.fragment:
        raise ValueError("an address here has neither a user name nor a `#` part")
    if parts.scheme != "https" and not info.data.get("allow_http"):
        raise ValueError("write `https://…`, or `allow_http: true`: anybody on the way reads the message then")
    if not info.data.get("allow_private") and _is_private(parts.hostname):
        raise ValueError("this is an address of a private network: nothing is sent there without `allow_private: true`")
    return url


def _is_private(host: str) -> bool:
    """Whether it is an IP address that is not public; what a name means is seen when it is connected to."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return not is_public(host)
