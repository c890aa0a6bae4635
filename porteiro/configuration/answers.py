"""Tags, fields and questionnaires: what they say themselves, and wherever they are named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from opv.answers.values import typed
from porteiro.configuration.automations import each_action
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.references import File, check_known, distinct
from schemas.conditions import fold, nearest
from schemas.config import HouseField
from schemas.config.answers import FieldKind
from schemas.errors import Reject

_FIELD = "fields."
_OWNERS = ("broker", "manager")
_TEMPLATE = ("{{", "{%")
_CONDITIONS = ("when", "if")
_KINDS: tuple[FieldKind, ...] = get_args(FieldKind)


def check_answers(file: File, report: Report) -> None:
    """Reports tags, fields and questionnaires that are not there, values that a field does not take, and fields and
    questionnaires that nobody can answer."""
    for field in file.items("fields"):
        _check_field(field, report)
    for questionnaire in file.items("questionnaires"):
        _check_questionnaire(questionnaire, file, report)
    for funnel in (file.root["funnel"], *file.items("funnels")):
        for stage in funnel["stages"].each():
            for place in (*stage["requires"].each(), *stage["leave_requires"].each()):
                _check_requirement(place, file, report)
    for section in ("distribution", "automations"):
        for condition in _conditions(file.root[section]):
            _check_condition(condition, file, report)
    for automation in file.items("automations"):
        for action in each_action(automation):
            _check_action(action, file, report)


def _check_field(field: Place, report: Report) -> None:
    options = field["options"]
    if field["kind"].text != "choice":
        if options.each():
            report.error(options, "a `choice` alone has options: write `kind: choice`, or remove them")
        return
    if not options.each():
        report.error(field, "a `choice` has options: write `options: [a, b]`")
    seen: set[str] = set()
    for option in options.each():
        name = fold(option.text or "")
        if name in seen:
            report.error(option, f"the option `{option.text}` is there already: remove one")
        seen.add(name)


def _check_questionnaire(questionnaire: Place, file: File, report: Report) -> None:
    check_known(questionnaire["fields"].each(), "fields", file, report)
    asked = [place.text or "" for place in questionnaire["fields"].each()]
    optional = [place.text for place in questionnaire["optional"].each()]
    for place in distinct(questionnaire["optional"].each(), report):
        if place.text not in asked:
            hint = nearest(place.text or "", asked)
            report.error(place, f"the questionnaire does not ask for `{place.text}`, {hint}")
    if asked and all(key in optional for key in asked):
        report.warn(questionnaire["optional"], "all of the fields are optional: it is always filled in")


def _check_requirement(place: Place, file: File, report: Report) -> None:
    what, _, key = (place.text or "").partition(":")
    known = file.by_key.get({"field": "fields", "questionnaire": "questionnaires"}.get(what, ""))
    if known is not None and key not in known:
        report.error(place, f"there is no {what} `{key}`, {nearest(key, known)}")


def _conditions(place: Place) -> Iterator[Place]:
    """Conditions in it, however deep."""
    for name, inside in place.entries().items():
        if name in _CONDITIONS:
            yield inside
        else:
            yield from _conditions(inside)
    for inside in place.each():
        yield from _conditions(inside)


def _check_condition(condition: Place, file: File, report: Report) -> None:
    tags, fields = file.by_key["tags"], file.by_key["fields"]
    for name, expected in condition.entries().items():
        for part in (expected, *expected.each()) if name in ("any", "all", "not") else ():
            _check_condition(part, file, report)
        for place in _compared(expected) if name == "tags" else ():
            if place.text is not None and place.text not in tags:
                report.error(place, f"there is no tag `{place.text}`, {nearest(place.text, tags)}")
        key = name.removeprefix(_FIELD)
        if key != name and key not in fields:
            report.error(expected, f"there is no field `{key}`, {nearest(key, fields)}", at_key=True)


def _compared(expected: Place) -> list[Place]:
    """Values that are compared whole."""
    places = [expected]
    if isinstance(expected.value, dict):
        places = [expected[operator] for operator in ("eq", "not", "in")]
    return [value for place in places for value in (place.each() or [place])]


def _check_action(action: Place, file: File, report: Report) -> None:
    for name in ("tag", "untag"):
        check_known(action[name].each() or [action[name]], "tags", file, report)
    check_known([action["questionnaire"]], "questionnaires", file, report)
    for key, value in action["set"].entries().items():
        _check_set(key, value, file, report)
    owner, people = action["pending"]["owner"], file.by_key["people"]
    if owner.text is not None and owner.text not in (*_OWNERS, *people):
        hint = nearest(owner.text, (*_OWNERS, *people))
        report.error(owner, f"there is nobody called `{owner.text}`, {hint}")
    if (sale := action.child("sale")) is not None:
        _check_sale(sale, file, report)


def _check_set(key: str, value: Place, file: File, report: Report) -> None:
    field = file.by_key["fields"].get(key)
    if field is None:
        report.error(value, f"there is no field `{key}`, {nearest(key, file.by_key['fields'])}", at_key=True)
        return
    kind = next((one for one in _KINDS if one == (field["kind"].text or "text")), None)
    if kind is None or any(mark in str(value.value) for mark in _TEMPLATE):
        return
    options = [option.text for option in field["options"].each() if option.text]
    try:
        typed(HouseField(key=key, name=key, kind=kind, options=options), value.plain())
    except Reject as refused:
        report.error(value, refused.detail)


def _check_sale(sale: Place, file: File, report: Report) -> None:
    check_known([sale["value"]], "fields", file, report)
    check_known([sale["unit"]], "fields", file, report)
    value = file.by_key["fields"].get(sale["value"].text or "")
    if value is not None and value["kind"].text != "number":
        report.error(sale["value"], f"`{sale['value'].text}` is no number: name a field of `kind: number`")
    if file.root["won_sale"]["mode"].text != "documentation":
        report.error(
            sale, "sales are sent where they go through documentation: write `won_sale: {mode: documentation}`"
        )
