"""What is there to be claimed, as the API and the commands show it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel


class OfferItem(BaseModel):
    """An OPV that the caller may claim: offered to the queue's brokers until `until`, or in the queue's pool. Whose
    lead it is, and where it comes from, is hidden until it is claimed; `city` is the newest card's."""

    id: UUID
    number: int
    kind: Literal["offered", "pool"]
    queue: str
    development: str | None
    city: str | None
    since: datetime
    until: datetime | None
