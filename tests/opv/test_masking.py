"""Operations see the shape of what is personal, and nothing of it."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from opv.access import Viewer
from opv.masking import (
    masked,
    masked_body,
    masked_condition,
    masked_detail,
    masked_header,
    masked_json,
    masked_name,
    shown,
)
from schemas.conditions import Condition
from schemas.operations import UnmappedItem
from schemas.page import Page
from tests.stored import NOW

OPS, DIRECTOR = Viewer("olga", "ops"), Viewer("rui", "director")
FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("Maria d'Ávila-Souza", "Xxxxx x'Xxxxx-Xxxxx"),
        ("+55 (11) 98888-7777", "+99 (99) 99999-9999"),
        ("maria.silva@example.com", "xxxxx.xxxxx@xxxxxxx.xxx"),
        ("12.ABC.345/01DE-35", "99.XXX.999/99XX-99"),
        ("José\N{COMBINING ACUTE ACCENT} ½ 北京 😀", "Xxxxx 9 xx x"),
    ],
)
def test_a_text_keeps_its_shape(text: str, shape: str) -> None:
    assert masked(text) == shape


def test_json_keeps_keys_and_types() -> None:
    body = {
        "lead": {"nome": "Maria Silva", "fone": 11988887777, "renda": -2500.5, "aceita": True, "cpf": None},
        "event_type": "WHOLE_LEAD", "form_id": 123456789012345, "created_time": "2026-09-21T10:00:00-0300",
        "payload": '{"e-mail": "maria@example.com"}', "11988887777": ["x"],
    }  # fmt: skip
    shape = json.loads(masked_body(json.dumps(body), "application/json"))
    assert shape == {
        "lead": {"nome": "Xxxxx Xxxxx", "fone": 99999999999, "renda": -9999.9, "aceita": True, "cpf": None},
        "event_type": "WHOLE_LEAD", "form_id": "123456789012345", "created_time": "2026-09-21T10:00:00-0300",
        "payload": '{"e-mail": "xxxxx@xxxxxxx.xxx"}', "99999999999": ["x"],
    }  # fmt: skip


def test_what_is_kept_by_its_key_must_look_like_it() -> None:
    said = {"event_type": "Maria Silva", "form_id": "maria@example.com", "created_time": "11988887777", "field": "a1"}
    shape = {"event_type": "Xxxxx Xxxxx", "form_id": "xxxxx@xxxxxxx.xxx", "created_time": "99999999999", "field": "x9"}
    assert json.loads(masked_json(json.dumps(said)) or "") == shape


def test_forms_keep_names_and_anything_else_is_shape_alone() -> None:
    assert masked_body("nome=Jo%C3%A3o+Silva&fone=11+98888&x", FORM) == "nome=Xxxx Xxxxx&fone=99 99999&x"
    assert masked_body("Maria Silva=20\nfone=1", FORM) == "Xxxxx Xxxxx=99\nxxxx=9"
    assert masked_body("<lead><nome>Maria</nome></lead>", "text/xml") == "<xxxx><xxxx>Xxxxx</xxxx></xxxx>"
    assert masked_body('{"nome": "Maria', "application/json") == '{"xxxx": "Xxxxx'
    assert masked_body("[" * 5000 + "1" + "]" * 5000, "application/json") == "[" * 5000 + "9" + "]" * 5000
    assert masked_body('{"\\ud800": "\\ud800"}', "application/json") == '{"?": "x"}'


def test_headers_tell_of_the_request_alone() -> None:
    assert masked_header("content-type", "text/csv; charset=utf-8; x=Maria") == "text/csv; charset=utf-8; x=Xxxxx"
    assert masked_header("content-length", "12") == "12"
    assert masked_header("x-forwarded-for", "200.1.2.3") == "999.9.9.9"
    assert masked_header("authorization", "***") == "***"


def test_a_condition_keeps_what_the_configuration_says() -> None:
    facts = {"answers.renda": "maria, not 'x' is 7", "city": "Santos"}
    for when, because in (
        ({"answers.renda": {"gte": 9}}, "answers.renda is \"xxxxx, xxx 'x' xx 9\", not gte 9"),
        ({"price": {"exists": True}}, "price is absent, not exists True"),
        ({"any": [{"city": "Campinas"}, {"answers.renda": "1"}]},
         "none of: city is 'Xxxxxx', xxx 'Xxxxxxxx'; xxxxxxx.xxxxx xx \"xxxxx, xxx 'x' xx 9\", not '1'"),
        ({"not": {"city": "Santos"}}, "an excluded condition holds"),
    ):  # fmt: skip
        assert masked_condition(Condition.read(when)[0].test(facts).because) == because


def test_a_sentence_keeps_its_words() -> None:
    assert masked_detail("HubSpot deleted contact 12345678, see maria@example.com (+55 11 98888-7777), try 3") == (
        "HubSpot deleted contact 99999999, see xxxxx@xxxxxxx.xxx (+99 99 99999-9999), try 3"
    )


def test_who_sees_persons_gets_things_as_they_are() -> None:
    def item(field: str, value: str) -> UnmappedItem:
        return UnmappedItem(field=field, value=value, channel="site", count=1, first_at=NOW, last_at=NOW)

    page = Page[UnmappedItem](items=[item("shared_phone", "+5511988887777"), item("campaign", "Verão 2026"),
                       item("origin", "maria@example.com"), item("medium", "11988887777")])  # fmt: skip
    assert shown(DIRECTOR, page) is page
    assert [one.value for one in shown(OPS, page).items] == [
        "+9999999999999", "Verão 2026", "xxxxx@xxxxxxx.xxx", "99999999999",
    ]  # fmt: skip


def test_a_kind_that_nobody_decided_on_is_refused() -> None:
    class New(BaseModel):
        name: str

    with pytest.raises(TypeError, match="New"):
        shown(OPS, Page(items=[New(name="Maria")]))


VALUES = st.text(st.characters(codec="utf-8"), min_size=1)
KEYS = st.sampled_from(["nome", "fone", "qual seu nome?", "contact", "values"])
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
BODIES = st.recursive(VALUES | NUMBERS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=8)


def survives(text: str) -> list[str]:
    """Letters and digits of a text but the mask's own."""
    return re.findall(r"[^\W\d_xX]|[0-8]|[^\x00-\x7f]", text)


@given(VALUES)
def test_nothing_of_a_text_survives(text: str) -> None:
    assert not survives(masked(text))
    assert len(masked(text)) == len(text)


@given(BODIES)
def test_nothing_of_the_values_of_json_survives(body: Any) -> None:
    def values(shape: Any) -> list[str]:
        if isinstance(shape, dict):
            return [one for inner in shape.values() for one in values(inner)]
        if isinstance(shape, list):
            return [one for inner in shape for one in values(inner)]
        return [shape]

    text = masked_body(json.dumps(body), "application/json")
    shape = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    assert not [one for value in values(shape) for one in survives(value)]


@given(st.dictionaries(KEYS, VALUES, min_size=1))
def test_nothing_of_the_values_of_a_form_survives(pairs: dict[str, str]) -> None:
    shape = masked_body(urlencode(pairs), FORM)
    for name in pairs:
        shape = shape.replace(f"{masked_name(name)}=", "=", 1)
    assert not survives(shape)


@given(VALUES)
def test_nothing_of_a_body_of_no_kind_survives(body: str) -> None:
    if masked_json(body) is None:
        assert not survives(masked_body(body, "text/plain"))
