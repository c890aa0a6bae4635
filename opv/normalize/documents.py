"""CPF (natural person, 11 digits) and CNPJ (legal person, 14 characters, letters since July 2026).

Check digits by python-stdnum. Format of the CNPJ with letters: Receita Federal, IN RFB 2.229/2024.
"""

from __future__ import annotations

import re
from typing import Literal

from stdnum.br import cnpj, cpf

from opv.normalize.placeholders import placeholder
from opv.normalize.text import Notes, clean, plain_digits

_LONGEST = 60
_LABEL = re.compile(r"^(?:cpf|cnpj)(?:\s*/\s*(?:cpf|cnpj))?\s*(?:n[º°o.]*)?\s*[:=-]?\s*", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s.\-/–—_]+")
_INTEGER = re.compile(r"([0-9]{10,14})(?:\.0)?")
_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")


def read_document(sent: str | None, notes: Notes) -> str | None:
    """A valid CPF or CNPJ, compact and upper case, or None.

    A whole number of 10 digits, or 12 or 13, may have lost its leading zeros on the way: they are put back, flagged,
    when the check digits then agree.
    """
    if not sent:
        return None
    text = clean("document", sent, notes)
    if not text:
        return None
    code = placeholder(text)
    if code:
        notes.keep("document", sent, code)
        return None
    document = _document(_LABEL.sub("", plain_digits(text), count=1), notes) if len(text) <= _LONGEST else None
    if document is None:
        notes.keep("document", sent, "document_invalid")
    elif document != sent:
        notes.keep("document", sent)
    return document


def why_no_document(sent: str) -> str:
    """Why `read_document` reads nothing out of what was written, for who wrote it."""
    compact = _SEPARATORS.sub("", _LABEL.sub("", plain_digits(sent.strip()), count=1)).upper()
    if len(set(compact)) <= 1:
        return "it is one character repeated"
    if len(compact) == 11 and compact.isdecimal():
        return "a CPF of these digits has other check digits (the last two)"
    if _CNPJ.fullmatch(compact):
        return "a CNPJ of these characters has other check digits (the last two)"
    return "a CPF has 11 digits; a CNPJ has 12 digits or letters and then 2 digits"


def kind_of(document: str | None) -> Literal["natural", "legal"]:
    """What kind of person a compact document belongs to; without one, a natural person."""
    return "legal" if document and len(document) == 14 else "natural"


def _document(text: str, notes: Notes) -> str | None:
    integer = _INTEGER.fullmatch(text)
    compact = integer[1] if integer else _SEPARATORS.sub("", text).upper()
    if _valid(compact):
        return compact
    if integer and len(compact) in (10, 12, 13):
        padded = compact.zfill(11 if len(compact) == 10 else 14)
        if _valid(padded):
            notes.flag("document_zeros_inferred")
            return padded
    return None


def _valid(compact: str) -> bool:
    if len(set(compact)) <= 1 or not compact.isascii():
        return False
    if len(compact) == 11 and compact.isdigit():
        return bool(cpf.is_valid(compact))
    return bool(_CNPJ.fullmatch(compact) and cnpj.is_valid(compact))
