"""One lead, normalized: every field in the form that the house stores and compares. Never raises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from opv.normalize.documents import kind_of, read_document
from opv.normalize.emails import read_email, read_emails, valid_email
from opv.normalize.names import looks_like_test, name_key, read_name
from opv.normalize.phones import read_phone, read_phones
from opv.normalize.text import BODY_LIMIT, Notes, read_text
from opv.normalize.values import read_consent, read_ids, read_raw, read_values
from schemas.conditions import fold, number
from schemas.lead import Lead

_MOST_REAIS = Decimal(2**63 // 100)
_PRICE_LIMIT = 60
_TRANSACTIONS = {
    **dict.fromkeys(("sell", "sale", "sales", "venda", "vender", "compra", "comprar", "buy", "for sale"), "sale"),
    **dict.fromkeys(("rent", "rental", "aluguel", "alugar", "locacao", "locar", "for rent"), "rent"),
}
_STATES = {
    "acre": "AC", "alagoas": "AL", "amapa": "AP", "amazonas": "AM", "bahia": "BA", "ceara": "CE",
    "distrito federal": "DF", "espirito santo": "ES", "goias": "GO", "maranhao": "MA", "mato grosso": "MT",
    "mato grosso do sul": "MS", "minas gerais": "MG", "para": "PA", "paraiba": "PB", "parana": "PR",
    "pernambuco": "PE", "piaui": "PI", "rio de janeiro": "RJ", "rio grande do norte": "RN",
    "rio grande do sul": "RS", "rondonia": "RO", "roraima": "RR", "santa catarina": "SC", "sao paulo": "SP",
    "sergipe": "SE", "tocantins": "TO",
}  # fmt: skip
_STATES.update({code.lower(): code for code in list(_STATES.values())})


@dataclass(slots=True)
class NormalizedLead:
    """A lead as the house keeps it.

    `phones` are E.164, `emails` lower case, both usable, unique and in the order sent; `document` is a CPF (11
    digits) or a CNPJ (14 characters), compact. `name_key` is the folded name without particles, "" without a name.
    `raw` keeps each value as sent that was changed, dropped or did not resolve (a list when there are several);
    `flags` are stable codes of what was done, each once. No text in it holds NUL or a lone surrogate.
    """

    kind: Literal["natural", "legal"]
    name: str | None
    name_key: str
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    document: str | None
    message: str | None
    campaign: str | None
    medium: str | None
    origin: str | None
    development: str | None
    listing: str | None
    transaction: str | None
    city: str | None
    state: str | None
    broker: str | None
    price_cents: int | None
    submitted_at: datetime | None
    ad: dict[str, str]
    utm: dict[str, str]
    click_ids: dict[str, str]
    answers: dict[str, Any]
    consent: list[dict[str, Any]]
    extra: dict[str, Any]
    raw: dict[str, Any]
    flags: list[str]

    @property
    def has_contact(self) -> bool:
        """Whether the person can be reached: at least one phone or e-mail."""
        return bool(self.phones or self.emails)


def normalize(lead: Lead) -> NormalizedLead:
    """The lead with every value clean, canonical or dropped. Total: whatever a source read, this does not raise."""
    notes = Notes()
    for code in lead.flags:
        flag = read_text("flags", code, notes)
        if flag:
            notes.flag(flag)
    notes.raw.update(read_raw(lead.raw, notes))
    phones = read_phones(lead.phones, notes)
    emails = read_emails(lead.emails, notes)
    name = read_name(lead.name, notes)
    if name and _is_contact(name):
        phones, emails = _contact_in_name(name, phones, emails, notes)
        notes.keep("name", lead.name or name, "name_not_a_name")
        name = None
    key = name_key(name)
    if looks_like_test(key):
        notes.flag("name_looks_like_test")
    document = read_document(lead.document, notes)
    return NormalizedLead(
        kind=kind_of(document),
        name=name,
        name_key=key,
        phones=phones,
        emails=emails,
        document=document,
        message=read_text("message", lead.message, notes, BODY_LIMIT),
        campaign=read_text("campaign", lead.campaign, notes),
        medium=read_text("medium", lead.medium, notes),
        origin=read_text("origin", lead.origin, notes),
        development=read_text("development", lead.development, notes),
        listing=read_text("listing", lead.listing, notes),
        transaction=_transaction(lead.transaction, notes),
        city=_city(lead.city, notes),
        state=_state(lead.state, notes),
        broker=read_text("broker", lead.broker, notes),
        price_cents=_price_cents(lead.price, notes),
        submitted_at=_submitted_at(lead.submitted_at, notes),
        ad=read_ids("ad", lead.ad, notes),
        utm=read_ids("utm", lead.utm, notes),
        click_ids=read_ids("click_ids", lead.click_ids, notes),
        answers=read_values("answers", lead.answers, notes),
        consent=read_consent(lead.consent, notes),
        extra=read_values("extra", lead.extra, notes),
        raw=notes.raw,
        flags=notes.flags,
    )


def _is_contact(name: str) -> bool:
    """Whether what stands in the name's place is a number or an address."""
    if "@" in name and valid_email(name):
        return True
    return any(c.isdecimal() for c in name) and not any(c.isalpha() for c in name)


def _contact_in_name(
    name: str, phones: tuple[str, ...], emails: tuple[str, ...], notes: Notes
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lead's phones and e-mails, with the one in the name when there is no other of its kind."""
    tried = Notes()
    if "@" in name:
        emails = emails or tuple(read_email(name, tried))
    else:
        phones = phones or tuple(read_phone(name, None, tried))
    for code in tried.flags:
        notes.flag(code)
    return phones, emails


def _changed(field: str, sent: str | None, value: str, notes: Notes) -> str:
    if sent and value != sent:
        notes.keep(field, sent)
    return value


def _transaction(sent: str | None, notes: Notes) -> str | None:
    text = read_text("transaction", sent, notes)
    return _changed("transaction", sent, _TRANSACTIONS.get(fold(text)) or text.lower(), notes) if text else None


def _state(sent: str | None, notes: Notes) -> str | None:
    text = read_text("state", sent, notes)
    return _changed("state", sent, _STATES.get(fold(text), text), notes) if text else None


def _city(sent: str | None, notes: Notes) -> str | None:
    text = read_text("city", sent, notes)
    return " ".join(text.split()) if text else None


def _price_cents(sent: str | None, notes: Notes) -> int | None:
    """Cents of a price in reais, Brazilian or plain notation."""
    text = read_text("price", sent, notes)
    if not sent or not text:
        return None
    amount = number(text.upper()) if len(text) <= _PRICE_LIMIT else None
    if amount is None or not 0 <= amount < _MOST_REAIS:
        notes.keep("price", sent, "price_invalid")
        return None
    cents = int((amount * 100).to_integral_value(ROUND_HALF_UP))
    if not sent.isdecimal():
        notes.keep("price", sent)
    return cents


def _submitted_at(sent: datetime | None, notes: Notes) -> datetime | None:
    if sent is None or 2000 <= sent.year <= 2100:
        return sent
    notes.keep("submitted_at", sent.isoformat(), "submitted_at_invalid")
    return None
