"""The JSON Schema for editors: knows the sources with their options, facts and operators."""

from __future__ import annotations

import json
import re
from typing import Any

from adapters.sources.registry import sources
from porteiro.configuration.schema import json_schema
from schemas.conditions import FACTS


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(inside) for inside in value.values()))
    return set().union(*(_references(inside) for inside in value)) if isinstance(value, list) else set()


def test_the_schema_is_whole() -> None:
    schema = json_schema(sources())
    json.dumps(schema)
    definitions = schema["$defs"]
    assert {reference.removeprefix("#/$defs/") for reference in _references(schema)} <= set(definitions)
    assert schema["required"] == ["funnel"]
    assert definitions["Channel"]["properties"]["source"]["enum"] == sorted(sources())
    assert set(definitions["meta_lead_ads options"]["properties"]) >= {"verify_token", "page_token", "api_url"}
    assert definitions["Rule"]["properties"]["when"] == {"$ref": "#/$defs/Condition"}
    assert set(definitions["Condition"]["properties"]) == {*FACTS, "any", "all", "not"}
    for name, place in (("Automation", "when"), ("BranchOptions", "if"), ("WaitOptions", "if")):
        assert definitions[name]["properties"][place]["$ref"] == "#/$defs/Condition"
    for name, listed in (("Automation", "do"), ("BranchOptions", "then"), ("BranchOptions", "else")):
        assert definitions[name]["properties"][listed]["items"] == {"$ref": "#/$defs/Action"}
    assert definitions["Automation"]["properties"]["on"] == {"$ref": "#/$defs/Trigger"}
    assert "rotated" in definitions["Channel"]["properties"]["secrets"]["description"]


def test_the_schema_knows_the_history_that_is_counted() -> None:
    patterns = json_schema(sources())["$defs"]["Condition"]["patternProperties"]

    def known(fact: str) -> bool:
        return any(re.search(pattern, fact) for pattern in patterns)

    assert all(map(known, ("count.contact.added", "count.contact.added.3d", "hours_since.opv.returned")))
    assert not any(map(known, ("count.contact", "count.contact.added.3w", "hours_since.opv.returned.3d")))


def test_actions_may_stand_without_options() -> None:
    definitions = json_schema(sources())["$defs"]
    assert {"enum": ["redistribute", "withdraw", "stop"]} in definitions["Action"]["oneOf"]
    assert {"type": "null"} in definitions["Stop"]["properties"]["stop"]["anyOf"]
