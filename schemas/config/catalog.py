"""What is sold, and the campaigns, media and origins that leads come from."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import ConfigDict, Field, model_validator

from schemas.config.values import Key, Part, Text


class Development(Part):
    """What is sold."""

    key: Key
    name: Text
    aliases: list[Text] = Field(default_factory=list)
    """Other names that senders use; case and accents do not matter."""
    listings: list[Text] = Field(default_factory=list)
    """Listing codes (portal feed) that belong to it."""
    listing_brokers: dict[Text, Key] = Field(default_factory=dict)
    """Who captured a listing (captador, angariador): its code, and the broker's key."""
    teams: list[Key] = Field(default_factory=list)
    """Teams that sell it: those of a queue that names none."""
    funnel: Key | None = None
    """The way of its OPVs, when it is not `funnel`."""
    city: Text | None = None
    state: Text | None = None


class MediaCost(Part):
    """What was paid for it in a time, both days included; for the cost of a lead."""

    model_config = ConfigDict(populate_by_name=True)

    from_: date = Field(alias="from")
    until: date
    value: Decimal = Field(ge=0, max_digits=12, decimal_places=2)
    """In reais."""

    @model_validator(mode="after")
    def _in_order(self) -> MediaCost:
        if self.until < self.from_:
            raise ValueError(f"it ends on {self.until}, before it begins: write a later `until`")
        return self


class Named(Part):
    """A campaign, medium or origin that the house knows, by whichever of its names a sender uses."""

    key: Key
    name: Text
    aliases: list[Text] = Field(default_factory=list)
    """Other names that senders use; case and accents do not matter."""
    costs: list[MediaCost] = Field(default_factory=list)
    """What it cost, time by time."""
