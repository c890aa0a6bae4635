"""A broker's whole portfolio given away, as when the broker leaves: chunk by chunk, each a unit of work. What was
moved is no longer found, so that running it again goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select, true

from db.bulk import any_of
from db.models import Availability, DistributionWork, Opportunity
from opv import history
from opv.access import Viewer, leads
from opv.actions import TRANSFER_RULE, Acting, require_broker, require_reason
from opv.batch import OPVS, Batch, Cause, Opv, opvs_by_id
from opv.conversion.parts import Part
from opv.distribution.assign import NOWHERE, OtherPart, assign, assign_part
from opv.distribution.waiting import WAITING, only_by, put_on_list, waiting_row
from opv.house import House
from opv.roster import Place, Roster
from schemas.errors import Reject

CHUNK = 200
"""OPVs of a unit of work."""

_OPEN = Opportunity.status == "open"


@dataclass(frozen=True, slots=True)
class Move:
    """Whose portfolio goes to whom (`to`: None for whoever the rules find), and why. `by`: the rule or queue that alone
    is to find them."""

    person: str
    to: str | None
    reason: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """How many OPVs a unit of work moved, and the steps to wake after the commit."""

    opvs: int
    woken: set[str]


def redistribute(at: Acting, content: dict[str, Any] | None = None, by: str | None = None) -> int:
    """Lets the rules (or `by`, a rule or queue, alone) find another broker for the OPV; it stays with the present one
    until then."""
    at.off_list = True  # of which it may be already, with another broker left out
    at.waiting[at.opv.id] = waiting_row(at.opv.id, at.batch.now, exclude=at.opv.broker, only=by)
    data = {"broker": at.opv.broker, **({"by": by} if by else {})}
    return at.batch.record(at.opv, history.REDISTRIBUTION_ASKED, at.cause, data, content)


def check(tx: Connection, house: House, viewer: Viewer, move: Move) -> None:
    """To be asked once, before any unit of work. Raises `Reject` as `left` does, and `unknown_person` when the
    configuration has no such person and none of its key serves an OPV."""
    _check(house, viewer, move)
    o, person = Opportunity, move.person
    ever = or_(o.broker == person, o.second_broker == person, o.presales_broker == person)
    if person not in house.roster.people and tx.execute(select(o.id).where(ever).limit(1)).first() is None:
        raise Reject("unknown_person", f"there is no person {person}, and none of this key serves an OPV", 404)


def left(tx: Connection, house: House, viewer: Viewer, move: Move) -> int:
    """How many open OPVs the person still serves, of those that the viewer may move.

    Raises `Reject`: `reason_missing`, `unknown_broker`, `unknown_rule`, `same_assignment`, `not_allowed`."""
    theirs = or_(*_parts(house, viewer, move).values())
    statement = select(func.count()).select_from(Opportunity).where(_OPEN, theirs)
    return tx.execute(statement).scalar_one()


def move_some(tx: Connection, house: House, viewer: Viewer, now: datetime, move: Move) -> Moved:
    """Moves the oldest of the person's open OPVs: sales, pre-sales, shared ones, each with the reason in its history.

    When `to` is None, sales go to whoever the rules find and stay with the person until then; pre-sales fall to the
    manager, sharing ends. A person of pre-sales is given pre-sales alone, the rest is left. Of one who has left, what
    it said of its availability is forgotten. Raises as `left` does."""
    parts = _parts(house, viewer, move)
    if move.to is not None and house.roster.has_role(move.to, "presales"):
        parts = {"presales": parts["presales"]}
    if not house.roster.is_active(move.person):
        tx.execute(delete(Availability).where(Availability.person == move.person))
    batch, cause = Batch(house, now), Cause(f"person:{viewer.person}")
    found = _locked(tx, parts, CHUNK)
    batch.opvs = {opv.id: opv for opv, _ in found}
    done = [Acting(tx, batch, opv, cause, viewer) for opv, _ in found]
    for at, (_, theirs) in zip(done, found, strict=True):
        for part in theirs:
            _move(at, part, move)
    batch.write(tx)
    off_list = [at.opv.id for at in done if at.off_list]
    if off_list:
        tx.execute(delete(DistributionWork).where(any_of(tx, DistributionWork.opportunity_id.expression, off_list)))
    put_on_list(tx, batch, {id_: row for at in done for id_, row in at.waiting.items()})
    return Moved(len(done), batch.woken)


def _parts(house: House, viewer: Viewer, move: Move) -> dict[Part, ColumnElement[bool]]:
    """What the person serves and the viewer may move: a condition on `opportunities` for each part. What waits for the
    rules to find another broker is moved already."""
    _check(house, viewer, move)
    o, w = Opportunity, DistributionWork
    left = or_(w.exclude == move.person, w.exclude.endswith(f",{move.person}", autoescape=True))
    by = true() if move.by is None else w.rule == only_by(move.by)
    waits = exists().where(w.opportunity_id == o.id, w.state == WAITING, left, by)
    parts: dict[Part, ColumnElement[bool]] = {
        "sales": and_(o.broker == move.person, ~waits) if move.to is None else o.broker == move.person,
        "second": o.second_broker == move.person,
        "presales": o.presales_broker == move.person,
    }
    if viewer.role == "manager" and not leads(viewer, house, None, move.person):
        own = {"sales": o.manager, "second": o.manager, "presales": o.presales_manager}
        parts = {part: and_(theirs, own[part] == viewer.person) for part, theirs in parts.items()}
    return parts


def _check(house: House, viewer: Viewer, move: Move) -> None:
    require_reason(move.reason)
    roster = house.roster
    if move.to is not None:
        require_broker(roster, move.to, "broker", "presales")
        if move.to == move.person:
            raise Reject("same_assignment", "the OPVs are already with them", 409)
    if move.by is not None and (move.to is not None or not _gives_sales(house, move.by)):
        raise Reject("unknown_rule", f"there is no rule or queue {move.by} that could find brokers", 422)
    led = viewer.role == "director" or not roster.places(move.person) or leads(viewer, house, None, move.person)
    to = move.to is None or leads(viewer, house, None, move.to)
    if viewer.role not in ("manager", "director") or not (led and to):
        raise Reject("not_allowed", "managers move OPVs among those they lead, directors among all, others not", 403)


def _gives_sales(house: House, by: str) -> bool:
    way = house.ways.get(by)
    return way is not None and bool(way.queues) and way.rule.part == "sales"


def _locked(
    tx: Connection, parts: Mapping[Part, ColumnElement[bool]], size: int
) -> Sequence[tuple[Opv, Sequence[Part]]]:
    """OPVs to move, locked in the order of their ids, their rows of the distribution list before them; each with its
    parts as they are once the locks are had."""
    o, w = Opportunity, DistributionWork
    candidates = select(o.id).where(_OPEN, or_(*parts.values())).order_by(o.id).limit(size)
    ids = list(tx.execute(candidates).scalars())
    if not ids:
        return ()
    listed = any_of(tx, w.opportunity_id.expression, ids)
    tx.execute(select(w.opportunity_id).where(listed).order_by(w.opportunity_id).with_for_update())
    opvs = opvs_by_id(OPVS.rows(tx, ids=ids))
    columns = [condition.label(part) for part, condition in parts.items()]
    rows = tx.execute(select(o.id, *columns).where(any_of(tx, o.id.expression, ids), _OPEN).order_by(o.id))
    theirs = {row.id: [part for part in parts if row._mapping[part]] for row in rows}
    return [(opvs[id_], held) for id_, held in theirs.items() if held]


def _move(at: Acting, part: Part, move: Move) -> None:
    opv, roster, content = at.opv, at.batch.house.roster, {"reason": move.reason}
    explanation = {"by": at.cause.actor, "previous": move.person, "portfolio": True}
    if part == "sales" and move.to is None:
        redistribute(at, content, move.by)
    elif part == "sales":
        at.off_list = True
        place = roster.place(str(move.to), [opv.team] if opv.team else ())
        assign(at.batch, opv, at.cause, place, move.to, rule=TRANSFER_RULE, explanation=explanation, content=content)
    else:
        to, place = _other(opv, roster, part, move.to)
        assign_part(
            at.batch, opv, at.cause, part, place, to, rule=TRANSFER_RULE, explanation=explanation, content=content
        )


def _other(opv: Opv, roster: Roster, part: OtherPart, to: str | None) -> tuple[str | None, Place]:
    """Who takes over pre-sales or the sharing: the person, or the manager and nobody; nobody shares with itself."""
    if part == "presales":
        place = Place(opv.presales_team, opv.presales_manager) if to is None else roster.place(to)
        return to, place
    if to is None or to == opv.broker:
        return None, NOWHERE
    return to, roster.place(to)
