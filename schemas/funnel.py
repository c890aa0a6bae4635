"""The funnels as the API and the commands show them."""

from __future__ import annotations

from pydantic import BaseModel

from schemas.config import Expiry, Sla, Stage


class ShownStatus(BaseModel):
    """A status within a stage."""

    key: str
    name: str
    active: bool


class ShownStage(BaseModel):
    """A stage with its rules, as configured. `offered`: whether the viewer's role moves OPVs into it, and screens offer
    that; `open`: how many open OPVs the viewer sees in it."""

    key: str
    name: str
    kind: str
    color: str | None
    hidden: bool
    active: bool
    locked: bool
    requires: list[str]
    leave_requires: list[str]
    allow: list[str]
    see: list[str]
    move: list[str]
    statuses: list[ShownStatus]
    sla: Sla | None
    expiry: Expiry | None
    offered: bool
    open: int

    @classmethod
    def of(cls, stage: Stage, *, offered: bool, open_opvs: int) -> ShownStage:
        """The stage as configured."""
        return cls(**stage.model_dump(), offered=offered, open=open_opvs)


class ShownFunnel(BaseModel):
    """A funnel with its stages in order. `developments`: those that name it; all other OPVs begin in the first one."""

    key: str
    name: str
    no_skip: bool
    developments: list[str]
    stages: list[ShownStage]


class PossibleMove(BaseModel):
    """A stage that the viewer may move the OPV to, once the OPV has what it `lacks`."""

    stage: str
    name: str
    lacks: list[str]
