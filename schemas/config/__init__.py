"""The configuration file (`porteiro.yaml`) as pydantic models. Unknown keys are refused.

References between parts (a team's brokers, a rule's queue) are checked by `porteiro.configuration`, which
knows the line of everything; here only shapes.
"""

from schemas.config.automations import (
    ACTIONS,
    Action,
    Advance,
    Automation,
    Comment,
    EventName,
    InStage,
    NoOptions,
    Notify,
    Redistribute,
    Withdraw,
    WithdrawOptions,
)
from schemas.config.catalog import Development, MediaCost, Named
from schemas.config.channels import Channel, Deny, FormJunk, Junk, LeadDefault, PerAddress, Reconcile, Retention
from schemas.config.closing import Seller, SubReason, WithdrawalReason, WonSale
from schemas.config.distribution import Distribution, InlineQueue, Queue, Rule
from schemas.config.file import Configuration
from schemas.config.funnel import Funnel, Registration, Requirement, Returning, Stage
from schemas.config.people import Alarms, Company, Legal, Person, Team, TeamManager
from schemas.config.record import Attachments, FileType, Target, WhatsApp

__all__ = [
    "ACTIONS",
    "Action",
    "Advance",
    "Alarms",
    "Attachments",
    "Automation",
    "Channel",
    "Comment",
    "Company",
    "Configuration",
    "Deny",
    "Development",
    "Distribution",
    "EventName",
    "FileType",
    "FormJunk",
    "Funnel",
    "InStage",
    "InlineQueue",
    "Junk",
    "LeadDefault",
    "Legal",
    "MediaCost",
    "Named",
    "NoOptions",
    "Notify",
    "PerAddress",
    "Person",
    "Queue",
    "Reconcile",
    "Redistribute",
    "Registration",
    "Requirement",
    "Retention",
    "Returning",
    "Rule",
    "Seller",
    "Stage",
    "SubReason",
    "Target",
    "Team",
    "TeamManager",
    "WhatsApp",
    "Withdraw",
    "WithdrawOptions",
    "WithdrawalReason",
    "WonSale",
]
