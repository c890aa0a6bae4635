"""`porteiro report`: figures of the whole house, as tables, JSON, CSV and charts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from porteiro.cli.screen import AsJson, Opened, opened, show_json, show_table
from schemas.reports import (
    CostFilters,
    CostsBy,
    CrossItem,
    FairnessFilters,
    FirstContactFilters,
    FunnelFilters,
    OriginFilters,
    OriginsBy,
    ReportFilters,
    WithdrawalFilters,
    WithdrawalsBy,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy import ColumnElement, Connection

    from opv.house import House

Filters = TypeVar("Filters", bound=ReportFilters)

SinceDay = Annotated[str | None, typer.Option("--since", help="From this day or time on (ISO 8601, company's zone).")]
UntilDay = Annotated[str | None, typer.Option("--until", help="Before this day or time.")]
ToCsv = Annotated[Path | None, typer.Option("--csv", help="Write CSV into this file; `-` for the screen.")]
ToSvg = Annotated[Path | None, typer.Option("--svg", help="Draw a chart into this file; `-` for the screen.")]

_HEADINGS = {
    "key": "Chave", "name": "Nome", "count": "Total", "source": "Fonte", "campaign": "Campanha", "leads": "Leads",
    "campaign_name": "Nome da campanha", "opvs": "OPVs", "kind": "Tipo", "reached": "Chegaram", "share": "Da anterior",
    "of_all": "Do total", "open": "Abertas", "lost": "Desistências", "median_days": "Dias (mediana)",
    "waiting": "À espera", "median": "Mediana (s)", "p75": "75% (s)", "p90": "90% (s)", "cost": "Custo (R$)",
    "sales": "Vendas", "cost_per_lead": "Por lead (R$)", "cost_per_opv": "Por OPV (R$)",
    "cost_per_sale": "Por venda (R$)", "queue": "Fila", "turns": "Vezes",
    "given_share": "Parte", "expected_share": "Esperada", "deviation": "Desvio", "missed": "Perdidas",
    "missed_because": "Por quê",
    "capped": "Limites", "claimed": "Pegou", "given_back": "Devolvidas",
}  # fmt: skip
_IN_FILES_ALONE = ("expected", "deviation_points", "present", "present_share")
"""Figures for which a screen has no room."""


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True, help="Reports over the whole house: figures, CSV, charts.")
    for command in (withdrawals, origins, funnel, first_contact, costs, fairness):
        group.command()(command)
    app.add_typer(group, name="report")


def withdrawals(
    by: Annotated[WithdrawalsBy, typer.Option(help="What is counted by.")] = "reason",
    across: Annotated[WithdrawalsBy | None, typer.Option(help="In columns: another of these.")] = None,
    since: SinceDay = None,
    until: UntilDay = None,
    as_json: AsJson = False,
    to_csv: ToCsv = None,
    to_svg: ToSvg = None,
) -> None:
    """Counts withdrawals."""
    from opv import reports
    from web.api import report_charts

    with opened() as at:
        filters = _filters(WithdrawalFilters, at, since, until, by=by, across=across)
        out = Out(as_json, to_csv, to_svg)
        out.put("Desistências", at, filters, reports.withdrawals, report_charts.withdrawals)


def origins(
    by: Annotated[OriginsBy | None, typer.Option(help="What is counted by; source and campaign, if not said.")] = None,
    across: Annotated[OriginsBy | None, typer.Option(help="In columns: another of these.")] = None,
    since: SinceDay = None,
    until: UntilDay = None,
    as_json: AsJson = False,
    to_csv: ToCsv = None,
    to_svg: ToSvg = None,
) -> None:
    """Counts leads by where they came from."""
    from opv import reports
    from web.api import report_charts

    with opened() as at:
        filters = _filters(OriginFilters, at, since, until, by=by, across=across)
        Out(as_json, to_csv, to_svg).put("Leads", at, filters, reports.origins, report_charts.origins)


def funnel(
    key: Annotated[str | None, typer.Option("--funnel", help="Key of the funnel, if not the first one.")] = None,
    since: SinceDay = None,
    until: UntilDay = None,
    as_json: AsJson = False,
    to_csv: ToCsv = None,
    to_svg: ToSvg = None,
) -> None:
    """Shows how many of the OPVs created in the period reached each stage."""
    from opv import reports
    from web.api import report_charts

    with opened() as at:
        filters = _filters(FunnelFilters, at, since, until, funnel=key)
        Out(as_json, to_csv, to_svg).put("Conversão do funil", at, filters, reports.funnel, report_charts.funnel)


def first_contact(
    since: SinceDay = None,
    until: UntilDay = None,
    as_json: AsJson = False,
    to_csv: ToCsv = None,
    to_svg: ToSvg = None,
) -> None:
    """Shows the time to the first contact, broker by broker."""
    from opv import reports
    from web.api import report_charts

    with opened() as at:
        filters = _filters(FirstContactFilters, at, since, until)
        out = Out(as_json, to_csv, to_svg)
        out.put("Primeiro contato", at, filters, reports.first_contacts, report_charts.first_contacts)


def costs(
    by: Annotated[CostsBy, typer.Option(help="Whose costs.")] = "campaign",
    since: SinceDay = None,
    until: UntilDay = None,
    as_json: AsJson = False,
    to_csv: ToCsv = None,
    to_svg: ToSvg = None,
) -> None:
    """Shows what a lead, an OPV and a sale cost, where the configuration has costs."""
    from functools import partial

    from opv import reports
    from web.api import report_charts

    with opened() as at:
        filters = _filters(CostFilters, at, since, until, by=by)
        read = partial(reports.costs, now=at.program.clock())
        Out(as_json, to_csv, to_svg).put("Custos", at, filters, read, report_charts.costs)


def fairness(
    queue: Annotated[str | None, typer.Option(help="Of this queue alone, by key.")] = None,
    since: SinceDay = None,
    until: UntilDay = None,
    as_json: AsJson = False,
    to_csv: ToCsv = None,
    to_svg: ToSvg = None,
) -> None:
    """Shows what each broker was given by the queues, beside its expected share."""
    from opv import reports
    from web.api import report_charts

    with opened() as at:
        filters = _filters(FairnessFilters, at, since, until, queue=queue)
        out = Out(as_json, to_csv, to_svg)
        out.put(
            "Filas", at, filters, lambda tx, house, _, filters: reports.fairness(tx, house, None, filters),
            report_charts.fairness,
        )  # fmt: skip


class Out:
    """Where a report goes: files, if any is named, else the screen."""

    def __init__(self, as_json: bool, to_csv: Path | None, to_svg: Path | None) -> None:
        self._as_json, self._to_csv, self._to_svg = as_json, to_csv, to_svg

    def put(
        self,
        title: str,
        at: Opened,
        filters: Filters,
        read: Callable[[Connection, House, ColumnElement[bool], Filters], Any],
        draw: Callable[[Any, Filters, ZoneInfo], bytes],
    ) -> None:
        """The report over all OPVs of the house."""
        from sqlalchemy import true

        from web.api.sheet import sheet

        house = at.program.houses.current(at.tx)
        items: Sequence[BaseModel] = read(at.tx, house, true(), filters)
        if self._to_csv is not None:
            _write(self._to_csv, sheet(filters.item, items))
        if self._to_svg is not None:
            _write(self._to_svg, draw(items, filters, house.zone))
        if self._as_json:
            show_json({"items": items, "next": None})
        elif self._to_csv is None and self._to_svg is None:
            _show(title, filters.item, items)


def _filters(kind: type[Filters], at: Opened, since: str | None, until: str | None, **asked: Any) -> Filters:
    try:
        return kind(since=at.since(since), until=at.since(until), **asked)
    except ValidationError as error:
        raise typer.BadParameter(
            "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
        ) from None


def _write(place: Path, content: bytes) -> None:
    if str(place) == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        place.write_bytes(content)


def _show(title: str, item: type[BaseModel], items: Sequence[BaseModel]) -> None:
    crossed = [one for one in items if isinstance(one, CrossItem)]
    if item is CrossItem:
        names = ["Nome", *(one.name for one in (crossed[0].across if crossed else ())), "Total"]
        rows: Iterable[Sequence[Any]] = [(one.name, *(cell.count for cell in one.across), one.count) for one in crossed]
    else:
        fields = [name for name in item.model_fields if name not in _IN_FILES_ALONE]
        names = [_HEADINGS[name] for name in fields]
        rows = [[_cell(getattr(one, name)) for name in fields] for one in items]
    show_table(title, names, rows)


def _cell(value: Any) -> Any:
    return ", ".join(f"{name} {number}" for name, number in value.items()) if isinstance(value, dict) else value
