"""Phones as senders write them, one row each: value, area code beside it, what is usable, what was done."""

from __future__ import annotations

import pytest

from opv.normalize import NormalizedLead, normalize
from opv.normalize.phones import AREA_CODES
from schemas.lead import Lead, SentPhone

MOBILE, LANDLINE = "+5511999990001", "+551133334444"
NINTH = "phone_ninth_digit_inferred"


def phones(value: str, ddd: str | None = None) -> NormalizedLead:
    return normalize(Lead(phones=[SentPhone(value=value, ddd=ddd)]))


@pytest.mark.parametrize(
    ("value", "expected", "flags"),
    [
        ("+5511999990001", [MOBILE], []),
        ("5511999990001", [MOBILE], []),
        ("11999990001", [MOBILE], []),
        ("(11) 99999-0001", [MOBILE], []),
        ("(11) 9 9999.0001", [MOBILE], []),
        ("0055 11 99999-0001", [MOBILE], []),
        ("+55 55 11 99999-0001", [MOBILE], []),
        # The country is dropped from 12 or 13 digits alone; 10 or 11 that start with 55 are Rio Grande do Sul.
        ("551133334444", [LANDLINE], []),
        ("5533334444", ["+555533334444"], []),
        ("55999990001", ["+5555999990001"], []),
        ("5555999990001", ["+5555999990001"], []),
        ("+55 3333-4444", ["+555533334444"], ["phone_country_inferred"]),
        # Ninth digit: mobiles only.
        ("1187654321", ["+5511987654321"], [NINTH]),
        ("11 7654-3210", ["+5511976543210"], [NINTH]),
        ("553199990101", ["+5531999990101"], [NINTH]),
        ("1123334444", ["+551123334444"], []),
        ("1153334444", ["+551153334444"], []),
        # Trunk zero and carrier code.
        ("011 99999-0001", [MOBILE], []),
        ("0 15 11 99999-0001", [MOBILE], []),
        ("04111 3333-4444", [LANDLINE], []),
        ("+55 (0xx11) 99999-0001", [MOBILE], []),
        ("(0xx11) 3333-4444", [LANDLINE], []),
        ("+55 0 21 11 99999-0001", [MOBILE], []),
        # What surrounds a number.
        ("tel:+55-11-99999-0001", [MOBILE], []),
        ("p:+5511999990001", [MOBILE], []),
        ("https://wa.me/5511999990001", [MOBILE], []),
        ("\u202a+55 11 99999-0001\u202c", [MOBILE], []),
        ("11 3333-4444 ramal 12", [LANDLINE], []),
        ("+55 11 3333-4444;ext=12", [LANDLINE], []),
        ("me liga no 11 99999-0001 depois das 18", [MOBILE], []),
        # Other ways to write digits.
        ("（１１）９９９９９－０００１", [MOBILE], []),
        ("٠١١٩٩٩٩٩٠٠٠١", [MOBILE], []),
        ("5.511999990001e+12", [MOBILE], []),
        ("5,511999990001E+12", [MOBILE], []),
        ("5511999990001.0", [MOBILE], []),
        ("119\x0099990001", [MOBILE], ["control_characters_removed"]),
        # Several in one field.
        ("31 99999-0001 / 31 3333-4444", ["+5531999990001", "+553133334444"], []),
        ("31 99999-0001 / 3333-4444", ["+5531999990001"], ["phone_without_ddd"]),
        ("11 99999-0001 ou 11 3333-4444", [MOBILE, LANDLINE], []),
        ("11999990001;1133334444", [MOBILE, LANDLINE], []),
        ("11999990001 e 1133334444", [MOBILE, LANDLINE], []),
        ("11999990001\n1133334444", [MOBILE, LANDLINE], []),
        ("11 99999-0001 - 11 3333-4444", [MOBILE, LANDLINE], []),
        ("11999990001 1133334444", [MOBILE, LANDLINE], []),
        ("11999990001, 11 99999-0001", [MOBILE], []),
        # Other countries.
        ("+1 (415) 555-2671", ["+14155552671"], ["phone_foreign"]),
        ("00351 912 345 678", ["+351912345678"], ["phone_foreign"]),
        ("00 15 1 415 555 2671", ["+14155552671"], ["phone_foreign"]),
        ("+11999990001", [MOBILE], ["phone_country_inferred"]),
        # Not usable.
        ("99999-0001", [], ["phone_without_ddd"]),
        ("3333-4444", [], ["phone_without_ddd"]),
        ("0800 123 4567", [], ["phone_not_personal"]),
        ("800 123 4567", [], ["phone_not_personal"]),
        ("0300 123 4567", [], ["phone_not_personal"]),
        ("0500 123 4567", [], ["phone_not_personal"]),
        ("0900 123 4567", [], ["phone_not_personal"]),
        ("4003-1234", [], ["phone_not_personal"]),
        ("3003-1234", [], ["phone_not_personal"]),
        ("(11) 4003-1234", [], ["phone_not_personal"]),
        ("(99) 99999-9999", [], ["placeholder_removed"]),
        ("+55 99 99999-9999", [], ["placeholder_removed"]),
        ("0000-0000", [], ["placeholder_removed"]),
        ("(__) _____-____", [], ["placeholder_removed"]),
        ("null", [], ["placeholder_removed"]),
        ("<test lead: dummy data for phone_number>", [], ["placeholder_removed"]),
        ("{{1.phone}}", [], ["unfilled_template"]),
        ("não tenho", [], ["phone_invalid"]),
        ("12345", [], ["phone_invalid"]),
        ("10 99999-0001", [], ["phone_invalid"]),
        ("11 19999-0001", [], ["phone_invalid"]),
        ("11 1999-0001", [], ["phone_invalid"]),
        ("+1 415 555", [], ["phone_invalid"]),
        ("12345678901234567890", [], ["phone_invalid"]),
        ("5.512E+12", [], ["phone_invalid"]),
    ],
)
def test_a_phone_as_sent(value: str, expected: list[str], flags: list[str]) -> None:
    lead = phones(value)
    assert lead.phones == tuple(expected)
    assert lead.flags == flags
    changed = [value] != expected
    assert lead.raw == ({"phone": value.replace("\x00", "\ufffd")} if changed else {})


