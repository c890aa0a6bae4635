"""A JSON Schema of the configuration file, for editors that complete and check while one writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from adapters.sources.base import Source
from adapters.targets.registry import configurable
from schemas.conditions import FACTS, LIST, NUMBER, OPEN_FACTS, OPERATORS, TEXT
from schemas.config import ACTIONS, BARE, Configuration
from schemas.counted import KINDS, WITHIN

_REFERENCE = {"type": "string", "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"}

_CONDITIONS = (
    ("Rule", "when"), ("InvalidLeads", "when"), ("Automation", "when"), ("WaitOptions", "if"), ("BranchOptions", "if"),
)  # fmt: skip
"""Where conditions stand."""


def json_schema(sources: Mapping[str, Source]) -> dict[str, Any]:
    """The schema (draft 2020-12): the file's shape, its conditions, and the options of each source and target."""
    schema = Configuration.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema["$defs"]
    definitions["Condition"] = _condition()
    for name, conditional in _CONDITIONS:
        about = definitions[name]["properties"][conditional].get("description")
        described = {"description": about} if about else {}
        definitions[name]["properties"][conditional] = {"$ref": "#/$defs/Condition", **described}
    _name_actions(definitions)
    channel = definitions["Channel"]
    channel["properties"]["secrets"]["items"] = _REFERENCE
    channel["properties"]["source"]["enum"] = sorted(sources)
    channel["allOf"] = [_of_source(slug, source, definitions) for slug, source in sorted(sources.items())]
    target, targets = definitions["Target"], sorted(configurable().items())
    target["properties"]["target"]["enum"] = [slug for slug, _ in targets]
    target["allOf"] = [_options("target", slug, one.title, one.options_model, definitions)[0] for slug, one in targets]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "porteiro.yaml"}


def _name_actions(definitions: dict[str, Any]) -> None:
    """Actions and triggers as definitions of their own; an action that may stand without options, in all its forms."""
    automation, branch = definitions["Automation"]["properties"], definitions["BranchOptions"]["properties"]
    definitions["Action"] = {
        "description": "One thing that an automation does.",
        "oneOf": [*automation["do"]["items"]["oneOf"], {"enum": list(BARE)}],
    }
    for listed in (automation["do"], branch["then"], branch["else"]):
        listed["items"] = {"$ref": "#/$defs/Action"}
    for name in BARE:
        options = definitions[ACTIONS[name].__name__]["properties"]
        options[name] = {"anyOf": [options[name], {"type": "null"}]}
    definitions["Trigger"] = {"description": "What makes an automation run.", "oneOf": automation["on"]["oneOf"]}
    automation["on"] = {"$ref": "#/$defs/Trigger"}


def _of_source(slug: str, source: Source, definitions: dict[str, Any]) -> dict[str, Any]:
    rule, then = _options("source", slug, source.title, source.options_model, definitions)
    if source.needs_secret:
        then["required"] = ["secrets", *then.get("required", ())]
    return rule


def _options(
    kind: str, slug: str, title: str, model: type[BaseModel], definitions: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rule "if it is this one, then its options are these", and its second half."""
    name = f"{slug} options" if kind == "source" else f"{kind} {slug} options"
    options = model.model_json_schema(by_alias=True, ref_template=f"#/$defs/{name}/$defs/{{model}}")
    definitions[name] = {**options, "title": f"Options of {title}"}
    then: dict[str, Any] = {"properties": {"options": {"$ref": f"#/$defs/{name}"}}}
    if options.get("required"):
        then["required"] = ["options"]
    return {"if": {"properties": {kind: {"const": slug}}}, "then": then}, then


def _condition() -> dict[str, Any]:
    """`when`: facts with a value, a list or operators; `any`, `all` and `not`."""
    itself = {"$ref": "#/$defs/Condition"}
    kinds = "|".join(re.escape(kind) for kind in KINDS)
    several = {"type": "array", "items": itself, "minItems": 1}
    return {
        "type": "object",
        "description": "Facts that must all hold, each a value, a list (any of) or operators.",
        "properties": {
            **{fact: _fact(kind) for fact, kind in FACTS.items()},
            "any": several,
            "all": several,
            "not": itself,
        },
        "patternProperties": {
            **{f"^{start[:-1]}\\.": _fact(TEXT) for start in OPEN_FACTS},
            rf"^count\.({kinds})(\.{WITHIN})?$": _fact(NUMBER),
            rf"^hours_since\.({kinds})$": _fact(NUMBER),
        },
        "additionalProperties": False,
    }


def _fact(kind: str) -> dict[str, Any]:
    types = {TEXT: ["string", "number", "boolean"], NUMBER: ["number", "string"], LIST: ["string"]}
    value = {"type": types.get(kind, "boolean")}
    values = {"type": "array", "items": value, "minItems": 1}
    operators: dict[str, Any] = {name: {"anyOf": [value, values]} for name in OPERATORS}
    operators |= {name: {"type": ["number", "string"]} for name in ("gte", "gt", "lte", "lt")}
    operators |= {"in": values, "exists": {"type": "boolean"}}
    table = {"type": "object", "properties": operators, "additionalProperties": False, "minProperties": 1}
    return {"anyOf": [value, values, table]}
