"""Rules tried on past leads."""

from __future__ import annotations

from fastapi import APIRouter

from opv.distribution.simulation import simulate
from schemas.errors import Reject
from schemas.simulation import Simulation, SimulationBody
from web.api.auth import Calls

router = APIRouter(prefix="/distribution", tags=["distribution"])

MOST = 20_000
"""Leads of a simulation over the API; the command has no bound."""


@router.post("/simulation")
def simulate_rules(caller: Calls, asked: SimulationBody) -> Simulation:
    """Who would have got the leads of a period, of at most 20,000, under other rules, against what happened. Nothing is
    written. For directors and operations."""
    with caller.operating() as visit:
        in_force = visit.house
    if caller.desk.tried is None:
        raise Reject("not_available", "this server reads no configuration to be tried", 503)
    house = caller.desk.tried(asked.text, in_force)
    since, until = asked.period(caller.desk.clock(), in_force.zone)
    with caller.desk.database.snapshot() as tx:
        return visit.shown(simulate(tx, house, in_force, since, until, most=MOST))