@pytest.mark.parametrize(
    ("value", "ddd", "expected", "flags"),
    [
        ("999990109", "31", ["+5531999990109"], []),
        ("99990109", "(31)", ["+5531999990109"], [NINTH]),
        ("3333-4444", "31 ", ["+553133334444"], []),
        ("3333-4444", "055", ["+555533334444"], []),
        ("99999-0001", "+55 31", ["+5531999990001"], []),
        ("99999-0001", "0xx31", ["+5531999990001"], []),
        ("99999-0001 / 3333-4444", "31", ["+5531999990001", "+553133334444"], []),
        ("999999999", "11", ["+5511999999999"], []),
        ("+55 3333-4444", "11", [LANDLINE], []),
        # "+55 17 99999-9999" cut after two digits by a connector: the number has its area code, and wins.
        ("17999999999", "55", ["+5517999999999"], ["phone_ddd_ignored"]),
        ("1733334444", "55", ["+551733334444"], ["phone_ddd_ignored"]),
        ("+5511999990001", "11", [MOBILE], ["phone_ddd_ignored"]),
        ("11999990001", "00", [MOBILE], []),
        ("11999990001", "10", [MOBILE], ["phone_ddd_ignored"]),
        ("99999-0001", "10", [], ["phone_without_ddd"]),
        ("99999-0001", "null", [], ["phone_without_ddd"]),
        ("99999-9999", "99", [], ["placeholder_removed"]),
        ("4003-1234", "11", [], ["phone_not_personal"]),
        ("0800 123 4567", "11", [], ["phone_not_personal"]),
        ("3001-1234", "31", ["+553130011234"], []),
    ],
)
def test_an_area_code_in_a_field_of_its_own(value: str, ddd: str, expected: list[str], flags: list[str]) -> None:
    lead = phones(value, ddd)
    assert lead.phones == tuple(expected)
    assert lead.flags == flags
    assert lead.raw.get("phone", value) == value
    assert lead.raw["ddd"] == ddd


def test_blank_phones_are_absent_and_worth_no_note() -> None:
    lead = normalize(Lead(phones=[SentPhone(value=""), SentPhone(value=" \n", ddd="")]))
    assert (lead.phones, lead.flags, lead.raw) == ((), [], {})


def test_several_fields_keep_their_order_and_each_value_as_sent() -> None:
    sent = ["(11) 99999-0001", MOBILE, "1133334444", "nada"]
    lead = normalize(Lead(phones=[SentPhone(value=value) for value in sent]))
    assert lead.phones == (MOBILE, LANDLINE)
    assert lead.raw["phone"] == ["(11) 99999-0001", "1133334444", "nada"]
    assert lead.flags == ["phone_invalid"]


def test_there_are_67_area_codes() -> None:
    assert len(AREA_CODES) == 67
    found = {str(code) for code in range(10, 100) if phones(f"{code}988887777").phones}
    assert found == AREA_CODES


def test_a_flood_of_phones_is_bounded() -> None:
    lead = normalize(Lead(phones=[SentPhone(value=f"119{i:08}") for i in range(10_000, 10_050)]))
    assert len(lead.phones) == 20
    assert "phones_left_out" in lead.flags
