"""Which rule an OPV falls under: ordered, the first that matches and has somebody wins, and why the ones before did
not. Rules that name a person (the client's broker, the sender's, the listing's) are decided here; a rule that leads to
a queue is decided under the queue's lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from opv.house import CheckedRule, House
from schemas.config import Rule
from schemas.duration import Duration


class Waits(Protocol):
    """An OPV's row on the list, as the rules see it."""

    @property
    def part(self) -> str: ...
    @property
    def prefer(self) -> str | None: ...
    @property
    def prefer_at(self) -> datetime | None: ...


Named = Callable[[str, Rule], str | None]
"""Why a person whom the rule names is not given the OPV; None when it is."""

NOBODY = frozenset({"nobody_served_before", "sender_named_nobody", "listing_without_broker"})
"""Why a rule names nobody where there is nothing to tell: of rules that are not in the file, it is not told."""


@dataclass(slots=True)
class RuleFound:
    """The rule that decides, or None; `person`: whom it names; and what was tried on the way (JSON-ready)."""

    rule: CheckedRule | None
    person: str | None = None
    tried: list[dict[str, Any]] = field(default_factory=list)


def find_rule(house: House, work: Waits, facts: Mapping[str, Any], now: datetime, named: Named) -> RuleFound:
    """The first rule of the OPV's part whose condition holds and that leads to somebody who may be given it, or to a
    queue."""
    found = RuleFound(None)
    for checked in house.rules:
        rule = checked.rule
        if rule.part != work.part:
            continue
        outcome = checked.when.test(facts)
        if not outcome.holds:
            found.tried.append({"rule": rule.key, "matched": False, "because": outcome.because})
            continue
        if rule.queue is not None:
            found.tried.append({"rule": rule.key, "matched": True})
            found.rule = checked
            return found
        person, because = _person(house, checked, work, facts, now)
        if person is not None:
            because = named(person, rule)
        if because is None:
            found.tried.append({"rule": rule.key, "matched": True, "way": rule.way})
            found.rule, found.person = checked, person
            return found
        if not checked.implied or because not in NOBODY:
            about = {} if person is None else {"broker": person}
            found.tried.append({"rule": rule.key, "matched": False, "because": because, **about})
    return found


def is_exempt(house: House, facts: Mapping[str, Any]) -> bool:
    """Whether a rule of the house takes leads like this one out of queues and expiry."""
    return any(checked.rule.exempt is not None and checked.when.test(facts).holds for checked in house.rules)


def _person(
    house: House, checked: CheckedRule, work: Waits, facts: Mapping[str, Any], now: datetime
) -> tuple[str | None, str | None]:
    """Whom the rule names, or the code of why nobody."""
    rule = checked.rule
    if rule.exempt is not None:
        return rule.exempt.to, None
    if rule.owner is not None:
        return _owner(Duration.parse(rule.owner.for_), house, work, now)
    if rule.directed is not None:
        sent = facts.get("broker_named")
        if sent is None:
            return None, "sender_named_nobody"
        person = house.roster.known_as(str(sent))
        return (person, None) if person else (None, "named_broker_unknown")
    listing = facts.get("listing")
    broker = house.catalog.broker_of(str(listing)) if listing else None
    return (broker, None) if broker else (None, "listing_without_broker")


def _owner(kept: Duration, house: House, work: Waits, now: datetime) -> tuple[str | None, str | None]:
    if work.prefer is None:
        return None, "nobody_served_before"
    since = work.prefer_at or now
    if now > house.duty.company.add(since, kept):
        return None, "served_too_long_ago"
    return work.prefer, None
