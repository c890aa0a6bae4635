"""Which column holds what."""

from __future__ import annotations

import pytest

from adapters.sources.form_keys import KeyTable, Leaf
from porteiro.importing.mapping import MANY, SINGLE, map_columns
from schemas.errors import Reject

NAMES = (
    "Nome completo",
    "DDD",
    "Celular",
    "Telefone 2",
    "E-mail",
    "Motivo da recusa",
    "Quantos quartos?",
    "utm_source",
)


def _fields(*told: str, names: tuple[str, ...] = NAMES, samples: tuple[tuple[str, ...], ...] = ()) -> list[str]:
    return [column.field for column in map_columns(names, samples, told)]


def test_columns_are_guessed_by_their_names() -> None:
    samples = (("Ana", "(11)", "98000-0101"), ("Bia", "", ""), ("Caio",))
    answers = "answers.Quantos quartos?"
    assert _fields(samples=samples) == ["name", "ddd", "phone", "phone", "email", "-", answers, "utm.source"]
    assert _fields(samples=(("Ana", "11 98000-0101"),))[1] == "phone"


def test_told_columns_win() -> None:
    fields = _fields("nome COMPLETO = -", "Telefone 2=answers", "E-mail=emails", "Quantos quartos?=answers.quartos",
                     "utm_source=extra.de")  # fmt: skip
    assert fields == ["-", "ddd", "phone", "answers.Telefone 2", "email", "-", "answers.quartos", "extra.de"]
    assert _fields("a=b=phone", names=("a=b", "c")) == ["phone", "answers.c"]


@pytest.mark.parametrize("told", ["Nome completo", "=name", "Fulano=name", "Celular=fone", "Celular=utm.", "DDD="])
def test_what_is_told_is_checked(told: str) -> None:
    with pytest.raises(Reject) as refused:
        _fields(told)
    assert refused.value.reason == "bad_map"


def test_a_channels_mapping_counts() -> None:
    mapping = {"name": "contato.nome", "phones": "Contato Fone"}
    columns = map_columns(("contato_nome", "contato.fone", "Nome"), (), (), mapping)
    assert [(one.field, one.why) for one in columns] == [("name", "channel"), ("phone", "channel"), ("name", "guessed")]


def test_the_form_source_knows_every_field_by_its_name() -> None:
    table = KeyTable()
    known = {name: table.meaning(Leaf((name,), (), "x")) for name in (*SINGLE, *MANY)}
    odd = {name for name, found in known.items() if found is None or found[0] != name}
    assert odd == {"id", "ddd"}, "these two the form reads by other means than the table"
