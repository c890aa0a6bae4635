"""Junk: leads that are ignored, with the reason. Reversible in one step: `opv.replay.accept`.

Rules about forms (a field that people do not see, too fast, too many of one address) hold on channels of the source
`form` alone: elsewhere a platform stands between the visitor and us.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from db.bulk import any_of
from db.models import Base, Outcome
from opv.normalize import NormalizedLead
from opv.normalize.documents import read_document
from opv.normalize.emails import read_email
from opv.normalize.phones import read_phone
from opv.normalize.text import Notes
from schemas.conditions import fold
from schemas.config import Junk
from schemas.duration import Duration
from schemas.source import Entrance, ReadLead, Request

if TYPE_CHECKING:
    from opv.submissions import Submitted

_SUBMISSIONS = Base.metadata.tables["submissions"]

PREFIX = "junk_"
"""Reasons of junk begin so."""

FORM = "form"
"""The source that the rules about forms are for."""

_LINK = re.compile(
    r"https?:|\bwww\.|<a\s|\[url|\b(?:bit\.ly|t\.me|wa\.me|goo\.gl|cutt\.ly)/"
    r"|\.(?:com|net|org|info|site|online|shop|xyz|top|ru|cn)(?:\.br)?/",
    re.IGNORECASE,
)
_EPOCH = re.compile(r"[0-9]{10}|[0-9]{13}")
_MOST_COUNTED = 10_000


class Verdict(NamedTuple):
    """Why a lead is junk: the stable reason and a sentence. Neither repeats what the lead says."""

    reason: str
    detail: str


class JunkRules:
    """The rules of one configuration."""

    def __init__(self, junk: Junk) -> None:
        deny, notes = junk.deny, Notes()
        self._form = junk.form
        self._phones = frozenset(phone for text in deny.phones for phone in read_phone(text, None, notes))
        self._emails = frozenset(email for text in deny.emails for email in read_email(text, notes))
        self._documents = frozenset(filter(None, (read_document(text, notes) for text in deny.documents)))
        self._patterns = [(text, _finder(text)) for text in deny.patterns]
        self._honeypot = frozenset(map(fold, junk.form.honeypot))
        self._rendered_at = fold(junk.form.rendered_at)
        limit = junk.form.per_address
        self.per_address = None if limit is None else (limit.count, Duration.parse(limit.per).span)
        """Leads of one address, and within what time."""

    def judge(self, read: ReadLead, lead: NormalizedLead, entrance: Entrance, received_at: datetime) -> Verdict | None:
        """Why the lead is junk by what it says; None when it is not."""
        verdict = self._denied(lead)
        if verdict is None and self._form.links_in_name and read.conversation is None and _LINK.search(_name(read)):
            verdict = Verdict("junk_link_in_name", "a link stands where the name should be")
        if verdict is None and entrance.source.slug == FORM:
            verdict = self._by_robot(read, received_at)
        return verdict

    def address(self, read: ReadLead, request: Request, entrance: Entrance) -> bytes | None:
        """A short hash of the visitor's address; None where leads are not limited, or nobody tells it.

        A form builder that tells the visitor's address in the body (`Remote IP`) is believed. Else it is the first of
        `X-Forwarded-For`, when the request is a browser's own: one that a site's server sends has the server's."""
        if self.per_address is None or entrance.source.slug != FORM:
            return None
        told = read.lead.extra.get("ip")
        if not told and request.headers.get("user-agent", "").startswith("Mozilla/"):
            told = request.headers.get("x-forwarded-for", "").partition(",")[0].strip()
        return hashlib.sha256(f"{entrance.key} {told}".encode("utf-8", "replace")).digest()[:8] if told else None

    def _denied(self, lead: NormalizedLead) -> Verdict | None:
        if not self._phones.isdisjoint(lead.phones):
            return Verdict("junk_phone", "its phone is on the list of denied phones")
        if not self._emails.isdisjoint(lead.emails):
            return Verdict("junk_email", "its e-mail is on the list of denied e-mails")
        if lead.document in self._documents:
            return Verdict("junk_document", "its document is on the list of denied documents")
        if self._patterns:
            texts = [text for text in (lead.name, lead.message, *lead.emails) if text]
            for pattern, finds in self._patterns:
                if any(map(finds, texts)):
                    return Verdict("junk_pattern", f"`{pattern}` is found in the name, the message or an e-mail")
        return None

    def _by_robot(self, read: ReadLead, received_at: datetime) -> Verdict | None:
        if not (self._honeypot or self._form.min_seconds):
            return None
        said = {fold(name): value for name, value in (*read.lead.extra.items(), *read.lead.answers.items())}
        if not self._honeypot.isdisjoint(said):
            return Verdict("junk_honeypot", "a field that people do not see is filled in")
        rendered = _EPOCH.fullmatch(str(said.get(self._rendered_at, "")).strip())
        if rendered and self._form.min_seconds:
            seconds = received_at.timestamp() - int(rendered[0]) / (1000 if len(rendered[0]) == 13 else 1)
            if 0 <= seconds < self._form.min_seconds:
                return Verdict("junk_too_fast", f"sent {seconds:.1f} s after the page was made")
        return None


