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
from schemas.config.caps import Caps
from schemas.config.catalog import Development, MediaCost, Named
from schemas.config.channels import Channel, Deny, FormJunk, Junk, LeadDefault, PerAddress, Reconcile, Retention
from schemas.config.closing import Seller, SubReason, WithdrawalReason, WonSale
from schemas.config.distribution import (
    Accept,
    Directed,
    Distribution,
    Exempt,
    InlineQueue,
    InvalidLeads,
    ListingBroker,
    Offer,
    Owner,
    Queue,
    Rule,
    Skills,
    Strategy,
    Terms,
)
from schemas.config.file import Configuration
from schemas.config.funnel import Expiry, Funnel, Registration, Requirement, Returning, Sla, Stage
from schemas.config.notices import Notices
from schemas.config.people import Absence, Alarms, Company, Legal, Located, Person, Team, TeamManager, Working
from schemas.config.record import Attachments, FileType, Target, WhatsApp
from schemas.config.stands import Stand, StandLine

__all__ = [
    "ACTIONS",
    "Absence",
    "Accept",
    "Action",
    "Advance",
    "Alarms",
    "Attachments",
    "Automation",
    "Caps",
    "Channel",
    "Comment",
    "Company",
    "Configuration",
    "Deny",
    "Development",
    "Directed",
    "Distribution",
    "EventName",
    "Exempt",
    "Expiry",
    "FileType",
    "FormJunk",
    "Funnel",
    "InStage",
    "InlineQueue",
    "InvalidLeads",
    "Junk",
    "LeadDefault",
    "Legal",
    "ListingBroker",
    "Located",
    "MediaCost",
    "Named",
    "NoOptions",
    "Notices",
    "Notify",
    "Offer",
    "Owner",
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
    "Skills",
    "Sla",
    "Stage",
    "Stand",
    "StandLine",
    "Strategy",
    "SubReason",
    "Target",
    "Team",
    "TeamManager",
    "Terms",
    "WhatsApp",
    "Withdraw",
    "WithdrawOptions",
    "WithdrawalReason",
    "WonSale",
    "Working",
]
