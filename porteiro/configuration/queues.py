"""Queues: who is in them, what they refer to, and those in which nobody can ever be given a lead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opv.distribution.gates import has_skills
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.references import File, check_known, check_people
from porteiro.configuration.terms import check_offer, check_terms
from schemas.conditions import nearest
from schemas.config import Skills
from schemas.shift import Shift

ROLES = {"sales": "broker", "presales": "presales"}
"""The role of those who are given leads of a part."""


@dataclass(frozen=True, slots=True)
class Use:
    """A rule that leads to a queue."""

    rule: str
    part: str


def check_queue(queue: Place, uses: Sequence[Use], file: File, report: Report) -> None:
    """Reports what is wrong in a queue, of `queues` or written in a rule, to which the rules `uses` lead."""
    check_known(queue["teams"].each(), "teams", file, report)
    check_people(queue["brokers"].each(), "broker", file, report, "presales")
    check_known([queue["stand"]], "stands", file, report)
    check_terms(queue["accept"], file, report, pooled=True)
    check_offer(queue["offer"], file, report)
    _check_shares(queue, file, report)
    parts = list(dict.fromkeys(use.part for use in uses))
    if len(parts) > 1:
        of_sales, early = (next(use.rule for use in uses if use.part == part) for part in ROLES)
        message = (
            f"rules of sales (`{of_sales}`) and of pre-sales (`{early}`) would share its turns: write one for each"
        )
        report.error(queue, message)
    if not queue["teams"].each() and not queue["brokers"].each():
        return  # its brokers are those of the lead's development: a rule tells which
    for part in parts or [next((part for part in ROLES if members_of(queue, part, file)), "sales")]:
        members = members_of(queue, part, file)
        if not members:
            _say_that_nobody_is_there(queue, part, file, report)
            continue
        _check_anybody(queue, members, file, report)
        if uses:
            _check_each(queue, part, file, report)


def members_of(queue: Place, part: str, file: File) -> list[str]:
    """Keys of people who are in the queue and of the part's role."""
    keys = [one.text or "" for one in queue["brokers"].each()]
    keys += [key for team in queue["teams"].each() for key in of_team(team.text or "", file)]
    people = file.by_key["people"]
    return [key for key in dict.fromkeys(keys) if key in people and people[key]["role"].text == ROLES.get(part)]


def of_team(team: str, file: File) -> list[str]:
    """Keys of the people whom the team's managers lead."""
    found = file.by_key["teams"].get(team)
    managers = found["managers"].each() if found else []
    return [broker.text or "" for manager in managers for broker in manager["brokers"].each()]


def has_tags(person: Place, skills: Place) -> bool:
    """Whether the person has the tags that `skills` asks for."""
    tags = [tag.text or "" for tag in person["tags"].each()]
    return has_skills(tags, Skills(**{name: _keys(skills[name]) for name in Skills.model_fields}))


def _keys(place: Place) -> list[str]:
    return [one.text for one in place.each() if one.text]


def _say_that_nobody_is_there(queue: Place, part: str, file: File, report: Report) -> None:
    others = members_of(queue, "presales" if part == "sales" else "sales", file)
    if others and part == "sales":
        report.warn(queue, "only people of pre-sales are in it, and they get no lead of sales: write `part: presales`")
    elif others:
        report.warn(queue, "nobody of pre-sales is in it: name people of `role: presales`, or leave out `part`")
    else:
        report.warn(queue, "nobody is in it: name `teams` with brokers, or `brokers`")


def _check_anybody(queue: Place, members: Sequence[str], file: File, report: Report) -> None:
    """Whether one member at least passes the gates that only the configuration opens; the first that leaves out all of
    those who are left is told."""
    left = [file.by_key["people"][key] for key in members]
    stand = queue["stand"].text
    roster = _roster(stand, file)
    gates: list[tuple[bool, Callable[[Place], bool], str]] = [
        (True, lambda one: one["active"].value is not False, "nobody in it is active: name others"),
        (
            queue["needs_creci"].value is True,
            lambda one: one["creci"].text is not None,
            "nobody in it has a licence: write `creci: …` at the people, or leave out `needs_creci`",
        ),
        (True, lambda one: has_tags(one, queue["skills"]), "nobody in it has the tags that its `skills` ask for"),
        (
            stand in file.by_key["stands"],
            lambda one: one["key"].text in roster,
            f"nobody in it is ever on the roster of the stand `{stand}`",
        ),
    ]
    for asked, passes, message in gates:
        left = [one for one in left if passes(one)] if asked else left
        if not left:
            report.warn(queue, message)
            return
    if stand is None and queue["around_the_clock"].value is not True and not any(_works(one, file) for one in left):
        report.warn(queue, "nobody in it works on any day of the week, by their `shifts` or their teams'")


def _roster(stand: str | None, file: File) -> set[str | None]:
    found = file.by_key["stands"].get(stand or "")
    return {one.text for line in found["roster"].each() for one in line["brokers"].each()} if found else set()


def _works(person: Place, file: File) -> bool:
    """Whether a shift of the person falls on a weekday; without shifts, leads come at any hour."""
    written = person.child("shifts")
    if written is None:
        key = person["key"].text
        teams = (team for name, team in file.by_key["teams"].items() if key in of_team(name, file))
        team = next(teams, None)
        written = team.child("shifts") if team else None
    shifts = _keys(written) if written else []
    try:
        return not shifts or any(Shift.parse(text).weekdays for text in shifts)
    except ValueError:
        return True  # its shape is reported


def _check_each(queue: Place, part: str, file: File, report: Report) -> None:
    """Warns of those in it who never get anything of it."""
    people = file.by_key["people"]
    for team in queue["teams"].each():
        if team.text in file.by_key["teams"] and not any(
            key in people and people[key]["role"].text == ROLES.get(part) for key in of_team(team.text or "", file)
        ):
            report.warn(team, f"team `{team.text}` has nobody for it: name people under its managers")
    for broker in queue["brokers"].each():
        person = people.get(broker.text or "")
        role = person["role"].text if person else None
        if role in ROLES.values() and role != ROLES.get(part):
            report.warn(broker, f"`{broker.text}` is of `role: {role}` and gets nothing of a rule of `part: {part}`")


def _check_shares(queue: Place, file: File, report: Report) -> None:
    """Those of teams are told of by the queue's shape, when the team is not among its `teams`."""
    teams = file.by_key["teams"]
    for team, share in queue["team_shares"].entries().items():
        if team not in teams:
            report.error(share, f"there is no team `{team}`, {nearest(team, teams)}", at_key=True)
    fixed = bool(queue["teams"].each() or queue["brokers"].each())
    members = {key for part in ROLES for key in members_of(queue, part, file)} if fixed else file.by_key["people"]
    for person, weight in queue["weights"].entries().items():
        if person not in members:
            known = nearest(person, sorted(members))
            report.error(weight, f"`{person}` is not in this queue and has no turns, {known}", at_key=True)
