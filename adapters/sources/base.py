"""The contract of a source. One file per source holds one subclass of `Source`: declared data and `read`.

A source verifies a request on its raw bytes, answers in the sender's own words, and reads a stored request
into submissions. It touches no database, no clock, no network but the `http` it is handed, and keeps no state.
Whatever a sender puts into a body, `read` gives a list or raises one of the typed errors of `schemas.errors`:

* `Park(reason, detail)`: cannot be read now; a person or a newer adapter can, and the delivery is replayed then.
* a `NotALead` item: nothing to capture, and why.

Unknown enum values and unknown fields never cost a lead: keep them in `Lead.extra`. What helps to read a body
is `reading.py`; a source imports all it needs from here.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.sources.multipart import multipart_body
from adapters.sources.reading import (
    CLICK_IDS,
    Fields,
    add_answer,
    as_text,
    flat,
    form_body,
    identifier,
    is_true,
    joined_name,
    json_body,
    json_object,
    list_of,
    note_page_url,
    note_submitted_at,
    sent_at,
    split_phones,
    take_questions,
)
from schemas.errors import Park, Reject, Retry
from schemas.lead import Lead, SentPhone
from schemas.source import (
    Carrier,
    Checked,
    Entrance,
    HttpClient,
    NotALead,
    Pointer,
    Read,
    ReadLead,
    Recent,
    RecentPage,
    Reply,
    Request,
)

MIB = 1024 * 1024

__all__ = [
    "CLICK_IDS",
    "HOUSE_CARRIERS",
    "MIB",
    "Carrier",
    "Checked",
    "Entrance",
    "Fields",
    "HttpClient",
    "Lead",
    "NoOptions",
    "NotALead",
    "Park",
    "Pointer",
    "Read",
    "ReadLead",
    "Recent",
    "RecentPage",
    "Reject",
    "Reply",
    "Request",
    "Retry",
    "Sample",
    "SentPhone",
    "Source",
    "add_answer",
    "any_secret",
    "as_text",
    "basic_password",
    "flat",
    "form_body",
    "hmac_sha256_base64",
    "hmac_sha256_hex",
    "house_secret",
    "identifier",
    "is_true",
    "joined_name",
    "json_body",
    "json_object",
    "list_of",
    "multipart_body",
    "note_page_url",
    "note_submitted_at",
    "sent_at",
    "split_phones",
    "take_questions",
]


HOUSE_CARRIERS: tuple[Carrier, ...] = (
    Carrier("header", "authorization"),
    Carrier("header", "x-lead-key"),
    Carrier("query", "key"),
)
"""Where the house's own secret travels, for senders that verify nothing themselves; see `house_secret`."""

Sample = tuple[dict[str, str], bytes, dict[str, bytes]]
"""Headers, body and, for pointer sources, the platform's API answers by the last part of their path."""


