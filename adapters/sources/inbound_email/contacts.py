"""Who wrote a mail: the person, or the portal on the person's behalf. From is easily forged.

Reply-To is often the person. A portal's own address must never become the person's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.sources.base import Park
from adapters.sources.inbound_email.envelopes import Mail

PORTALS = (
    "zapimoveis.com.br", "vivareal.com.br", "vivareal.com", "olx.com.br", "grupozap.com", "chavesnamao.com.br",
    "imovelweb.com.br", "wimoveis.com.br", "casamineira.com.br", "quintoandar.com.br", "loft.com.br",
    "mercadolivre.com.br", "mercadolivre.com", "facebookmail.com",
)  # fmt: skip
"""Domains of portals, their subdomains included."""

_NOBODY = re.compile(
    r"no[-_.]?reply|n[aã]o[-_.]?respond|do[-_.]?not[-_.]?reply|mailer[-_.]?daemon|postmaster|bounce|notific|^leads?$",
    re.IGNORECASE,
)
"""Local parts that are no person's."""

_BULK = frozenset({"bulk", "list", "junk"})
_FORWARDED = re.compile(
    r"^[>\s*]*(?:De|From)\s*:[ \t*]*(.{0,200}?)[<\[(]?(?:mailto:)?([^\s<>\[\]():]+@[^\s<>\[\]():]+)", re.M
)


def check_sender(mail: Mail, senders: Sequence[str]) -> list[str]:
    """Flags of the sender. Raises `Park` when the channel lists its senders and this one is not among them, or the
    mail's own proof (SPF and DKIM, as the service found them) speaks against it."""
    unproven = _is_unproven(mail)
    if senders and not is_of(mail.sender[1], senders):
        raise Park("sender_not_listed", "the mail is from an address that the channel's `senders` do not have")
    if senders and unproven:
        raise Park("sender_not_proven", "the mail failed SPF and has no valid DKIM signature: From may be forged")
    return ["sender_not_proven"] if unproven else []


def writer(mail: Mail, text: str, senders: Sequence[str], *, is_labelled: bool, is_reached: bool) -> tuple[str, str]:
    """Name and address of the person who wrote, as far as the mail's head tells; empty when it does not.

    A forwarded mail's own head goes before that of the forwarding one. From counts only when the person could not be
    reached otherwise; nothing counts in what a program sent to many, unless it has labelled values."""
    if not is_labelled and _is_automatic(mail):
        return "", ""
    forwarded = _FORWARDED.search(text)
    if forwarded:
        candidates = [(forwarded[1].strip(" \"'*<["), forwarded[2])]
    else:
        candidates = [mail.reply_to, *([] if is_reached else [mail.sender])]
    house = mail.recipient.lower()
    for name, address in candidates:
        if "@" in address and address.lower() not in house and not _is_portals(address, mail, senders):
            return name, address
    return "", ""


def is_of(address: str, places: Sequence[str]) -> bool:
    """Whether an address is one of these, or of one of these domains or below it."""
    lower = address.lower()
    domain = lower.rpartition("@")[2]
    return any(one in (lower, domain) or domain.endswith(f".{one}") for one in map(str.lower, places) if one)


def _is_portals(address: str, mail: Mail, senders: Sequence[str]) -> bool:
    if _NOBODY.search(address.rpartition("@")[0]) or is_of(address, PORTALS) or is_of(address, senders):
        return True
    local, _, domain = mail.sender[1].lower().rpartition("@")
    return bool(domain) and address.lower().endswith(f"@{domain}") and bool(_NOBODY.search(local))


def _is_automatic(mail: Mail) -> bool:
    headers = mail.headers
    return (
        headers.get("auto-submitted", "no").lower() != "no"
        or headers.get("precedence", "").lower() in _BULK
        or "list-unsubscribe" in headers
        or "list-id" in headers
    )


def _is_unproven(mail: Mail) -> bool:
    spf = mail.rest.get("SPF") or mail.headers.get("x-mailgun-spf") or mail.headers.get("received-spf") or ""
    dkim = mail.rest.get("dkim") or mail.headers.get("x-mailgun-dkim-check-result") or ""
    return str(spf).strip().lower().startswith(("fail", "softfail")) and "pass" not in str(dkim).lower()
