"""A whole lead: texts, sizes, prices, times, free values, and what it all costs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from opv.normalize import normalize
from schemas.lead import Lead, SentPhone


def test_a_usual_lead() -> None:
    lead = normalize(
        Lead(
            name="LUIZA EXEMPLO",
            phones=[SentPhone(value="999990109", ddd="31")],
            emails=["luiza@example.com"],
            message=" Olá,\ntenho interesse. ",
            transaction="SELL",
            price="R$ 450.000,00",
            city="Belo  Horizonte",
            state="minas gerais",
            submitted_at=datetime(2026, 9, 21, tzinfo=UTC),
            raw={"submitted_at": "2026-09-21"},
            flags=["time_zone_assumed"],
        )
    )
    assert lead.has_contact
    assert (lead.kind, lead.name, lead.name_key) == ("natural", "Luiza Exemplo", "luiza exemplo")
    assert (lead.phones, lead.emails) == (("+5531999990109",), ("luiza@example.com",))
    assert (lead.message, lead.transaction, lead.price_cents) == ("Olá,\ntenho interesse.", "sale", 45_000_000)
    assert (lead.city, lead.state, lead.submitted_at) == ("Belo Horizonte", "MG", datetime(2026, 9, 21, tzinfo=UTC))
    assert lead.flags == ["time_zone_assumed"]
    assert lead.raw == {
        "submitted_at": "2026-09-21",
        "phone": "999990109",
        "ddd": "31",
        "name": "LUIZA EXEMPLO",
        "transaction": "SELL",
        "state": "minas gerais",
        "price": "R$ 450.000,00",
    }


def test_an_empty_lead_is_empty() -> None:
    lead = normalize(Lead())
    assert not lead.has_contact
    assert (lead.name, lead.name_key, lead.raw, lead.flags) == (None, "", {}, [])


def test_what_no_database_holds_is_taken_out_everywhere_and_shown_in_raw() -> None:
    bad = "a\x00b\ud800c\x1f"
    lead = normalize(
        Lead(
            city=bad,
            utm={"so\x00urce": bad},
            answers={"x": [{"y\udc80": bad}], "x\x00": "second"},
            consent=[{"key": bad}],
            raw={"z\x00": [bad]},
            flags=["own\x00flag"],
        )
    )
    assert lead.city == "abc"
    assert lead.utm == {"source": "abc"}
    assert lead.answers == {"x": [{"y": "abc"}], "x_": "second"}
    assert lead.consent == [{"key": "abc"}]
    assert lead.raw["city"] == lead.raw["utm.source"] == "a\ufffdb\ufffdc\ufffd"
    assert lead.raw["z"] == ["a\ufffdb\ufffdc\ufffd"]
    assert set(lead.flags) == {"ownflag", "control_characters_removed"}
    assert "\\u0000" not in json.dumps([lead.raw, lead.answers, lead.flags])


def test_line_breaks_and_tabs_stay_and_text_is_composed() -> None:
    lead = normalize(Lead(message="a\r\n\tb", development="\ufeffJose\u0301 \u200b"))
    assert (lead.message, lead.development, lead.flags) == ("a\r\n\tb", "José", [])


@pytest.mark.parametrize(
    ("sent", "cents", "flags"),
    [
        ("450000", 45_000_000, []),
        ("1.234.567,89", 123_456_789, []),
        ("R$ 300.000", 30_000_000, []),
        ("1234.565", 123_456_500, []),
        ("99,999", 10_000, []),
        ("0", 0, []),
        ("92233720368547757", 9_223_372_036_854_775_700, []),
        ("92233720368547759", None, ["price_invalid"]),
        ("-1", None, ["price_invalid"]),
        ("1e999999", None, ["price_invalid"]),
        ("Infinity", None, ["price_invalid"]),
        ("450 mil", None, ["price_invalid"]),
        ("a combinar", None, ["price_invalid"]),
        ("9" * 5000, None, ["price_invalid", "text_truncated"]),
    ],
)
def test_a_price_as_sent(sent: str, cents: int | None, flags: list[str]) -> None:
    lead = normalize(Lead(price=sent))
    assert lead.price_cents == cents
    assert sorted(lead.flags) == flags
    assert ("price" in lead.raw) == (not sent.isdecimal() or cents is None)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("SALE", "sale"), ("Venda", "sale"), ("buy", "sale"), ("RENTAL", "rent"), ("Locação", "rent"),
        ("comprar", "sale"), ("alugar", "rent"), ("Permuta", "permuta"), ("", None),
    ],
)  # fmt: skip
def test_a_transaction_as_sent(sent: str, expected: str | None) -> None:
    assert normalize(Lead(transaction=sent)).transaction == expected


@pytest.mark.parametrize(
    ("sent", "expected"), [("sp", "SP"), ("São Paulo", "SP"), ("PARÁ", "PA"), ("Paraná", "PR"), ("Buenos Aires",) * 2]
)
def test_a_state_as_sent(sent: str, expected: str) -> None:
    assert normalize(Lead(state=sent)).state == expected


def test_a_time_of_another_age_is_dropped() -> None:
    lead = normalize(Lead(submitted_at=datetime(1970, 1, 1, tzinfo=UTC)))
    assert (lead.submitted_at, lead.flags) == (None, ["submitted_at_invalid"])
    assert lead.raw == {"submitted_at": "1970-01-01T00:00:00+00:00"}


def test_long_texts_are_cut_and_a_message_leaves_a_mark_alone() -> None:
    lead = normalize(Lead(message="m" * 10_001, campaign="c" * 501, answers={"a": "b" * 20_000}))
    assert lead.message is not None
    assert lead.campaign is not None
    assert (len(lead.message), len(lead.campaign), len(lead.answers["a"])) == (10_000, 500, 10_000)
    assert lead.flags == ["text_truncated"]
    assert lead.raw == {
        "message": "[10001 characters were sent]",
        "campaign": "c" * 501,
        "answers.a": "[20000 characters were sent]",
    }


def test_free_values_become_json_of_bounded_size() -> None:
    deep: Any = "bottom"
    for _ in range(100):
        deep = {"d": deep}
    loop: list[Any] = []
    loop.append(loop)
    lead = normalize(
        Lead(
            answers={f"k{i}": i for i in range(250)},
            extra={
                "deep": deep, "loop": loop, "id": 10**15, "small": 10**15 - 1, "huge": 10**5000, "inf": float("inf"),
                "when": datetime(2026, 1, 1, tzinfo=UTC), "many": list(range(2000)), "yes": True, "half": 0.5,
            },
        )
    )  # fmt: skip
    assert len(lead.answers) == 200
    assert lead.extra["id"] == "1000000000000000"
    assert lead.extra["small"] == 10**15 - 1
    assert lead.extra["inf"] == "inf"
    assert lead.extra["when"] == "2026-01-01 00:00:00+00:00"
    assert len(lead.extra["many"]) < 1000
    assert (lead.extra["yes"], lead.extra["half"]) == (True, 0.5)
    level, value = 1, lead.extra["deep"]
    while isinstance(value, dict):
        level, value = level + 1, value["d"]
    assert level == 8
    assert value.startswith('{"d": {"d":')
    assert set(lead.flags) == {"values_left_out", "nesting_flattened"}
    json.dumps(lead.extra, allow_nan=False)


def test_flags_and_values_of_the_source_come_first_and_are_not_overwritten() -> None:
    given = Lead(phones=[SentPhone(value="nada")], raw={"phone": "as read"}, flags=["a", "a", "phone_invalid"])
    lead = normalize(given)
    assert lead.flags == ["a", "phone_invalid"]
    assert lead.raw == {"phone": ["as read", "nada"]}
    assert given.raw == {"phone": "as read"}
