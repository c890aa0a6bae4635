"""Who is on duty: the working time of people, teams and the company, and who stands at the sales stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from opv.business_time import Calendar, Hours, Span, Timetable, WorkingTime
from schemas.config import Absence, Company, Configuration, Located, Person, Stand, Team
from schemas.shift import Shift

_ALWAYS = (Shift.parse("mon-sun,holidays 00:00-24:00"),)


class StandTime(Timetable[frozenset[str]]):
    """Which brokers the roster of a stand calls for."""

    def __init__(self, calendar: Calendar, stand: Stand) -> None:
        self._brokers: dict[Shift, frozenset[str]] = {}
        for line in stand.roster:
            shift = Shift.parse(line.when)
            self._brokers[shift] = self._brokers.get(shift, frozenset()).union(line.brokers)
        super().__init__(Hours(calendar, list(self._brokers)))

    def answer(self, span: Span) -> frozenset[str]:
        """Brokers of all lines that run."""
        return frozenset().union(*(self._brokers[shift] for shift in span.shifts))


class DutyBook:
    """Working time by person and team. What a person lacks is of its first team in the order of the file, what a team
    lacks is the company's. People who work alike share one `WorkingTime`."""

    def __init__(self, configuration: Configuration) -> None:
        self._company = configuration.company
        self._people = {person.key: person for person in configuration.people}
        self._teams = {team.key: team for team in configuration.teams}
        self._team_of: dict[str, Team] = {}
        for team in configuration.teams:
            for lead in team.managers:
                for key in (lead.person, *lead.brokers):
                    self._team_of.setdefault(key, team)
        self._calendars: dict[tuple[str, str, tuple[str, ...]], Calendar] = {}
        self._hours: dict[tuple[Calendar, Sequence[Shift]], Hours] = {}
        self._times: dict[tuple[object, ...], WorkingTime] = {}
        self._stands = {stand.key: StandTime(self._calendar(stand), stand) for stand in configuration.stands}
        self._check_in = {stand.key for stand in configuration.stands if stand.check_in}
        self._of_person: dict[str, WorkingTime] = {}
        self._gates: dict[str, WorkingTime] = {}
        self._bound: dict[str, bool] = {}

    @cached_property
    def company(self) -> WorkingTime:
        """The company's."""
        return self._time(self._calendar(), self._parsed(self._company.shifts))

    def team_working_time(self, team: str) -> WorkingTime:
        """A team's; the company's when it is unknown."""
        found = self._teams.get(team)
        return self._time(self._calendar(found), self._shifts(found) or self._parsed(self._company.shifts))

    def working_time(self, person: str) -> WorkingTime:
        """A person's; one without any shifts works in the company's. The company's when the person is unknown."""
        if person not in self._of_person:
            shifts = self._shifts_of(person) or self._parsed(self._company.shifts)
            self._of_person[person] = self._of(person, shifts)
        return self._of_person[person]

    def bound(self, person: str) -> bool:
        """Whether shifts, its own or its team's, say when the person gets leads."""
        if person not in self._bound:
            self._bound[person] = bool(self._shifts_of(person))
        return self._bound[person]

    def off_duty(self, person: str, moment: datetime) -> tuple[str | None, datetime]:
        """As `WorkingTime.state`, for the gate of leads: who is not bound to shifts is off duty on days of absence
        alone."""
        return self.working_time(person).state(moment) if self.bound(person) else self.absent(person, moment)

    def absent(self, person: str, moment: datetime) -> tuple[str | None, datetime]:
        """As `off_duty`, for whoever is asked around the clock."""
        if person not in self._gates:
            self._gates[person] = self._of(person, _ALWAYS)
        return self._gates[person].state(moment)

    def checks_in(self, stand: str) -> bool:
        """Whether brokers on the stand's roster get leads only after checking in there."""
        return stand in self._check_in

    def on_stand(self, stand: str, moment: datetime) -> tuple[frozenset[str], datetime]:
        """Brokers whom the stand's roster calls for at the moment, and until when (UTC, exclusive) that holds. Raises
        KeyError when there is no such stand."""
        _, until, brokers = self._stands[stand].at(moment)
        return brokers, until

    def _of(self, key: str, shifts: Sequence[Shift]) -> WorkingTime:
        person = self._people.get(key)
        absences = person.absences if person else ()
        return self._time(self._calendar(person, self._team_of.get(key)), shifts, absences)

    def _shifts_of(self, key: str) -> Sequence[Shift]:
        return self._shifts(self._people.get(key), self._team_of.get(key))

    def _shifts(self, *whose: Person | Team | None) -> Sequence[Shift]:
        written = (one.shifts for one in whose if one and one.shifts is not None)
        return self._parsed(next(written, []))

    def _parsed(self, shifts: Sequence[str]) -> Sequence[Shift]:
        return tuple(map(Shift.parse, shifts))

    def _calendar(self, *whose: Located | None) -> Calendar:
        """Each value is of the first that has it."""
        levels: list[Located | Company] = [*(one for one in whose if one), self._company]
        zone = next(one.timezone for one in levels if one.timezone is not None)
        region = next(one.holidays for one in levels if one.holidays is not None)
        days_off = tuple(next(one.days_off for one in levels if one.days_off is not None))
        key = (region, zone, days_off)
        if key not in self._calendars:
            self._calendars[key] = Calendar(region, ZoneInfo(zone), days_off)
        return self._calendars[key]

    def _time(self, calendar: Calendar, shifts: Sequence[Shift], absences: Sequence[Absence] = ()) -> WorkingTime:
        hours = self._hours.setdefault((calendar, shifts), Hours(calendar, shifts))
        key = (hours, *((absence.from_, absence.to) for absence in absences))
        return self._times.setdefault(key, WorkingTime(hours, absences))
