"""What a person of the house is told, as it goes out: put together when it is sent, and not stored."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

KIND = "notice"
"""Kind of the message of which a notice is the body."""


class Notice(BaseModel):
    """`kind` is the occurrence (`opv.assigned`); `person`, `development` are keys, `phone` is E.164; `subject` (one
    line) and `text` (plain) are in Portuguese; `url` is the signed link to the OPV, whose number is `opv`; `at` is when
    it happened."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    person: str
    name: str
    email: str | None = None
    phone: str | None = None
    subject: str
    text: str
    url: str | None = None
    opv: int
    opv_id: UUID
    development: str | None = None
    at: AwareDatetime
