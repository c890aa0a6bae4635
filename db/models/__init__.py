"""All models; importing this package registers every table on `Base.metadata`."""

from db.models.assignment import Assignment, Decision, DistributionWork, QueueMember, QueueTurn
from db.models.automation import AutomationRun, PendingEvent, Timer
from db.models.base import Base
from db.models.client import Client, ContactKey, InvolvedClient, MergeSuggestion
from db.models.closing import Withdrawal, WonSale
from db.models.configuration import ChannelRefusal, ChannelRow, ConfigVersion, RetiredKey, Token
from db.models.delivery import Delivery, DeliveryOutcome, Outcome, Submission, SubmissionState
from db.models.history import HistoryContent, HistoryEntry
from db.models.opportunity import CaptureOrigin, Opportunity, Unmapped
from db.models.outbound import OutboundMessage
from db.models.upkeep import Alarm, ChannelHour, Chore, Drift, Reconciliation

__all__ = [
    "Alarm",
    "Assignment",
    "AutomationRun",
    "Base",
    "CaptureOrigin",
    "ChannelHour",
    "ChannelRefusal",
    "ChannelRow",
    "Chore",
    "Client",
    "ConfigVersion",
    "ContactKey",
    "Decision",
    "Delivery",
    "DeliveryOutcome",
    "DistributionWork",
    "Drift",
    "HistoryContent",
    "HistoryEntry",
    "InvolvedClient",
    "MergeSuggestion",
    "Opportunity",
    "OutboundMessage",
    "Outcome",
    "PendingEvent",
    "QueueMember",
    "QueueTurn",
    "Reconciliation",
    "RetiredKey",
    "Submission",
    "SubmissionState",
    "Timer",
    "Token",
    "Unmapped",
    "Withdrawal",
    "WonSale",
]
