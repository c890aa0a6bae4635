"""The file's things by key, and references to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from adapters.sources.base import Source
from opv.catalog import REGISTRIES
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from schemas.conditions import nearest

LISTS = {
    "people": "person",
    "teams": "team",
    "stands": "stand",
    "developments": "development",
    "campaigns": "campaign",
    "media": "medium",
    "origins": "origin",
    "channels": "channel",
    "funnel.stages": "stage",
    "funnels": "funnel",
    "queues": "queue",
    "distribution.rules": "rule",
    "tags": "tag",
    "fields": "field",
    "questionnaires": "questionnaire",
    "automations": "automation",
    "withdrawal_reasons": "withdrawal reason",
    "targets": "target",
}
"""Lists whose items have a key, and what an item is called. `funnel.stages` are the stages of all funnels."""


@dataclass(frozen=True)
class File:
    """The file's keys by list."""

    root: Place
    sources: Mapping[str, Source]

    def items(self, path: str) -> list[Place]:
        """The items of a list."""
        if path == "funnel.stages":
            return [stage for funnel in self.funnels for stage in funnel["stages"].each()]
        place = self.root
        for name in path.split("."):
            place = place[name]
        return place.each()

    @cached_property
    def funnels(self) -> list[Place]:
        """`funnel`, then the others."""
        return [self.root["funnel"], *self.root["funnels"].each()]

    @cached_property
    def by_key(self) -> Mapping[str, Mapping[str, Place]]:
        """Those of each list that have a key."""
        return {path: {key: one for one in self.items(path) if (key := one["key"].text)} for path in LISTS}

    def with_role(self, role: str) -> list[str]:
        """Keys of people."""
        return [key for key, person in self.by_key["people"].items() if person["role"].text == role]

    @cached_property
    def facts(self) -> Mapping[str, list[str]]:
        """The names that there are of facts whose values are names."""
        keys = {path: list(found) for path, found in self.by_key.items()}
        registries = {field: keys[section] for field, section in REGISTRIES.items() if keys[section]}
        return {
            **registries,
            "source": sorted(self.sources),
            "channel": keys["channels"],
            "development": keys["developments"],
            "stage": keys["funnel.stages"],
            "team": keys["teams"],
            "manager": self.with_role("manager"),
            "broker": self.with_role("broker"),
            "presales_broker": [*self.with_role("presales"), *self.with_role("broker")],
            "second_broker": self.with_role("broker"),
            "funnel": [self.root["funnel"]["key"].text or "sales", *keys["funnels"]],
            "status": [key for stage in self.items("funnel.stages") for key in statuses_of(stage)],
            "outcome": ["open", "won", "lost"],
        }


def statuses_of(stage: Place) -> list[str]:
    """Keys of the statuses within a stage."""
    return [one["key"].text or "" for one in stage["statuses"].each()]


def check_unique(items: Iterable[Place], what: str, report: Report) -> None:
    """Reports keys that an earlier item has."""
    first: dict[str, Place] = {}
    for item in items:
        key = item["key"].text
        if key is not None and first.setdefault(key, item) is not item:
            line = first[key]["key"].mark[0]
            report.error(item["key"], f"the {what} on line {line} is called `{key}` already: take another key")


def check_people(places: Iterable[Place], role: str, file: File, report: Report, *also: str) -> None:
    """Reports who is not there, or of no such role."""
    people = file.by_key["people"]
    for place in distinct(places, report):
        key = place.text or ""
        if key not in people:
            report.error(place, f"there is no person `{key}`, {nearest(key, file.with_role(role))}")
        elif people[key]["role"].text not in (role, *also, None):
            found = people[key]["role"].text
            report.error(place, f"`{key}` is a {found}, not a {role}: name a {role}, or write `role: {role}` there")


def distinct(places: Iterable[Place], report: Report) -> Iterable[Place]:
    """Those that name something, each name once; reports those named again."""
    seen: set[str] = set()
    for place in places:
        if place.text is None:
            continue
        if place.text in seen:
            report.error(place, f"`{place.text}` is named twice: remove one")
        else:
            yield place
        seen.add(place.text)


def check_known(places: Iterable[Place], path: str, file: File, report: Report) -> None:
    """Reports keys that nothing of the list has."""
    known = file.by_key[path]
    for place in distinct(places, report):
        if place.text not in known:
            report.error(place, f"there is no {LISTS[path]} `{place.text}`, {nearest(place.text or '', known)}")
