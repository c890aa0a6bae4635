"""The way of an OPV: stages, and what a known person's new lead becomes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from schemas.config.distribution import Terms
from schemas.config.values import Color, DurationText, Key, Part, Text

_Word = Literal[
    "name",
    "phone",
    "email",
    "document",
    "development",
    "broker",
    "first_contact",
    "clients_complete",
    "nothing_pending",
]
_Named = Annotated[str, Field(pattern=r"^(field|questionnaire):[a-z0-9_-]+$")]

Requirement = Annotated[
    Annotated[_Word, Tag("@word")] | Annotated[_Named, Tag("@named")],
    Discriminator(lambda value: "@named" if ":" in str(value) else "@word"),
]
"""A word, or what of the house's own must be answered: `field:KEY`, `questionnaire:KEY`."""


class Expiry(Terms):
    """An OPV that stays in the stage so long returns, as one that its broker does not accept."""

    after: DurationText


class Sla(Part):
    """How long an OPV is expected to stay in the stage at most."""

    warn: DurationText
    """After so long in it, who serves the OPV and the manager are told (`notices.sla`), once a stay; business time is
    the company's."""


Role = Literal["presales", "broker", "manager"]
"""Whom a stage may be kept from; directors see and move all OPVs."""


class StageStatus(Part):
    """Where an OPV stands within a stage (situação)."""

    key: Key
    name: Text
    active: bool = True
    """Off: no OPV is given it any more."""


class Stage(Part):
    """A step of the funnel, in the order of the file."""

    key: Key
    name: Text
    kind: Literal["presales", "sales"] = "sales"
    """In a `presales` stage the pre-sales operator of an OPV sees it and acts on it."""
    requires: list[Requirement] = Field(default_factory=list)
    """What an OPV must have before it is moved into it; of the main client: name, phone, e-mail, document."""
    leave_requires: list[Requirement] = Field(default_factory=list)
    """What an OPV must have before it is moved on from it; back it goes without."""
    allow: list[Key] = Field(default_factory=list)
    """Stages that an OPV may be moved to from here; all, when none is named."""
    see: list[Role] = Field(default_factory=list)
    """Roles that see OPVs in it, of who is linked to them; all, when none is named."""
    move: list[Role] = Field(default_factory=list)
    """Roles that may move an OPV into it or out of it; all, when none is named. Automations may."""
    color: Color | None = None
    """On screens and charts."""
    hidden: bool = False
    """Not offered to people as a stage to move to; automations and imports use it."""
    active: bool = True
    """Off: no OPV enters it any more, those that are in it stay until they are moved on."""
    locked: bool = False
    """Only managers and directors move an OPV out of it; automations do not."""
    statuses: list[StageStatus] = Field(default_factory=list)
    """An OPV that enters the stage has the first of them that is active."""
    expiry: Expiry | None = None
    sla: Sla | None = None

    @property
    def first_status(self) -> str | None:
        """The status that an OPV has when it enters."""
        return next((one.key for one in self.statuses if one.active), None)


class Funnel(Part):
    """The way of an OPV; it begins in the first stage."""

    key: Key = "sales"
    name: Text = "Vendas"
    no_skip: bool = False
    """Going forward, an OPV takes every stage; going back is free."""
    stages: list[Stage] = Field(min_length=1)
    moved: dict[Key, Key] = Field(default_factory=dict)
    """Where the open OPVs of stages go that the file has no more: the old stage, and one of the file."""


class Returning(Part):
    """What a known person's new lead becomes."""

    scope: Literal["house", "development"] = "house"
    """Where an OPV of the person is looked for: in the whole house or in the lead's development."""
    open: Literal["card", "new"] = "card"
    """With an open OPV: a new card on it, or a new OPV."""
    closed: Literal["reopen", "new"] = "new"
    """With closed ones alone: reopen the newest, or a new OPV."""
    keep_broker_days: int = Field(180, ge=0, le=36500)
    """How long after an OPV's last assignment its broker keeps the client."""


class Registration(Part):
    """OPVs registered by hand."""

    served: Literal["refuse", "request"] = "refuse"
    """With a client whom another broker serves: refuse, or ask for the OPV in a request that a manager answers."""
