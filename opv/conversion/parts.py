"""Who serves an OPV, part by part: sales, pre-sales (pré-atendimento), the second broker it is shared with.

Who may: directors all. Managers give what they are over (`opv.access.over`) to those they lead; in pre-sales it is
enough to be over that part. A broker shares its own OPV with another broker of one of its managers, and ends that. A
manager ends, too, a sharing with one of its own brokers.
"""

from __future__ import annotations

from typing import Any, Literal

from opv.access import Viewer, leads, over
from opv.actions import TRANSFER_RULE, Acting, place_named, require_broker, require_reason, transfer
from opv.batch import Opv
from opv.distribution.assign import NOWHERE, OtherPart, assign_part
from opv.house import House
from opv.roster import Place
from schemas.errors import Reject

Part = Literal["sales", "presales", "second"]


def give(
    at: Acting,
    part: Part,
    reason: str,
    *,
    broker: str | None = None,
    team: str | None = None,
    manager: str | None = None,
) -> int:
    """Gives a part of the OPV to somebody else; gives the history entry's `seq`. `second` is a broker alone, nobody
    when it is None.

    Raises `Reject`: `opv_closed`, `reason_missing`, `not_allowed`, `same_assignment`, and what names nobody."""
    if part == "sales":
        return transfer(at, reason, broker=broker, team=team, manager=manager)
    if part == "presales":
        return give_presales(at, reason, broker=broker, team=team, manager=manager)
    if team or manager:
        raise Reject("second_is_a_broker", "an OPV is shared with a broker: name no team and no manager", 422)
    return share(at, reason, broker)


def give_presales(
    at: Acting, reason: str, *, broker: str | None = None, team: str | None = None, manager: str | None = None
) -> int:
    """Gives pre-sales to a person of pre-sales or a broker, or to a team's manager when none is named."""
    at.require_open()
    require_reason(reason)
    house, opv, viewer = at.batch.house, at.opv, at.viewer
    place = place_named(house.roster, broker, team, manager, "broker", "presales")
    if viewer is not None and not (_over_presales(viewer, house, opv) and leads(viewer, house, place.manager, broker)):
        raise Reject("not_allowed", "managers give pre-sales to those they lead, directors to all, others not", 403)
    if (opv.presales_broker, opv.presales_manager, opv.presales_team) == (broker, place.manager, place.team):
        raise Reject("same_assignment", "pre-sales is already with them", 409)
    return _put(at, "presales", place, broker, reason)


def share(at: Acting, reason: str, broker: str | None) -> int:
    """Shares the OPV with a second broker, in place of the one there is; with nobody when `broker` is None."""
    at.require_open()
    require_reason(reason)
    house, opv = at.batch.house, at.opv
    if broker is not None:
        require_broker(house.roster, broker)
    if at.viewer is not None and not _may_share(at.viewer, house, opv, broker):
        raise Reject(
            "not_allowed", "a broker shares its own OPV with those of its manager, managers with those they lead", 403
        )
    if broker is None and opv.second_broker is None:
        raise Reject("not_shared", "the OPV is shared with nobody", 409)
    if broker is not None and opv.broker is None:
        raise Reject("no_broker", "the OPV has no broker yet who could share it", 409)
    if broker is not None and broker in (opv.broker, opv.second_broker):
        raise Reject("same_assignment", "the OPV is already with them", 409)
    return _put(at, "second", NOWHERE if broker is None else house.roster.place(broker), broker, reason)


def _put(at: Acting, part: OtherPart, place: Place, broker: str | None, reason: str) -> int:
    previous = at.opv.presales_broker if part == "presales" else at.opv.second_broker
    explanation: dict[str, Any] = {"by": at.cause.actor, "previous": previous}
    return assign_part(
        at.batch, at.opv, at.cause, part, place, broker,
        rule=TRANSFER_RULE, explanation=explanation, content={"reason": reason},
    )  # fmt: skip


def _over_presales(viewer: Viewer, house: House, opv: Opv) -> bool:
    return over(viewer, house, opv) or leads(viewer, house, opv.presales_manager, opv.presales_broker)


def _may_share(viewer: Viewer, house: House, opv: Opv, broker: str | None) -> bool:
    own = viewer.role == "broker" and viewer.person == opv.broker
    if broker is None:
        return own or over(viewer, house, opv) or leads(viewer, house, None, opv.second_broker)
    if own:
        return house.roster.are_led_together(viewer.person, broker)
    return over(viewer, house, opv) and leads(viewer, house, None, broker)
