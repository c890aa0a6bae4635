"""Charts: shapes and text, whatever the names are that strangers give."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from schemas.reports import (
    CostFilters,
    CostItem,
    CountItem,
    CrossItem,
    FirstContactFilters,
    FirstContactItem,
    FunnelFilters,
    FunnelItem,
    OriginFilters,
    OriginItem,
    WithdrawalFilters,
)
from web.api import report_charts

ZONE = ZoneInfo("America/Sao_Paulo")
HOSTILE = '<script>alert(1)</script>&"]]>\x0b\N{RIGHT-TO-LEFT OVERRIDE}'
DRAWN = {"svg", "defs", "style", "title", "g", "rect", "text", "path", "line", "circle"}


def texts(svg: bytes) -> list[str]:
    """What a chart says; that it is nothing but a drawing is checked on the way."""
    root = ET.fromstring(svg)  # noqa: S314 - made here
    for element in root.iter():
        assert element.tag.removeprefix("{http://www.w3.org/2000/svg}") in DRAWN
        assert not [name for name in element.attrib if name.startswith("on") or "href" in name]
    said = svg.decode().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|url\(|@import|<!ENTITY|<\?xml-stylesheet", said)
    return [element.text for element in root.iter() if element.tag.endswith("text") and element.text]


def counts(*numbers: tuple[str, int]) -> list[CountItem]:
    return [CountItem(key=name, name=name, count=count) for name, count in numbers]


def crossed(lines: int, places: int) -> list[CrossItem]:
    across = [[CountItem(key=f"c{place}", name=f"Coluna {place}", count=place + 1) for place in range(places)]] * lines
    return [
        CrossItem(key=f"l{n}", name=f"Linha {n}", count=sum(c.count for c in one), across=one)
        for n, one in enumerate(across)
    ]


def test_bars_are_named_and_say_their_figures() -> None:
    shown = texts(report_charts.withdrawals(
        counts(("Preço", 12), (HOSTILE, 3)), WithdrawalFilters(since="2026-09-01", until="2026-10-01"), ZONE,
    ))  # fmt: skip
    assert {"Desistências por motivo", "01/09/2026 a 30/09/2026", "Preço", "12", "3"} <= set(shown)
    assert '<script>alert(1)</script>&"]]>��' in shown


def test_times_stand_side_by_side_and_too_many_without_figures() -> None:
    few = texts(
        report_charts.withdrawals(counts(("set/2026", 7), ("out/2026", 9)), WithdrawalFilters(by="month"), ZONE)
    )
    assert {"Desistências por mês", "todo o período", "set/2026", "7", "9"} <= set(few)
    days = [(f"{n}", 1000 + n) for n in range(90)]
    many = texts(report_charts.withdrawals(counts(*days), WithdrawalFilters(by="day"), ZONE))
    assert not {"1001", "1089"} & set(many)
    assert {"0", "3", "87"} <= set(many)


@pytest.mark.parametrize(("by", "across"), [("broker", "reason"), ("month", "reason"), ("reason", "month")])
def test_two_things_are_stacked_with_totals_and_a_legend(by: str, across: str) -> None:
    filters = WithdrawalFilters.model_validate({"by": by, "across": across})
    shown = texts(report_charts.withdrawals(crossed(2, 3), filters, ZONE))
    turned = across == "month"
    assert ("Coluna 2 (6)" if turned else "Linha 1 (6)") in shown
    assert ("Linha 1" if turned else "Coluna 2") in shown
    assert ("3" in shown) == ("1" in shown)


def test_what_is_too_much_is_put_together() -> None:
    filters = WithdrawalFilters(by="broker", across="reason")
    shown = texts(report_charts.withdrawals(crossed(30, 12), filters, ZONE))
    assert {"Outros", "Linha 22 (78)", "Outros (7) (546)", "Coluna 11", "Coluna 4"} <= set(shown)
    assert not {"Coluna 0", "Coluna 3", "Linha 23 (78)"} & set(shown)
    many = counts(*((f"Motivo {n}", 100 - n) for n in range(40)))
    assert {"Motivo 22", "Outros (17)", str(sum(100 - n for n in range(23, 40)))} <= set(
        texts(report_charts.withdrawals(many, WithdrawalFilters(), ZONE))
    )


def test_figures_are_written_as_in_brazil() -> None:
    stages = [
        FunnelItem(key="new", kind="stage", name="Novo", reached=40, share=None, of_all=1, open=1, lost=2,
                   median_days=1.25),
        FunnelItem(key="won", kind="won", name="Venda", reached=10, share=0.25, of_all=0.25, open=0, lost=0,
                   median_days=None),
    ]  # fmt: skip
    assert {"40, 1,2 dias", "10, 25% da anterior"} <= set(texts(report_charts.funnel(stages, FunnelFilters(), ZONE)))
    waits = [
        FirstContactItem(key=name, name=name, count=count, waiting=0, median=median, p75=None, p90=None)
        for name, count, median in (("ana", 1, 30.0), ("bia", 2, 3000.0), ("caio", 3, 400000.0), ("davi", 0, None))
    ]
    contacts = texts(report_charts.first_contacts(waits, FirstContactFilters(), ZONE))
    assert {"30 s (1 contato)", "50 min (2 contatos)", "4,6 dias (3 contatos)"} <= set(contacts)
    assert "davi" not in contacts
    spent = CostItem(key="a", name="Marca", cost=5000, leads=4, opvs=0, sales=0, cost_per_lead=1250, cost_per_opv=None,
                     cost_per_sale=None)  # fmt: skip
    assert "R$ 1.250,00 (4 leads)" in texts(report_charts.costs([spent], CostFilters(), ZONE))
    origin = OriginItem(source="form", name="Formulário", campaign="x", campaign_name="Verão", leads=2, opvs=1)
    assert "Verão, Formulário" in texts(report_charts.origins([origin], OriginFilters(), ZONE))


def test_nothing_to_show_is_said() -> None:
    for filters in (WithdrawalFilters(), WithdrawalFilters(by="day"), WithdrawalFilters(by="day", across="team")):
        assert "sem dados" in texts(report_charts.withdrawals([], filters, ZONE))
