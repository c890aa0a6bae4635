"""Free-shape forms beyond their fixtures: names of keys, shapes of bodies, what identifies a submission."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sources.form import MAX_DDDS, Form
from adapters.sources.form_keys import SYNONYMS, compact, words
from adapters.sources.form_presets import PRESETS, PresetName
from schemas.errors import Park, Reject
from schemas.lead import SentPhone
from schemas.source import ReadLead
from tests.adapters.sources.entrances import FIXTURES, SECRETS, entrance, fixture, lead_json, post, read_one

SLUG = "form"
SECRET = SECRETS[SLUG]


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"Authorization": f"Bearer {SECRET}"}, ""),
        ({"X-Lead-Key": SECRET}, ""),
        ({}, f"utm_source=x&key={SECRET}"),
        ({"Authorization": "Basic eDp5", "X-Lead-Key": SECRET}, ""),
        ({"X-Lead-Key": "outra"}, f"key={SECRET}"),
    ],
)
def test_any_carrier_will_do(headers: dict[str, str], query: str) -> None:
    door = entrance(SLUG)
    assert door.source.verify(post("{}", headers, query), door) == 0


@pytest.mark.parametrize("headers", [{"Authorization": SECRET}, {"Authorization": "Bearer "}, {"X-Lead-Key": " "}])
def test_no_carrier_is_refused(headers: dict[str, str]) -> None:
    door = entrance(SLUG)
    with pytest.raises(Reject) as refused:
        door.source.verify(post(f'{{"key": "{SECRET}"}}', headers), door)
    assert (refused.value.status, refused.value.reason) == (401, "missing_secret")


def test_the_reply_names_the_delivery() -> None:
    assert json.loads(Form().accepted("abc").body) == {"status": "received", "delivery": "abc"}


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("Seu nome *", "name"), ("nomeCompleto", "name"), ("your-name", "name"), ("Qual o seu nome?", "name"),
        ("NOME DO CLIENTE", "name"), ("cpf/cnpj", "document"), ("Observação:", "message"), ("Comentários", "message"),
        ("Imóvel de interesse", "development"), ("nome do empreendimento", "development"), ("project", "development"),
        ("idempreendimento", "development"), ("Código do Imóvel", "listing"), ("property_ref", "listing"),
        ("REF", "listing"), ("Campanha", "campaign"), ("Mídia", "medium"), ("media", "medium"), ("Origem", "origin"),
        ("source", "origin"), ("Valor", "price"), ("Cidade", "city"), ("UF", "state"), ("finalidade", "transaction"),
        ("data[nome]", "name"), ("contato.nome", "name"), ("contato__nome", "name"), ("form_fields[nome]", "name"),
    ],
)  # fmt: skip
def test_a_usual_key_is_known(key: str, field: str) -> None:
    assert getattr(read_one(SLUG, {key: "valor enviado"}).lead, field) == "valor enviado"


@pytest.mark.parametrize(
    "key",
    [
        "telefone", "Telefone (com DDD)", "DDD + Telefone", "fone", "tel-100", "celular", "WhatsApp", "seuWhatsapp",
        "Qual o seu WhatsApp?", "mobile", "phone_number", "contato[telefone]", "lead_phone", "Telefone/WhatsApp",
    ],
)  # fmt: skip
def test_a_usual_phone_key_is_known(key: str) -> None:
    for value in ("(31) 99999-0150", 31999990150):
        assert read_one(SLUG, {key: value}).lead.phones == [SentPhone(value=str(value))]


@pytest.mark.parametrize("key", ["e-mail", "Seu melhor e-mail:", "your_e_mail", "mail", "EMAIL", "E-mail corporativo"])
def test_a_usual_email_key_is_known(key: str) -> None:
    assert read_one(SLUG, {key: "a@example.com"}).lead.emails == ["a@example.com"]


@pytest.mark.parametrize(
    "key",
    ["nome da empresa", "client_id", "Qual o valor da entrada?", "E-mail do cônjuge", "imobiliaria.nome", "nomes"],
)
def test_a_key_that_only_resembles_a_field_is_an_answer(key: str) -> None:
    read = read_one(SLUG, {key: "valor"})
    assert read.key is None
    assert read.lead.model_dump(exclude_defaults=True) == {"answers": {key: "valor"}}


@pytest.mark.parametrize(
    "key",
    ["corretor", "Corretor responsável", "Nome do corretor", "corretor_email", "E-mail do corretor", "id_corretor",
     "codigoCorretor", "CRECI do corretor", "corretor.nome", "broker", "agent[email]", "agente_nome", "lead.corretor"],
)  # fmt: skip
def test_whom_the_sender_names_is_the_broker_and_not_the_client(key: str) -> None:
    lead = read_one(SLUG, {key: "Rui Corretor", "nome": "Ana"}).lead
    assert lead.model_dump(exclude_defaults=True) == {"name": "Ana", "broker": "Rui Corretor"}


def test_the_surest_of_a_brokers_data_names_it_and_the_rest_are_answers() -> None:
    body = {"corretor": {"id": 7, "nome": "Rui", "email": "rui@example.com"}, "Agente do usuário": "Mozilla/5.0"}
    lead = read_one(SLUG, body).lead
    assert (lead.broker, lead.answers) == ("rui@example.com", {"corretor.id": 7, "corretor.nome": "Rui"})
    assert (lead.name, lead.emails, lead.extra) == (None, [], {"user_agent": "Mozilla/5.0"})
    assert read_one(SLUG, {"quem": "Rui"}, mapping={"broker": "quem"}).lead.broker == "Rui"


def test_whether_somebody_is_a_broker_names_none() -> None:
    lead = read_one(SLUG, {"É corretor?": "Não", "Corretor": ["Sim"]}).lead
    assert (lead.broker, lead.answers) == (None, {"É corretor?": "Não", "Corretor": "Sim"})


def test_no_synonym_has_two_meanings() -> None:
    meanings: dict[str, set[str]] = {}
    for field, names in SYNONYMS.items():
        for name in names:
            meanings.setdefault(compact(name), set()).add(field)
    assert {name: fields for name, fields in meanings.items() if len(fields) > 1} == {}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"first_name": "Ana", "last_name": "Exemplo"}, "Ana Exemplo"),
        ({"sobrenome": "Exemplo", "nome": "Ana"}, "Ana Exemplo"),
        ({"nome": "Ana Exemplo", "sobrenome": "Exemplo"}, "Ana Exemplo"),
        ({"name": "Ana", "Nome completo": "Ana Exemplo"}, "Ana Exemplo"),
        ({"name": {"first": "Ana", "last": "Exemplo"}}, "Ana Exemplo"),
        ({"imovel": {"nome": "Jardim"}, "contato": {"nome": "Ana"}}, "Ana"),
        ({"q3_nomeCompleto": "Ana", "Nome completo": {"first": "Ana", "last": "Exemplo"}}, "Ana Exemplo"),
        ({"fields": [{"title": "Nome", "value": "Ana"}, {"title": "Tipo", "value": "Apto"}]}, "Ana"),
    ],
)
def test_names(body: dict[str, Any], name: str) -> None:
    assert read_one(SLUG, body).lead.name == name


@pytest.mark.parametrize(
    ("body", "phones"),
    [
        ({"ddd": "31", "telefone": "999990150"}, [("999990150", "31")]),
        ({"tel_celular": "1", "tel_residencial": "2", "ddd_residencial": "32"}, [("1", None), ("2", "32")]),
        ({"telefones": ["1", 2, None, ""]}, [("1", None), ("2", None)]),
        ({"phone": {"ddd": 31, "number": 999990150}}, [("999990150", "31")]),
        ({"phones": [{"value": "1", "type": "mobile"}, {"value": "2", "type": "home"}]}, [("1", None), ("2", None)]),
        ({"telefone": "1", "celular": "2"}, [("1", None), ("2", None)]),
        ({"telefone": {"full": "(31) 1"}}, [("(31) 1", None)]),
        ({"telefone": {"area": "31", "phone": "1"}}, [("1", "31")]),
        ({"x": {"type": "tel", "title": "", "value": "1"}}, [("1", None)]),
        ([{"ddd": "31", "tel": "1"}] * (MAX_DDDS + 1), [("1", "31")] * MAX_DDDS + [("1", None)]),
    ],
)
def test_phones(body: Any, phones: list[tuple[str, str | None]]) -> None:
    read = read_one(SLUG, {"contatos": body} if isinstance(body, list) else body)
    assert [(phone.value, phone.ddd) for phone in read.lead.phones] == phones


@pytest.mark.parametrize(
    ("body", "utm", "click_ids"),
    [
        ({"utm_source": "a", "UTM Term": "b", "utmCampaign": "c"}, {"source": "a", "term": "b", "campaign": "c"}, {}),
        ({"utm": {"source": "a", "term": "t"}, "GCLID": "g"}, {"source": "a", "term": "t"}, {"gclid": "g"}),
        ({"url": "https://x.example/?utm_source=a&gclid=g&x=1"}, {"source": "a"}, {"gclid": "g"}),
        ({"page_url": "https://[::bad?utm_source=a"}, {}, {}),
    ],
)  # fmt: skip
def test_links(body: dict[str, Any], utm: dict[str, str], click_ids: dict[str, str]) -> None:
    lead = read_one(SLUG, body).lead
    assert (lead.utm, lead.click_ids) == (utm, click_ids)


@pytest.mark.parametrize(
    ("value", "granted"),
    [
        (True, True),
        ("on", True),
        ("x", True),
        ("Li e aceito os termos", True),
        ("I agree", True),
        ("Não aceito", False),
        ("Política de privacidade", False),
        (False, False),
    ],
)
def test_consent_is_given_only_by_a_yes(value: Any, granted: bool) -> None:
    assert read_one(SLUG, {"lgpd": value}).lead.consent == [{"key": "lgpd", "granted": granted, "value": value}]


@pytest.mark.parametrize(("value", "test"), [(True, True), ("sim", True), (False, False), ("0", False), ("7", False)])
def test_test_leads(value: Any, test: bool) -> None:
    read = read_one(SLUG, {"test": value})
    assert read.test is test
    assert read.lead.answers == ({"test": "7"} if value == "7" else {})


@pytest.mark.parametrize(
    ("body", "header", "keys"),
    [
        ({"id": 7}, "h", ["7"]),
        ({"submission_id": "s", "form": {"id": "f"}}, None, ["s"]),
        ({"lead": {"id": "l"}}, None, ["l"]),
        ({"nome": "Ana"}, "h", ["h"]),
        ({"nome": "Ana"}, None, [None]),
        ([{"nome": "Ana"}], "h", ["h"]),
        ([{"nome": "Ana"}, {"id": "x"}], "h", ["h:0", "x"]),
    ],
)
def test_identity(body: Any, header: str | None, keys: list[str | None]) -> None:
    door = entrance(SLUG)
    request = post(json.dumps(body), {"Idempotency-Key": header} if header else {})
    assert [read.key for read in door.source.read(request, door)] == keys


@pytest.mark.parametrize(
    ("mapping", "body"),
    [
        ({"name": "contato.nome"}, {"contato": {"nome": "Ana"}, "name": "Bia"}),
        ({"name": "CONTATO.Nome"}, {"contato.nome": "Ana"}),
        ({"name": "contatos.1.nome"}, {"contatos": [{"nome": "Bia"}, {"nome": "Ana"}]}),
        ({"name": "nomes.1"}, {"nomes": ["Bia", "Ana"]}),
        ({"name": "1.3"}, {"1.3": "Ana"}),
        ({"name": "Quem é você?"}, {"fields": [{"title": "Quem é você?", "value": "Ana"}]}),
        ({"name": "fields.quem"}, {"fields": {"quem": {"title": "Quem", "value": "Ana"}}}),
        ({"name": "não.existe"}, {"nome": "Ana"}),
    ],
)
def test_mapping(mapping: dict[str, str], body: dict[str, Any]) -> None:
    assert read_one(SLUG, body, mapping=mapping).lead.name == "Ana"


def test_one_value_can_be_mapped_to_two_fields_and_to_open_ones() -> None:
    mapping = {"campaign": "c", "utm.campaign": "c", "ad.form_id": "f", "emails": "quem", "seu jeito": "j"}
    lead = read_one(SLUG, {"c": "x", "f": 7, "quem": ["a@example.com"], "j": True}, mapping=mapping).lead
    assert (lead.campaign, lead.utm, lead.ad) == ("x", {"campaign": "x"}, {"form_id": "7"})
    assert (lead.emails, lead.answers) == (["a@example.com"], {"seu jeito": True})


def test_form_text_is_utf_8_or_latin_1_percent_encoded_or_not() -> None:
    for body in ("nome=José", "nome=Jos%C3%A9", "nome=Jos%E9", "nome=José".encode("latin-1")):
        assert read_one(SLUG, body).lead.name == "José"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty_body"),
        (b"\xef\xbb\xbf \n", "empty_body"),
        (b"oi", "not_json_or_form"),
        (b"<lead name='x'/>", "not_json_or_form"),
        (b"[]", "no_fields"),
        (b"[1, 2]", "no_fields"),
        (b'{"nome": "Ana"', "not_json"),
        (b"[" + b"{}," * 1000 + b"{}]", "too_many_leads"),
        (b"a=1&" * 2001, "not_form"),
        (b"--x\r\nsem partes", "not_form"),
        (b"--x\r\n\r\n1\r\n" * 2001, "not_form"),
        (b'{"a": "' + b"x" * 1024 * 1024 + b'"}', "too_large"),
    ],
)
def test_what_is_no_form_is_parked_with_the_reason(body: bytes, reason: str) -> None:
    door = entrance(SLUG)
    with pytest.raises(Park) as parked:
        door.source.read(post(body), door)
    assert parked.value.reason == reason


MULTIPART = "".join(
    f"--x y\r\nContent-Disposition: form-data; {part}\r\n\r\n{value}\r\n"
    for part, value in [
        ('name="Código do imóvel"', "AP-0101"),
        ("name*=UTF-8''Observa%C3%A7%C3%A3o", "duas\r\nlinhas"),
        ('name="telefones[]"', "1"),
        ('name="telefones[]"', "2"),
        ('name="planta"; filename="planta é.pdf"', "%PDF\0"),
        ('name="foto"; filename=""', ""),
        ('name="vazio"', ""),
    ]
)


@pytest.mark.parametrize("content_type", ['multipart/form-data; boundary="x y"', "", "application/json", "multipart/x"])
@pytest.mark.parametrize("end", ["--x y--\r\n", "--x y--", "--x y\r\nContent-Dispo", ""])
def test_multipart(content_type: str, end: str) -> None:
    door = entrance(SLUG)
    (read,) = door.source.read(post(MULTIPART + end, {"Content-Type": content_type}), door)
    assert isinstance(read, ReadLead)
    assert lead_json(read.lead) == {
        "listing": "AP-0101",
        "message": "duas\r\nlinhas",
        "phones": [{"value": "1"}, {"value": "2"}],
        "extra": {"files": ["planta é.pdf"]},
    }


def test_a_list_of_one_is_one_answer_and_the_same_said_twice_is_said_once() -> None:
    lead = read_one(SLUG, {"Quartos": ["2"], "Vagas": ["1", "2"], "nome": "Ana", "Seu nome": "Ana"}).lead
    assert (lead.name, lead.answers) == ("Ana", {"Quartos": "2", "Vagas": ["1", "2"]})


def test_presets_are_data_with_fixtures() -> None:
    assert set(get_args(PresetName)) == set(PRESETS)
    for name, preset in PRESETS.items():
        assert len(list((FIXTURES / SLUG).glob(f"{name}-*.request"))) >= 2
        for pattern in (*preset.json_in, *preset.ignored, *preset.extra, *preset.fields_in):
            assert all(part == "*" or words(part.strip("*")) == (part.strip("*"),) for part in pattern.split("."))


def test_a_channels_mapping_goes_before_its_presets() -> None:
    body = {"1.3": "Ana", "1.6": "Exemplo", "2": "Bia", "7": "ana@example.com"}
    mapping = {"last_name": "2", "answers.renda": "7"}
    lead = read_one(SLUG, body, options={"preset": "wordpress_forms"}, mapping=mapping).lead
    assert (lead.name, lead.answers, lead.emails) == ("Ana Bia", {"1.6": "Exemplo", "renda": "ana@example.com"}, [])


@pytest.mark.parametrize(
    ("message", "phones"),
    [
        ("Tel: (31) 99999-0143", ["(31) 99999-0143"]),
        ("31999990143/3133330143", ["31999990143", "3133330143"]),
        ("+55 (031) 9 9999-0143", ["+55 (031) 9 9999-0143"]),
        ("ligue 99999-0143", []),
        ("CPF 111.444.777-35, R$ 1.350.000,00, 2026-09-21 14:58, pedido 310000199999014399", []),
    ],
)
def test_a_phone_in_the_message(message: str, phones: list[str]) -> None:
    lead = read_one(SLUG, {"mensagem": message, "telefone": ""}, options={"preset": "hypnobox"}).lead
    assert [phone.value for phone in lead.phones] == phones
    assert lead.flags == (["phone_from_message"] if phones else [])
    assert read_one(SLUG, {"mensagem": message}).lead.phones == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [('{"nome": "Ana", "rawRequest": "{\\"nome\\": "}', '{"nome": '), ("[1]", "[1]"), ("{", "{"), ("Ana", "Ana")],
)
def test_a_field_that_should_be_json_and_is_not_is_an_answer(value: str, shown: str) -> None:
    assert read_one(SLUG, {"rawRequest": value}, options={"preset": "jotform"}).lead.answers == {"rawRequest": shown}


@pytest.mark.parametrize("path", sorted((FIXTURES / SLUG).glob("*-*.request")), ids=lambda path: path.stem)
@settings(max_examples=25, deadline=None, database=None)
@given(data=st.data())
def test_presets_read_or_park_any_body(path: Any, data: st.DataObject) -> None:
    door, request = fixture(path)
    at = data.draw(st.integers(0, len(request.body)))
    body = request.body[:at] + data.draw(st.binary(max_size=20)) + request.body[at + data.draw(st.integers(0, 20)) :]
    with suppress(Park):
        for read in door.source.read(post(body), door):
            assert read.key is None or 0 < len(read.key) <= 200
