"""The JSON Schema for editors: knows the sources with their options, facts and operators."""

from __future__ import annotations

import json
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
    assert "rotated" in definitions["Channel"]["properties"]["secrets"]["description"]
