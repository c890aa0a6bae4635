"""Reports: figures over a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel

from db.queries.forwarding import forwarding
from opv import reports
from schemas.operations import ForwardingFilters, ForwardingItem
from schemas.page import Page
from schemas.reports import CountItem, FirstContactItem, OriginItem, ReportFilters, WithdrawalFilters
from web.api.auth import Calls
from web.api.sheet import sheet

router = APIRouter(prefix="/reports", tags=["reports"])

Item = TypeVar("Item", bound=BaseModel)

_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


@router.get("/forwarding")
def report_forwarding(caller: Calls, filters: Annotated[ForwardingFilters, Query()]) -> Page[ForwardingItem]:
    """What came in at a day, channel by channel, and what was sent on of it to the address in `forward_to`."""
    with caller.operating() as visit:
        house = visit.house
        day = filters.day or caller.desk.clock().astimezone(house.zone).date()
        return visit.shown(Page(items=forwarding(visit.tx, day, house.zone, house.forwards.keys())))


@router.get("/withdrawals", response_model=Page[CountItem], responses=_CSV)
def report_withdrawals(caller: Calls, filters: Annotated[WithdrawalFilters, Query()]) -> Any:
    """Withdrawals by reason, stage, broker, team, manager, source or development, of the OPVs that the caller sees."""
    with caller.reading() as visit:
        return _answer(CountItem, reports.withdrawals(visit.tx, visit.house, visit.viewer, filters), filters)


@router.get("/origins", response_model=Page[OriginItem], responses=_CSV)
def report_origins(caller: Calls, filters: Annotated[ReportFilters, Query()]) -> Any:
    """Leads by source and campaign, of the OPVs that the caller sees."""
    with caller.reading() as visit:
        return _answer(OriginItem, reports.origins(visit.tx, visit.house, visit.viewer, filters), filters)


@router.get("/first-contact", response_model=Page[FirstContactItem], responses=_CSV)
def report_first_contact(caller: Calls, filters: Annotated[ReportFilters, Query()]) -> Any:
    """Seconds to the first contact by broker, of the OPVs that the caller sees."""
    with caller.reading() as visit:
        return _answer(FirstContactItem, reports.first_contacts(visit.tx, visit.house, visit.viewer, filters), filters)


def _answer(model: type[Item], items: Sequence[Item], filters: ReportFilters) -> Any:
    return sheet(model, items) if filters.format == "csv" else Page(items=list(items))
