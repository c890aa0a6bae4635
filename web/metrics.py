"""`/metrics` for Prometheus, read from the database at scrape time: any web process tells of all of them.

Labels are steps, channels, targets, outcomes, reasons, kinds of alarms and automations: as many as the configuration
has, no more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from db.queries import automations, channels, outbound, schedules, upkeep, work
from db.session import Database

log = logging.getLogger("porteiro.metrics")


def router(database: Database, clock: Callable[[], datetime]) -> APIRouter:
    """The route; no token is asked for."""
    routes = APIRouter()
    registry = CollectorRegistry()
    registry.register(Stored(database, clock))

    @routes.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return routes


class Stored(Collector):
    """Metrics out of the database; `porteiro_up` 0 alone when it does not answer."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        """What Prometheus asks for."""
        try:
            with self._database.read() as tx:
                found = list(_metrics(tx, self._clock()))
        except (SQLAlchemyError, OSError) as error:
            log.warning("metrics cannot be read: %s", type(error).__name__)
            found = []
        return [GaugeMetricFamily("porteiro_up", "Whether the database answers", 1 if found else 0), *found]


def _metrics(tx: Connection, now: datetime) -> Iterator[Metric]:
    steps = work.work(tx, now)
    for name, field, text in (
        ("depth", "depth", "Rows that wait or are worked on"),
        ("oldest_seconds", "oldest_seconds", "Age of the oldest of them"),
        ("parked", "parked", "Rows that wait for a person"),
        ("failures", "failures", "Rows parked, or tried in vain and to be tried again"),
    ):
        gauge = GaugeMetricFamily(f"porteiro_work_{name}", text, labels=["step"])
        for step in steps:
            gauge.add_metric([step.step], getattr(step, field))
        yield gauge
    keys = channels.keys(tx)
    deliveries = GaugeMetricFamily(
        "porteiro_deliveries_24h", "Deliveries received in 24 hours", labels=["channel", "outcome"]
    )
    for counted in channels.outcomes(tx, now - channels.DAY):
        deliveries.add_metric([keys.get(counted.channel, str(counted.channel)), counted.outcome], counted.number)
    yield deliveries
    refusals = CounterMetricFamily(
        "porteiro_refusals", "Requests refused at a channel's door", labels=["channel", "reason"]
    )
    for refused in channels.refusals(tx):
        refusals.add_metric([keys.get(refused.channel, str(refused.channel)), refused.reason], refused.number)
    yield refusals
    undistributed = GaugeMetricFamily("porteiro_undistributed", "OPVs that wait for a broker", labels=["reason"])
    for reason, count in work.undistributed_by_reason(tx).items():
        undistributed.add_metric([reason], count)
    yield undistributed
    runs = GaugeMetricFamily(
        "porteiro_automation_runs_24h", "Automation runs in 24 hours", labels=["automation", "result"]
    )
    for automation, result, count in work.runs_by_result(tx, now - channels.DAY):
        runs.add_metric([automation, result], count)
    yield runs
    yield from _automations(tx, now)
    yield from _schedules(tx, now)
    alarms = GaugeMetricFamily("porteiro_alarms_open", "Alarms that a person must look at", labels=["kind"])
    for kind, count in upkeep.open_by_kind(tx).items():
        alarms.add_metric([kind], count)
    yield alarms
    yield from _targets(tx)
    found = CounterMetricFamily(
        "porteiro_reconciliation_found", "Leads that came only by reconciliation", labels=["channel"]
    )
    for channel, count in upkeep.found_by_reconciliation(tx).items():
        found.add_metric([keys.get(channel, str(channel))], count)
    yield found
    failing = GaugeMetricFamily(
        "porteiro_fetch_failures", "Leads whose fetch failed and will be tried again", labels=["channel"]
    )
    for channel, one in upkeep.failing_fetches(tx).items():
        failing.add_metric([keys.get(channel, str(channel))], one.leads)
    yield failing


def _automations(tx: Connection, now: datetime) -> Iterator[Metric]:
    paused = GaugeMetricFamily("porteiro_automation_paused", "Whether it does nothing", labels=["automation"])
    failures = GaugeMetricFamily(
        "porteiro_automation_failures", "Runs in a row that failed", labels=["automation"]
    )  # fmt: skip
    for one in automations.states(tx):
        paused.add_metric([one.key], one.paused_at is not None)
        failures.add_metric([one.key], one.failures)
    waits = automations.waits(tx)
    late = max(0.0, (now - (waits.oldest or now)).total_seconds())
    yield from (paused, failures)
    yield GaugeMetricFamily("porteiro_automation_runs_waiting", "Runs that wait", waits.count)
    yield GaugeMetricFamily("porteiro_automation_runs_late_seconds", "How long the oldest of them has been due", late)
    yield GaugeMetricFamily(
        "porteiro_automation_loops_24h", "Loops cut in 24 hours", automations.cuts(tx, now - channels.DAY)
    )


def _schedules(tx: Connection, now: datetime) -> Iterator[Metric]:
    late = GaugeMetricFamily(
        "porteiro_schedule_lateness_seconds",
        "Since the time planned for what should have begun or is under way",
        labels=["automation"],
    )
    for automation, seconds in schedules.lateness(tx, now).items():
        late.add_metric([automation], seconds)
    took = GaugeMetricFamily(
        "porteiro_schedule_last_run_seconds", "How long the last run that began took", labels=["automation"]
    )
    for automation, seconds in schedules.last_took(tx).items():
        took.add_metric([automation], seconds)
    yield from (late, took)


def _targets(tx: Connection) -> Iterator[Metric]:
    opened = GaugeMetricFamily("porteiro_target_open", "Whether nothing is tried at the target", labels=["target"])
    failures = GaugeMetricFamily("porteiro_target_failures", "Tries in a row without an answer", labels=["target"])
    for one in outbound.destinations(tx):
        opened.add_metric([one.key], one.opened_at is not None)
        failures.add_metric([one.key], one.failures)
    pending = GaugeMetricFamily("porteiro_target_pending", "Messages that wait", labels=["target"])
    parked = GaugeMetricFamily("porteiro_target_parked", "Messages that wait for a person", labels=["target"])
    for target, counted in outbound.counts(tx).items():
        pending.add_metric([target], counted.pending)
        parked.add_metric([target], counted.parked)
    yield from (opened, failures, pending, parked)
