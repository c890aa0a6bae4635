"""RD Station beyond its fixtures: what tells conversions apart, what was typed now before what is known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.sources.entrances import entrance, post, read_one

SLUG = "rd_station"


def lead(content: dict[str, Any], **person: Any) -> dict[str, Any]:
    """A classic body with one lead."""
    return {"leads": [{"uuid": "u", **person, "last_conversion": {"created_at": "2026-09-21", "content": content}}]}


@pytest.mark.parametrize(
    "headers", [{"X-Lead-Key": "segredo-rd-exemplo"}, {"authorization": "bearer segredo-rd-exemplo"}]
)
def test_the_houses_secret_travels_in_a_header_too(headers: dict[str, str]) -> None:
    door = entrance(SLUG)
    assert door.source.verify(post("{}", headers, query="key=errada"), door) == 0


@pytest.mark.parametrize(
    ("conversion", "key"),
    [
        ({"created_at": "t1", "content": {"identificador": "lp"}}, "u|t1|lp"),
        ({"created_at": "t2", "content": {"identificador": "lp"}}, "u|t2|lp"),
        ({"created_at": "t1", "content": {"identificador": "outra"}}, "u|t1|outra"),
        ({"created_at": "t1"}, "u|t1|"),
        ({"content": {"identificador": "lp"}}, None),
        (None, None),
    ],
)
def test_a_conversion_is_the_contact_the_time_and_the_form(conversion: Any, key: str | None) -> None:
    assert read_one(SLUG, {"leads": [{"uuid": "u", "last_conversion": conversion}]}).key == key


def test_an_event_is_the_contact_the_time_and_the_event() -> None:
    body = {"event_identifier": "lp", "timestamp": "now", "event_timestamp": "t1", "contact": {"uuid": "u"}}
    assert read_one(SLUG, body).key == "u|t1|lp"


@pytest.mark.parametrize(
    ("content", "field", "value"),
    [
        ({"Seu nome": "Ana"}, "name", "Ana"),
        ({"Qual empreendimento?": "Jardim"}, "development", "Jardim"),
        ({"Mensagem": "Oi"}, "message", "Oi"),
        ({"CPF": "00000000191"}, "document", "00000000191"),
        ({"email_lead": "ana@example.com"}, "emails", ["ana@example.com"]),
        ({"utm_source": "google"}, "utm", {"source": "google"}),
        ({"Quantos quartos?": 2}, "answers", {"Quantos quartos?": "2"}),
        ({"Campanha": "x"}, "answers", {"Campanha": "x"}),
    ],
)
def test_the_houses_own_questions_are_understood(content: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(read_one(SLUG, lead(content)).lead, field) == value


def test_what_was_typed_now_counts_and_the_record_is_kept() -> None:
    content = {"nome": "Ana Exemplo", "telefone": "31999990153", "email_lead": "ana@example.com"}
    record = {"name": "Ana", "mobile_phone": "31999990154", "email": "antiga@example.com", "city": "Betim"}
    read = read_one(SLUG, lead(content, **record)).lead
    assert (read.name, [phone.value for phone in read.phones], read.emails) == (
        "Ana Exemplo", ["31999990153"], ["ana@example.com"],
    )  # fmt: skip
    assert read.city == "Betim"
    assert read.extra == {"name": "Ana", "phone": ["31999990154"], "email": ["antiga@example.com"]}


@pytest.mark.parametrize(
    ("origin", "medium_and_origin"),
    [
        ("Busca Paga | Google", ("Busca Paga", "Google")),
        ("Desconhecido", (None, "Desconhecido")),
        (None, (None, None)),
    ],
)
def test_the_funnels_origin_is_channel_and_place(origin: Any, medium_and_origin: tuple[str | None, ...]) -> None:
    read = read_one(SLUG, {"contact": {"uuid": "u", "funnel": {"origin": origin}}}).lead
    assert (read.medium, read.origin) == medium_and_origin
