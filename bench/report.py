"""The table of figures."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One row: ours and its limit in `unit`, their ratio, and the ratio to reach (`at_most`: not to pass)."""

    what: str
    unit: str
    ours: float
    limit: float | None
    ratio: float
    target: float
    at_most: bool = False
    note: str = ""

    @property
    def reached(self) -> bool:
        """Whether the figure is where DESIGN wants it."""
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target


def show(figures: list[Figure]) -> None:
    """Prints the table."""
    table = Table(title="Porteiro: speed, each figure beside its limit in the same run")
    for column in ("what", "ours", "limit", "ratio", "to reach", ""):
        table.add_column(column, justify="left" if column in ("what", "") else "right")
    for one in figures:
        sign = "≤" if one.at_most else "≥"
        table.add_row(
            one.what + (f"\n  {one.note}" if one.note else ""),
            f"{one.ours:,.2f} {one.unit}",
            "" if one.limit is None else f"{one.limit:,.2f} {one.unit}",
            f"{one.ratio:.2f}",
            f"{sign} {one.target}",
            "reached" if one.reached else "[bold]not reached[/bold]",
        )
    Console(width=130).print(table)


def typical(values: list[float]) -> float:
    """The median."""
    return median(values)
