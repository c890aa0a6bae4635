"""OPVs for which nobody was there are looked at again at once, when somebody may be."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, select, update

from db.bulk import any_of
from db.models import DistributionWork
from opv.distribution.waiting import WAITING, only_by
from opv.house import House

REASONS = ("all_left_out", "queue_paused")
"""Why an OPV waits for what people do."""


def nudge(tx: Connection, rules: Iterable[str], now: datetime) -> int:
    """Makes due what waits by one of the rules (or queues that alone decide) because everybody was left out or the
    queue was paused; gives how many. What a worker has in hand just now is left to it."""
    w = DistributionWork
    ways = {way for rule in rules for way in (rule, only_by(rule))}
    if not ways:
        return 0
    waits = (
        select(w.opportunity_id)
        .where(w.reason.in_(REASONS), w.state == WAITING, w.lease.is_(None), any_of(tx, w.rule.expression, ways))
        .with_for_update(skip_locked=True)
    )
    due = update(w).where(w.opportunity_id.in_(waits)).values(due_at=now, attempts=0)
    return tx.execute(due).rowcount


def rules_with(house: House, queues: Collection[str]) -> list[str]:
    """Keys of the rules that lead to one of the queues, and of the queues."""
    leading = [one.rule.key for one in house.rules if any(queue.key in queues for queue in one.queues)]
    return [*leading, *queues]


def rules_of(house: House, person: str) -> list[str]:
    """As `rules_with`, of the queues that the person is in."""
    teams = {place.team for place in house.roster.places(person)}
    queues = [
        queue.key
        for queue in house.queues.values()
        if person in queue.brokers or (not queue.brokers and (not queue.teams or not teams.isdisjoint(queue.teams)))
    ]
    return rules_with(house, queues)
