"""The lead in a mail: labelled values of its text, else of its HTML; what they lack, from its head and its links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any

from adapters.sources.base import Entrance, Lead, ReadLead, SentPhone, identifier, note_submitted_at
from adapters.sources.form import Form
from adapters.sources.inbound_email.contacts import check_sender, writer
from adapters.sources.inbound_email.envelopes import Mail
from adapters.sources.inbound_email.labels import Labels
from adapters.sources.inbound_email.text import html_cells, linked_phones, text_cells

CODE = re.compile(
    r"\b(?:c[óo]d(?:igo)?|ref(?:er[êe]ncia)?|an[úu]ncio)\b\.?(?: d[oe] (?:im[óo]vel|an[úu]ncio))? ?(?:n[º°o]\.?)?"
    r"[ :#.]{0,3}(?=[\w./-]{3})([a-z]{0,6}[-_./]?\d(?:[\w./-]{0,40}\w)?)",
    re.IGNORECASE,
)
"""A listing's code that is called one."""

BARE_CODE = re.compile(r"\b([A-Z]{2,4}-\d{3,6})\b")
"""What looks like a listing's code in a subject."""

MAX_PHONES = 3
"""Phones that are taken from links."""


def read_mail(
    mail: Mail,
    form: Form,
    entrance: Entrance,
    labels: Labels,
    listing: Sequence[re.Pattern[str]],
    senders: Sequence[str],
) -> ReadLead:
    """The lead of a mail. A mail without labels is a person's own: its text is the message. Raises `Park` when the
    sender is not to be trusted."""
    flags = check_sender(mail, senders)
    cells, seen = text_cells(mail.text), html_cells(mail.html)
    said = "\n".join(cells).strip() or "\n".join(seen).strip()
    door, key = replace(entrance, mapping=labels.mapping), identifier(mail.message_id.strip(" <>"))
    plain, rich = (form.read_fields({"fields": labels.values(one)}, door, key) for one in (cells, seen))
    read = plain if _reaches(plain.lead) or not (_reaches(rich.lead) or not mail.text.strip()) else rich
    lead = read.lead
    lead.flags += flags
    if not _reaches(lead):
        lead.message = lead.message or said or None
    _add_contacts(lead, mail, said, senders)
    lead.listing = lead.listing or next(_codes(mail.subject, said, listing), None)
    if lead.submitted_at is None:
        note_submitted_at(lead, _sent_at(mail), entrance.timezone)
    lead.extra |= {**mail.rest, **_head(mail)}
    return read


def _reaches(lead: Lead) -> bool:
    return bool(lead.phones or lead.emails)


def _add_contacts(lead: Lead, mail: Mail, said: str, senders: Sequence[str]) -> None:
    """The phone of a link, and the address of who wrote, where the text names none."""
    is_labelled = _reaches(lead)
    if not any(sum(map(str.isdigit, phone.value)) >= 8 for phone in lead.phones):
        linked = linked_phones(mail.html)[:MAX_PHONES] if is_labelled or lead.name else []
        if linked:  # the text beside the label is the link's: `Ver telefone`
            lead.phones = [SentPhone(value=phone) for phone in linked]
            lead.flags.append("phone_from_link")
    if not lead.emails:
        name, address = writer(mail, said, senders, is_labelled=is_labelled, is_reached=bool(lead.phones))
        if address:
            lead.emails.append(address)
            lead.name = lead.name or name or None
            lead.flags.append("email_from_head")


def _codes(subject: str, said: str, listing: Sequence[re.Pattern[str]]) -> Iterator[str]:
    """Codes of listings in a mail, the surest first."""
    for pattern, text in (*((own, text) for own in listing for text in (subject, said)),
                          (CODE, subject), (BARE_CODE, subject), (CODE, said)):  # fmt: skip
        if found := pattern.search(text):
            yield found[1] if pattern.groups and found[1] else found[0]


def _sent_at(mail: Mail) -> str | None:
    """The mail's own date as ISO 8601, or as sent when it is none."""
    date = mail.headers.get("date") or None
    try:
        return parsedate_to_datetime(date).isoformat() if date else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return date


def _head(mail: Mail) -> dict[str, Any]:
    """What the mail's head says besides, for who works with the lead."""
    name, address = mail.sender
    told = {
        "subject": mail.subject, "from": f"{name} <{address}>" if name else address, "recipient": mail.recipient,
        "reply_to": mail.reply_to[1], "attachments": mail.attachments,
    }  # fmt: skip
    return {field: value for field, value in told.items() if value}
