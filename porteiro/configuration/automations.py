"""Automations: what they name is there, their conditions can hold, and what they do can be done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from porteiro.configuration.conditions import Refusal, check_condition, checked
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.references import File, check_known, check_people, statuses_of
from schemas.conditions import nearest
from schemas.config import ACTIONS, BARE, TRIGGERS
from schemas.implication import contradicted

CHANGING = ("stage", "status", "team", "manager", "broker")
"""What of an OPV may change, besides its fields."""

_CLOSING = ("opv.withdrawn", "opv.won")
_OF_OPEN_OPVS = frozenset(
    {"advance", "move", "status", "redistribute", "assign", "pool", "questionnaire", "sale", "withdraw"}
)
"""Actions that do nothing with an OPV that is closed."""


def each_action(automation: Place) -> Iterator[Place]:
    """All actions of an automation in the order of the file, those within a branch after it."""
    return _each(actions_in(automation["do"]))


def actions_in(listed: Place) -> list[Place]:
    """The actions of one list. One that is written without anything behind it has nothing behind it."""
    return [
        Place(one.path, one.mark, {one.text: Place(one.path, one.mark)}) if one.text in BARE else one
        for one in listed.each()
    ]


def ways_of(action: Place) -> list[Place]:
    """The lists of actions between which a branch chooses; none for another action."""
    return [action["branch"][way] for way in ("then", "else")]


def name_at(action: Place) -> str | None:
    """What the file calls the action; None when it is none."""
    return next((name for name in action.entries() if name in ACTIONS), None)


def trigger_of(automation: Place) -> str:
    """The word that tells the trigger from others: an event's name, or `in_stage` and the like."""
    on = automation["on"]
    return on.text or next((word for word in TRIGGERS if on.child(word) is not None), "")


def places_of(place: Place) -> list[Place]:
    """A value, or those of a list."""
    return place.each() or [place]


def texts_of(place: Place) -> list[str]:
    """A value, or those of a list, as texts."""
    return [one.text for one in places_of(place) if one.text is not None]


def given_by(automation: Place, file: File) -> Mapping[str, list[str]]:
    """Facts that are certain when the trigger has it run, each with the values that it may have."""
    on = automation["on"]
    if on.text == "opv.created":
        return {"stage": [key for key, stage in file.by_key["funnel.stages"].items() if stage.path[-1] == 0]}
    if on["in_stage"].text is not None:
        return {"stage": texts_of(on["in_stage"]), "outcome": ["open"], "status": texts_of(on["status"])}
    if on["changed"].text == "stage":
        return {"stage": texts_of(on["to"])}
    return {"outcome": ["open"]} if on["cron"].text is not None else {}


def check_automations(file: File, report: Report) -> None:
    """Reports triggers, conditions and actions that cannot be."""
    for automation in file.items("automations"):
        trigger = trigger_of(automation)
        _check_trigger(automation["on"], file, report)
        check_condition(automation["when"], file.facts, report, _of_entries(trigger))
        _check_possible(automation, trigger, file, report)
        for action in each_action(automation):
            for condition in (action["branch"]["if"], action["wait"]["if"]):
                check_condition(condition, file.facts, report, _of_now)
            if trigger in _CLOSING:
                _check_closed(action, trigger, report)
            _check_action(action, file, report)


def _each(actions: Sequence[Place]) -> Iterator[Place]:
    for action in actions:
        yield action
        for way in ways_of(action):
            yield from _each(actions_in(way))


def _of_entries(trigger: str) -> Refusal:
    """Refuses what an entry says where none triggers."""
    if trigger not in TRIGGERS or trigger in ("changed", "webhook"):
        return lambda _: None
    because = f"is not known here: an entry of the history says it, and none makes `{trigger}` run"
    return lambda fact: f"`{fact}` {because}" if fact.startswith("event.") else None


def _of_now(fact: str) -> str | None:
    return f"`{fact}` is not known any more: ask for it in `when`" if fact.startswith("event.") else None


def _check_trigger(on: Place, file: File, report: Report) -> None:
    stages, stage = file.by_key["funnel.stages"], on["in_stage"]
    check_known([stage], "funnel.stages", file, report)
    found = stages.get(stage.text or "")
    if found is not None:
        if found["active"].value is False:
            line = found.mark[0]
            report.warn(
                stage, f"`{stage.text}` has `active: false` (line {line}): no OPV enters it, so that none waits"
            )
        _check_word(on["status"], f"`{stage.text}` has no status", statuses_of(found), report)
    if on["changed"].text is not None:
        _check_changed(on, file, report)


