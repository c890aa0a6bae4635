"""The house as one configuration version describes it: people, teams, developments, rules, entrances, indexed.

Built once a version and immutable, so that a batch decides on objects in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from opv.automation.triggers import Automations, CheckedAutomation, compiled
from opv.catalog import Catalog
from opv.duty import DutyBook
from opv.junk import JunkRules
from opv.roster import Roster
from opv.stage_feedback import Listener, listeners_of
from schemas.conditions import ALWAYS, Condition
from schemas.config import (
    Configuration,
    Directed,
    Funnel,
    HouseField,
    InlineQueue,
    ListingBroker,
    Owner,
    Questionnaire,
    Queue,
    Rule,
    Stage,
    Tag,
)
from schemas.duration import LONGEST
from schemas.source import Entrance
from schemas.target import ConfiguredTarget


@dataclass(frozen=True, slots=True)
class CheckedRule:
    """A distribution rule with its condition compiled and its queues found: its own, then those it falls back to.
    `implied`: it is not in the file, and stands before those that are."""

    rule: Rule
    when: Condition
    queues: Sequence[Queue] = ()
    implied: bool = False


@dataclass(frozen=True)
class House:
    """A configuration version in force. `entrances` are all channels ever configured, by number; `targets` are those of
    the configuration, by key. `link_address`: where links to OPVs lead, `link_secret`: what signs them; None while
    there are none."""

    version: int
    configuration: Configuration
    entrances: Mapping[int, Entrance]
    roster: Roster
    catalog: Catalog
    zone: ZoneInfo
    rules: Sequence[CheckedRule]
    triggers: Automations
    targets: Mapping[str, ConfiguredTarget]
    link_address: str | None = None
    link_secret: str | None = None

    @cached_property
    def duty(self) -> DutyBook:
        """Who works when: the company, teams, people, sales stands."""
        return DutyBook(self.configuration)

    @cached_property
    def stages(self) -> Mapping[str, Stage]:
        """Stages of all funnels by key."""
        return {stage.key: stage for stage in self.configuration.stages}

    @cached_property
    def stage_order(self) -> Mapping[str, int]:
        """Places of the stages; only those of one funnel come one after the other."""
        return {key: place for place, key in enumerate(self.stages)}

    @cached_property
    def funnels(self) -> Mapping[str, Funnel]:
        """Funnels by key."""
        return {funnel.key: funnel for funnel in self.configuration.all_funnels}

    @cached_property
    def funnel_of(self) -> Mapping[str, Funnel]:
        """Funnels by the keys of their stages."""
        return {stage.key: funnel for funnel in self.configuration.all_funnels for stage in funnel.stages}

    @cached_property
    def _funnel_of_development(self) -> Mapping[str | None, Funnel]:
        developments = self.configuration.developments
        return {one.key: self.funnels[one.funnel] for one in developments if one.funnel is not None}

    def funnel_for(self, development: str | None) -> Funnel:
        """The funnel that OPVs of the development begin in."""
        return self._funnel_of_development.get(development, self.configuration.funnel)

    @cached_property
    def moved(self) -> Mapping[str, str]:
        """Where the open OPVs of stages go that are gone, by the old stage."""
        return {old: new for funnel in self.configuration.all_funnels for old, new in funnel.moved.items()}

    @cached_property
    def tags(self) -> Mapping[str, Tag]:
        """Tags by key."""
        return {tag.key: tag for tag in self.configuration.tags}

    @cached_property
    def fields(self) -> Mapping[str, HouseField]:
        """The house's own fields by key."""
        return {one.key: one for one in self.configuration.fields}

    @cached_property
    def questionnaires(self) -> Mapping[str, Questionnaire]:
        """Questionnaires by key."""
        return {one.key: one for one in self.configuration.questionnaires}

    @cached_property
    def presales_stages(self) -> Sequence[str]:
        """Stages before sales (pré-atendimento), those too that are gone and whose OPVs go to such a one."""
        early = [key for key, stage in self.stages.items() if stage.kind == "presales"]
        return [*early, *(old for old, new in self.moved.items() if new in early)]

    @cached_property
    def junk(self) -> JunkRules:
        """What is junk."""
        return JunkRules(self.configuration.junk)

    @cached_property
    def stage_listeners(self) -> Sequence[Listener]:
        """Targets that are told where OPVs stand."""
        return listeners_of(self.configuration)

    @cached_property
    def forwards(self) -> Mapping[str, str]:
        """Where channels send their deliveries on to, as written in the configuration, by the channel's key."""
        return {channel.key: channel.forward_to for channel in self.configuration.channels if channel.forward_to}

    @cached_property
    def expiries(self) -> Mapping[str, CheckedAutomation]:
        """What is done to OPVs that expire, by stage."""
        groups = self.triggers.by_stage.items()
        return {stage: checked for stage, group in groups for checked in group if checked.expiry is not None}

    @property
    def by_event(self) -> Mapping[str, Sequence[CheckedAutomation]]:
        """Automations that listen to entries, by their kind."""
        return self.triggers.by_event

    @property
    def by_stage(self) -> Mapping[str, Sequence[CheckedAutomation]]:
        """Automations that count the time in a stage, by the stage."""
        return self.triggers.by_stage

    @property
    def automations(self) -> Mapping[str, CheckedAutomation]:
        """Active automations, and what stages with an expiry or an SLA do, by key."""
        return self.triggers.by_key

    @cached_property
    def queues(self) -> Mapping[str, Queue]:
        """Queues by key, those that are written in a rule too."""
        return {queue.key: queue for checked in self.rules for queue in checked.queues} | {
            queue.key: queue for queue in self.configuration.queues
        }

    @cached_property
    def rules_by_key(self) -> Mapping[str, CheckedRule]:
        """Distribution's rules by key."""
        return {checked.rule.key: checked for checked in self.rules}

    @cached_property
    def ways(self) -> Mapping[str, CheckedRule]:
        """What may give an OPV out by itself, by key: a rule, or a queue, as if a rule led to it."""
        queues = {key: CheckedRule(Rule(key=key, queue=key), ALWAYS, (queue,)) for key, queue in self.queues.items()}
        return queues | dict(self.rules_by_key)

    def distributes(self, part: str) -> bool:
        """Whether a rule of the file is for that part of an OPV."""
        return any(checked.rule.part == part and not checked.implied for checked in self.rules)

    @cached_property
    def entrance_by_key(self) -> Mapping[str, Entrance]:
        """Entrances by the channel's key."""
        return {entrance.key: entrance for entrance in self.entrances.values()}


