"""Templates: the small part of Jinja2 that is read, what is missing, and that no text of anybody does harm."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opv.automation.templates import MAX_LENGTH, MAX_TEXT, NAMES, BadTemplate, faults, filled, read, texts_in
from opv.automation.values import MAX_VALUE, _clean
from schemas.errors import Reject

VALUES: dict[str, Any] = {
    "client": {"name": "Rita Exemplo", "first_name": "Rita"}, "stage": {"name": "Visita"},
    "fields": {"unit-type": "2 quartos", "items": "sala"}, "broker": {},
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Olá, {{ client.first_name }}!", "Olá, Rita!"),
        ("{{ client.phone | default('sem telefone') }}", "sem telefone"),
        ("{% if broker.name %}Com {{ broker.name }}{% else %}Sem corretor{% endif %}", "Sem corretor"),
        ("{{ link or 'sem link' }}", "sem link"),
        ("{{ 'sim' if visit.date is defined else 'não' }}", "não"),
        ("{% if stage.name == 'Visita' %}visita{% endif %}", "visita"),
        ("{{ fields['unit-type'] | upper }} {{ fields.items }}", "2 QUARTOS sala"),
        ("{{ client.name | truncate(6, true, '…') }}", "Rita …"),
        ("<b>{{ client.name ~ ' & Cia' }}</b>\n", "<b>Rita Exemplo & Cia</b>"),
    ],
)
def test_what_is_read(template: str, text: str) -> None:
    assert read(template).render(VALUES) == text


@pytest.mark.parametrize(
    "template", ["{{ client.phone }}", "{{ link }}", "{{ client.phone ~ '' }}", "{{ client.items }}"]
)
def test_what_is_missing_is_told_by_name(template: str) -> None:
    with pytest.raises(Reject) as raised:
        read(template).render(VALUES)
    assert raised.value.reason == "template_value_missing"
    assert next(iter(read(template).names)) in raised.value.detail
    assert "Rita" not in raised.value.detail


@pytest.mark.parametrize(
    "template",
    [
        "{% for x in client %}{% endfor %}", "{{ range(10) }}", "{{ 'a' * 9999999 }}", "{{ 2 ** 99 }}", "{{ [1, 2] }}",
        "{{ client.name.__class__ }}", "{{ ''.__class__.__mro__ }}", "{{ client['name']['x'] }}", "{{ {} }}",
        "{{ client.name.format(x) }}", "{{ '%9999999d' % 1 }}", "{{ client.name | replace('a', 'b') }}",
        "{{ client.name | center(99999) }}", "{{ client | attr('items') }}", "{% set x = 1 %}", "{% include 'x' %}",
        "{% macro x() %}{% endmacro %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% raw %}x",
        "{{ client.name[0] }}",
        "{{ lipsum() }}", "{{ self }}{{ self.x() }}", "{{ 1 < 2 }}", "{{ client.name is mapping }}", "{{", "{{ }}",
        "{% if client.name %}", "{% filter upper %}x{% endfilter %}", "{% block x %}{% endblock %}",
        "{{ " + "(" * 1500 + "1" + ")" * 1500 + " }}", "{{ " + "not " * 900 + "1 }}", "{{ " + "1 or " * 700 + "1 }}",
        "{% if 1 %}" * 200 + "{% endif %}" * 200, "x" * (MAX_LENGTH + 1),
    ],
)  # fmt: skip
def test_what_is_not_read(template: str) -> None:
    with pytest.raises(BadTemplate):
        read(template)
    assert faults(template, [])


def test_the_largest_text_is_bounded_and_quick() -> None:
    template = read("{{client.name}}" * (MAX_LENGTH // 15))
    began = time.monotonic()
    with pytest.raises(Reject) as raised:
        template.render({"client": {"name": "x" * MAX_VALUE}})
    assert raised.value.reason == "text_too_long"
    assert time.monotonic() - began < 1
    assert MAX_TEXT >= MAX_LENGTH + MAX_VALUE


PIECES = st.sampled_from(
    ["{{", "}}", "{%", "%}", " ", "client.name", "link", "if", "else", "endif", "|", "default", "(", ")", "'a'", "~",
     ".", "[", "]", "not", "or", "==", "is defined", "upper", "\n", "é", "#}", "{#", ",", "1", "*x", "truncate"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_text_is_refused_or_filled(text: str) -> None:
    try:
        template = read(text)
    except BadTemplate:
        assert faults(text, [])
        return
    with suppress(Reject):
        assert isinstance(template.render(VALUES), str)


@given(st.text(max_size=2000), st.booleans())
def test_values_break_nothing_where_they_go(value: str, one_line: bool) -> None:
    clean = _clean(value)
    text = read("Oi, {{ client.name }}.").render({"client": {"name": clean}}, one_line=one_line)
    assert len(text) <= MAX_VALUE + 6
    assert all(one.isprintable() or (one == "\n" and not one_line) for one in text)
    assert read("{{ client.name }}").render({"client": {"name": "{{ link }}"}}) == "{{ link }}", (
        "a value is no template"
    )


def test_faults_name_what_there_is() -> None:
    every = "".join(f"{{{{ {group}.{name} }}}}" for group, names in NAMES.items() for name in names)
    assert faults(every + "{{ fields.cor }}", ["cor"]) == []
    assert faults("a\n{{ client.nome }}", []) == [
        ("there is nothing called `client.nome`, did you mean `client.name`?", 2),
    ]  # fmt: skip
    assert faults("{{ link }}", [], link=True) == []
    assert faults("{{ link }}", []) != []
    assert faults("{{ client.name | truncate('x') }}", []) == [("the template cannot be filled (TypeError)", 1)]


def test_texts_within_a_body() -> None:
    body = {"{{ a }}": ["x", 1, None, {"b": "y"}], "c": True}
    assert filled(body, str.upper) == {"{{ a }}": ["X", 1, None, {"b": "Y"}], "c": True}
    assert list(texts_in(body)) == ["x", "y"]
