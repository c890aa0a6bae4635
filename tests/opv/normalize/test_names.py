"""Names: display form, key, agreement."""

from __future__ import annotations

import pytest

from opv.normalize import names_agree, normalize
from opv.normalize.names import name_key
from schemas.lead import Lead, SentPhone


@pytest.mark.parametrize(
    ("sent", "shown", "key"),
    [
        ("MARIA DA SILVA", "Maria da Silva", "maria silva"),
        ("joão dos santos e sá", "João dos Santos e Sá", "joao santos sa"),
        ("ANA  DE\tSOUZA", "Ana de Souza", "ana souza"),
        ("DA SILVA", "Da Silva", "silva"),
        ("de", "De", "de"),
        ("McDonald D'Ávila", "McDonald D'Ávila", "mcdonald davila"),
        ("SANT'ANNA-LIMA", "Sant'Anna-Lima", "santanna lima"),
        ("J.R. RAMOS", "J.R. Ramos", "jr ramos"),
        ("JOÃO PAULO II", "João Paulo II", "joao paulo ii"),
        ("Construtora ABC Ltda", "Construtora ABC Ltda", "construtora abc ltda"),
        (' "Ana Lima" ', "Ana Lima", "ana lima"),
        ("“ana”", "Ana", "ana"),
        ("Jose\u0301", "José", "jose"),
        ("<b>Ana</b>", "<b>Ana</b>", "b ana b"),
        ("Ana 👩‍👩‍👧", "Ana 👩‍👩‍👧", "ana"),
        ("😀", "😀", "😀"),
        ("李小龙", "李小龙", "李小龙"),
        ("ŉ", "ŉ", "ʼn"),
    ],
)
def test_a_name_as_sent(sent: str, shown: str, key: str) -> None:
    lead = normalize(Lead(name=sent))
    assert (lead.name, lead.name_key) == (shown, key)
    assert lead.raw == ({} if sent == shown else {"name": sent})
    assert lead.flags == []


@pytest.mark.parametrize(
    "sent", ["John Doe", "Não configurado", "sem nome", "''", "null", "-", "\u200b", "Nome Completo"]
)
def test_what_stands_for_a_missing_name_is_no_name(sent: str) -> None:
    lead = normalize(Lead(name=sent))
    assert (lead.name, lead.name_key) == (None, "")
    assert lead.flags == ["placeholder_removed"]
    assert lead.raw == {"name": sent}


def test_somebody_who_tries_the_form_keeps_the_name_and_is_flagged() -> None:
    lead = normalize(Lead(name="TESTE"))
    assert (lead.name, lead.flags) == ("Teste", ["name_looks_like_test"])
    assert normalize(Lead(name="Teste Silva")).flags == []


@pytest.mark.parametrize(
    ("sent", "phones", "emails"),
    [
        ("(11) 99999-0001", ("+5511999990001",), ()),
        ("ana@example.com", (), ("ana@example.com",)),
        ("email@email.com", (), ()),
        ("123", (), ()),
    ],
)
def test_a_contact_in_the_place_of_the_name(sent: str, phones: tuple[str, ...], emails: tuple[str, ...]) -> None:
    lead = normalize(Lead(name=sent))
    assert (lead.name, lead.phones, lead.emails) == (None, phones, emails)
    assert lead.flags[-1] == "name_not_a_name"
    assert lead.raw == {"name": sent}


def test_a_contact_in_the_name_does_not_stand_beside_the_real_one() -> None:
    given = Lead(name="11999990001", phones=[SentPhone(value="+5511999990002")])
    assert normalize(given).phones == ("+5511999990002",)
    given = Lead(name="ana@example.com", emails=["bia@example.com"])
    assert normalize(given).emails == ("bia@example.com",)


def test_a_long_name_is_cut_and_kept() -> None:
    lead = normalize(Lead(name="Ana " * 100))
    assert lead.name is not None
    assert len(lead.name) == 199
    assert lead.flags == ["name_truncated"]
    assert lead.raw["name"].startswith("Ana Ana")


@pytest.mark.parametrize(
    ("a", "b", "agree"),
    [
        ("Maria da Silva", "MARIA SILVA", True),
        ("Maria", "Maria Souza", True),
        ("Maria Souza Lima", "Maria de Lima", True),
        ("Maria Souza", "Maria Lima", False),
        ("Maria Souza", "Ana Souza", False),
        ("Ana Maria", "Ana-Maria", True),
        ("", "Ana", False),
        ("", "", False),
    ],
)
def test_names_that_agree(a: str, b: str, agree: bool) -> None:
    assert names_agree(name_key(a), name_key(b)) is agree
    assert names_agree(name_key(b), name_key(a)) is agree
