"""Past leads against changed rules: seconds for all of them, and whether anything was written."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from adapters.sources.registry import sources
from bench.house import BenchHouse, house
from bench.past import contents, fill_given, house_text
from bench.report import Figure
from opv.distribution.simulation import simulate
from opv.house import build_house
from porteiro.configuration.load import load

DAYS = 30
MOST_SECONDS = 60

_SHIFTS = ', shifts: ["mon-sat 08:00-20:00"]'
_CHANGED = """
{key: visit, when: {answers.quartos: "3", price: {gte: 500000}}, queue: {brokers: [b1, b2, b3]}, fallback: []},
{key: paid, when: {utm.source: google, campaign: {contains: "campanha 3"}},
 queue: {strategy: weighted, teams: [t0, t1], weights: {b1: 3}, caps: {day: 40}}},
{key: dear, when: {price: {gte: 700000}}, queue: {strategy: least_open, teams: [t2, t3], caps: {open: 900, day: 60}}},
"""
_WRITES = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del + n_tup_hot_upd) FROM pg_stat_user_tables"


def measure(leads: int) -> list[Figure]:
    """Seconds for so many leads of the last 30 days, and tables that are not as they were."""
    now = datetime.now(UTC)
    with house("simulation", house_text("{}", of_broker=_SHIFTS)) as it:
        fill_given(it, leads, now - timedelta(days=DAYS), apart=f"{DAYS * 86400 / (leads + 1)} seconds")
        before = _state(it)
        seconds, moved, nobody = _simulate(it, leads, now)
        after = _state(it)
    changed = [name for name in before if before[name] != after[name]]
    if changed:
        raise SystemExit(f"the simulation changed {', '.join(changed)}")
    what = f"simulation: {leads:,} past leads against changed rules, seconds"
    note = f"{moved:,} would have gone to somebody else, {nobody:,} to nobody yet; no table changed"
    return [Figure(what, "s", seconds, None, seconds, MOST_SECONDS, at_most=True, note=note)]


def _simulate(it: BenchHouse, leads: int, now: datetime) -> tuple[float, int, int]:
    queue = "{strategy: round_robin, caps: {day: 100, days30: 2500}}"
    configuration, problems = load(
        house_text(queue, rules=_CHANGED, of_broker=_SHIFTS), "changed", sources(), it.secrets
    )
    if configuration is None:
        raise SystemExit("\n".join(map(str, problems)))
    start = time.perf_counter()
    with it.database.snapshot() as tx:
        in_force = it.houses.current(tx)
        changed = build_house(in_force.version, configuration, in_force.entrances)
        found = simulate(tx, changed, in_force, now - timedelta(days=DAYS), now)
    seconds = time.perf_counter() - start
    if found.leads != leads:
        raise SystemExit(f"{found.leads} leads were simulated instead of {leads}")
    return seconds, found.moved, sum(one.now for one in found.undistributed)


def _state(it: BenchHouse) -> dict[str, str]:
    """What every table holds, and how many rows were ever written, which a closed connection has told."""
    it.database.dispose()
    with it.database.read() as tx:
        tx.execute(text("SELECT pg_stat_clear_snapshot()"))
        writes = tx.execute(text(_WRITES)).scalar_one()
        return {**contents(tx), "writes": str(writes)}