HouseOf = Callable[[Connection], House]
"""Gives the house in force, as read in the unit of work."""

HouseTried = Callable[[str, House], House]
"""Reads the text of a configuration, or of sections of it to be laid over that of the house in force, and gives the
house as it would be. Raises `Reject` (422, `invalid_configuration`) with every problem and its line."""


def build_house(
    version: int,
    configuration: Configuration,
    entrances: Mapping[int, Entrance],
    targets: Mapping[str, ConfiguredTarget] | None = None,
    *,
    link_address: str | None = None,
    link_secret: str | None = None,
    activated: Mapping[str, datetime] | None = None,
) -> House:
    """Indexes a configuration. Its conditions were checked when it was applied. `activated`: since when automations are
    active."""
    queues = {queue.key: queue for queue in configuration.queues}
    return House(
        version=version,
        configuration=configuration,
        entrances=entrances,
        roster=Roster(configuration.people, configuration.teams),
        catalog=Catalog.of(configuration),
        zone=ZoneInfo(configuration.company.timezone),
        rules=[*_implied(configuration), *(_checked(rule, queues) for rule in configuration.distribution.rules)],
        triggers=compiled(configuration.automations, configuration.stages, activated or {}),
        targets=targets or {},
        link_address=link_address,
        link_secret=link_secret,
    )


OWNER_RULE, DIRECTED_RULE, LISTING_RULE = "returning", "directed", "listing-broker"
"""Keys of the rules that stand before the file's, unless the file has one of that kind."""


def _implied(configuration: Configuration) -> Iterable[CheckedRule]:
    rules, days = configuration.distribution.rules, configuration.returning.keep_broker_days
    ways = (
        Rule(key=OWNER_RULE, owner=Owner.model_validate({"for": f"{min(days, LONGEST)} days"})),
        Rule(key=DIRECTED_RULE, directed=Directed()),
        Rule(key=LISTING_RULE, listing_broker=ListingBroker()),
    )
    for rule in ways:
        if not any(written.way == rule.way and written.part == rule.part for written in rules):
            yield CheckedRule(rule, ALWAYS, implied=True)


def _checked(rule: Rule, queues: Mapping[str, Queue]) -> CheckedRule:
    named: list[Queue] = []
    if isinstance(rule.queue, InlineQueue):
        named.append(Queue(key=rule.key, **rule.queue.model_dump(by_alias=True)))
    elif rule.queue is not None:
        named.append(queues[rule.queue])
    return CheckedRule(rule, Condition.read(rule.when)[0], (*named, *(queues[key] for key in rule.fallback)))