def _check_changed(on: Place, file: File, report: Report) -> None:
    what = on["changed"]
    _check_word(what, "an OPV has no field", (*CHANGING, *file.by_key["fields"]), report)
    field = file.by_key["fields"].get(what.text or "") if what.text not in CHANGING else None
    if field is not None and field["kind"].text in (None, "text"):
        for value in (*places_of(on["from"]), *places_of(on["to"])):
            if value.text is not None:
                told = f"automations do not read the text in `{what.text}`: remove this, or write `kind: choice` there"
                report.error(value, told)
    known = file.facts.get(what.text or "") if what.text in CHANGING else None
    for value in (*places_of(on["from"]), *places_of(on["to"])) if known is not None else ():
        _check_word(value, f"there is no {what.text}", known or (), report)


def _check_possible(automation: Place, trigger: str, file: File, report: Report) -> None:
    """Whether the condition may hold when the trigger has it run."""
    when = automation["when"]
    asked = checked(when)
    if not asked or contradicted(asked):
        return
    for fact, values in given_by(automation, file).items():
        if values and contradicted({"all": [asked, {fact: values}]}):
            named = " or ".join(f"`{value}`" for value in values)
            report.error(when.child(fact) or when, f"this never holds: `{trigger}` has it run when `{fact}` is {named}")


def _check_closed(action: Place, trigger: str, report: Report) -> None:
    name = name_at(action)
    if name in _OF_OPEN_OPVS:
        left = ", ".join(f"`{one}`" for one in ACTIONS if one not in _OF_OPEN_OPVS)
        message = f"the OPV is closed by `{trigger}`: `{name}` does nothing then; what can be done: {left}"
        report.error(action[name], message, at_key=True)


def _check_action(action: Place, file: File, report: Report) -> None:
    people, queues = file.by_key["people"], _queues(file)
    check_known([action["advance"], action["move"]], "funnel.stages", file, report)
    _check_word(action["pending"]["owner"], "there is nobody called", ("broker", "manager", *people), report)
    _check_word(action["pool"], "there is no queue", queues, report)
    ways = dict.fromkeys((*queues, *file.by_key["distribution.rules"]))
    _check_word(action["redistribute"]["by"], "there is no rule or queue", ways, report)
    match name_at(action):
        case "assign":
            _check_assign(action["assign"], file, report)
        case "withdraw":
            _check_withdraw(action["withdraw"], file, report)


def _check_assign(assign: Place, file: File, report: Report) -> None:
    broker, team, manager = assign["broker"], assign["team"], assign["manager"]
    if not isinstance(assign.value, dict):
        broker = assign
    elif not assign.entries():
        report.error(assign, "write to whom: `broker: …`, `team: …` or `manager: …`")
    check_people([broker], "broker", file, report)
    check_people([manager], "manager", file, report)
    check_known([team], "teams", file, report)
    for person in (broker, manager):
        found = file.by_key["people"].get(person.text or "")
        if found is not None and found["active"].value is False:
            report.error(person, f"`{person.text}` is not active: name somebody who is")
    if team.text is not None and broker.text is None and manager.text is None:
        led = file.by_key["teams"].get(team.text, team)["managers"].each()
        if len(led) > 1:
            named = ", ".join(one["person"].text or "" for one in led)
            report.error(team, f"`{team.text}` has several managers: write `manager: …`, one of {named}")


def _check_withdraw(withdraw: Place, file: File, report: Report) -> None:
    """An automation must be able to withdraw by itself: with a reason, and all that this reason needs."""
    reasons = file.by_key["withdrawal_reasons"]
    check_known([withdraw["reason"]], "withdrawal_reasons", file, report)
    automatic = (one for one in reasons.values() if one["automatic"].value is True)
    named = withdraw["reason"].text
    reason = next(automatic, None) if named is None else reasons.get(named)
    if reason is None:
        if named is None:
            report.error(
                withdraw, "no reason is automatic: write `reason: …`, or `automatic: true` at one of the reasons"
            )
        return
    key, subs = reason["key"].text, [one["key"].text or "" for one in reason["sub_reasons"].each()]
    sub = withdraw["sub_reason"]
    if sub.text is not None and sub.text not in subs:
        report.error(sub, f"`{key}` has no sub-reason `{sub.text}`, {nearest(sub.text, subs)}")
    elif subs and sub.text is None:
        report.error(
            withdraw, f"the reason `{key}` needs a sub-reason: write `sub_reason: …`, one of {', '.join(subs)}"
        )
    if reason["needs_remarks"].value is True and withdraw["remarks"].text is None:
        report.error(withdraw, f"the reason `{key}` needs remarks: write `remarks: …`")


def _queues(file: File) -> list[str]:
    """Queues of `queues`, and those that are written in a rule and called as it."""
    rules = file.by_key["distribution.rules"].items()
    return [*file.by_key["queues"], *(key for key, rule in rules if isinstance(rule["queue"].value, dict))]


def _check_word(place: Place, message: str, known: Iterable[str], report: Report) -> None:
    """Reports a value that is none of the known ones."""
    names = list(known)
    if place.text is not None and place.text not in names:
        report.error(place, f"{message} `{place.text}`, {nearest(place.text, names)}")
