"""How clients are written to."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from schemas.config.values import Part


def _time_of_day(value: str) -> str:
    try:
        if len(value) == len("20:00") and time.fromisoformat(value):
            return value
    except ValueError:
        pass
    raise ValueError(f'`{value}` is no time of day: write it as `"20:00"`')


TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]
"""As `20:00`."""


class QuietHours(Part):
    """When no client is written to, in the company's zone."""

    model_config = ConfigDict(populate_by_name=True)

    from_: TimeOfDay = Field("20:00", alias="from")
    to: TimeOfDay = "08:00"
    """Earlier than `from`: of the next day."""
    days_off: bool = False
    """`true`: on Sundays, holidays and the company's days off neither, the whole day."""

    @model_validator(mode="after")
    def _ends(self) -> QuietHours:
        if self.from_ == self.to:
            raise ValueError("quiet hours end at another time than they begin")
        return self


class Messages(Part):
    """What holds for every `message` of an automation."""

    quiet_hours: QuietHours | None = None
    """A message that falls into them goes out when they end."""
