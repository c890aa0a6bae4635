"""How much a broker may have."""

from __future__ import annotations

from pydantic import Field

from schemas.config.values import Part


class Caps(Part):
    """How much a broker may have; who has that much is left out. Leads given count, whoever gave them, in the whole
    house: of the company's day, of its week from Monday on, and of 30 days."""

    open: int | None = Field(None, ge=1)
    """Open OPVs."""
    backlog: int | None = Field(None, ge=1)
    """Open OPVs of which the broker has not contacted the client yet."""
    day: int | None = Field(None, ge=1)
    week: int | None = Field(None, ge=1)
    days30: int | None = Field(None, ge=1)
