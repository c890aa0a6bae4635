"""The button of the won sale: whether it is there, who may press it, and where it leads."""

from __future__ import annotations

from opv.access import Viewer
from opv.house import House
from schemas.errors import Reject
from schemas.target import ConfiguredTarget

SLUG = "sales_module"
"""Target of documentation."""


def check_button(house: House, viewer: Viewer | None) -> None:
    """Raises `Reject`: `won_sale_off`, `not_allowed`. What happens by itself (no viewer) presses no button."""
    won_sale = house.configuration.won_sale
    if viewer is None:
        return
    if not won_sale.button:
        raise Reject("won_sale_off", "won sales are not informed here: the configuration has the button off", 409)
    if viewer.role not in won_sale.who:
        raise Reject("not_allowed", f"a sale is won by: {', '.join(won_sale.who) or 'nobody'}", 403)


def sales_module(house: House) -> ConfiguredTarget:
    """The target that takes sales: the one named, else the only one. Raises `Reject` `no_sales_module`."""
    named = house.configuration.won_sale.target
    fitting = [one for one in house.targets.values() if one.slug == SLUG and named in (None, one.key)]
    if len(fitting) != 1:
        raise Reject("no_sales_module", "the configuration names no sales module that takes the sale", 409)
    return fitting[0]
