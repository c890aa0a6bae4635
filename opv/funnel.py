"""The funnel's rules: whether an OPV may go from the stage it is in to another one. Plain Python on what is in memory;
people and automations are held to the same rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Protocol

from opv.access import may_move
from opv.answers.questionnaires import lacks
from opv.answers.values import fields_of
from opv.clients.completeness import missing
from opv.clients.involved import Involved
from opv.house import House
from schemas.client import Missing
from schemas.config import Funnel, Questionnaire, Requirement, Stage
from schemas.errors import Reject

OF_CLIENTS: frozenset[str] = frozenset({"name", "phone", "email", "document", "clients_complete"})
"""Requirements that are seen from the OPV's clients."""

UNLOCKING = ("manager", "director")
"""Roles that move an OPV out of a locked stage. Automations do not: a lock is there so that somebody looks first."""


class Placed(Protocol):
    """An OPV as the rules see it."""

    @property
    def funnel(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def development(self) -> str | None: ...
    @property
    def broker(self) -> str | None: ...
    @property
    def first_contact_at(self) -> datetime | None: ...
    @property
    def fields(self) -> str | Mapping[str, str | int | float | bool] | None: ...


@dataclass(frozen=True, slots=True)
class Held:
    """What an OPV has besides its own row: its clients, the main one first, and how many items are pending."""

    people: Sequence[Involved] = ()
    pending: int = 0


def check_move(house: House, opv: Placed, stage: str, role: str | None, held: Callable[[], Held]) -> None:
    """Refuses a move to `stage`, one of the house's, by a person of the `role` (None: an automation). `held` is
    asked for only when a stage requires something. Going back is free of `no_skip` and of what the stage that is left
    requires, not of what the other one does.

    Raises `Reject`: `stage_locked`, `stage_not_yours` (403), `stage_inactive`, `other_funnel`, `stage_not_allowed`,
    `stage_skipped`, `stage_requires` (409)."""
    _check_way(house, opv, stage, role)
    for what, requires in _asked(house, opv, stage):
        _require(house, opv, what, requires, held)


def own_funnel(house: House, opv: Placed) -> Funnel | None:
    """The funnel that the OPV is in: its stage's, while there is such a stage; None when that is gone too."""
    return house.funnel_of.get(opv.stage) or house.funnels.get(opv.funnel)


def check_mover(stage: Stage, role: str | None) -> None:
    """Raises `Reject` (`stage_not_yours`, 403) when the role does not move OPVs into the stage and out of it."""
    if role is not None and not may_move(role, stage):
        raise Reject("stage_not_yours", f"{role} is no role that moves an OPV into or out of {stage.key}", 403)


def possible_moves(
    house: House, opv: Placed, role: str, held: Callable[[], Held]
) -> Iterator[tuple[Stage, Sequence[str]]]:
    """Stages that a person of the role is offered to move the OPV to, each with what the OPV lacks for it."""
    for key, stage in house.stages.items():
        if key == opv.stage or stage.hidden:
            continue
        try:
            _check_way(house, opv, key, role)
        except Reject:
            continue
        asked = dict.fromkeys(one for _, requires in _asked(house, opv, key) for one in requires)
        yield stage, _lacks(house, opv, list(asked), held)


def _check_way(house: House, opv: Placed, stage: str, role: str | None) -> None:
    """Whether the role takes the OPV that way at all, whatever the stages require of it."""
    origin, to = house.stages.get(opv.stage), house.stages[stage]
    if origin is not None and origin.locked and role not in UNLOCKING:
        raise Reject("stage_locked", f"{opv.stage} is locked: managers and directors move an OPV out of it", 403)
    for one in (origin, to):
        if one is not None:
            check_mover(one, role)
    if not to.active:
        raise Reject("stage_inactive", f"{stage} is not in use any more: no OPV is moved into it", 409)
    allowed = origin.allow if origin is not None else ()
    funnel, other = own_funnel(house, opv), house.funnel_of[stage]
    if funnel is not None and funnel is not other and stage not in allowed:
        raise Reject(
            "other_funnel", f"{stage} is a stage of the funnel {other.key}, where {opv.stage} does not lead", 409
        )
    if allowed and stage not in allowed:
        raise Reject("stage_not_allowed", f"from {opv.stage} an OPV goes to {' or '.join(allowed)}", 409)
    if origin is not None and other.no_skip:
        between = _between(house, opv.stage, stage)
        if between:
            raise Reject("stage_skipped", f"no stage is skipped: {' and '.join(between)} comes before {stage}", 409)


def _asked(house: House, opv: Placed, stage: str) -> Iterator[tuple[str, Sequence[Requirement]]]:
    """What a move requires, and what for: the stage that is left, unless it is left for one before it, and the
    other."""
    origin, order = house.stages.get(opv.stage), house.stage_order
    if origin is not None:
        same = house.funnel_of[opv.stage] is house.funnel_of[stage]
        if not same or order[stage] > order[opv.stage]:
            yield f"leaving {opv.stage}", origin.leave_requires
    yield stage, house.stages[stage].requires


def _require(house: House, opv: Placed, what: str, requires: Sequence[Requirement], held: Callable[[], Held]) -> None:
    lacks = _lacks(house, opv, requires, held)
    if lacks:
        raise Reject("stage_requires", f"{what} requires {', '.join(lacks)}", 409)


def _lacks(house: House, opv: Placed, requires: Sequence[Requirement], held: Callable[[], Held]) -> Sequence[str]:
    if not requires:
        return ()
    return lacking(
        requires, opv, held(), lambda people: missing(people, _wanted(house)), questionnaires=house.questionnaires
    )


def lacking(
    requires: Sequence[Requirement],
    opv: Placed,
    held: Held,
    missing_of: Callable[[Sequence[Involved]], Sequence[Missing]] = missing,
    *,
    questionnaires: Mapping[str, Questionnaire] = MappingProxyType({}),
) -> list[str]:
    """What of the requirements the OPV lacks, in words and without anybody's name, in the order required."""
    main = next((one for one in held.people if one.main), None)
    words: dict[str, Callable[[], str]] = {
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
    own = partial(_unanswered, opv, questionnaires)
    return [said for one in requires if (said := words[one]() if one in words else own(one))]


def _unanswered(opv: Placed, questionnaires: Mapping[str, Questionnaire], named: str) -> str:
    """As `the questionnaire profile (budget, rooms)`, or `the field budget`."""
    what, _, key = named.partition(":")
    values = opv.fields if isinstance(opv.fields, Mapping) else fields_of(opv.fields)
    if what == "field":
        return "" if key in values else f"the field {key}"
    open_ = lacks(questionnaires[key], values)
    return f"the questionnaire {key} ({', '.join(open_)})" if open_ else ""


def _between(house: House, origin: str, stage: str) -> list[str]:
    """Stages in between that an OPV can take; into another funnel there are none."""
    funnel, order = house.funnel_of[stage], house.stage_order
    if house.funnel_of[origin] is not funnel:
        return []
    return [one.key for one in funnel.stages if one.active and order[origin] < order[one.key] < order[stage]]


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
