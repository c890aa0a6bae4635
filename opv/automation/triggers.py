"""Automations of the configuration, compiled: what makes each of them run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from opv import history
from schemas.conditions import ALWAYS, TESTS, Condition
from schemas.config import (
    SOME_ENTRIES,
    Action,
    After,
    Automation,
    Before,
    Branch,
    Called,
    Changed,
    Expiry,
    InStage,
    Rate,
    Schedule,
    Stage,
    Trigger,
    Wait,
    WaitOptions,
    Webhook,
    Without,
)
from schemas.counted import counted
from schemas.duration import Duration

Narrow = Callable[[Mapping[str, Any]], bool]
"""Whether an automation listens to an entry of its kind that says this."""


@dataclass(frozen=True, slots=True)
class CheckedAutomation:
    """An automation with its condition compiled; or, with `expiry`, what is done to OPVs that their broker leaves in a
    stage for too long, or, with `warns`, to OPVs that are in it for longer than they should: no automation of the file
    is that. Their keys are `expiry:STAGE` and `sla:STAGE`. `wait`: the time that it counts; `active_since`: it hears
    nothing from before."""

    key: str
    when: Condition
    wait: Duration | None = None
    do: Sequence[Action] = ()
    expiry: Expiry | None = None
    warns: bool = False
    narrow: Narrow | None = None
    written: Automation | None = None
    active_since: datetime | None = None

    @property
    def rate(self) -> Rate | None:
        """How many of its runs may begin in a time."""
        return self.written.rate if self.written else None

    @property
    def schedule(self) -> Schedule | None:
        """The clock that it runs by, if it does."""
        on = self.written.on if self.written else None
        return on if isinstance(on, Schedule) else None

    @property
    def on(self) -> Trigger | None:
        """Its trigger."""
        return self.written.on if self.written else None

    @property
    def status(self) -> str | None:
        """The status of the stage whose time it counts, if it is not that of the whole stage."""
        return self.on.status if isinstance(self.on, InStage) else None

    @property
    def older(self) -> bool:
        """Whether the time that it counts may have begun before it was active."""
        return self.written is not None and self.written.older and self.wait is not None


@dataclass(frozen=True)
class Automations:
    """Active automations by what makes them run. `by_event`: by the kind of an entry, `by_stage`: by the stage whose
    time they count, `quiet`: by what there is none of, `dated`: by the time of the OPV that they count from,
    `scheduled`: by the clock, `called`: by others alone."""

    by_event: Mapping[str, Sequence[CheckedAutomation]] = field(default_factory=dict)
    by_stage: Mapping[str, Sequence[CheckedAutomation]] = field(default_factory=dict)
    quiet: Mapping[str, Sequence[CheckedAutomation]] = field(default_factory=dict)
    dated: Mapping[str, Sequence[CheckedAutomation]] = field(default_factory=dict)
    scheduled: Sequence[CheckedAutomation] = ()
    called: Sequence[CheckedAutomation] = ()
    by_key: Mapping[str, CheckedAutomation] = field(default_factory=dict)

    @cached_property
    def counted(self) -> frozenset[str]:
        """Kinds of history that their conditions ask about, so that all are loaded at once."""
        conditions = (when for one in self.by_key.values() for when in (one.when, *_conditions(one.do)))
        facts = {fact for when in conditions for fact in when.facts}
        return frozenset(found.kind for fact in facts if (found := counted(fact)) is not None)

    @cached_property
    def timed(self) -> Sequence[CheckedAutomation]:
        """Those whose time an entry of the history may begin, wherever the OPV is: `quiet` and `dated`."""
        return [one for group in (self.quiet, self.dated) for checked in group.values() for one in checked]

    @cached_property
    def older(self) -> Mapping[str, CheckedAutomation]:
        """Those that count times of OPVs from before them, by key."""
        return {key: one for key, one in self.by_key.items() if one.older}


def compiled(
    automations: Iterable[Automation], stages: Iterable[Stage], activated: Mapping[str, datetime]
) -> Automations:
    """Compiles the active automations, which were checked when they were applied, and what stages do by the clock."""
    groups: dict[str, dict[str, list[CheckedAutomation]]] = {"event": {}, "stage": {}, "quiet": {}, "dated": {}}
    scheduled, called = [], []
    by_key: dict[str, CheckedAutomation] = {}

    def put(group: str, name: str, checked: CheckedAutomation) -> None:
        groups[group].setdefault(name, []).append(checked)
        by_key[checked.key] = checked

    for one in automations:
        if not one.active:
            continue
        checked = _checked(one, activated.get(one.key))
        by_key[one.key] = checked
        match one.on:
            case InStage():
                put("stage", one.on.in_stage, checked)
            case Without():
                put("quiet", one.on.without, checked)
            case Before() | After():
                put("dated", one.on.before if isinstance(one.on, Before) else one.on.after, checked)
            case Schedule():
                scheduled.append(checked)
            case Called():
                called.append(checked)
            case _:
                for kind in kinds_of(one.on):
                    put("event", kind, checked)
    for stage in stages:
        if stage.expiry is not None:
            wait = Duration.parse(stage.expiry.after)
            put("stage", stage.key, CheckedAutomation(f"expiry:{stage.key}", ALWAYS, wait, expiry=stage.expiry))
        if stage.sla is not None:
            wait = Duration.parse(stage.sla.warn)
            put("stage", stage.key, CheckedAutomation(f"sla:{stage.key}", ALWAYS, wait, warns=True))
    return Automations(
        groups["event"], groups["stage"], groups["quiet"], groups["dated"], scheduled, called, by_key
    )  # fmt: skip


_GIVEN = (history.ASSIGNED, history.POOLED)
_CHANGES: Mapping[str, tuple[Sequence[str], str, str]] = {
    "stage": ((history.STAGE_CHANGED,), "from", "to"),
    "status": ((history.STATUS_CHANGED,), "from", "to"),
    "broker": (_GIVEN, "previous", "broker"),
    "manager": (_GIVEN, "previous_manager", "manager"),
    "team": (_GIVEN, "previous_team", "team"),
}
"""Of what changes: the kinds of the entries that tell of it, and where they say what it was and what it is."""
_FIELD = ((history.FIELD_CHANGED,), "from", "to")
"""The same, of the house's fields."""


