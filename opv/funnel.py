"""The funnel's rules: whether an OPV may go from the stage it is in to another one. Plain Python on what is in memory;
people and automations are held to the same rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from opv.clients.completeness import missing
from opv.clients.involved import Involved
from opv.house import House
from schemas.client import Missing
from schemas.config import Requirement
from schemas.errors import Reject

OF_CLIENTS: frozenset[Requirement] = frozenset({"name", "phone", "email", "document", "clients_complete"})
"""Requirements that are seen from the OPV's clients."""

UNLOCKING = ("manager", "director")
"""Roles that move an OPV out of a locked stage. Automations do not: a lock is there so that somebody looks first."""


class Placed(Protocol):
    """An OPV as the rules see it."""

    @property
    def stage(self) -> str: ...
    @property
    def development(self) -> str | None: ...
    @property
    def broker(self) -> str | None: ...
    @property
    def first_contact_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Held:
    """What an OPV has besides its own row: its clients, the main one first, and how many items are pending."""

    people: Sequence[Involved] = ()
    pending: int = 0


def check_move(house: House, opv: Placed, stage: str, role: str | None, held: Callable[[], Held]) -> None:
    """Refuses a move to `stage`, one of the funnel's, by a person of the `role` (None: an automation). `held` is
    asked for only when the stage requires something. Going back is free of `no_skip`, not of what a stage requires.

    Raises `Reject`: `stage_locked` (403), `stage_skipped`, `stage_requires` (409)."""
    stages = house.stages
    origin = stages.get(opv.stage)
    if origin is not None and origin.locked and role not in UNLOCKING:
        raise Reject("stage_locked", f"{opv.stage} is locked: managers and directors move an OPV out of it", 403)
    if house.configuration.funnel.no_skip and origin is not None:
        between = _between(house.stage_order, opv.stage, stage)
        if between:
            raise Reject("stage_skipped", f"no stage is skipped: {' and '.join(between)} comes before {stage}", 409)
    requires = stages[stage].requires
    if requires:
        lacks = lacking(requires, opv, held(), missing_of=lambda people: missing(people, _wanted(house)))
        if lacks:
            raise Reject("stage_requires", f"{stage} requires {', '.join(lacks)}", 409)


def lacking(
    requires: Sequence[Requirement],
    opv: Placed,
    held: Held,
    missing_of: Callable[[Sequence[Involved]], Sequence[Missing]] = missing,
) -> list[str]:
    """What of the requirements the OPV lacks, in words and without anybody's name, in the order required."""
    main = next((one for one in held.people if one.main), None)
    words: dict[Requirement, Callable[[], str]] = {
        "name": lambda: "" if main and main.name else "the client's name",
        "phone": lambda: "" if main and main.phones else "a phone of the client",
        "email": lambda: "" if main and main.emails else "an e-mail of the client",
        "document": lambda: "" if main and main.document else "the client's CPF or CNPJ",
        "development": lambda: "" if opv.development else "a development",
        "broker": lambda: "" if opv.broker else "a broker",
        "first_contact": lambda: "" if opv.first_contact_at else "a first contact with the client",
        "clients_complete": lambda: _incomplete(held.people, missing_of(held.people)),
        "nothing_pending": lambda: f"nothing pending ({held.pending} open)" if held.pending else "",
    }
    return [said for one in requires if (said := words[one]())]


def _between(order: Mapping[str, int], origin: str, stage: str) -> list[str]:
    return [key for key, place in order.items() if order[origin] < place < order[stage]]


def _wanted(house: House) -> Sequence[str]:
    return house.configuration.won_sale.clients_need


def _incomplete(people: Sequence[Involved], found: Sequence[Missing]) -> str:
    """As `complete clients (buyer: document, address; spouse: name)`."""
    if not found:
        return ""
    roles: dict[object, str] = {one.id: one.role for one in people}
    by_client: dict[object, list[str]] = {}
    for one in found:
        by_client.setdefault(one.client, []).append(one.what.replace("_", " "))
    told = [
        f"{roles[client]}: {', '.join(what)}" if client in roles else ", ".join(what)
        for client, what in by_client.items()
    ]
    return f"complete clients ({'; '.join(told)})"
