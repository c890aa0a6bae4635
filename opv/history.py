"""The immutable, chained history: how an entry is hashed, how content is committed to, how a chain is verified.

An entry's hash is `sha256(previous hash + canonical text of the entry)`. The canonical text is one line a stored
value: the OPV's id in hexadecimal, seq, time (ISO 8601, UTC, microseconds), kind, actor, `data` as the very text
stored (JSON, which has no line breaks of its own), and the content's commitment in hexadecimal or nothing. Personal
content (a message, a comment) is not in the entry: the entry commits to `sha256(salt + content)`, so that erasing a
person blanks content and salt and the chain still verifies. An OPV's first previous hash is the sha256 of its id.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

CREATED = "opv.created"
CAPTURED = "opv.captured"
ASSIGNED = "opv.assigned"
UNDISTRIBUTED = "opv.undistributed"
OFFERED = "opv.offered"
POOLED = "opv.pooled"
ACCEPTED = "opv.accepted"
RETURNED = "opv.returned"
REOPENED = "opv.reopened"
MESSAGE_RECEIVED = "message.received"
CALL_RECEIVED = "call.received"
STAGE_CHANGED = "stage.changed"
STATUS_CHANGED = "status.changed"
SLA_WARNED = "stage.sla_warned"
COMMENT_ADDED = "comment.added"
CONTACT_ADDED = "contact.added"
WITHDRAWN = "opv.withdrawn"
WON = "opv.won"
SALE_ASKED = "sale.process_asked"
SALE_OPENED = "sale.process_opened"
SALE_FAILED = "sale.process_failed"
SALE_STATUS = "sale.process_status"
WHATSAPP_OPENED = "whatsapp.opened"
NOTICE_QUEUED = "notice.queued"
CLIENT_ADDED = "client.added"
CLIENT_CHANGED = "client.changed"
CLIENT_REMOVED = "client.removed"
BROKER_EXCLUDED = "client.broker_excluded"
BROKER_ALLOWED = "client.broker_allowed"
CLIENTS_MERGED = "clients.merged"
PERSONAL_DATA_EXPORTED = "personal_data.exported"
PERSONAL_DATA_ERASED = "personal_data.erased"
CONSENT_WITHDRAWN = "consent.withdrawn"
REDISTRIBUTION_ASKED = "redistribution.asked"
TRANSFER_REQUESTED = "transfer.requested"
TRANSFER_ANSWERED = "transfer.answered"
OWNERSHIP_REQUESTED = "ownership.requested"
INVALID_REPORTED = "lead.invalid_reported"
INVALID_CONFIRMED = "lead.invalid_confirmed"
INVALID_REFUSED = "lead.invalid_refused"
TURN_GIVEN_BACK = "turn.given_back"
PERSONAL_DATA_READ = "personal_data.read"
HISTORY_EXPORTED = "history.exported"
PENDING_ADDED = "pending.added"
PENDING_CHANGED = "pending.changed"
PENDING_DONE = "pending.done"
PENDING_CANCELLED = "pending.cancelled"
DOCUMENT_ADDED = "document.added"
DOCUMENT_REMOVED = "document.removed"


def genesis(opv: UUID) -> bytes:
    """The hash before an OPV's first entry."""
    return hashlib.sha256(opv.bytes).digest()


def text_of(data: Any) -> str:
    """JSON text as stored and hashed."""
    return orjson.dumps(data).decode()


def commit(content: str) -> tuple[bytes, bytes]:
    """A fresh salt and the commitment to the content under it."""
    salt = os.urandom(16)
    return salt, commitment(salt, content)


def commitment(salt: bytes, content: str) -> bytes:
    """What an entry says of its content."""
    return hashlib.sha256(salt + content.encode()).digest()


def stamp(at: datetime) -> str:
    """A time as it is hashed."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def entry_hash(
    previous: bytes, opv: UUID, seq: int, at: str, kind: str, actor: str, data: str, content_hash: bytes | None
) -> bytes:
    """Hash of an entry over the hash before it. `at` is the stamp, `data` the stored JSON text."""
    committed = content_hash.hex() if content_hash else ""
    canonical = f"{opv.hex}\n{seq}\n{at}\n{kind}\n{actor}\n{data}\n{committed}"
    return hashlib.sha256(previous + canonical.encode()).digest()


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry and its content row as read back for verification."""

    seq: int
    at: datetime
    kind: str
    actor: str
    data: str
    content_hash: bytes | None
    hash: bytes
    content: str | None
    salt: bytes | None
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where something does not hold, in words: an OPV's chain, or (without OPV) the checkpoints."""

    opv: UUID | None
    seq: int | None
    what: str


def verify(opv: UUID, head_seq: int, head: bytes, entries: Iterable[StoredEntry]) -> Sequence[Fault]:
    """Faults of one OPV's chain, entries in order; `head_seq` and `head` are those on the OPV's row."""
    faults: list[Fault] = []
    previous, seq, blanked, told = genesis(opv), 0, 0, 0
    for entry in entries:
        seq += 1
        blanked = entry.seq if entry.erased_at is not None else blanked
        told = entry.seq if entry.kind == PERSONAL_DATA_ERASED else told
        if entry.seq != seq:
            faults.append(Fault(opv, seq, f"entry {seq} is missing, {entry.seq} follows"))
            seq = entry.seq
        expected = entry_hash(
            previous, opv, entry.seq, stamp(entry.at), entry.kind, entry.actor, entry.data, entry.content_hash
        )
        if expected != entry.hash:
            faults.append(Fault(opv, entry.seq, "the entry was changed, or one before it"))
        faults.extend(_content_faults(opv, entry))
        previous = entry.hash
    if seq != head_seq or previous != head:
        faults.append(Fault(opv, seq, f"the chain ends at entry {seq}, the OPV's head says {head_seq}"))
    if blanked > told:
        faults.append(Fault(opv, blanked, "the content was blanked, and no later entry tells of an erasure"))
    return faults


def _content_faults(opv: UUID, entry: StoredEntry) -> Sequence[Fault]:
    there = entry.content is not None or entry.salt is not None
    if entry.content_hash is None:
        return (Fault(opv, entry.seq, "a content that the entry does not know was added"),) if there else ()
    if entry.erased_at is not None:
        return (Fault(opv, entry.seq, "a content that was erased is there"),) if there else ()
    if entry.content is None or entry.salt is None:
        return (Fault(opv, entry.seq, "the content row is missing"),)
    if commitment(entry.salt, entry.content) != entry.content_hash:
        return (Fault(opv, entry.seq, "the content was changed"),)
    return ()
