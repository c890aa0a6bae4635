"""The whole file."""

from __future__ import annotations

from pydantic import Field

from schemas.config.answers import HouseField, Questionnaire, Tag
from schemas.config.automations import Automation
from schemas.config.catalog import Development, Named
from schemas.config.channels import Channel, Junk, Retention
from schemas.config.closing import WithdrawalReason, WonSale
from schemas.config.distribution import Distribution, Queue
from schemas.config.funnel import Funnel, Registration, Returning, Stage
from schemas.config.messages import Messages
from schemas.config.notices import Notices
from schemas.config.people import Alarms, Company, Legal, Person, Team
from schemas.config.record import Attachments, Target, WhatsApp
from schemas.config.stands import Stand
from schemas.config.values import Part


class Configuration(Part):
    """The whole file."""

    company: Company = Field(default_factory=Company)
    people: list[Person] = Field(default_factory=list)
    teams: list[Team] = Field(default_factory=list)
    stands: list[Stand] = Field(default_factory=list)
    developments: list[Development] = Field(default_factory=list)
    campaigns: list[Named] = Field(default_factory=list)
    """Campaigns by key; a lead's value that is a name of one becomes its key. Without any, values stay as sent."""
    media: list[Named] = Field(default_factory=list)
    """As `campaigns`, of a lead's `medium`."""
    origins: list[Named] = Field(default_factory=list)
    """As `campaigns`, of a lead's `origin`."""
    channels: list[Channel] = Field(default_factory=list)
    funnel: Funnel
    funnels: list[Funnel] = Field(default_factory=list)
    """More funnels, which developments name. All stages of the house have different keys."""
    returning: Returning = Field(default_factory=Returning)
    queues: list[Queue] = Field(default_factory=list)
    distribution: Distribution = Field(default_factory=Distribution)
    tags: list[Tag] = Field(default_factory=list)
    fields: list[HouseField] = Field(default_factory=list)
    questionnaires: list[Questionnaire] = Field(default_factory=list)
    automations: list[Automation] = Field(default_factory=list)
    withdrawal_reasons: list[WithdrawalReason] = Field(default_factory=list)
    won_sale: WonSale = Field(default_factory=WonSale)
    targets: list[Target] = Field(default_factory=list)
    registration: Registration = Field(default_factory=Registration)
    whatsapp: WhatsApp = Field(default_factory=WhatsApp)
    retention: Retention = Field(default_factory=Retention)
    attachments: Attachments = Field(default_factory=Attachments)
    legal: Legal = Field(default_factory=Legal)
    notices: Notices = Field(default_factory=Notices)
    messages: Messages = Field(default_factory=Messages)
    alarms: Alarms = Field(default_factory=Alarms)
    junk: Junk = Field(default_factory=Junk)

    @property
    def all_funnels(self) -> list[Funnel]:
        """`funnel`, then the others."""
        return [self.funnel, *self.funnels]

    @property
    def stages(self) -> list[Stage]:
        """Those of all funnels, funnel by funnel."""
        return [stage for funnel in self.all_funnels for stage in funnel.stages]
