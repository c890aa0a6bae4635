"""Reports of the house: figures with the names of what they are counted by."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from db.queries import reports
from opv.access import Viewer, visible
from opv.capture import MANUAL
from opv.house import House
from schemas.config import Development, Person, Stage, Team, WithdrawalReason
from schemas.reports import CountItem, FirstContactItem, OriginItem, ReportFilters, WithdrawalFilters

NONE = "(sem valor)"

_Named = Person | Team | Stage | Development | WithdrawalReason


def withdrawals(tx: Connection, house: House, viewer: Viewer, filters: WithdrawalFilters) -> list[CountItem]:
    """Withdrawals that the viewer sees, counted."""
    found = reports.withdrawals(tx, visible(viewer, house), filters.by, filters)
    return [CountItem(key=key, name=_name(house, filters.by, key), count=count) for key, count in found]


def origins(tx: Connection, house: House, viewer: Viewer, period: ReportFilters) -> list[OriginItem]:
    """Leads that the viewer sees, by source and campaign."""
    return [
        OriginItem(
            source=row.source, name=_name(house, "source", row.source), campaign=row.campaign,
            leads=row.leads, opvs=row.opvs,
        )
        for row in reports.origins(tx, visible(viewer, house), period)
    ]  # fmt: skip


def first_contacts(tx: Connection, house: House, viewer: Viewer, period: ReportFilters) -> list[FirstContactItem]:
    """Time to first contact by broker, of the OPVs that the viewer sees."""
    waits: dict[str | None, list[float | None]] = defaultdict(list)
    for broker, wait in reports.first_contacts(tx, visible(viewer, house), period):
        waits[broker].append(None if wait is None else wait.total_seconds())
    return [_first_contact(house, key, waits[key]) for key in sorted(waits, key=lambda key: key or "")]


def _first_contact(house: House, broker: str | None, waits: Sequence[float | None]) -> FirstContactItem:
    seconds = sorted(wait for wait in waits if wait is not None)
    # `inclusive`: the figures are of all OPVs, not of a sample of them, and lie between the least and the most.
    cuts = statistics.quantiles(seconds, n=20, method="inclusive") if len(seconds) > 1 else seconds * 19
    return FirstContactItem(
        key=broker, name=_name(house, "broker", broker), count=len(seconds), waiting=len(waits) - len(seconds),
        median=cuts[9] if cuts else None, p75=cuts[14] if cuts else None, p90=cuts[17] if cuts else None,
    )  # fmt: skip


def _name(house: House, by: str, key: str | None) -> str:
    """The name in force of what is counted, its key when the configuration no longer has it."""
    if key is None:
        return NONE
    if by == "source":
        titles = {one.source.slug: one.source.title for one in house.entrances.values()}
        return {MANUAL: "Cadastro manual", **titles}.get(key, key)
    configuration = house.configuration
    named: Mapping[str, Sequence[_Named]] = {
        "reason": configuration.withdrawal_reasons,
        "stage": configuration.funnel.stages,
        "team": configuration.teams,
        "development": configuration.developments,
    }
    return next((one.name for one in named.get(by, configuration.people) if one.key == key), key)
