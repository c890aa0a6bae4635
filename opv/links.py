"""Signed links by which a person accepts or claims an OPV without logging in. Who has the link is taken for the person
it was sent to, as far as this one deed goes and for as long as it is valid."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from opv.house import House
from schemas.duration import Duration
from schemas.errors import Reject

Deed = Literal["accept", "claim"]
"""What a link is for; the first part of its path."""


@dataclass(frozen=True, slots=True)
class Link:
    """`occasion` is the decision that gave the OPV to the person, or the entry that offered it."""

    opv: UUID
    person: str
    occasion: str


def address_of(house: House, deed: Deed, link: Link, now: datetime) -> str | None:
    """The address of a link made now; None when the house has no links."""
    if house.link_address is None or house.link_secret is None:
        return None
    token = _serializer(house.link_secret, deed, now).dumps([link.opv.hex, link.person, link.occasion])
    return f"{house.link_address}/{deed}/{token if isinstance(token, str) else token.decode()}"


def read_link(house: House, deed: Deed, token: str, now: datetime) -> Link:
    """What the link says. Raises `Reject`: `link_wrong` (404), `link_expired` (410)."""
    if house.link_secret is None:
        raise _wrong()
    longest = int(Duration.parse(house.configuration.notices.link_for).span.total_seconds())
    try:
        opv, person, occasion = _serializer(house.link_secret, deed, now).loads(token, max_age=longest)
        return Link(UUID(hex=opv), person, occasion)
    except SignatureExpired:
        raise Reject("link_expired", "the link is no longer valid", 410) from None
    except (BadSignature, ValueError):
        raise _wrong() from None


def _serializer(secret: str, deed: Deed, now: datetime) -> URLSafeTimedSerializer:
    class Signer(TimestampSigner):
        """Signs at the time of our clock."""

        def get_timestamp(self) -> int:
            return int(now.timestamp())

    signed = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeTimedSerializer(secret, salt=f"porteiro.{deed}", signer=Signer, signer_kwargs=signed)


def _wrong() -> Reject:
    return Reject("link_wrong", "this is no link of ours", 404)
