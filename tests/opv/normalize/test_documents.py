"""CPF and CNPJ. The valid ones are the vectors of public manuals, nobody's."""

from __future__ import annotations

import pytest

from opv.normalize import normalize
from schemas.lead import Lead

CPF, CNPJ, LETTERS = "52998224725", "11222333000181", "12ABC34501DE35"


@pytest.mark.parametrize(
    ("sent", "expected", "flags"),
    [
        (CPF, CPF, []),
        ("529.982.247-25", CPF, []),
        ("529 982 247 25", CPF, []),
        ("CPF: 529.982.247–25", CPF, []),
        ("５２９.９８２.２４７-２５", CPF, []),
        ("52998224725.0", CPF, []),
        ("11.222.333/0001-81", CNPJ, []),
        ("CNPJ nº 11222333000181", CNPJ, []),
        ("12.ABC.345/01DE-35", LETTERS, []),
        ("12abc34501de35", LETTERS, []),
        ("1234567890", "01234567890", ["document_zeros_inferred"]),
        ("1222333000128", "01222333000128", ["document_zeros_inferred"]),
        ("1222333/0001-28", None, ["document_invalid"]),
        ("223330001", None, ["document_invalid"]),
        ("529.982.247-26", None, ["document_invalid"]),
        ("12.ABC.345/01DE-36", None, ["document_invalid"]),
        ("111.111.111-11", None, ["document_invalid"]),
        ("11111111111111", None, ["document_invalid"]),
        ("000.000.000-00", None, ["document_invalid"]),
        ("cpf: not mentioned", None, ["document_invalid"]),
        ("x" * 5000, None, ["document_invalid"]),
        ("não informado", None, ["placeholder_removed"]),
        ("{{cpf}}", None, ["unfilled_template"]),
        ("", None, []),
    ],
)
def test_a_document_as_sent(sent: str, expected: str | None, flags: list[str]) -> None:
    lead = normalize(Lead(document=sent))
    assert lead.document == expected
    assert lead.flags == flags
    assert lead.kind == ("legal" if expected and len(expected) == 14 else "natural")
    assert ("document" in lead.raw) == (sent not in (expected, ""))
