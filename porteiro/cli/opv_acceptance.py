"""Commands of brokers about OPVs that they are to accept, and those that are there to be claimed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from porteiro.cli.in_name import As, Ident, do, named, read
from porteiro.cli.screen import AsJson, Limit, Opened, opened, show_json, show_table
from schemas.offers import OfferItem
from schemas.opv_actions import AcceptanceBody
from schemas.page import Paging

if TYPE_CHECKING:
    from collections.abc import Callable

    from opv.actions import Acting

_OFFERS = ("OPV", "Situação", "Fila", "Empreendimento", "Cidade", "Desde", "Até")
_KINDS = {"offered": "oferecida", "pool": "bolsão"}


def register_of_opv(group: typer.Typer) -> None:
    """Adds the commands to `porteiro opv`."""
    group.command("accept")(accept)
    group.command("refuse")(refuse)


def register(app: typer.Typer) -> None:
    """Adds `porteiro offers`."""
    group = typer.Typer(no_args_is_help=True, help="OPVs that are there to be claimed: list, claim.")
    group.command("list")(list_offers)
    group.command("claim")(claim)
    app.add_typer(group, name="offers")


def accept(ident: Ident, by: As, as_json: AsJson = False) -> None:
    """Accepts an OPV that the person was given to accept in time."""
    from opv.distribution.acceptance import accept as accept_opv

    _answer(by, ident, accept_opv, as_json)


def refuse(
    ident: Ident,
    by: As,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    as_json: AsJson = False,
) -> None:
    """Refuses an OPV that the person was given to accept: it returns at once."""
    from opv.distribution.acceptance import refuse as refuse_opv

    body = read(AcceptanceBody, accept=False, reason=reason)
    _answer(by, ident, partial(refuse_opv, reason=body.reason), as_json)


def list_offers(by: As, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Shows what the person may claim now; whose leads they are is hidden until then."""
    from opv.distribution.offers import offers

    with opened() as at:
        house, viewer = named(at.program, at.tx, by)
        page = offers(at.tx, house, viewer, at.program.clock(), Paging(limit=limit))
    if as_json:
        show_json(page)
    else:
        show_table("Ofertas", _OFFERS, [_line(item, at) for item in page.items])


def claim(ident: Ident, by: As, as_json: AsJson = False) -> None:
    """Claims an OPV: the first who does gets it."""
    from opv.distribution.claims import claim as claim_opv

    do(by, lambda tx, house, viewer, now: claim_opv(tx, house, viewer, now, ident), as_json)


def _answer(by: str, ident: str, deed: Callable[[Acting], object], as_json: bool) -> None:
    from opv.by_people import act

    do(by, lambda tx, house, viewer, now: act(tx, house, viewer, now, ident, deed, accepts=False), as_json)


def _line(item: OfferItem, at: Opened) -> list[str]:
    until = at.moment(item.until)
    kind = _KINDS.get(item.kind, item.kind)
    return [str(item.number), kind, item.queue, item.development or "", item.city or "", at.moment(item.since), until]
