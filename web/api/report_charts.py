"""Each report's chart: what its bars are, and what is written on them, in Portuguese."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from opv.reports.dimensions import TIMES
from schemas.reports import (
    CostFilters,
    CostItem,
    CountItem,
    CrossItem,
    FairnessFilters,
    FairnessItem,
    FirstContactFilters,
    FirstContactItem,
    FunnelFilters,
    FunnelItem,
    LeadItem,
    OriginFilters,
    OriginItem,
    ReportFilters,
    WithdrawalFilters,
)
from web.api.charts import Bar, Series, bars, columns, stacked

OTHERS = "Outros"

_BARS, _SERIES = 24, 9
"""How many of the most a chart tells apart; the rest is one, `OTHERS`."""

_WORDS = {
    "reason": "motivo", "sub_reason": "submotivo", "stage": "etapa", "broker": "corretor", "team": "equipe",
    "manager": "gerente", "source": "fonte", "development": "empreendimento", "origin": "origem",
    "campaign": "campanha", "medium": "mídia", "channel": "canal", "day": "dia", "week": "semana", "month": "mês",
}  # fmt: skip
_TICK = timedelta(microseconds=1)


def withdrawals(items: Sequence[CountItem], filters: WithdrawalFilters, zone: ZoneInfo) -> bytes:
    """Withdrawals by one thing or two."""
    return _counts("Desistências", items, filters.by, filters.across, _period(filters, zone))


def origins(
    items: Sequence[OriginItem] | Sequence[LeadItem] | Sequence[CrossItem], filters: OriginFilters, zone: ZoneInfo
) -> bytes:
    """Leads by source and campaign, or by what is asked for."""
    if filters.by is None:
        counts = [_of_origin(one) for one in items if isinstance(one, OriginItem)]
        return bars("Leads por fonte e campanha", _period(filters, zone), _bars(counts))
    found = [
        CountItem(key=one.key, name=one.name, count=one.leads) if isinstance(one, LeadItem) else one
        for one in items
        if not isinstance(one, OriginItem)
    ]
    return _counts("Leads", found, filters.by, filters.across, _period(filters, zone))


def funnel(items: Sequence[FunnelItem], filters: FunnelFilters, zone: ZoneInfo) -> bytes:
    """How many OPVs reached each stage, and which part of those of the stage before."""
    shown = [Bar(one.name, one.reached, _reached(one)) for one in items]
    return bars("Conversão do funil", _period(filters, zone), shown)


def first_contacts(items: Sequence[FirstContactItem], filters: FirstContactFilters, zone: ZoneInfo) -> bytes:
    """The median time of each broker, the quickest first."""
    known = sorted((one for one in items if one.median is not None), key=lambda one: one.median or 0)
    shown = [
        Bar(one.name, one.median or 0, f"{_span(one.median or 0)} ({_number(one.count, 'contato', 'contatos')})")
        for one in known
    ]
    return bars("Tempo até o primeiro contato (mediana)", _period(filters, zone), shown[:_BARS])


def costs(items: Sequence[CostItem], filters: CostFilters, zone: ZoneInfo) -> bytes:
    """What a lead of each cost, the dearest first."""
    known = sorted((one for one in items if one.cost_per_lead is not None), key=lambda one: -(one.cost_per_lead or 0))
    shown = [
        Bar(
            one.name,
            one.cost_per_lead or 0,
            f"{_reais(one.cost_per_lead or 0)} ({_number(one.leads, 'lead', 'leads')})",
        )
        for one in known
    ]
    return bars(f"Custo por lead, por {_WORDS[filters.by]}", _period(filters, zone), shown[:_BARS])


def fairness(items: Sequence[FairnessItem], filters: FairnessFilters, zone: ZoneInfo) -> bytes:
    """The share of each broker beside the expected one, the furthest from it first."""
    several = len({one.queue for one in items}) > 1
    known = sorted((one for one in items if one.given_share is not None), key=lambda one: -abs(one.deviation))
    shown = [
        Bar(f"{one.name}, {one.queue}" if several else one.name, 100 * (one.given_share or 0), _beside_expected(one))
        for one in known[:_BARS]
    ]
    queue = "" if several or not known else f" da fila {known[0].queue}"
    return bars(f"Partes{queue}, ao lado das esperadas", _period(filters, zone), shown)


def _counts(what: str, items: Sequence[CountItem], by: str, across: str | None, period: str) -> bytes:
    title = f"{what} por {_WORDS[by]}"
    if across is None:
        if by in TIMES:
            return columns(title, period, [Bar(one.name, one.count, str(one.count)) for one in items])
        return bars(title, period, _bars(items))
    lines = [one for one in items if isinstance(one, CrossItem)]
    title = f"{title} e {_WORDS[across]}"
    if across in TIMES and by not in TIMES:  # times go from left to right, whichever way they were asked for
        return _stacked(title, period, _turned(lines), upright=True)
    return _stacked(title, period, lines, upright=by in TIMES)


def _stacked(title: str, period: str, lines: Sequence[CrossItem], *, upright: bool) -> bytes:
    shown = lines if upright else _fewer(lines)
    series = [
        Series(name, [sum(line.across[place].count for place in places) for line in shown])
        for name, places in _places(lines)
    ]
    return stacked(title, period, [line.name for line in shown], series, upright=upright)


def _places(lines: Sequence[CrossItem]) -> list[tuple[str, list[int]]]:
    """Names of the series, and which columns of the table each is: the most frequent, then the others together."""
    if not lines:
        return []
    named = [one.name for one in lines[0].across]
    if len(named) <= _SERIES:
        return [(name, [place]) for place, name in enumerate(named)]
    totals = [sum(line.across[place].count for line in lines) for place in range(len(named))]
    order = sorted(range(len(named)), key=lambda place: -totals[place])
    most, rest = order[: _SERIES - 1], order[_SERIES - 1 :]
    return [*((named[place], [place]) for place in most), (OTHERS, rest)]


def _turned(lines: Sequence[CrossItem]) -> list[CrossItem]:
    """The table with lines and columns exchanged."""
    keys = lines[0].across if lines else []
    return [
        CrossItem(
            key=one.key, name=one.name, count=sum(line.across[place].count for line in lines),
            across=[CountItem(key=line.key, name=line.name, count=line.across[place].count) for line in lines],
        )
        for place, one in enumerate(keys)
    ]  # fmt: skip


def _fewer(lines: Sequence[CrossItem]) -> list[CrossItem]:
    """The most frequent lines, and the others as one."""
    if len(lines) <= _BARS:
        return list(lines)
    rest = lines[_BARS - 1 :]
    across = [
        CountItem(key=one.key, name=one.name, count=sum(line.across[place].count for line in rest))
        for place, one in enumerate(lines[0].across)
    ]
    others = CrossItem(key=None, name=_others(rest), count=sum(one.count for one in rest), across=across)
    return [*lines[: _BARS - 1], others]


def _bars(items: Sequence[CountItem]) -> list[Bar]:
    """The most frequent, and the others as one."""
    most, rest = (items, items[:0]) if len(items) <= _BARS else (items[: _BARS - 1], items[_BARS - 1 :])
    shown = [Bar(one.name, one.count, str(one.count)) for one in most]
    total = sum(one.count for one in rest)
    return [*shown, Bar(_others(rest), total, str(total))] if rest else shown


def _others(rest: Sequence[CountItem]) -> str:
    return f"{OTHERS} ({len(rest)})"


def _of_origin(one: OriginItem) -> CountItem:
    """The campaign first: names of sources are long, and a label is cut at its end."""
    return CountItem(key=None, name=f"{one.campaign_name or '(sem campanha)'}, {one.name}", count=one.leads)


def _beside_expected(one: FairnessItem) -> str:
    share, expected = (_decimal(100 * (part or 0), 1) for part in (one.given_share, one.expected_share))
    sign = "+" if one.deviation > 0 else ""
    return f"{share}% de {expected}% ({sign}{_decimal(one.deviation, 1)} {_word_of_turns(one.deviation)})"


def _word_of_turns(number: float) -> str:
    return "vez" if abs(number) < 2 else "vezes"


def _reached(one: FunnelItem) -> str:
    share = "" if one.share is None else f", {_decimal(one.share * 100, 0)}% da anterior"
    stay = "" if one.median_days is None else f", {_decimal(one.median_days, 1)} dias"
    return f"{one.reached}{share}{stay}"


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{round(seconds)} s"
    if minutes < 120:
        return f"{minutes} min"
    hours = round(seconds / 3600)
    return f"{hours} h" if hours < 72 else f"{_decimal(seconds / 86400, 1)} dias"


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _reais(value: float) -> str:
    return f"R$ {_decimal(value, 2)}"


def _decimal(value: float, places: int) -> str:
    """A number as it is written in Brazil."""
    return f"{value:,.{places}f}".translate(str.maketrans(",.", ".,"))


def _period(filters: ReportFilters, zone: ZoneInfo) -> str:
    """The period in days of the company; the last one is that before `until`, when that is a midnight."""
    period = filters.period(zone)
    first = f"{period.since.astimezone(zone):%d/%m/%Y}" if period.since else None
    last = f"{(period.until - _TICK).astimezone(zone):%d/%m/%Y}" if period.until else None
    if first and last:
        return first if first == last else f"{first} a {last}"
    return f"desde {first}" if first else f"até {last}" if last else "todo o período"
