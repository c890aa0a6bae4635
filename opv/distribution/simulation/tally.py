"""What happened beside what would have happened, counted lead by lead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from opv.batch import Opv
from opv.distribution.simulation.past import Fate
from opv.house import House
from schemas.simulation import DevelopmentItem, MovedItem, ReasonItem, ShareItem, Simulation, Waits

SAMPLE = 10
"""Leads that are shown of those that somebody else would have got."""


@dataclass(slots=True)
class _Of:
    """Counts of a development's leads, then and now."""

    leads: int = 0
    moved: int = 0
    nobody: list[int] = field(default_factory=lambda: [0, 0])
    waits: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))


class Tally:
    """Collects fates. Names are those of `house`, and of the house `before`."""

    def __init__(self, house: House, before: House) -> None:
        self._houses = (house, before)
        self._counts = {name: (Counter[str](), Counter[str]()) for name in ("person", "team", "queue")}
        self._reasons = (Counter[str](), Counter[str]())
        self._of: dict[str | None, _Of] = {}
        self._sample: list[MovedItem] = []
        self._every = 1
        self.leads = self.moved = 0

    def add(self, opv: Opv, moment: datetime, then: Fate, now: Fate, why: str) -> None:
        """One lead."""
        self.leads += 1
        of = self._of.setdefault(opv.development, _Of())
        of.leads += 1
        for place, fate in enumerate((then, now)):
            for name, counts in self._counts.items():
                if (key := getattr(fate, name)) is not None:
                    counts[place][key] += 1
            if fate.wait is not None:
                of.waits[place].append(fate.wait)
            if fate.person is None:
                of.nobody[place] += 1
                self._reasons[place][fate.reason or ""] += 1
        if then.person and now.person and then.person != now.person:
            self._move(of, MovedItem(
                number=opv.number, at=moment, then=self.name(then.person), now=self.name(now.person), why=why,
            ))  # fmt: skip

    def name(self, key: str) -> str:
        """Of a person, or the key of one who is not known any more."""
        return next((one.roster.people[key].name for one in self._houses if key in one.roster.people), key)

    def result(self, since: datetime, until: datetime) -> Simulation:
        """The figures: brokers, teams and queues with the most first, reasons by frequency."""
        waits = [[wait for of in self._of.values() for wait in of.waits[place]] for place in (0, 1)]
        then, now = self._reasons
        reasons = sorted(then.keys() | now.keys(), key=lambda reason: (-now[reason], -then[reason], reason))
        return Simulation(
            since=since, until=until, leads=self.leads, moved=self.moved,
            brokers=_shares(*self._counts["person"], self._names("people")),
            teams=_shares(*self._counts["team"], self._names("teams")),
            queues=_shares(*self._counts["queue"], {}),
            waits_then=_waits(waits[0]), waits_now=_waits(waits[1]),
            undistributed=[ReasonItem(reason=reason, then=then[reason], now=now[reason]) for reason in reasons],
            developments=self._developments(), sample=self._sample[:SAMPLE],
        )  # fmt: skip

    def _move(self, of: _Of, item: MovedItem) -> None:
        """Keeps every so many, and every second of these when they are many: spread over the time."""
        of.moved += 1
        if self.moved % self._every == 0:
            self._sample.append(item)
            if len(self._sample) >= 2 * SAMPLE:
                self._sample, self._every = self._sample[::2], self._every * 2
        self.moved += 1

    def _names(self, what: str) -> dict[str, str]:
        return {key: one.name for house in self._houses[::-1] for key, one in getattr(house.roster, what).items()}

    def _developments(self) -> list[DevelopmentItem]:
        known = self._houses[0].catalog.developments
        return [
            DevelopmentItem(
                key=key, name=known[key].name if key in known else key or "(sem empreendimento)", leads=of.leads,
                moved=of.moved, nobody_then=of.nobody[0], nobody_now=of.nobody[1],
                median_then=_median(of.waits[0]), median_now=_median(of.waits[1]),
            )
            for key, of in sorted(self._of.items(), key=lambda one: -one[1].leads)
        ]  # fmt: skip


def _shares(then: Counter[str], now: Counter[str], names: Mapping[str, str]) -> list[ShareItem]:
    before, after = then.total() or 1, now.total() or 1
    return [
        ShareItem(
            key=key, name=names.get(key, key), then=then[key], now=now[key], then_share=then[key] / before,
            now_share=now[key] / after, difference=now[key] - then[key],
        )
        for key in sorted(then.keys() | now.keys(), key=lambda key: (-now[key], -then[key], key))
    ]  # fmt: skip


def _waits(values: Iterable[float]) -> Waits:
    found = sorted(values)
    ninth = found[-(-len(found) * 9 // 10) - 1] if found else None
    return Waits(count=len(found), median=_median(found), p90=ninth, longest=found[-1] if found else None)


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
