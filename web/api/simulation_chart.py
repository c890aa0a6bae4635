"""The chart of a simulation: who got how many leads, and would have got."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from schemas.simulation import Simulation
from web.api.charts import Bar, bars

_MOST = 24


def chart_of(found: Simulation, zone: ZoneInfo) -> bytes:
    """Brokers with the leads that they would have got, and, written beside, those that they got."""
    shown = [Bar(one.name, one.now, f"{one.now} (antes {one.then})") for one in found.brokers[:_MOST]]
    rest = found.brokers[_MOST:]
    if rest:
        then, now = sum(one.then for one in rest), sum(one.now for one in rest)
        shown.append(Bar(f"Outros ({len(rest)})", now, f"{now} (antes {then})"))
    period = f"{_day(found.since, zone)} a {_day(found.until, zone)}, {found.leads} leads, {found.moved} mudariam"
    return bars("Simulação: leads por corretor", period, shown)


def _day(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%d/%m/%Y}"
