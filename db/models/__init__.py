"""All models; importing this package registers every table on `Base.metadata`."""

from db.models.assignment import Assignment, Decision, DistributionWork, QueueMember, QueueTurn
from db.models.automation import AutomationRun, PendingEvent, Timer
from db.models.base import Base
from db.models.client import Client, ContactKey, InvolvedClient, MergeSuggestion
from db.models.configuration import ChannelRefusal, ChannelRow, ConfigVersion, RetiredKey, Token
from db.models.delivery import Delivery, DeliveryOutcome, Outcome, Submission, SubmissionState
from db.models.history import HistoryContent, HistoryEntry
from db.models.opportunity import CaptureOrigin, Opportunity, Unmapped
from db.models.outbound import OutboundMessage

__all__ = [
    "Assignment",
    "AutomationRun",
    "Base",
    "CaptureOrigin",
    "ChannelRefusal",
    "ChannelRow",
    "Client",
    "ConfigVersion",
    "ContactKey",
    "Decision",
    "Delivery",
    "DeliveryOutcome",
    "DistributionWork",
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
    "RetiredKey",
    "Submission",
    "SubmissionState",
    "Timer",
    "Token",
    "Unmapped",
]