def kinds_of(on: Any) -> Sequence[str]:
    """Of a trigger that listens to entries: their kinds."""
    if isinstance(on, Changed):
        return _CHANGES.get(on.changed, _FIELD)[0]
    if isinstance(on, Webhook):
        return ("trigger.received",)
    return (SOME_ENTRIES[on][0] if on in SOME_ENTRIES else on,)


def _conditions(actions: Iterable[Action]) -> Iterator[Condition]:
    """Those within the actions."""
    for action in actions:
        if isinstance(action, Branch):
            yield Condition.read(action.branch.if_)[0]
            yield from _conditions((*action.branch.then, *action.branch.else_))
        elif isinstance(action, Wait) and isinstance(action.wait, WaitOptions):
            yield Condition.read(action.wait.if_)[0]


def _checked(one: Automation, active_since: datetime | None) -> CheckedAutomation:
    on, wait = one.on, None
    if isinstance(on, InStage | Without):
        wait = Duration.parse(on.for_)
    elif isinstance(on, Before | After):
        wait = Duration.parse(on.by)
    narrow = _narrow(on)
    condition = Condition.read(one.when)[0]
    return CheckedAutomation(
        one.key, condition, wait, one.do, narrow=narrow, written=one, active_since=active_since
    )  # fmt: skip


def _narrow(on: object) -> Narrow | None:
    """What an entry of the kind must say."""
    if isinstance(on, Changed):
        return _differs(on)
    said: dict[str, Any] = {}
    if isinstance(on, str):
        said = SOME_ENTRIES[on][1] if on in SOME_ENTRIES else {}
    elif isinstance(on, Webhook):
        said = {"event.channel": on.webhook}
    if not said:
        return None
    condition = Condition.read(said)[0]
    return lambda event: condition.test({f"event.{name}": value for name, value in event.items()}).holds


def _differs(on: Changed) -> Narrow:
    """The entry says that it was something else before, and the one and the other as asked for. What a text field was
    and is stands in the content, which no automation reads: its entry says that it changed."""
    _, before, after = _CHANGES.get(on.changed, _FIELD)
    field_ = None if on.changed in _CHANGES else on.changed
    was, is_ = (TESTS["in"](asked) if asked is not None else None for asked in (on.from_, on.to))

    def narrow(event: Mapping[str, Any]) -> bool:
        old, new = _word(event.get(before)), _word(event.get(after))
        told = field_ is None or before in event or after in event
        if (told and old == new) or event.get("field") != field_:
            return False
        return (was is None or was(old)) and (is_ is None or is_(new))

    return narrow


def _word(value: Any) -> Any:
    """A value as the file writes it."""
    return str(value).lower() if isinstance(value, bool) else value
