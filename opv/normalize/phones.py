"""Phones to E.164. Brazilian numbers by the rules of Anatel's plan, without a library call; foreign ones by one.

A Brazilian number is an area code (DDD, 67 exist) and 8 digits (fixed, starting 2–5) or 9 (mobile, starting 9;
Anatel Resolution 553/2010). A mobile in its old form of 8 digits (6–9) gets its ninth digit, flagged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

import phonenumbers

from opv.normalize.placeholders import placeholder, same_digits
from opv.normalize.text import Notes, clean, plain_digits
from schemas.lead import SentPhone

AREA_CODES = frozenset({
    "11", "12", "13", "14", "15", "16", "17", "18", "19",
    "21", "22", "24", "27", "28",
    "31", "32", "33", "34", "35", "37", "38",
    "41", "42", "43", "44", "45", "46", "47", "48", "49",
    "51", "53", "54", "55",
    "61", "62", "63", "64", "65", "66", "67", "68", "69",
    "71", "73", "74", "75", "77", "79",
    "81", "82", "83", "84", "85", "86", "87", "88", "89",
    "91", "92", "93", "94", "95", "96", "97", "98", "99",
})  # fmt: skip

_MOST = 20
"""Most fields, numbers in one field, and numbers of one lead that are read; `raw` keeps the text of the others."""
_LONGEST = 500
_E164_MOBILE = re.compile(r"\+55[0-9]{2}9[0-9]{8}")
_ONE_NUMBER = re.compile(r"[\d\s().+-]+", re.ASCII)
_NOT_DIGITS = re.compile(r"[^0-9]+")
_SEPARATOR = re.compile(r"[/;,|&\n\r]|\b(?:ou|or|e|and)\b", re.IGNORECASE)
_EXTENSION = re.compile(
    r"(?:;ext=|\bramal\b|\bram\.|\bext(?:ension)?\b|\br\.|#|\bx)[\s:.=]*\d{1,6}\s*(?=$|[/;,|\n\r])", re.IGNORECASE
)
_SCIENTIFIC = re.compile(r"\+?(\d(?:[.,]\d+)?)[eE]\+?(\d{1,2})")
_FLOAT = re.compile(r"(\+?\d{8,15})[.,]0+")
_INSIDE_TEXT = re.compile(r"(?<!\d)(?:\+?55[\s-]?)?\(?0?\d{2}\)?[\s.-]?9?[\s.-]?\d{4}[\s.-]?\d{4}(?!\d)", re.ASCII)
# Companies' numbers: free or shared cost, and the national ones, with or without an area code before them.
_TOLL_FREE = re.compile(r"(?:800|300|500|900)\d{6,7}")
_COMPANY = re.compile(r"(?:[34]00\d|4020)\d{4}|\d\d[34]00[34]\d{4}")

_Read = tuple[str | None, tuple[str, ...]]
"""A number in E.164, or None, and what was done."""
_INVALID: _Read = (None, ("phone_invalid",))


def read_phones(sent: Iterable[SentPhone], notes: Notes) -> tuple[str, ...]:
    """Usable phones in E.164, in the order sent, each once. Values that changed or were dropped go to `notes`."""
    found: dict[str, None] = {}
    for index, phone in enumerate(sent):
        if index == _MOST or len(found) >= _MOST:
            notes.flag("phones_left_out")
            break
        value, area = phone.value, phone.ddd
        if not area and _E164_MOBILE.fullmatch(value) and value[3:5] in AREA_CODES and not same_digits(value[3:]):
            found[value] = None
            continue
        numbers = read_phone(value, area, notes)
        if area:
            notes.keep("ddd", area)
        found.update(dict.fromkeys(numbers))
    return tuple(found)[:_MOST]


def read_phone(sent: str, area: str | None, notes: Notes) -> list[str]:
    """The phones in one field as sent; `area` is the area code field beside it."""
    text = clean("phone", sent, notes)[:_LONGEST]
    if not text:
        return []
    code = placeholder(text)
    if code:
        notes.keep("phone", sent, code)
        return []
    ddd = _area_code(area)
    numbers: list[str] = []
    for piece in _pieces(text)[:_MOST]:
        reads = [_number(piece, ddd)]
        if reads[0] == _INVALID:
            inside = [_number(match, ddd) for match in _INSIDE_TEXT.findall(piece)]
            if any(number for number, _ in inside):
                reads = inside
        for number, codes in reads:
            for code in codes:
                notes.flag(code)
            if number:
                numbers.append(number)
    if numbers != [sent]:
        notes.keep("phone", sent)
    return numbers


def _pieces(text: str) -> list[str]:
    """The field cut at what people write between numbers; extensions are left out."""
    if _ONE_NUMBER.fullmatch(text) and "\n" not in text and "\r" not in text and not _FLOAT.fullmatch(text):
        return [text]
    text = plain_digits(text)
    scientific = _SCIENTIFIC.fullmatch(text)
    if scientific:
        return [_restored(scientific[1].replace(",", "."), int(scientific[2]))]
    as_float = _FLOAT.fullmatch(text)
    if as_float:
        return [as_float[1]]
    pieces = _SEPARATOR.split(_EXTENSION.sub("", text))
    return [piece for piece in pieces if any("0" <= c <= "9" for c in piece)] or [""]


def _restored(mantissa: str, exponent: int) -> str:
    """A number that a spreadsheet wrote as 5.511999990001e+12, or nothing when its last digits are lost."""
    lost = exponent - len(mantissa.partition(".")[2])
    return str(int(Decimal(mantissa).scaleb(exponent))) if 0 <= lost <= 3 else ""


def _number(piece: str, ddd: str | None) -> _Read:
    """One number as written. `ddd` is the area code sent beside it, "" when that is none, None when none was sent."""
    digits = _NOT_DIGITS.sub("", piece)
    if same_digits((ddd or "") + digits):
        return None, ("placeholder_removed",)
    plus = "+" in piece and not _NOT_DIGITS.sub("", piece.partition("+")[0])
    if digits.startswith("00"):
        plus, digits = True, digits[2:]
    other_country = plus and not digits.startswith(("55", "0"))
    foreign = _foreign("+" + digits, None) if other_country else None
    if foreign:
        return foreign, ("phone_foreign",)
    if plus and ddd and digits.startswith("55") and _is_local(digits[2:]):
        # With + before it 55 is the country, and the area code is in the field beside.
        return _with_area(ddd + digits[2:])
    number, codes = _brazilian(digits, ddd)
    if number and plus and (other_country or len(digits) < 12):
        return number, (*codes, "phone_country_inferred")
    if (number, codes) == _INVALID and len(digits) >= 10:
        # Dialled from Brazil with a carrier: 00 15 1 415 555-2671.
        foreign = _foreign(piece, "BR")
        return (foreign, ("phone_foreign",)) if foreign else _INVALID
    return number, codes


def _brazilian(digits: str, ddd: str | None) -> _Read:
    national = _national(digits)
    has_area = len(national) > 9
    whole = national if has_area else (ddd or "") + national
    if same_digits(whole):
        return None, ("placeholder_removed",)
    if _TOLL_FREE.fullmatch(national) or _COMPANY.fullmatch(whole):
        return None, ("phone_not_personal",)
    if has_area:
        number, codes = _with_area(national)
        return number, (*codes, "phone_ddd_ignored") if number and ddd is not None else codes
    if not _is_local(national):
        return _INVALID
    return _with_area(whole) if ddd else (None, ("phone_without_ddd",))


def _national(digits: str) -> str:
    """Area code and number, or the number alone: without country code, trunk zero and carrier code."""
    # Ten or eleven digits that start with 55 are the area code 55 (Rio Grande do Sul), not the country.
    while len(digits) > 11 and digits.startswith("55"):
        digits = digits[2:]
    if digits.startswith("0"):
        digits = digits.lstrip("0")
        if len(digits) in (12, 13):
            digits = digits[2:]
    return digits


def _is_local(digits: str) -> bool:
    return (len(digits) == 8 and digits[0] in "23456789") or (len(digits) == 9 and digits[0] == "9")


def _with_area(national: str) -> _Read:
    """E.164 of an area code and what follows it."""
    if national[:2] not in AREA_CODES or len(national) > 11:
        return _INVALID
    first = national[2]
    if len(national) == 11:
        return ("+55" + national, ()) if first == "9" else _INVALID
    if first in "2345":
        return "+55" + national, ()
    if first in "6789":
        return f"+55{national[:2]}9{national[2:]}", ("phone_ninth_digit_inferred",)
    return _INVALID


def _area_code(sent: str | None) -> str | None:
    """The area code of a field of its own: "055", "(31)", "31 ", "+55 31"; "" when it is none, None when not sent."""
    digits = _NOT_DIGITS.sub("", plain_digits(sent[:_LONGEST])).lstrip("0") if sent else ""
    if not digits:
        return None
    if len(digits) == 4 and digits.startswith("55"):
        digits = digits[2:]
    return digits if digits in AREA_CODES else ""


def _foreign(text: str, region: str | None) -> str | None:
    """E.164 of a valid number of another country; `region` is where it is dialled from."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if number.country_code == 55 or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_mobile(phone: str) -> bool:
    """Whether a number in E.164 can be a mobile's."""
    if phone.startswith("+55"):
        return _E164_MOBILE.fullmatch(phone) is not None
    try:
        kind = phonenumbers.number_type(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        return False
    return kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
