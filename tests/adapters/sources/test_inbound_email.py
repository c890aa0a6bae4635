"""Mail beyond its fixtures: who may post, what the options do, what no mail may bring about."""

from __future__ import annotations

import base64
import hmac
import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.sources.inbound_email import InboundEmail
from adapters.sources.inbound_email.text import html_cells, linked_phones
from schemas.errors import Park, Reject
from schemas.lead import Lead
from schemas.source import ReadLead
from tests.adapters.sources.entrances import entrance, post, read_one

SLUG = "inbound_email"
SECRET = "chave-assinatura-mailgun-exemplo"
NOW = 1790001500


def signed(timestamp: int = NOW, token: str = "t" * 50, secret: str = SECRET) -> str:
    signature = hmac.digest(secret.encode(), f"{timestamp}{token}".encode(), "sha256").hex()
    return f"timestamp={timestamp}&token={token}&signature={signature}"


def verified(body: str | bytes, headers: dict[str, str] | None = None, query: str = "", **options: Any) -> int:
    door = entrance(SLUG, options=options)
    return InboundEmail(now=lambda: float(NOW)).verify(post(body, headers, query), door)


def read(options: dict[str, Any] | None = None, **fields: Any) -> Lead:
    return read_one(SLUG, {"From": "noreply@portal.example", **fields}, options=options).lead


def multipart(*fields: tuple[str, bytes]) -> bytes:
    parts = (b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (n.encode(), v) for n, v in fields)
    return b"".join(parts) + b"--b--\r\n"


def test_mailguns_signature_is_worth_a_day() -> None:
    assert verified(signed()) == 0
    assert verified(signed(NOW - 86_000)) == 0
    for timestamp in (NOW - 90_000, NOW + 90_000, -1):
        with pytest.raises(Reject, match="a day old"):
            verified(signed(timestamp))


def test_mailguns_signature_is_found_among_attachments() -> None:
    name, value = zip(*(pair.split("=") for pair in signed().split("&")), strict=True)
    fields = [(n, v.encode()) for n, v in zip(name, value, strict=True)]
    assert verified(multipart(("attachment-1", b"\xff" * 5000), *fields), provider="mailgun") == 0
    with pytest.raises(Reject, match="does not match"):
        verified(multipart(*fields[:2], ("signature", b"0" * 64)))


@pytest.mark.parametrize("body", [signed(secret="outro"), "a=b", "{}", ""])
def test_where_mailgun_posts_nothing_but_its_signature_will_do(body: str) -> None:
    with pytest.raises(Reject) as refused:
        verified(body, {"X-Lead-Key": SECRET}, f"key={SECRET}", provider="mailgun")
    assert refused.value.status == 401


@pytest.mark.parametrize("provider", ["sendgrid", "postmark", None])
def test_the_others_show_the_houses_secret(provider: str | None) -> None:
    basic = base64.b64encode(f"qualquer:{SECRET}".encode()).decode()
    assert verified("{}", {"Authorization": f"Basic {basic}"}, provider=provider) == 0
    assert verified("{}", query=f"key={SECRET}", provider=provider) == 0
    with pytest.raises(Reject):
        verified("{}", {"Authorization": f"Basic {basic[:-4]}"}, provider=provider)
    if provider:
        with pytest.raises(Reject):
            verified(signed(), provider=provider)


def test_the_channels_labels_go_before_the_usual_ones() -> None:
    labels = {"name": ["Quem:"], "listing": ["Imóvel"], "answers.renda": ["Renda"], "utm.source": ["Veículo"]}
    text = "Quem: Ana Exemplo\nImóvel: AP-0101\nRENDA : 12 mil\nveiculo: placa\nFone: 31999990151"
    lead = read({"labels": labels}, TextBody=text)
    assert (lead.name, lead.listing, lead.development) == ("Ana Exemplo", "AP-0101", None)
    assert (lead.answers, lead.utm) == ({"renda": "12 mil"}, {"source": "placa"})


def test_a_mapping_is_one_more_label() -> None:
    body = {"TextBody": "Corretor: Rui\nFone: 31999990151"}
    assert read_one(SLUG, body, mapping={"extra.broker": "corretor"}).lead.extra["broker"] == "Rui"


def test_labels_of_no_field_are_refused() -> None:
    for labels in ({"nome": ["Nome"]}, {"answers.": ["Renda"]}):
        with pytest.raises(ValidationError, match="a lead has no field"):
            entrance(SLUG, options={"labels": labels})


@pytest.mark.parametrize(
    ("subject", "text", "code"),
    [
        ("Novo contato AP-0101", "", "AP-0101"),
        ("Interesse: apartamento 2 quartos CÓD. 2700000001", "", "2700000001"),
        ("Contato", "sobre o anúncio nº CA0207, por favor", "CA0207"),
        ("Contato", "Código do imóvel: JD/12", "JD/12"),
        ("Contato sobre Código do imóvel: VN.88", "", "VN.88"),
        ("Contato em 2026", "Ref. a casa de 3 quartos", None),
        ("[Jardim 12] Novo contato AP-0101", "", "12"),
    ],
)
def test_listing_codes(subject: str, text: str, code: str | None) -> None:
    own = {"listing": [r"\[Jardim (\d+)\]"]}
    assert read(own, Subject=subject, TextBody=text).listing == code


def test_senders_that_are_not_listed_are_parked() -> None:
    listed: dict[str, Any] = {"senders": ["portal.example"]}
    assert read(listed, TextBody="Fone: 31999990151").phones
    assert read(listed, From="x@mail.portal.example", TextBody="Fone: 31999990151").phones
    for sender in ("noreply@outroportal.example", "portal.example@fraude.example", ""):
        with pytest.raises(Park, match="senders"):
            read(listed, From=sender)


