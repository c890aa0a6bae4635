"""Who may be given an OPV now. Each gate says why it leaves a broker out: by what the broker is or does at present
(`standing`, the same for every lead of a queue), or for this lead alone (`of_lead`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from opv.distribution.pickers import Closed, Load
from opv.house import House
from schemas.config import Caps, Queue, Skills

UNTIL_ASKED_ANEW = timedelta(minutes=15)
"""How long an answer holds that depends on what people do."""

NOT_CONFIGURED = Closed("inactive", lasting=True)

Gate = Callable[[str], Closed | None]


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said of itself, a row of `availability`."""

    state: str
    stand: str | None = None
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is still so."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Standing:
    """Why brokers of a queue are left out whatever the lead, None for those who are not, in the order of the roster;
    and until when that can be relied on."""

    closed: Mapping[str, Closed | None]
    until: datetime


@dataclass(slots=True)
class Gates:
    """The gates of a unit of work, on what was loaded for it. `pairs` are clients and the brokers they are not to have;
    `loads` count with what is given meanwhile."""

    house: House
    now: datetime
    said: Mapping[str, Said] = field(default_factory=dict)
    pairs: Collection[tuple[UUID, str]] = ()
    loads: Mapping[str, Load] = field(default_factory=dict)

    def standing(self, queue: Queue, brokers: Iterable[str], part: str) -> Standing:
        """Asks every broker of the queue."""
        on_stand: Collection[str] | None = None
        until = self.now + UNTIL_ASKED_ANEW
        if queue.stand is not None:
            on_stand, holds = self.house.duty.on_stand(queue.stand, self.now)
            until = min(until, holds)
        closed: dict[str, Closed | None] = {}
        for broker in brokers:
            closed[broker], holds = self._standing(broker, queue, part, on_stand)
            until = min(until, holds)
        return Standing(closed, until)

    def of_lead(self, client: UUID, tried: Collection[str], queue: Queue, skills: Skills) -> Gate:
        """The gate of one lead: who had it already, who is not to have this client, what the rule asks for, and who has
        as much as it may."""

        def gate(broker: str) -> Closed | None:
            if broker in tried:
                return Closed("present_broker")
            if (client, broker) in self.pairs:
                return Closed("excluded_pair")
            if not has_skills(self._tags(broker), skills):
                return Closed("skills")
            return self._full(broker, queue.caps)

        return gate

    def named(self, broker: str, client: UUID, tried: Collection[str]) -> str | None:
        """Why who is named (by the client's past, the sender, the listing; a manager by an exemption) is not given the
        OPV, if so. Shifts and caps are none of the reasons: the client is this broker's."""
        roster = self.house.roster
        manages = roster.has_role(broker, "manager") and roster.is_active(broker)
        closed = (None if manages else self._person(broker, "sales")) or self._absent(broker)
        if closed is None and broker in tried:
            return "present_broker"
        if closed is None and (client, broker) in self.pairs:
            return "excluded_pair"
        return closed.reason if closed else None

    def _standing(
        self, broker: str, queue: Queue, part: str, on_stand: Collection[str] | None
    ) -> tuple[Closed | None, datetime]:
        until, duty, said = self.now + UNTIL_ASKED_ANEW, self.house.duty, self.said.get(broker)
        closed = self._person(broker, part) or self._fit(broker, queue)
        if closed is not None:
            return closed, until
        if said is not None and said.until is not None and self.now < said.until:
            until = said.until
        by_shifts = not queue.around_the_clock and queue.stand is None
        reason, holds = (duty.off_duty if by_shifts else duty.absent)(broker, self.now)
        if reason is not None:
            return _away(reason), holds
        until = min(until, holds)
        if on_stand is not None and broker not in on_stand:
            return _away("not_on_stand"), until
        if said is not None and said.holds(self.now) and said.state == "paused":
            return _away("paused"), until
        here = said is not None and said.holds(self.now) and said.state == "available"
        if queue.stand is not None and duty.checks_in(queue.stand):
            if not (here and said is not None and said.stand == queue.stand):
                return _away("not_checked_in"), until
        elif queue.logged_in and not here:
            return _away("not_logged_in"), until
        return self._full(broker, queue.caps), until

    def _person(self, broker: str, part: str) -> Closed | None:
        roster = self.house.roster
        if not roster.is_active(broker):
            return NOT_CONFIGURED
        role = "broker" if part == "sales" else "presales"
        return None if roster.has_role(broker, role) else Closed(f"not_a_{role}", lasting=True)

    def _fit(self, broker: str, queue: Queue) -> Closed | None:
        if queue.needs_creci and not self.house.roster.people[broker].creci:
            return Closed("no_creci", lasting=True)
        return None if has_skills(self._tags(broker), queue.skills) else Closed("skills", lasting=True)

    def _absent(self, broker: str) -> Closed | None:
        reason, _ = self.house.duty.absent(broker, self.now)
        return None if reason is None else _away(reason)

    def _full(self, broker: str, caps: Caps) -> Closed | None:
        own = self.house.roster.people[broker].caps
        load = self.loads.get(broker)
        if load is None:
            return None
        for name in CAPS:
            most = min((cap for one in (caps, own) if (cap := getattr(one, name)) is not None), default=None)
            if most is not None and getattr(load, name) >= most:
                return Closed(f"cap_{name}", misses=True, lasting=True)
        return None

    def _tags(self, broker: str) -> Sequence[str]:
        return self.house.roster.people[broker].tags


CAPS = tuple(Caps.model_fields)


def has_skills(tags: Sequence[str], skills: Skills) -> bool:
    """Whether the tags are all of `all`, one of `any` at least, none of `none`."""
    held = set(tags)
    return (
        held.issuperset(skills.all) and held.isdisjoint(skills.none) and (not skills.any or bool(held & {*skills.any}))
    )


def is_capped(queue: Queue, house: House, brokers: Iterable[str]) -> bool:
    """Whether what the brokers have must be counted."""
    if queue.strategy in ("least_open", "least_recent", "most_room") or _any(queue.caps):
        return True
    people = house.roster.people
    return any(_any(people[broker].caps) for broker in brokers if broker in people)


def _any(caps: Caps) -> bool:
    return any(getattr(caps, name) is not None for name in CAPS)


def _away(reason: str) -> Closed:
    return Closed(reason, misses=True, lasting=True)
