"""Who read personal data of an OPV."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel


class ReadItem(BaseModel):
    """A person read one kind of thing (`what`: `list`, `opv`, `history`, …) on one day (UTC), so many times.
    `sealed_seq`: the entry of the OPV's history that holds it, once the day is over."""

    day: date
    person: str
    what: str
    first_at: datetime
    last_at: datetime
    times: int
    sealed_seq: int | None
