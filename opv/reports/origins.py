"""Leads by where they came from."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import ColumnElement, Connection

from db.queries import reports
from opv.house import House
from opv.reports.counting import counted, crossed
from opv.reports.dimensions import columns, dimension, name_of, registered
from schemas.reports import CrossItem, LeadItem, OriginFilters, OriginItem


def origins(
    tx: Connection, house: House, seen: ColumnElement[bool], filters: OriginFilters
) -> list[OriginItem] | list[LeadItem] | list[CrossItem]:
    """Leads of the period, the most first: by source and campaign together, by `by`, or in a two-way table with
    `across`. Campaigns, media and origins count by their key, whenever they got one. Raises `Reject` (422): empty
    period."""
    if filters.by is None:
        return _by_source_and_campaign(tx, house, seen, filters)
    by = dimension(house, filters.by, "received_at")
    across = dimension(house, filters.across, "received_at") if filters.across else None
    found = reports.leads(tx, seen, columns(by, across), filters.period(house.zone))
    leads = [(row, int(row.leads)) for row in found]
    if across is not None:
        return crossed(leads, by, across)
    opvs = {one.key: one.count for one in counted([(row, int(row.opvs)) for row in found], by)}
    return [
        LeadItem(key=one.key, name=one.name, leads=one.count, opvs=opvs.get(one.key, 0)) for one in counted(leads, by)
    ]


def _by_source_and_campaign(
    tx: Connection, house: House, seen: ColumnElement[bool], filters: OriginFilters
) -> list[OriginItem]:
    leads: Counter[tuple[str, str | None]] = Counter()
    opvs: Counter[tuple[str, str | None]] = Counter()
    for row in reports.leads(tx, seen, ["source", "campaign"], filters.period(house.zone)):
        place = (row.source, registered(house, "campaign", row.campaign))
        leads[place] += row.leads
        opvs[place] += int(row.opvs)
    return [
        OriginItem(
            source=source, name=name_of(house, "source", source), campaign=campaign,
            campaign_name=None if campaign is None else name_of(house, "campaign", campaign),
            leads=leads[source, campaign], opvs=opvs[source, campaign],
        )
        for source, campaign in sorted(leads, key=lambda place: (-leads[place], place[0], place[1] or ""))
    ]  # fmt: skip
