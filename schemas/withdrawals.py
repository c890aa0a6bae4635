"""Reasons of withdrawals as the API shows them."""

from __future__ import annotations

from pydantic import BaseModel

from schemas.page import Parameters


class ReasonFilters(Parameters):
    """`opv`: number or id of the OPV that is to be withdrawn."""

    opv: str | None = None


class SubReasonItem(BaseModel):
    """A reason within a reason."""

    key: str
    name: str


class ReasonItem(BaseModel):
    """A reason of the configuration. `stages`: those in which it may be given, all when empty. With `sub_reasons`, one
    of them must be named; with `needs_remarks`, a sentence be written."""

    key: str
    name: str
    needs_remarks: bool
    automatic: bool
    stages: list[str]
    sub_reasons: list[SubReasonItem]
