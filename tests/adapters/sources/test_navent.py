"""Navent beyond its fixtures: the header that the house chooses, one lead in four layouts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.sources.navent import NaventOptions
from schemas.errors import Reject
from schemas.source import NotALead
from tests.adapters.sources.entrances import entrance, post, read_one

SLUG = "navent"
SECRET = "Basic bmF2ZW50OmV4ZW1wbG8="


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ({}, {"Authorization": SECRET}),
        ({"header": "X-Imovelweb"}, {"x-imovelweb": f" {SECRET} "}),
        ({"header": "X-Imovelweb"}, {"X-Lead-Key": SECRET}),
        ({}, {"Authorization": f"Bearer {SECRET}"}),
    ],
)
def test_the_chosen_header_holds_the_secret_as_it_is(options: dict[str, str], headers: dict[str, str]) -> None:
    door = entrance(SLUG, options=options)
    assert door.source.verify(post("{}", headers), door) == 0


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ({"header": "X-Imovelweb"}, {"Authorization": SECRET}),
        ({}, {"Authorization": SECRET.lower()}),
        ({}, {"Authorization": SECRET.removeprefix("Basic ")}),
        ({"header": "X-Imovelweb"}, {"X-Imovelweb": ""}),
    ],
)
def test_any_other_header_or_value_is_refused(options: dict[str, str], headers: dict[str, str]) -> None:
    door = entrance(SLUG, options=options)
    with pytest.raises(Reject) as refused:
        door.source.verify(post("{}", headers), door)
    assert refused.value.status == 401


@pytest.mark.parametrize("header", ["", "X Lead", "X:Lead", "X-Lead\r\nA"])
def test_a_header_name_is_a_header_name(header: str) -> None:
    with pytest.raises(ValidationError):
        NaventOptions.model_validate({"header": header})


@pytest.mark.parametrize(
    "names",
    [
        ("idEvento", "nome", "telefone", "mensagem", "referencia", "codigoLancamento", "cpf", "dataRegistro"),
        ("idEvento", "nombre", "telefono", "mensaje", "referencia", "codigoDesarrollo", "dni", "fechaRegistro"),
        ("eventId", "name", "phone", "message", "reference", "developmentCode", "identificationId", "registerDate"),
        ("eventId", "name", "phone", "message", "clientListingId", "developmentCode", "identificationId", "timestamp"),
    ],
    ids=["portuguese", "spanish", "english", "english 2"],
)
def test_one_contact_is_the_same_lead_in_every_layout(names: tuple[str, ...]) -> None:
    values = ("e-1", "Ana", "31999990152", "Oi", "AP-0101", "JARDIM", "00000000191", "2026-09-21T11:45:00.000-0300")
    read = read_one(SLUG, dict(zip(names, values, strict=True)))
    lead = read.lead
    assert read.key == "e-1"
    assert (lead.name, lead.phones[0].value, lead.message, lead.listing) == ("Ana", "31999990152", "Oi", "AP-0101")
    assert (lead.development, lead.document, lead.extra) == ("JARDIM", "00000000191", {})
    assert lead.submitted_at is not None
    assert lead.submitted_at.isoformat() == "2026-09-21T11:45:00-03:00"


@pytest.mark.parametrize(
    ("fields", "phones"),
    [
        ({"ddd": "31", "phone": "+5531999990136", "phoneNumber": "31999990136"}, [("+5531999990136", "31")]),
        ({"ddd": "", "phone": "", "phoneNumber": "31999990136"}, [("31999990136", None)]),
        ({"ddd": "31", "phone": "999990136", "phoneNumber": "3133330136"},
         [("999990136", "31"), ("3133330136", None)]),
        ({"txtDdd": "31", "txtTelefone": 999990136}, [("999990136", "31")]),
    ],
)  # fmt: skip
def test_phones(fields: dict[str, Any], phones: list[tuple[str, str | None]]) -> None:
    assert [(phone.value, phone.ddd) for phone in read_one(SLUG, fields).lead.phones] == phones


@pytest.mark.parametrize(
    ("body", "is_lead"),
    [
        ({"tipoEvento": "AVISO_ONLINE"}, False),
        ({"tipoEvento": "AVISO_ONLINE", "email": "ana@example.com"}, True),
        ({"tipoEvento": "CONTACTO_NOVO"}, True),
        ({}, True),
    ],
)
def test_only_an_event_about_something_else_and_without_a_person_is_ignored(
    body: dict[str, Any], is_lead: bool
) -> None:
    door = entrance(SLUG)
    (read,) = door.source.read(post(json.dumps(body)), door)
    assert isinstance(read, NotALead) is not is_lead