class NoOptions(BaseModel):
    """A source without options refuses any."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source:
    """Base of every source. Class attributes are the declaration; methods have the usual answer as default."""

    slug: ClassVar[str]
    """Name in the configuration, in files and in metrics."""
    title: ClassVar[str]
    """Name on screens."""
    documentation: ClassVar[str]
    """Where the format comes from (URL, or the public reference that describes it)."""
    identity: ClassVar[str]
    """What identifies a submission and why that is stable across redeliveries."""
    namespace: ClassVar[Literal["source", "channel"]] = "source"
    """Whether the submission key is unique over the whole platform or only within one channel."""
    options_model: ClassVar[type[BaseModel]] = NoOptions
    """Options of a channel of this source; secret ones are `SecretStr`. Configuration refuses unknown keys."""
    carriers: ClassVar[tuple[Carrier, ...]] = ()
    """Every place where a secret can travel; masked before storing."""
    max_body: ClassVar[int] = MIB
    has_handshake: ClassVar[bool] = False
    reads_back: ClassVar[bool] = False
    """Whether the platform has an API that gives leads back: `recent` and `read_recent` work."""
    known_fields: ClassVar[frozenset[str] | None] = None
    """Every field of a JSON body that the source reads or knowingly leaves, as dotted paths (`extraData.leadType`,
    `entry[].changes[].field`; a trailing `*` is anything below: `extraData.mcmv.*`). A field that is not among them
    is reported once as drift. None: the shape is the sender's own (forms)."""
    needs_secret: ClassVar[bool] = True
    basic_user: ClassVar[str] = ""
    """User of the HTTP Basic credentials, where the platform's is always the same: a delivery that is sent on gets it
    back (only the password is a secret, but the whole header is masked)."""

    def verify(self, request: Request, entrance: Entrance) -> int:
        """Index of the secret of `entrance` that verifies the request. Raises `Reject` (401) when none does."""
        raise NotImplementedError  # each source has its own

    def handshake(self, request: Request, entrance: Entrance) -> Reply:
        """Answer to the platform's GET. Only sources with `has_handshake` are asked. Raises `Reject`."""
        raise Reject("no_handshake", f"{self.title} does not send GET requests", 405)

    def accepted(self, delivery: str) -> Reply:
        """The answer that makes the sender call the delivery done. `delivery` is its id, for senders that show it."""
        return Reply(200, b"{}")

    def refused(self, status: int, reason: str, detail: str) -> Reply:
        """The answer to a request that was not stored; problem+json (RFC 9457) unless the sender wants another."""
        body = {"type": f"urn:porteiro:{reason}", "title": reason, "status": status, "detail": detail}
        return Reply(status, json.dumps(body).encode(), "application/problem+json")

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        """Submissions of a stored delivery, in the order sent. Raises `Park` when the body cannot be read."""
        raise NotImplementedError  # each source has its own

    def read_import(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        """The lead of a line of a file, which `porteiro import` stored as `{"id": key, "lead": {…}}`. The same for
        every source: the key is the platform's own id where the file has it, so that what came by webhook before
        is known again. Raises `Park`."""
        body = json_object(request.body)
        try:
            return [ReadLead(identifier(body.get("id")), Lead.model_validate(body.get("lead")))]
        except ValidationError:
            raise Park("not_an_import", "the body holds no lead as `porteiro import` writes it") from None

    def fetch(self, pointer: Mapping[str, Any], entrance: Entrance, http: HttpClient) -> bytes:
        """The platform's answer for a `Pointer`'s data, raw. Raises `Retry` or `Park`."""
        raise Park("no_fetch", f"{self.title} has no fetch step")

    def read_fetched(self, pointer: Mapping[str, Any], answer: bytes, entrance: Entrance) -> ReadLead | NotALead:
        """The lead in a fetched answer. Raises `Park` when it cannot be read."""
        raise Park("no_fetch", f"{self.title} has no fetch step")

    def recent(self, entrance: Entrance, http: HttpClient, since: datetime, place: str | None) -> RecentPage:
        """A page of the leads that the platform's API has from `since` on, for reconciliation: the first one, or the
        one at `place`, the `next` of the page before. A page costs one or two requests. Only sources that
        `reads_back` are asked; one whose options do not say what to ask for raises `Park("not_configured")`, which is
        no failure. Raises `Retry` or `Park`."""
        raise Park("no_read_api", f"{self.title} has no API that gives leads back")

    def read_recent(self, answer: bytes, entrance: Entrance) -> ReadLead | NotALead:
        """The lead of a `Recent`, whose key is that of its `ReadLead`. Raises `Park` when it cannot be read."""
        return self.read_fetched({}, answer, entrance)

    def check(self, entrance: Entrance, http: HttpClient) -> Sequence[Checked]:
        """What the platform says of the channel: subscribed, permitted, until when. Nothing to ask: nothing given.
        Raises `Retry` or `Park` when it does not answer."""
        return ()

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        """A signed sample as the platform would send it, for `porteiro send`. `person` has `name`, `phone` (E.164,
        Brazilian) and `email`; `number` is new for each call and makes the submission's id."""
        raise NotImplementedError  # each source has its own


def _secrets(entrance: Entrance) -> Iterator[tuple[int, str]]:
    """Secrets with their index; an empty one (an unset variable) would verify anybody and is left out."""
    return ((index, secret) for index, secret in enumerate(entrance.secrets) if secret)


def any_secret(presented: str | None, entrance: Entrance) -> int:
    """Index of the secret equal to `presented`, all compared in constant time. Raises `Reject` (401)."""
    found = -1
    for index, secret in _secrets(entrance):
        if hmac.compare_digest((presented or "").encode("utf-8", "surrogatepass"), secret.encode()):
            found = index
    if found < 0:
        raise Reject("wrong_secret" if presented else "missing_secret", "the secret is missing or wrong", 401)
    return found


def house_secret(request: Request, entrance: Entrance, *also: str | None) -> int:
    """Index of the secret in a Bearer token, `X-Lead-Key` or `?key=`, or in `also`, what the source found elsewhere:
    any one that is right will do. Raises `Reject` (401)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    presented = [token.strip()] if scheme.lower() == "bearer" else []
    presented += [request.headers.get("x-lead-key", "").strip(), request.query.get("key", "")]
    refusal = Reject("missing_secret", "send the secret as Bearer token, X-Lead-Key or ?key=", 401)
    for secret in filter(None, (*presented, *also)):
        try:
            return any_secret(secret, entrance)
        except Reject as error:
            refusal = error
    raise refusal


def hmac_sha256_hex(body: bytes, presented: str | None, entrance: Entrance) -> int:
    """Index of the secret whose HMAC-SHA256 of the raw body is `presented` (hex). Raises `Reject` (401)."""
    return _signer(body, (presented or "").lower(), entrance, bytes.hex)


def hmac_sha256_base64(body: bytes, presented: str | None, entrance: Entrance) -> int:
    """Index of the secret whose HMAC-SHA256 of the raw body is `presented` (base64). Raises `Reject` (401)."""
    return _signer(body, presented or "", entrance, lambda digest: base64.b64encode(digest).decode())


def _signer(body: bytes, presented: str, entrance: Entrance, spelled: Callable[[bytes], str]) -> int:
    found = -1
    for index, secret in _secrets(entrance):
        expected = spelled(hmac.digest(secret.encode(), body, "sha256"))
        if hmac.compare_digest(expected.encode(), presented.encode("utf-8", "surrogatepass")):
            found = index
    if found < 0:
        reason = "wrong_signature" if presented else "missing_signature"
        raise Reject(reason, "the signature is missing or does not match the body", 401)
    return found


def basic_password(request: Request) -> str | None:
    """Password of HTTP Basic credentials (RFC 7617), or None."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return decoded.partition(":")[2] or None
