"""Whether people take leads: what they said of themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, model_validator

from schemas.opv_actions import Body, Word
from schemas.page import Since

Said = Literal["available", "paused"]


class AvailabilityBody(Body):
    """What is said: `available`, checked in at a `stand` when one is named, or `paused`; until a time when one is
    named, at a stand to the end of the duty."""

    state: Said
    stand: Word | None = None
    until: Since | None = None

    @model_validator(mode="after")
    def _stands_are_for_those_present(self) -> AvailabilityBody:
        if self.stand is not None and self.state == "paused":
            raise ValueError("who pauses is at no stand: leave out `stand`")
        return self


class AvailabilityItem(BaseModel):
    """What a person said last, as far as it holds; without a `state`, nothing. `by`: who said it."""

    person: str
    state: Said | None = None
    stand: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    by: str | None = None