def test_a_sender_that_failed_spf_is_parked_where_senders_are_listed_else_flagged() -> None:
    failed = [{"Name": "Received-SPF", "Value": "Fail (sender not permitted)"}]
    assert "sender_not_proven" in read(Headers=failed).flags
    with pytest.raises(Park, match="forged"):
        read({"senders": ["portal.example"]}, Headers=failed)


@pytest.mark.parametrize(
    ("head", "email"),
    [
        ({"ReplyTo": "Ana Exemplo <ana@example.com>"}, "ana@example.com"),
        ({"ReplyTo": "no-reply@example.com"}, None),
        ({"ReplyTo": "resposta@portal.example"}, None),
        ({"ReplyTo": "x1@reply.olx.com.br"}, None),
        ({"ReplyTo": "leads@in.example.com.br"}, None),
        ({"From": "ana@example.com"}, "ana@example.com"),
        ({"From": "contato@chavesnamao.com.br"}, None),
        ({"From": "ana@example.com", "Headers": [{"Name": "Auto-Submitted", "Value": "auto-replied"}]}, None),
        ({"From": "eu@example.com", "TextBody": "De: Portal <noreply@portal.example>\nAssunto: x"}, None),
    ],
)
def test_whose_address_is_the_persons(head: dict[str, Any], email: str | None) -> None:
    lead = read(OriginalRecipient="leads@in.example.com.br", **head)
    assert lead.emails == ([email] if email else [])


def test_from_is_the_persons_only_when_nothing_else_reaches_them() -> None:
    assert read(From="colega@example.com.br", TextBody="Cliente: Ana\nFone: 31999990151").emails == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Fone: 31999990151\nMensagem: Oi\nMeu celular: 31988880151\npode ligar\n\nRodapé", "Oi\npode ligar"),
        ("Fone: 31999990151\nMensagem: Oi\n\nTchau\n\n\nRodapé", "Oi\n\nTchau"),
        ("Fone: 31999990151\nMensagem:\n\n> Oi\n> Tchau\n-----\nRodapé", "Oi\nTchau"),
        ("Mensagem: Oi\r\nFone: 31999990151\r\n\r\nRodapé", "Oi"),
        ("Fone: 31999990151\nNome: Ana", None),
    ],
)
def test_where_a_message_ends(text: str, message: str | None) -> None:
    assert read(TextBody=text).message == message


def test_html_is_read_when_the_text_reaches_nobody() -> None:
    rich = "<p>Nome: Ana Exemplo</p><div>Telefone<br>31 99999-0151</div><td>Quartos</td><td>3</td>"
    lead = read(TextBody="Seu programa não mostra HTML.", HtmlBody=rich)
    assert (lead.name, lead.phones[0].value) == ("Ana Exemplo", "31 99999-0151")


def test_links_hold_phones() -> None:
    links = """<a href="https://wa.me/5531999990151?text=oi">a</a> <A HREF='tel:+55 31 3333-0151'>b</A>
    <a href=https://api.whatsapp.com/send?phone=5531999990151>c</a> <a href="https://portal.example/5531999990100">d</a>"""
    assert linked_phones(links) == ["5531999990151", "+55 31 3333-0151"]


HOSTILE = ["<", "<!", "<!--", "<a ", "<a", "</", "<script>", "<![CDATA[", "&#", "&#99999999999", "&a", "href='tel:",
           " ", "<td>", "Nome:", "a:", "De: x", "ref. ", "\n", "\na:b", "a@", "=?", "\x00"]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_mail_keeps_the_house_busy(piece: str) -> None:
    big = piece * (400_000 // len(piece))
    start = time.process_time()
    read(Subject=big, TextBody=big, HtmlBody=big, From=big, ReplyTo=big)
    assert time.process_time() - start < 3


def test_a_whole_message_nested_too_deeply_is_parked() -> None:
    nested = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n' for n in range(2000))
    with pytest.raises(Park) as parked:
        read_one(SLUG, multipart(("email", nested.encode())))
    assert parked.value.reason == "too_deep"


@pytest.mark.parametrize("charset", ["punycode", "idna", "rot13", "nada", "utf-16", "unicode_escape"])
def test_no_charset_of_a_message_is_taken_by_its_name_alone(charset: str) -> None:
    head = f"From: =?{charset}?Q?a?= <ana@example.com>\r\nContent-Type: text/plain; charset={charset}\r\n\r\n"
    lead = read_one(SLUG, multipart(("email", head.encode() + b"Fone: 31999990151"))).lead
    assert [phone.value for phone in lead.phones] == ["31999990151"]


PIECES = [*"aá: \n\r\t<>/&;=@,\"'-_.\f\0", "Nome:", "Fone:", "<td>", "<br>", "De:", "\ud800"]
TEXT = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
NAMES = ("email", "headers", "text", "html", "from", "subject", "charsets", "envelope", "message-headers", "Message-Id")


@settings(max_examples=150, deadline=None, database=None)
@given(fields=st.lists(st.tuples(st.sampled_from(NAMES), TEXT | st.sampled_from(['{"text":"cp1"}', "[[1,2]]", "[1]"]))))
def test_any_form_is_read_or_parked(fields: list[tuple[str, str]]) -> None:
    door = entrance(SLUG)
    body = multipart(*((name, text.encode("utf-8", "surrogatepass")) for name, text in fields))
    with suppress(Park):
        (one,) = door.source.read(post(body), door)
        assert isinstance(one, ReadLead)
        json.dumps(one.lead.model_dump(exclude={"submitted_at"}))


@settings(max_examples=100, deadline=None, database=None)
@given(text=TEXT)
def test_cells_keep_no_tags_and_no_borders(text: str) -> None:
    assert all("\f" not in cell and cell.strip() for cell in html_cells(text))
