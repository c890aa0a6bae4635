"""What was sold, and the OPV that closes with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from opv import history
from opv.batch import Batch, Cause, Opv
from schemas.errors import Reject

MOST_CENTS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sale:
    """A unit sold on a day for so many centavos."""

    cents: int
    unit: str
    sold_on: date

    @classmethod
    def checked(cls, value: Decimal, unit: str, sold_on: date, today: date) -> Sale:
        """The sale as typed, `value` in reais. Raises `Reject`: `value_invalid`, `unit_missing`, `date_in_future`."""
        cents = int(value * 100) if value.is_finite() else 0
        if not 0 < cents <= MOST_CENTS or cents != value * 100:
            raise Reject("value_invalid", "the value is in reais, above zero, with two decimals at most", 422)
        if not unit.strip():
            raise Reject("unit_missing", "a sale names the unit sold", 422)
        if sold_on > today:
            raise Reject("date_in_future", f"the sale cannot be of {sold_on}, which is to come", 422)
        return cls(cents, unit, sold_on)

    @property
    def facts(self) -> dict[str, Any]:
        """As the history says it."""
        return {"value_cents": self.cents, "unit": self.unit, "date": self.sold_on.isoformat()}


def close_as_won(batch: Batch, opv: Opv, cause: Cause, sale: Sale, **data: Any) -> int:
    """Closes the OPV as sold; gives the entry's `seq`."""
    opv.status = "won"
    seq = batch.record(opv, history.WON, cause, {**sale.facts, "stage": opv.stage, **data})
    batch.rows["won_sales"].append(
        {"value_cents": sale.cents, "unit": sale.unit, "sold_on": sale.sold_on, "opportunity_id": opv.id, "seq": seq,
         "at": batch.now, "development": opv.development, **served_by(opv)}
    )  # fmt: skip
    return seq


def served_by(opv: Opv) -> dict[str, str | None]:
    """Who serves the OPV, as reports count by."""
    return {"team": opv.team, "manager": opv.manager, "broker": opv.broker}
