"""All models; importing this package registers every table on `Base.metadata`."""

from db.models.assignment import (
    Assignment,
    Availability,
    Decision,
    DistributionWork,
    ExcludedPair,
    PausedQueue,
    QueueMember,
    QueueSnapshot,
    QueueTurn,
    TransferRequest,
)
from db.models.automation import AutomationRun, AutomationState, PendingEvent, Schedule, ScheduledRun, Timer
from db.models.base import Base
from db.models.client import Client, ContactKey, InvolvedClient, MergeSuggestion
from db.models.closing import SaleProcess, Withdrawal, WonSale
from db.models.configuration import ChannelRefusal, ChannelRow, ConfigVersion, RetiredKey, Token
from db.models.delivery import Delivery, DeliveryOutcome, Outcome, Submission, SubmissionState
from db.models.history import Checkpoint, CheckpointHead, HistoryContent, HistoryEntry, PersonalRead
from db.models.opportunity import CaptureOrigin, Opportunity, Unmapped
from db.models.outbound import Destination, OutboundMessage
from db.models.upkeep import Alarm, ChannelHour, Chore, Drift, Reconciliation
from db.models.work import Attachment, PendingItem

__all__ = [
    "Alarm",
    "Assignment",
    "Attachment",
    "AutomationRun",
    "AutomationState",
    "Availability",
    "Base",
    "CaptureOrigin",
    "ChannelHour",
    "ChannelRefusal",
    "ChannelRow",
    "Checkpoint",
    "CheckpointHead",
    "Chore",
    "Client",
    "ConfigVersion",
    "ContactKey",
    "Decision",
    "Delivery",
    "DeliveryOutcome",
    "Destination",
    "DistributionWork",
    "Drift",
    "ExcludedPair",
    "HistoryContent",
    "HistoryEntry",
    "InvolvedClient",
    "MergeSuggestion",
    "Opportunity",
    "OutboundMessage",
    "Outcome",
    "PausedQueue",
    "PendingEvent",
    "PendingItem",
    "PersonalRead",
    "QueueMember",
    "QueueSnapshot",
    "QueueTurn",
    "Reconciliation",
    "RetiredKey",
    "SaleProcess",
    "Schedule",
    "ScheduledRun",
    "Submission",
    "SubmissionState",
    "Timer",
    "Token",
    "TransferRequest",
    "Unmapped",
    "Withdrawal",
    "WonSale",
]
