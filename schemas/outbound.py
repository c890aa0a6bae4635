"""Messages that go out, and the targets that they go to, as the people who run the house look at them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from schemas.page import Paging, Parameters

MessageState = Literal["pending", "sent", "parked"]


class MessageFilters(Paging):
    """What a list of messages is narrowed to. `opv` is an id or a number."""

    state: MessageState | None = None
    target: str | None = None
    reason: str | None = None
    kind: str | None = None
    opv: str | None = None


class MessageReplay(Parameters):
    """Which parked messages to send again, the oldest first: by target, by reason, or both."""

    target: str | None = None
    reason: str | None = None
    limit: int = Field(1000, ge=1, le=1000)

    @model_validator(mode="after")
    def _narrowed(self) -> MessageReplay:
        if not (self.target or self.reason):
            raise ValueError("say which: target or reason")
        return self


class MessageReplayAnswer(BaseModel):
    """How many messages were put back; `more`: others that match can be as well; `left`: of those that match, how many
    stay parked, because sending them again makes no sense."""

    messages: int
    more: bool
    left: int


class MessageItem(BaseModel):
    """A message. `failures` counts its tries in vain; `replayed_by` put it back last. For operations what looks like a
    contact is masked."""

    id: UUID
    target: str
    kind: str
    recipient: str
    opv: UUID | None
    state: MessageState
    reason: str | None
    failures: int
    created_at: datetime
    due_at: datetime | None
    sent_at: datetime | None
    replayed_at: datetime | None
    replayed_by: str | None


class MessageDetail(MessageItem):
    """A message with its body as stored: JSON text that names what it is about, not the text that goes out.
    `no_replay`: why a replay does not send it again, null when it does."""

    idempotency_key: str
    body: str
    no_replay: str | None


class TargetItem(BaseModel):
    """A target of the configuration, by key; `target` is what it is. `failing`: its system did not answer the last
    time; `open`: so often in a row that nothing is tried before `open_until`. `pending` and `parked` count messages."""

    key: str
    target: str
    state: Literal["ok", "failing", "open"]
    failures: int
    opened_at: datetime | None
    open_until: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_failure: str | None
    pending: int
    parked: int
    oldest_pending_at: datetime | None
