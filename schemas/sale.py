"""Won sales: what the sales module is sent, and what people see of the way to a sale (docs/sales-module.md)."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from schemas.client import ClientDetails, Kind, Missing, Role

REFUSED = "process_refused"
"""Reason of a process that the module will not open: nothing came of it there."""


class SoldOpv(BaseModel):
    """The OPV that the sale is of."""

    id: UUID
    number: int
    funnel: str
    stage: str


class SoldDevelopment(BaseModel):
    """The development, by key, and its name while it is configured."""

    key: str
    name: str | None


class Seller(BaseModel):
    """Somebody who served the client, by key; the rest while the person is configured."""

    key: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    creci: str | None = None


class SoldTeam(BaseModel):
    """The team, by key, and its name while it is configured."""

    key: str
    name: str | None


class SaleClient(BaseModel):
    """A client who takes part. `document` is compact, `phones` are E.164, the first phone and e-mail the main ones;
    `spouse` is the id of another client. `main`: the OPV is this client's."""

    id: UUID
    role: Role
    main: bool
    kind: Kind
    name: str | None
    document: str | None
    phones: list[str]
    emails: list[str]
    spouse: UUID | None
    details: ClientDetails


class SaleRequest(BaseModel):
    """The body of `POST {api_url}/processes`. `reference` is our own id of the process; `value` is in reais, with two
    decimals, as text."""

    reference: UUID
    opv: SoldOpv
    value: str
    unit: str
    date: dt.date
    development: SoldDevelopment | None
    team: SoldTeam | None
    manager: Seller | None
    broker: Seller | None
    second_broker: Seller | None
    asked_by: Seller
    clients: list[SaleClient]


class SaleProcessView(BaseModel):
    """A process in the sales module. `state`: `asked` (the module has not answered yet), `open`, `failed` (for
    `reason`), `won`, `lost`; `status` is the module's own word. `value` is in reais. `tries` that got no answer, and
    `next_try_at`, are of one that is asked for."""

    id: UUID
    state: Literal["asked", "open", "failed", "won", "lost"]
    process_id: str | None
    status: str | None
    status_at: datetime | None
    reason: str | None
    value: float
    unit: str
    date: dt.date
    asked_by: str
    asked_at: datetime
    tries: int = 0
    next_try_at: datetime | None = None


class WonSaleView(BaseModel):
    """The button of the won sale for one OPV. `may`: whether the caller could press it now; `reason` is why not.
    `process` is the newest one; `missing` is what the clients lack for documentation."""

    button: bool
    label: str
    mode: Literal["direct", "documentation"]
    may: bool
    reason: str | None = None
    process: SaleProcessView | None = None
    missing: list[Missing] = Field(default_factory=list)
