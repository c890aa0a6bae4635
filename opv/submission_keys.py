"""The keys by which a submission counts once: the sender's id, or a hash of the content where there is none."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

from schemas.lead import Lead
from schemas.source import Entrance, Trigger

CONTENT_WINDOW = timedelta(minutes=10)
"""A sender without ids that sends the same content within this time has sent it twice."""


def namespace_of(entrance: Entrance) -> str:
    """Within what a channel's submission keys are unique: over the platform, or in the channel alone."""
    source = entrance.source
    return f"source:{source.slug}" if source.namespace == "source" else f"channel:{entrance.key}"


def bounded_key(key: str | None) -> str | None:
    """A sender's id as a key: text that PostgreSQL can hold and an index can take."""
    if key is None:
        return None
    clean = key.encode("utf-8", "replace").decode().replace("\x00", "\ufffd").strip()
    if len(clean) > 200:
        return f"sha256:{hashlib.sha256(clean.encode()).hexdigest()}"
    return clean or None


def pulled_key(mark: str) -> str:
    """The key under which a lead that reconciliation brought is known when it cannot be captured: its own stays free,
    for the sender to send it again with a contact. `mark` is the hash of its own key."""
    return f"pulled:{mark}"


def content_hash(lead: Lead) -> str:
    """What stands for the content of a lead without an id: 40 hexadecimal digits."""
    # Not pydantic's own JSON: that refuses lone surrogates.
    said = lead.model_dump(exclude={"submitted_at", "raw", "flags", "extra"}, exclude_defaults=True)
    return hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()[:40]


def trigger_hash(trigger: Trigger) -> str:
    """The same of a trigger, of which all that it says is content."""
    said = [trigger.opv, trigger.name, trigger.client.model_dump(exclude_defaults=True)]
    return hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()[:40]


def bucket_key(content: str, moment: datetime, back: int = 0) -> str:
    """The key of a lead of this content at the moment: that of its bucket of ten minutes, or of `back` before it."""
    bucket = int(moment.timestamp() // CONTENT_WINDOW.total_seconds())
    return f"content:{content}:{bucket - back}"
