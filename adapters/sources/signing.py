"""Signatures that bind more than the body: the public address that was called, the time of the attempt.

A signed address is the one the platform knows. Behind a proxy that rewrites scheme, host or path it is not the one
that arrives here, so a source whose signature covers it takes the option `public_url`.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Collection, Iterable

from pydantic import BaseModel, ConfigDict, Field

from adapters.sources.base import Entrance, Reject, Request, house_secret

TOLERANCE = 300.0
"""Seconds between the time that was signed and ours, either way."""

STANDARD_PREFIX = "whsec_"
STANDARD_NAMES = ("webhook-", "svix-")
"""Beginnings of the three headers of Standard Webhooks 1.0; the second is the older one of the product that the
standard came from."""


class AddressedOptions(BaseModel):
    """`public_url` is the channel's address exactly as the platform calls it, without its query string; None: as
    the request came in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    public_url: str | None = Field(None, pattern=r"^https?://[^\s?#]+$")


def called_url(request: Request, entrance: Entrance) -> str:
    """The full URL that the platform called, its query string as it was sent."""
    place, mark, query = request.url.partition("?")
    public = getattr(entrance.options, "public_url", None)
    return f"{public or place}{mark if query else ''}{query}"


def sample_url(entrance: Entrance) -> str:
    """The address that a sample signs: the channel's `public_url`, else that of an installation as it comes."""
    public: str | None = getattr(entrance.options, "public_url", None)
    return public or f"http://127.0.0.1:8000/hooks/{entrance.key}"


def check_signature(presented: Collection[str], entrance: Entrance, signatures: Callable[[str], Iterable[str]]) -> int:
    """Index of the secret of which one of the `signatures` is among those `presented`, all compared in constant
    time. Raises `Reject` (401)."""
    found = -1
    for index, secret in enumerate(entrance.secrets):
        for expected in signatures(secret) if secret else ():
            for one in presented:
                if hmac.compare_digest(expected.encode(), one.encode("utf-8", "surrogatepass")):
                    found = index
    if found < 0:
        reason = "wrong_signature" if any(presented) else "missing_signature"
        raise Reject(reason, "the signature is missing or does not match the request", 401)
    return found


def check_time(seconds: str, now: float, unit: float = 1.0) -> None:
    """Refuses a signed time (digits, of `unit` seconds) more than `TOLERANCE` away from ours. Raises `Reject` (401).

    A sender that tries again signs the time of the new attempt, so the tolerance costs no lead."""
    known = seconds.isascii() and seconds.isdigit() and len(seconds) <= 16
    if not known or abs(int(seconds) * unit - now) > TOLERANCE:
        raise Reject("stale_timestamp", "the signed time is missing or more than 5 minutes from ours", 401)


def standard_webhook(request: Request, entrance: Entrance, now: float, *also: str | None) -> int:
    """Index of the secret of a `v1` signature of Standard Webhooks; a request without any has to show the secret
    itself, as `house_secret` takes it. Raises `Reject` (401)."""
    headers = request.headers
    name = next((name for name in STANDARD_NAMES if f"{name}signature" in headers), None)
    if name is None:
        return house_secret(request, entrance, *also)
    sent = headers.get(f"{name}timestamp", "")
    text = f"{headers.get(f'{name}id', '')}.{sent}.".encode("latin-1", "replace") + request.body
    index = check_signature(headers[f"{name}signature"].split(), entrance, lambda key: standard_signatures(key, text))
    check_time(sent, now)
    return index


def standard_signatures(secret: str, text: bytes) -> list[str]:
    """The signature under a `whsec_` secret; one that is no base64 is a key as it is, an empty one signs nothing."""
    try:
        key = base64.b64decode(secret.removeprefix(STANDARD_PREFIX), validate=True)
    except ValueError:
        key = secret.encode()
    return ["v1," + base64.b64encode(hmac.digest(key, text, "sha256")).decode()] if key else []


def standard_headers(secret: str, id_: str, now: float, body: bytes) -> dict[str, str]:
    """The three headers of a request that is sent now."""
    sent = str(int(now))
    (signature,) = standard_signatures(secret, f"{id_}.{sent}.".encode() + body)
    return {"webhook-id": id_, "webhook-timestamp": sent, "webhook-signature": signature}
