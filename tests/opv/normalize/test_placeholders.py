"""Values that stand for none, in any field and from any source."""

from __future__ import annotations

import time

import pytest

from opv.normalize import normalize
from opv.normalize.placeholders import placeholder
from schemas.lead import Lead


@pytest.mark.parametrize(
    "text",
    [
        "{{1.email}}", "{{lead.ad_name}}", "{{ first }} {{ last }}", "%%email%%", "%email%", "{name}", "{keyword:casa}",
        '[field id="email"]', "[your-name]", "${x}", "#{x}", "<%= x %>", "*|FNAME|*", "__CAMPAIGN_NAME__",
    ],
)  # fmt: skip
def test_a_template_that_nobody_filled(text: str) -> None:
    assert placeholder(text) == "unfilled_template"


@pytest.mark.parametrize(
    "text",
    [
        "null", "NULL", "undefined", "None", "n/a", "Não Configurado", "não  informada", "-", "--", "—", "...",
        "(not set)", "(none)", "[object Object]", "<test lead: dummy data for campaign>",
    ],
)  # fmt: skip
def test_a_word_that_says_nothing(text: str) -> None:
    assert placeholder(text) == "placeholder_removed"


@pytest.mark.parametrize(
    "text",
    ["Nulo da Silva", "Olá {{nome}}", "100%", "50% de 50%", "[Vídeo] 2 quartos", "não", "0", "👍", "<b>", "{}", "__x"],
)
def test_what_says_something_stays(text: str) -> None:
    assert placeholder(text) is None


def test_every_field_is_cleared_and_kept_as_sent() -> None:
    lead = normalize(
        Lead(
            campaign="{{campaign.name}}",
            medium="Não configurado",
            origin=" ",
            message="undefined",
            price="%%price%%",
            utm={"source": "(not set)", "term": "", "medium": "cpc"},
            answers={"quartos": "null", "vagas": "2", "andar": None},
        )
    )
    assert (lead.campaign, lead.medium, lead.origin, lead.message, lead.price_cents) == (None,) * 5
    assert lead.utm == {"medium": "cpc"}
    assert lead.answers == {"vagas": "2", "andar": None}
    assert lead.flags == ["placeholder_removed", "unfilled_template"]
    assert lead.raw == {
        "message": "undefined",
        "campaign": "{{campaign.name}}",
        "medium": "Não configurado",
        "price": "%%price%%",
        "utm.source": "(not set)",
        "answers.quartos": "null",
    }


@pytest.mark.parametrize("piece", ["__A", "{{", "%a", "[a b=", "*|", "<%", "${", "__A__", "%a%%"])
def test_no_text_makes_the_reading_slow(piece: str) -> None:
    started = time.perf_counter()
    placeholder((piece * 500)[:499] + "\n")
    assert time.perf_counter() - started < 0.05
