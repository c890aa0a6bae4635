"""Cross references: what one part of the file says of another. Works on the tree, so that a part of the wrong
shape does not hide what is wrong elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from adapters.sources.base import Source
from opv.catalog import REGISTRIES
from porteiro.configuration.channels import names_at
from porteiro.configuration.conditions import check_condition
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from schemas.conditions import fold, nearest

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
    "queues": "queue",
    "distribution.rules": "rule",
    "automations": "automation",
    "withdrawal_reasons": "withdrawal reason",
    "targets": "target",
}
"""Lists whose items have a key, and what an item is called."""

NOTIFIED = ("broker", "manager", "directors")


@dataclass(frozen=True)
class _File:
    """The file's keys by list."""

    root: Place
    sources: Mapping[str, Source]

    def items(self, path: str) -> list[Place]:
        place = self.root
        for name in path.split("."):
            place = place[name]
        return place.each()

    @cached_property
    def by_key(self) -> Mapping[str, Mapping[str, Place]]:
        return {path: {key: one for one in self.items(path) if (key := one["key"].text)} for path in LISTS}

    def with_role(self, role: str) -> list[str]:
        return [key for key, person in self.by_key["people"].items() if person["role"].text == role]

    @cached_property
    def facts(self) -> Mapping[str, list[str]]:
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
        }


def check_references(root: Place, sources: Mapping[str, Source], report: Report) -> None:
    """Reports keys used twice or not at all, references that lead nowhere, and rules that are never reached."""
    file = _File(root, sources)
    for path, what in LISTS.items():
        _check_unique(file.items(path), what, report)
    for person in file.items("people"):
        if person["key"].text in NOTIFIED:
            report.error(person["key"], f"`{person['key'].text}` has a meaning in `notify`: take another key")
    _check_teams(file, report)
    for stand in file.items("stands"):
        for line in stand["roster"].each():
            _check_people(line["brokers"].each(), "broker", file, report)
    _check_developments(file, report)
    for queue in file.items("queues"):
        _check_queue(queue, file, report)
    _check_rules(file, report)
    for automation in file.items("automations"):
        _check_automation(automation, file, report)
    _check_alarms(root["alarms"], file, report)
    _check_withdrawal_reasons(file, report)
    for section, slug in (("won_sale", "sales_module"), ("whatsapp", "conecta")):
        _check_target(root[section]["target"], slug, file, report)
    _check_known([root["legal"]["officer"]], "people", file, report)


def _check_unique(items: Iterable[Place], what: str, report: Report) -> None:
    first: dict[str, Place] = {}
    for item in items:
        key = item["key"].text
        if key is not None and first.setdefault(key, item) is not item:
            line = first[key]["key"].mark[0]
            report.error(item["key"], f"the {what} on line {line} is called `{key}` already: take another key")


def _check_teams(file: _File, report: Report) -> None:
    placed: set[str | None] = set()
    for team in file.items("teams"):
        managers = team["managers"].each()
        _check_people([lead["person"] for lead in managers], "manager", file, report)
        for lead in managers:
            brokers = lead["brokers"].each()
            _check_people(brokers, "broker", file, report, "presales")
            placed.update(broker.text for broker in brokers)
    for key, person in file.by_key["people"].items():
        if person["role"].text == "broker" and key not in placed and person["active"].value is not False:
            report.warn(person, f"broker `{key}` is in no team and gets leads only from a queue that names `{key}`")


def _check_people(places: Iterable[Place], role: str, file: _File, report: Report, *also: str) -> None:
    people = file.by_key["people"]
    for place in _distinct(places, report):
        key = place.text or ""
        if key not in people:
            report.error(place, f"there is no person `{key}`, {nearest(key, file.with_role(role))}")
        elif people[key]["role"].text not in (role, *also, None):
            found = people[key]["role"].text
            report.error(place, f"`{key}` is a {found}, not a {role}: name a {role}, or write `role: {role}` there")


def _distinct(places: Iterable[Place], report: Report) -> Iterable[Place]:
    seen: set[str] = set()
    for place in places:
        if place.text is None:
            continue
        if place.text in seen:
            report.error(place, f"`{place.text}` is named twice: remove one")
        else:
            yield place
        seen.add(place.text)


def _check_known(places: Iterable[Place], path: str, file: _File, report: Report) -> None:
    known = file.by_key[path]
    for place in _distinct(places, report):
        if place.text not in known:
            report.error(place, f"there is no {LISTS[path]} `{place.text}`, {nearest(place.text or '', known)}")


