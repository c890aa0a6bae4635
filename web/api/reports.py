"""Reports: figures over a time, as JSON, as CSV and as a chart."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from sqlalchemy import ColumnElement, Connection
from starlette.responses import Response

from db.queries.forwarding import forwarding
from opv import reports
from opv.access import Viewer, may_see_costs
from opv.house import House
from schemas.errors import Reject
from schemas.operations import ForwardingFilters, ForwardingItem
from schemas.page import Page
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
from web.api import charts, report_charts
from web.api.auth import Caller, Calls
from web.api.sheet import MEDIA_TYPE, sheet

router = APIRouter(prefix="/reports", tags=["reports"])

_FORMATS: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string"}} for kind in ("text/csv", charts.MEDIA_TYPE)}}
}
_ALONE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
"""A chart is opened as a page of its own: nothing in it may run or load, whatever it said."""


@router.get("/forwarding")
def report_forwarding(caller: Calls, filters: Annotated[ForwardingFilters, Query()]) -> Page[ForwardingItem]:
    """What came in at a day, channel by channel, and what was sent on of it to the address in `forward_to`."""
    with caller.operating() as visit:
        house = visit.house
        day = filters.day or caller.desk.clock().astimezone(house.zone).date()
        return visit.shown(Page(items=forwarding(visit.tx, day, house.zone, house.forwards.keys())))


@router.get("/withdrawals", response_model=Page[CrossItem] | Page[CountItem], responses=_FORMATS)
def report_withdrawals(caller: Calls, filters: Annotated[WithdrawalFilters, Query()]) -> Any:
    """Withdrawals by reason, sub-reason, stage, broker, team, manager, source, development, day, week or month, and
    across another of these; of the OPVs that the caller sees."""
    return _answer(caller, filters, reports.withdrawals, report_charts.withdrawals)


@router.get("/origins", response_model=Page[OriginItem] | Page[LeadItem] | Page[CrossItem], responses=_FORMATS)
def report_origins(caller: Calls, filters: Annotated[OriginFilters, Query()]) -> Any:
    """Leads by source and campaign, or by origin, campaign, medium, source, channel, development, day, week or month,
    and across another of these; of the OPVs that the caller sees."""
    return _answer(caller, filters, reports.origins, report_charts.origins)


@router.get("/funnel", response_model=Page[FunnelItem], responses=_FORMATS)
def report_funnel(caller: Calls, filters: Annotated[FunnelFilters, Query()]) -> Any:
    """How many of the OPVs created in the period reached each stage, which part of those of the stage before, and the
    median days there; of the OPVs that the caller sees."""
    return _answer(caller, filters, reports.funnel, report_charts.funnel)


@router.get("/first-contact", response_model=Page[FirstContactItem], responses=_FORMATS)
def report_first_contact(caller: Calls, filters: Annotated[FirstContactFilters, Query()]) -> Any:
    """Seconds to the first contact by broker, of the OPVs that the caller sees."""
    return _answer(caller, filters, reports.first_contacts, report_charts.first_contacts)


@router.get("/costs", response_model=Page[CostItem], responses=_FORMATS)
def report_costs(caller: Calls, filters: Annotated[CostFilters, Query()]) -> Any:
    """What a lead, an OPV and a sale of each campaign, medium or origin cost. For directors."""
    read = partial(reports.costs, now=caller.desk.clock())
    return _answer(caller, filters, read, report_charts.costs, may_see_costs)


@router.get("/fairness", response_model=Page[FairnessItem], responses=_FORMATS)
def report_fairness(caller: Calls, filters: Annotated[FairnessFilters, Query()]) -> Any:
    """What each broker was given by the queues in the period, beside its expected share. For managers, of the queues
    with somebody whom they lead; for directors and operations, of all."""
    with caller.reading() as visit:
        items, zone = reports.fairness(visit.tx, visit.house, visit.viewer, filters), visit.house.zone
    return _formed(filters, items, report_charts.fairness, zone)


Filters = TypeVar("Filters", bound=ReportFilters)


def _answer(
    caller: Caller,
    filters: Filters,
    read: Callable[[Connection, House, ColumnElement[bool], Filters], Any],
    draw: Callable[[Any, Filters, ZoneInfo], bytes],
    may: Callable[[Viewer], bool] = lambda _viewer: True,
) -> Any:
    """The report over the OPVs that the caller sees."""
    with caller.reading() as visit:
        if not may(visit.viewer):
            raise Reject("forbidden", "only directors see this", 403)
        items, zone = read(visit.tx, visit.house, visit.seen, filters), visit.house.zone
    return _formed(filters, items, draw, zone)


def _formed(filters: Filters, items: Any, draw: Callable[[Any, Filters, ZoneInfo], bytes], zone: ZoneInfo) -> Any:
    """The report in the form asked for."""
    if filters.format == "csv":
        return Response(sheet(filters.item, items), media_type=MEDIA_TYPE)
    if filters.format == "svg":
        return Response(draw(items, filters, zone), media_type=charts.MEDIA_TYPE, headers=_ALONE)
    return Page[filters.item](items=items)  # type: ignore[name-defined] # a type known only now
