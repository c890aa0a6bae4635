"""What makes an automation run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from schemas.config.values import CronText, DurationText, Key, Part, SpanText, Text

EventName = Literal[
    "opv.created",
    "opv.captured",
    "opv.assigned",
    "opv.undistributed",
    "opv.offered",
    "opv.pooled",
    "opv.accepted",
    "opv.returned",
    "opv.withdrawn",
    "opv.reopened",
    "opv.won",
    "stage.changed",
    "stage.sla_warned",
    "status.changed",
    "contact.added",
    "whatsapp.opened",
    "comment.added",
    "message.received",
    "call.received",
    "client.added",
    "client.changed",
    "client.removed",
    "client.completed",
    "client.broker_excluded",
    "client.broker_allowed",
    "clients.merged",
    "tag.added",
    "tag.removed",
    "field.changed",
    "pending.added",
    "pending.changed",
    "pending.done",
    "pending.cancelled",
    "document.added",
    "document.removed",
    "redistribution.asked",
    "transfer.requested",
    "transfer.answered",
    "ownership.requested",
    "lead.invalid_reported",
    "lead.invalid_confirmed",
    "lead.invalid_refused",
    "turn.given_back",
    "notice.queued",
    "consent.withdrawn",
    "sale.process_asked",
    "sale.process_opened",
    "sale.process_failed",
    "sale.process_status",
    "trigger.received",
    "opv.captured_first",
    "opv.captured_again",
    "opv.contacted",
    "visit.scheduled",
    "visit.done",
    "visit.missed",
]
"""A kind of history entry, or, the last six, some entries of a kind. `opv.assigned` is the assignment in sales;
pre-sales and sharing are none to an automation."""

SOME_ENTRIES: dict[str, tuple[str, dict[str, Any]]] = {
    "opv.captured_first": ("opv.captured", {"event.returning": False}),
    "opv.captured_again": ("opv.captured", {"event.returning": True}),
    "opv.contacted": ("contact.added", {"event.first": True}),
    "visit.scheduled": ("contact.added", {"event.contact": "visit", "event.scheduled": True}),
    "visit.done": (
        "contact.added",
        {"event.contact": "visit", "event.scheduled": {"exists": False}, "event.missed": {"exists": False}},
    ),
    "visit.missed": ("contact.added", {"event.contact": "visit", "event.missed": True}),
}
"""Of the event names that stand for some entries of a kind: the kind, and what those entries say."""


class InStage(Part):
    """When an OPV has been in the stage, without leaving it, for the duration; with `status`, in that status of it."""

    model_config = ConfigDict(populate_by_name=True)

    in_stage: Key
    status: Key | None = None
    for_: DurationText = Field(alias="for")


class Without(Part):
    """When nothing of the kind was on the OPV for the duration: a `contact` with the client, or any `activity` (what
    people do on it, and what its clients write). Once until there is one again, or the OPV is given to somebody."""

    model_config = ConfigDict(populate_by_name=True)

    without: Literal["contact", "activity"]
    for_: DurationText = Field(alias="for")


class Changed(Part):
    """When something of the OPV changes: `stage`, `status`, `team`, `manager`, `broker`, or one of the `fields`."""

    model_config = ConfigDict(populate_by_name=True)

    changed: Key
    from_: list[Text] | Text | None = Field(None, alias="from")
    to: list[Text] | Text | None = None


class Before(Part):
    """So long before a time of the OPV: `visit_at` (of the visit agreed on last), or a field that is a date."""

    before: Key
    by: DurationText


class After(Part):
    """So long after a time of the OPV: `created_at`, `assigned_at`, `first_contact_at`, `visit_at`, or a date field."""

    after: Key
    by: DurationText


class Schedule(Part):
    """By the clock, in the company's zone, for each open OPV for which `when` holds then."""

    cron: CronText
    """Minute, hour, day, month, weekday: `0 9 * * mon-fri`."""
    missed: Literal["skip", "last", "all"] = "last"
    """What is done about times that passed while nothing ran: nothing, the last one alone, or each."""
    limit: SpanText = "2 hours"
    """A run that takes longer ends where it is, and an alarm says so."""


class Webhook(Part):
    """When something is posted to a channel of the source `trigger` that says which OPV it means."""

    webhook: Key


class Called(Part):
    """Never by itself: when another automation does `run` with its key."""

    called: Literal[True]


TRIGGERS: dict[str, type[Part]] = {
    "in_stage": InStage,
    "without": Without,
    "changed": Changed,
    "before": Before,
    "after": After,
    "cron": Schedule,
    "webhook": Webhook,
    "called": Called,
}
"""Triggers that are no event's name, by the word that tells them apart."""


def _trigger_shape(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((f"@{name}" for name in TRIGGERS if name in value), None)
    return next((f"@{name}" for name, model in TRIGGERS.items() if isinstance(value, model)), "@event")


Trigger = Annotated[
    Annotated[EventName, Tag("@event")]
    | Annotated[InStage, Tag("@in_stage")]
    | Annotated[Without, Tag("@without")]
    | Annotated[Changed, Tag("@changed")]
    | Annotated[Before, Tag("@before")]
    | Annotated[After, Tag("@after")]
    | Annotated[Schedule, Tag("@cron")]
    | Annotated[Webhook, Tag("@webhook")]
    | Annotated[Called, Tag("@called")],
    Discriminator(_trigger_shape),
]
"""A trigger as the file writes it: an event's name, or `{in_stage: contacted, for: 3 business days}` and the like."""
