"""Whether queues are fair: what each broker was given, beside what it should have been."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy import Connection

from db.queries import fairness as queries
from db.session import AnyRow
from opv.access import Viewer, may_see_queues, may_see_shares
from opv.distribution.queues import queue_key
from opv.house import House, build_house
from opv.reports.dimensions import name_of
from schemas.config import Configuration, Queue
from schemas.errors import Reject
from schemas.reports import FairnessFilters, FairnessItem, Period

NEVER = frozenset({"inactive", "not_a_broker", "not_a_presales", "no_creci", "skills"})
"""Reasons of those who are in a queue by name alone: nothing is expected for them."""

_BY_TURNS = frozenset({"round_robin", "draw", "weighted"})
"""Strategies that owe something to those who are away; the others look at loads, of those who are there."""


@dataclass(slots=True)
class _Line:
    """What happened in a line. `turns`: who was given how many; `cases`: how often it was decided under a configuration
    with a snapshot of the members, when some were left out for that lead alone."""

    turns: Counter[str] = field(default_factory=Counter)
    claimed: Counter[str] = field(default_factory=Counter)
    capped: Counter[str] = field(default_factory=Counter)
    given_back: Counter[str] = field(default_factory=Counter)
    missed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    cases: Counter[tuple[int, str, frozenset[str]]] = field(default_factory=Counter)
    expected: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    present: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    members: set[str] = field(default_factory=set)

    def brokers(self) -> set[str]:
        """Everybody whom the figures speak of."""
        return self.members.union(self.turns, self.claimed, self.missed)


def fairness(tx: Connection, house: House, viewer: Viewer | None, filters: FairnessFilters) -> list[FairnessItem]:
    """Each line's brokers with what they were given by turns in the period and what was to be expected: as members of
    the line, and over the decisions alone at which they were not left out. `viewer` None: of all lines. Four
    statements. Raises `Reject`: 403 for those who see no queues, 422 for an empty period."""
    if viewer is not None and not may_see_queues(viewer):
        raise Reject("forbidden", "only managers, directors and operations see this", 403)
    period = filters.period(house.zone)
    lines: dict[str, _Line] = defaultdict(_Line)
    for row in queries.decided(tx, period):
        _note(lines, row)
    for row in queries.given_back(tx, period):
        lines[row.queue].given_back[row.broker] += row.number
    asked = {key: line for key, line in lines.items() if filters.queue in (None, key, queue_key(key))}
    _expect(asked, _members(tx, period), _terms_of(tx, period, house))
    return [
        _item(house, key, broker, line)
        for key, line in sorted(asked.items())
        if viewer is None or may_see_shares(viewer, house, line.brokers())
        for broker in sorted(line.brokers(), key=lambda broker: (name_of(house, "broker", broker), broker))
    ]


def _note(lines: Mapping[str, _Line], row: AnyRow) -> None:
    """Counts a decision."""
    told: dict[str, Any] = orjson.loads(row.explanation)
    line = lines[row.queue]
    for one in ({"queue": row.queue, "missed": told.get("missed", ())}, *told.get("fell_back", ())):
        for missed in one.get("missed", ()):
            if not missed["broker"].startswith("@"):  # a team, of two steps
                lines[one["queue"]].missed[missed["broker"]][missed["because"]] += 1
    if row.broker is None or "turn" not in told:
        return
    if told.get("claimed"):
        line.claimed[row.broker] += 1
        return
    line.turns[row.broker] += 1
    excluded = told.get("excluded", ())
    for one in excluded:
        line.capped[one["broker"]] += _is_cap(one["because"])
    if row.snapshot is not None:
        line.cases[row.config_version, row.snapshot, frozenset(one["broker"] for one in excluded)] += 1


def _is_cap(reason: str) -> bool:
    return reason.startswith("cap_")


Members = Sequence[tuple[str, str | None]]
"""Brokers of a line and the reason why nothing would have been given to each."""


def _members(tx: Connection, period: Period) -> Mapping[tuple[str, str], Members]:
    return {(row.queue, row.digest): orjson.loads(row.members) for row in queries.snapshots(tx, period)}


@dataclass(frozen=True, slots=True)
class _Terms:
    """How a line shares its leads: in equal parts unless brokers have weights, among teams first where they have
    shares. `by_turns`: those who are away are owed their part."""

    by_turns: bool = True
    weights: Mapping[str, int] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)
    team_shares: Mapping[str, int] = field(default_factory=dict)

    def add_up(
        self, sums: dict[str, float], brokers: Collection[str], cases: Iterable[tuple[frozenset[str], int]]
    ) -> None:
        """Adds what each of the brokers should have been given; `cases`: who was left out besides, and how often.

        In each case a broker's part is its weight by that of its team's brokers who are left, so that a factor for each
        team is all that is summed up case by case."""
        whole: Counter[str] = Counter()
        for broker in brokers:
            whole[self.teams.get(broker, "")] += self.weights.get(broker, 1)
        factors: dict[str, float] = dict.fromkeys(whole, 0.0)
        for left_out, times in cases:
            gone = [(key, self.teams.get(key, ""), self.weights.get(key, 1)) for key in left_out if key in brokers]
            left = whole.copy()
            for _, team, weight in gone:
                left[team] -= weight
            of_all = sum(self.team_shares.get(team, 1) for team, weight in left.items() if weight)
            factor = {
                team: times * self.team_shares.get(team, 1) / of_all / weight for team, weight in left.items() if weight
            }
            for team, one in factor.items():
                factors[team] += one
            for key, team, weight in gone:
                sums[key] -= weight * factor.get(team, 0.0)
        for broker in brokers:
            sums[broker] += self.weights.get(broker, 1) * factors[self.teams.get(broker, "")]


def _expect(
    lines: Mapping[str, _Line],
    snapshots: Mapping[tuple[str, str], Members],
    terms_of: Callable[[int, str], _Terms],
) -> None:
    """Adds up what was to be expected of each decision."""
    for key, line in lines.items():
        by_snapshot: dict[tuple[int, str], list[tuple[frozenset[str], int]]] = defaultdict(list)
        for (version, digest, left_out), times in line.cases.items():
            by_snapshot[version, digest].append((left_out, times))
        every: Counter[tuple[int, frozenset[str]]] = Counter()
        for (version, digest), cases in by_snapshot.items():
            terms, times = terms_of(version, key), sum(times for _, times in cases)
            members = {broker: reason for broker, reason in snapshots.get((key, digest), ()) if reason not in NEVER}
            there = {broker for broker, reason in members.items() if reason is None}
            terms.add_up(line.present, there, cases)
            if terms.by_turns:
                every[version, frozenset(members)] += times
            else:
                terms.add_up(line.expected, there, cases)
            line.members.update(members)
            line.capped.update({broker: times for broker, reason in members.items() if reason and _is_cap(reason)})
        for (version, brokers), times in every.items():
            terms_of(version, key).add_up(line.expected, brokers, [(frozenset(), times)])


def _terms_of(tx: Connection, period: Period, house: House) -> Callable[[int, str], _Terms]:
    """The terms of a line under a configuration. The one in force stands in for one that cannot be read any more."""
    houses = {row.number: _house(row, house) for row in queries.configurations(tx, period)}
    known: dict[tuple[int, str], _Terms] = {}

    def terms(version: int, line: str) -> _Terms:
        if (version, line) not in known:
            then = houses.get(version, house)
            known[version, line] = _read_terms(then, then.queues.get(queue_key(line)))
        return known[version, line]

    return terms


def _house(row: AnyRow, house: House) -> House:
    if row.number == house.version:
        return house
    try:
        return build_house(row.number, Configuration.model_validate_json(row.document), {})
    except ValidationError:
        return house


def _read_terms(house: House, queue: Queue | None) -> _Terms:
    if queue is None:
        return _Terms()
    teams: dict[str, str] = {}
    if queue.team_shares:
        teams = {broker: house.roster.place(broker, queue.teams).team or "" for broker in house.roster.people}
    return _Terms(queue.strategy in _BY_TURNS, queue.weights, teams, queue.team_shares)


def _item(house: House, line: str, broker: str, found: _Line) -> FairnessItem:
    total, turns = sum(found.turns.values()), found.turns[broker]
    expected, present = found.expected.get(broker, 0.0), found.present.get(broker, 0.0)
    missed = found.missed.get(broker, Counter())
    return FairnessItem(
        queue=line, key=broker, name=name_of(house, "broker", broker), turns=turns, given_share=_part(turns, total),
        expected=round(expected, 2), expected_share=_part(expected, total), deviation=round(turns - expected, 2),
        deviation_points=round(100 * (turns - expected) / total, 2) if total else None,
        present=round(present, 2), present_share=_part(present, total), missed=sum(missed.values()),
        missed_because=dict(sorted(missed.items())), capped=found.capped[broker], claimed=found.claimed[broker],
        given_back=found.given_back[broker],
    )  # fmt: skip


def _part(number: float, total: int) -> float | None:
    return round(number / total, 4) if total else None
