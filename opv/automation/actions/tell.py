"""Actions that tell somebody: people of the house, the client, another system."""

from __future__ import annotations

from db.ids import new_id
from opv import history
from opv.automation.actions.doing import Doing, Done, skipped
from schemas.config import Notify, NotifyOptions


def notify(action: Notify, at: Doing) -> Done:
    """Tells people of the house."""
    opv, batch = at.opv, at.batch
    named = action.notify
    options = named if isinstance(named, NotifyOptions) else NotifyOptions(to=named)
    names = [options.to] if isinstance(options.to, str) else options.to
    people = dict.fromkeys(person for name in names for person in _recipients(name, at))
    if not people:
        return skipped("nobody_to_tell", f"the OPV has no {' or '.join(names)}")
    for person in people:
        batch.rows["outbound_messages"].append(
            {
                "id": new_id(), "target": "log", "kind": "notice", "recipient": person, "opportunity_id": opv.id,
                "idempotency_key": at.key(person),
                "body": history.text_of({"opv": opv.number, "automation": at.occurrence.automation}),
                "state": "pending", "reason": None, "created_at": batch.now, "sent_at": None,
                "due_at": batch.now,
            }
        )  # fmt: skip
        data = {"to": person, "automation": at.occurrence.automation}
        batch.record(opv, history.NOTICE_QUEUED, at.cause, data)
    batch.woken.add("outbound")
    return {"result": "done", "to": list(people)}


def _recipients(who: str, at: Doing) -> list[str]:
    roster = at.batch.house.roster
    if who == "directors":
        return [p.key for p in roster.people.values() if p.role == "director" and p.active]
    person = {"broker": at.opv.broker, "manager": at.opv.manager}.get(who, who)
    return [person] if person and roster.is_active(person) else []
