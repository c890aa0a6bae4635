"""E-mail addresses: repaired when the repair is certain, else dropped, flagged and kept as sent."""

from __future__ import annotations

import pytest

from opv.normalize import normalize
from schemas.lead import Lead


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("maria.exemplo@example.com", ["maria.exemplo@example.com"]),
        ("Maria@Example.COM", ["maria@example.com"]),
        (" a+b@b.com. ", ["a+b@b.com"]),
        ("a@b.com,", ["a@b.com"]),
        ("mailto:a@b.com?subject=oi", ["a@b.com"]),
        ("<a@b.com>", ["a@b.com"]),
        ("Maria <a@b.com>", ["a@b.com"]),
        ('"Silva, Maria" <a@b.com>', ["a@b.com"]),
        ("a\u200b@b.com\ufeff", ["a@b.com"]),
        ("a@b.com, c@d.com", ["a@b.com", "c@d.com"]),
        ("a@b.com;c@d.com\nA@b.com", ["a@b.com", "c@d.com", "a@b.com"]),
        ("a@b.com ou c@d.com", ["a@b.com", "c@d.com"]),
        ("a@b.com/c@d.com", ["a@b.com", "c@d.com"]),
        ("Maria <a@b.com>, João <c@d.com>", ["a@b.com", "c@d.com"]),
        ("ana@casa.test", ["ana@casa.test"]),
        ("joão@ação.com.br", ["joão@ação.com.br"]),
        ("ana@xn--ao-siap.com.br", ["ana@ação.com.br"]),
        ("o'neil@example.com", ["o'neil@example.com"]),
    ],
)
def test_an_address_as_sent(sent: str, expected: list[str]) -> None:
    lead = normalize(Lead(emails=[sent]))
    assert lead.emails == tuple(dict.fromkeys(expected))
    assert lead.flags == []
    assert lead.raw == ({} if [sent] == expected else {"email": sent})


@pytest.mark.parametrize(
    "sent",
    [
        "ana", "ana@", "@example.com", "ana@example", "ana@test", "ana@@example.com", "ana@b..com", "ana.@b.com",
        "joao silva@gmail.com", "joao,silva@gmail.com", "ana@-b.com", "ana@[127.0.0.1]", "ana@casa.local",
        "ana@x.invalid", "a" * 250 + "@b.com", "ana@" + "b" * 64 + ".com", "ana@b.com nada",
    ],
)  # fmt: skip
def test_what_is_no_address_is_dropped_and_kept(sent: str) -> None:
    lead = normalize(Lead(emails=[sent]))
    assert lead.emails == ()
    assert lead.flags == ["email_invalid"]
    assert lead.raw == {"email": sent}


def test_one_bad_address_does_not_cost_the_other() -> None:
    lead = normalize(Lead(emails=["a@b.com, c@d", "null", "email@email.com", ""]))
    assert lead.emails == ("a@b.com",)
    assert lead.flags == ["email_invalid", "placeholder_removed"]
    assert lead.raw["email"] == ["a@b.com, c@d", "null", "email@email.com"]