def ignore_crowds(tx: Connection, found: Sequence[Submitted], rules: JunkRules) -> None:
    """Ignores leads of an address that has sent as many as it may within the time. Repeats do not count. Two
    workers at once may let a few more pass."""
    if rules.per_address is None:
        return
    addressed = sorted((s for s in found if s.address is not None and _counts(s)), key=lambda s: s.received_at)
    if not addressed:
        return
    most, per = rules.per_address
    times = _times(tx, addressed, per)
    seen: set[tuple[str, str]] = set()
    for submission in addressed:
        if submission.key is not None:
            if (submission.namespace, submission.key) in seen:
                continue
            seen.add((submission.namespace, submission.key))
        before = times[submission.address]
        at = submission.received_at
        count = bisect_right(before, at) - bisect_right(before, at - per)
        insort(before, at)
        if count >= most and submission.outcome is Outcome.CAPTURED:
            submission.ignore("junk_too_many", f"its address sent {count} leads before it within {per}")


def _times(tx: Connection, addressed: Sequence[Submitted], per: timedelta) -> defaultdict[bytes | None, list[datetime]]:
    """When leads of the addresses came, in order. Those of deliveries that are read anew now count as they come."""
    c = _SUBMISSIONS.c
    again: set[UUID] = {submission.delivery for submission in addressed}
    rows = tx.execute(
        select(c.address, c.created_at, c.delivery_id)
        .where(
            any_of(tx, c.address, {submission.address for submission in addressed}),
            c.created_at > addressed[0].received_at - per,
            c.outcome.in_((Outcome.CAPTURED.value, Outcome.IGNORED.value)),
        )
        .order_by(c.created_at.desc())
        .limit(_MOST_COUNTED)
    )
    times: defaultdict[bytes | None, list[datetime]] = defaultdict(list)
    for row in rows:
        if row.delivery_id not in again:
            times[row.address].append(row.created_at)
    for found in times.values():
        found.sort()
    return times


def _counts(submission: Submitted) -> bool:
    junk = submission.outcome is Outcome.IGNORED and (submission.reason or "").startswith(PREFIX)
    return junk or submission.outcome is Outcome.CAPTURED


def _name(read: ReadLead) -> str:
    """The name as sent: normalizing may have found that it is none."""
    return read.lead.name or ""


def _finder(pattern: str) -> Callable[[str], bool]:
    if pattern.startswith("re:"):
        expression = re.compile(pattern.removeprefix("re:"), re.IGNORECASE)
        return lambda text: expression.search(text) is not None
    folded = fold(pattern)
    return lambda text: folded in fold(text)
