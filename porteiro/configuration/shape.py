"""Shapes: what pydantic says of the file, in the words of who writes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from porteiro.configuration.document import Path, Place
from porteiro.configuration.problems import Report
from schemas.conditions import nearest
from schemas.config import ACTIONS, TRIGGERS

Redact = Callable[[str], str]
"""Takes secret values out of a message."""

_WANTED = {
    "string_type": "text",
    "list_type": "a list, for example `[a, b]`",
    "dict_type": "a mapping, for example `{key: value}`",
    "model_type": "a mapping, for example `{key: value}`",
    "model_attributes_type": "a mapping, for example `{key: value}`",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "decimal_type": "a number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
_OF_TRIGGERS = {field.alias or name for model in TRIGGERS.values() for name, field in model.model_fields.items()}
"""What stands in triggers, their words among it."""

_LIMITS = {
    "string_too_long": "write at most {max_length} characters",
    "too_long": "write at most {max_length} items",
    "greater_than_equal": "write {ge} or more",
    "greater_than": "write more than {gt}",
    "less_than_equal": "write {le} or less",
    "less_than": "write less than {lt}",
}


def report_shape(
    error: ValidationError,
    model: type[BaseModel],
    place: Place,
    report: Report,
    *,
    redact: Redact = str,
    skip: Callable[[Place], bool] = lambda _: False,
) -> None:
    """Reports what `model` refuses in the value of `place`, except at the places to `skip`. What may have several
    shapes is refused once: for what is wrong within the shape that it has, else for having none of them."""
    refused = [(detail, *_follow(place, detail["loc"])) for detail in error.errors(include_url=False)]
    read = [here.path for detail, here, _, _ in refused if detail["type"] not in _WANTED]
    wanted: dict[Path, list[str]] = {}
    for detail, here, names, rest in refused:
        if skip(here):
            continue
        if detail["type"] not in _WANTED:
            _report(detail, _known(model, names), here, rest, report, redact)
        elif not any(path[: len(here.path)] == here.path for path in read):
            wanted.setdefault(here.path, []).append(_WANTED[detail["type"]])
    for here in {one.path: one for _, one, _, _ in refused if one.path in wanted}.values():
        report.error(here, f"write {' or '.join(dict.fromkeys(wanted[here.path]))}, not {shown(here)}")


def shown(place: Place) -> str:
    """What stands there, for the end of a sentence."""
    if isinstance(place.value, dict):
        return "a mapping"
    if isinstance(place.value, list):
        return "a list"
    if place.value is None:
        return "nothing"
    if isinstance(place.value, bool):
        return f"`{str(place.value).lower()}`"
    text = str(place.value)
    return f"`{text}`" if len(text) <= 40 else f"`{text[:40]}…`"


def _follow(place: Place, location: Sequence[str | int]) -> tuple[Place, list[str | int], str]:
    """The place that an error's location means, the names that led there, and the last that is not in the file.

    pydantic puts the branch of a union into the location; what the file does not have is such a branch, or what
    is missing.
    """
    names: list[str | int] = []
    rest = ""
    for name in location:
        inside = place.child(name)
        if inside is None:
            rest = str(name)
        else:
            place = inside
            names.append(name)
    return place, names, rest


def _report(detail: ErrorDetails, known: list[str], here: Place, rest: str, report: Report, redact: Redact) -> None:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        report.error(here, f"missing: write `{rest}: …`", missing=rest)
    elif kind == "extra_forbidden":
        report.error(here, _unknown_key(here, known), at_key=True)
    elif kind == "union_tag_not_found":
        (_report_trigger if here.path[-1] == "on" else _report_action)(here, report)
    elif kind == "literal_error":
        names = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        if here.path[-1] == "on" and here.text is None:
            _report_trigger(here, report)
        elif rest == "[key]":
            report.error(here, _unknown_key(here, names), at_key=True)
        else:
            report.error(here, f"{shown(here)} is unknown, {nearest(here.text or '', names)}")
    else:
        report.error(here, _sentence(detail, here, context, redact))


def _sentence(detail: ErrorDetails, here: Place, context: Mapping[str, Any], redact: Redact) -> str:
    kind = detail["type"]
    if kind in ("string_too_short", "too_short"):
        return "empty: write at least one" if here.value in ([], {}) else "empty: write something or remove the line"
    if kind in _LIMITS:
        return f"{_LIMITS[kind].format(**context)}, not {shown(here)}"
    if kind == "string_pattern_mismatch":
        return f"{shown(here)} does not have the form `{context['pattern']}`"
    if kind == "value_error":
        return redact(str(context["error"]))
    return redact(detail["msg"][:1].lower() + detail["msg"][1:])


def _unknown_key(here: Place, known: list[str]) -> str:
    name = str(here.path[-1])
    if name in ACTIONS and name in known:
        return f"a second action in one item: write `- {name}: …` on a line of its own"
    if name in TRIGGERS and here.path[-2] == "on":
        return f"a second trigger: an automation has one, write another automation for `{name}`"
    return f"unknown key `{name}`, {nearest(name, known)}"


def _report_action(here: Place, report: Report) -> None:
    if not here.entries():
        report.error(here, f"write an action, for example `{{advance: contacted}}`, not {shown(here)}")
    for name, inside in here.entries().items():
        report.error(inside, f"unknown action `{name}`, {nearest(name, ACTIONS)}", at_key=True)


def _report_trigger(here: Place, report: Report) -> None:
    words = {name: inside for name, inside in here.entries().items() if name not in _OF_TRIGGERS}
    for name, inside in words.items():
        report.error(inside, f"unknown trigger `{name}`, {nearest(name, TRIGGERS)}", at_key=True)
    if not words:
        example = "`opv.assigned` or `{in_stage: contacted, for: 3 business days}`"
        report.error(here, f"write what makes it run, for example {example}, not {shown(here)}")


def _known(model: type[BaseModel], names: Sequence[str | int]) -> list[str]:
    """Keys that the model knows beside the last of the names."""
    models = [model]
    for name in names[:-1]:
        if isinstance(name, str):
            models = [inside for one in models for inside in _models_under(one, name)]
    return [field.alias or name for one in models for name, field in one.model_fields.items()]


def _models_under(model: type[BaseModel], name: str) -> Iterator[type[BaseModel]]:
    for field_name, field in model.model_fields.items():
        if name in (field_name, field.alias):
            yield from _models(field.annotation)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
