"""What differs between two configurations, part by part. Values are not repeated: they may be personal data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from porteiro.configuration.references import LISTS
from schemas.config import Configuration
from schemas.config.values import Part

_SINGLE = {
    section: [name for name in part.annotation.model_fields if f"{section}.{name}" not in LISTS]
    for section, part in Configuration.model_fields.items()
    if isinstance(part.annotation, type) and issubclass(part.annotation, Part)
}
"""Sections that are no list, and their fields, those that are lists of LISTS left out."""
_SIGNS = {"added": "+", "changed": "~", "removed": "-", "reordered": "^"}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `fields`: of what changed, the fields; of what was reordered, the keys in their new order."""

    kind: Literal["added", "changed", "removed", "reordered"]
    section: str
    key: str = ""
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        fields = f": {', '.join(self.fields)}" if self.fields else ""
        return f"{_SIGNS[self.kind]} {self.kind:9} {' '.join(filter(None, (self.section, self.key)))}{fields}"


def changes(old: Configuration | None, new: Configuration) -> list[Change]:
    """The differences in the order of the file; none exactly when the configurations are equal."""
    before = old.model_dump(mode="json", by_alias=True) if old else None
    after = new.model_dump(mode="json", by_alias=True)
    then, now = _lists(before), _lists(after)
    sections = dict.fromkeys([*LISTS, *now, *then])
    return [
        *(change for section in _SINGLE for change in _single(section, before, after)),
        *(change for section in sections for change in _keyed(section, then.get(section, {}), now.get(section, {}))),
    ]


def _single(section: str, before: dict[str, Any] | None, after: dict[str, Any]) -> Iterator[Change]:
    if before is None:
        yield Change("added", section)
        return
    fields = tuple(name for name in _SINGLE[section] if before[section][name] != after[section][name])
    if fields:
        yield Change("changed", section, fields=fields)


def _keyed(section: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for key, item in new.items():
        if key not in old:
            yield Change("added", section, key)
        elif item != old[key]:
            names = dict.fromkeys([*item, *old[key]])
            fields = tuple(name for name in names if item.get(name) != old[key].get(name))
            yield Change("changed", section, key, fields)
    for key in old:
        if key not in new:
            yield Change("removed", section, key)
    kept = [key for key in new if key in old]
    if kept != [key for key in old if key in new]:
        yield Change("reordered", section, fields=tuple(new))


def _lists(dumped: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The items of each list by key. The stages of a further funnel are a list of their own, `funnels.KEY.stages`."""
    if dumped is None:
        return {}
    found = {section: _items(section, dumped) for section in LISTS}
    for key, funnel in found["funnels"].items():
        found[f"funnels.{key}.stages"] = {stage["key"]: stage for stage in funnel["stages"]}
        found["funnels"][key] = {name: value for name, value in funnel.items() if name != "stages"}
    return found


def _items(section: str, dumped: Any) -> dict[str, Any]:
    for name in section.split("."):
        dumped = dumped[name]
    return {item["key"]: item for item in dumped}
