"""The two ends of an OPV."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from schemas.config.values import Key, Part, Text


class SubReason(Part):
    """A reason within a reason."""

    key: Key
    name: Text


class WithdrawalReason(Part):
    """Why a client gives up; with `needs_remarks`, the broker must write a sentence."""

    key: Key
    name: Text
    needs_remarks: bool = False
    sub_reasons: list[SubReason] = Field(default_factory=list)
    """With any, one of them must be named."""
    stages: list[Key] = Field(default_factory=list)
    """Stages in which it may be given; all, when none is named."""
    automatic: bool = False
    """The reason of withdrawals by automations that name none: one of the list at most."""


Seller = Literal["broker", "manager", "director"]

ClientField = Literal["rg", "profession", "income", "nationality"]


class WonSale(Part):
    """How a sale is won: `direct` closes the OPV as sold; `documentation` opens a process in the sales module, which
    says later what came of it."""

    mode: Literal["direct", "documentation"] = "direct"
    button: bool = True
    """`false`: nobody wins a sale by hand."""
    label: Text = "Venda ganha"
    who: list[Seller] = Field(default_factory=lambda: list(get_args(Seller)))
    target: Key | None = None
    """Of `documentation`: which of `targets`; the only one of the target `sales_module`, when there is one alone."""
    clients_need: list[ClientField] = Field(default_factory=list)
    """Of `documentation`: what buyers, partners and guarantors must have given besides what every sale needs."""