def _check_developments(file: _File, report: Report) -> None:
    listings: dict[str, Place] = {}
    for development in file.items("developments"):
        _check_known(development["teams"].each(), "teams", file, report)
        for code in development["listings"].each():
            _claim(code, development, listings, "the listing", "developments", report)
    for path in ("developments", *REGISTRIES.values()):
        _check_names(path, file, report)


def _check_names(path: str, file: _File, report: Report) -> None:
    names: dict[str, Place] = {}
    for one in file.items(path):
        for place in (one["key"], one["name"], *one["aliases"].each()):
            _claim(place, one, names, "the name", path, report)
        for name in names_at(one):
            names.setdefault(fold(name), one)


def _claim(place: Place, owner: Place, taken: dict[str, Place], what: str, path: str, report: Report) -> None:
    if place.text is None:
        return
    first = taken.setdefault(fold(place.text), owner)
    if first is not owner:
        other = first["key"].text
        report.error(place, f"{what} `{place.text}` belongs to the {LISTS[path]} `{other}` already: keep it at one")


def _check_queue(queue: Place, file: _File, report: Report) -> None:
    _check_known(queue["teams"].each(), "teams", file, report)
    _check_people(queue["brokers"].each(), "broker", file, report)


def _check_rules(file: _File, report: Report) -> None:
    queues = file.by_key["queues"]
    taker: str | None = None
    for rule in file.items("distribution.rules"):
        key, queue = rule["key"].text or "", rule["queue"]
        if taker is not None:
            report.warn(rule, f"never reached: rule `{taker}` before it takes every lead")
        elif not rule["when"].value:
            taker = key
        check_condition(rule["when"], file.facts, report)
        if not isinstance(queue.value, dict):
            _check_known([queue], "queues", file, report)
            continue
        _check_queue(queue, file, report)
        if key in queues:
            line = queues[key].mark[0]
            report.error(rule["key"], f"its queue would share the turns of queue `{key}` (line {line}): name one anew")


def _check_automation(automation: Place, file: _File, report: Report) -> None:
    _check_known([automation["on"]["in_stage"]], "funnel.stages", file, report)
    check_condition(automation["when"], file.facts, report)
    for action in automation["do"].each():
        _check_known([action["advance"]], "funnel.stages", file, report)
        target, people = action["notify"], file.by_key["people"]
        if target.text is not None and target.text not in (*NOTIFIED, *people):
            hint = nearest(target.text, (*NOTIFIED, *people))
            report.error(target, f"there is nobody called `{target.text}`, {hint}")
        withdraw = action if action.text == "withdraw" else action.child("withdraw")
        if withdraw is not None:
            _check_withdraw(withdraw, file, report)


def _check_withdraw(withdraw: Place, file: _File, report: Report) -> None:
    """An automation must be able to withdraw by itself: with a reason, and all that this reason needs."""
    reasons = file.by_key["withdrawal_reasons"]
    _check_known([withdraw["reason"]], "withdrawal_reasons", file, report)
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


def _check_withdrawal_reasons(file: _File, report: Report) -> None:
    automatic: Place | None = None
    for reason in file.items("withdrawal_reasons"):
        _check_unique(reason["sub_reasons"].each(), "sub-reason", report)
        _check_known(reason["stages"].each(), "funnel.stages", file, report)
        if reason["automatic"].value is True:
            if automatic is not None:
                report.error(reason["automatic"], f"`{automatic['key'].text}` is automatic already: one reason is")
            automatic = automatic or reason


def _check_target(place: Place, slug: str, file: _File, report: Report) -> None:
    _check_known([place], "targets", file, report)
    found = file.by_key["targets"].get(place.text or "")
    if found is not None and found["target"].text not in (slug, None):
        report.error(place, f"`{place.text}` is no `{slug}` but a `{found['target'].text}`")


def _check_alarms(alarms: Place, file: _File, report: Report) -> None:
    people = file.by_key["people"]
    for place in _distinct(alarms["notify"].each(), report):
        person = people.get(place.text or "")
        if person is None:
            report.error(place, f"there is no person `{place.text}`, {nearest(place.text or '', people)}")
        elif person["active"].value is False:
            report.warn(place, f"`{place.text}` is not active and is told nothing")
