"""How people are told of OPVs that come to them."""

from __future__ import annotations

from pydantic import Field, model_validator

from schemas.config.values import Address, Key, Part, SpanText, Text


class Notices(Part):
    """Targets (keys of `targets`) through which a broker is told, at once."""

    assigned: list[Key] = Field(default_factory=list)
    """Of each OPV given to the broker."""
    offered: list[Key] = Field(default_factory=list)
    """Of each OPV that is there to be claimed: all who may."""
    returned: list[Key] = Field(default_factory=list)
    """Of each OPV that went back because the broker let it wait, and the manager of an OPV that nobody takes."""
    sla: list[Key] = Field(default_factory=list)
    """Of each OPV that is in a stage for longer than its `sla` says: who serves it, and the manager."""
    address: Address | None = None
    """Where this installation is reached from outside, for links: `https://leads.exemplo.com.br`."""
    secret: Text | None = None
    """What signs links: `${LINK_SECRET}`."""
    link_for: SpanText = "24 hours"
    """How long a link to accept an OPV works."""

    @model_validator(mode="after")
    def _links_are_signed(self) -> Notices:
        if self.address is not None and self.secret is None:
            raise ValueError("links are signed: write `secret: ${LINK_SECRET}` beside `address`")
        return self
