"""Triggers that other systems pull: the OPV that each means, and the history entry that automations listen to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, or_, select

from db.bulk import any_of
from db.models import Opportunity
from db.queries.contacts import clients_of
from db.queries.opvs import GREATEST_NUMBER
from opv import history
from opv.batch import Batch, Cause
from opv.submissions import Submitted

_Named = tuple[UUID | None, int | None]


def find_triggered(tx: Connection, found: Iterable[Submitted]) -> dict[UUID, UUID]:
    """The OPVs that triggers mean, by submission; two statements when there is any: the one that is named, open or
    closed, else the newest open one of the client. What means none is parked, to be replayed or sent again."""
    triggers = [(one, one.trigger) for one in found if one.trigger is not None]
    if not triggers:
        return {}
    named = {one.id: _named(trigger.opv) for one, trigger in triggers if trigger.opv is not None}
    contacts = {one.id: _contacts(one) for one, trigger in triggers if trigger.opv is None}
    clients = clients_of(tx, {key for keys in contacts.values() for key in keys})
    meant = {id_: next((clients[key] for key in keys if key in clients), frozenset()) for id_, keys in contacts.items()}
    by_name, newest = _opvs(tx, list(named.values()), {client for group in meant.values() for client in group})
    opvs: dict[UUID, UUID] = {}
    for one, _ in triggers:
        opv = by_name.get(named[one.id]) if one.id in named else None
        if one.id in meant:
            if len(meant[one.id]) > 1:
                _park(one, "ambiguous_client", "several clients have what it names the client by")
                continue
            opv = next((newest[client] for client in meant[one.id] if client in newest), None)
        if opv is None:
            _park(one, "unknown_opv", "there is no such OPV, or no open one of such a client")
            continue
        opvs[one.id] = opv
    return opvs


def note_triggers(batch: Batch, triggers: Sequence[Submitted], opvs: Mapping[UUID, UUID]) -> None:
    """Notes the triggers in the order received."""
    for one in sorted(triggers, key=lambda one: (one.received_at, one.position)):
        channel = one.entrance.key if one.entrance else ""
        data = {"channel": channel, "delivery": str(one.delivery)}
        if one.trigger is not None and one.trigger.name is not None:
            data["name"] = one.trigger.name
        said = one.lead.extra if one.lead else {}
        batch.record(batch.opvs[opvs[one.id]], history.TRIGGERED, Cause(f"channel:{channel}"), data, said or None)


def _park(submission: Submitted, reason: str, detail: str) -> None:
    submission.park(reason, detail)
    submission.key = None  # the sender may send it again


def _named(opv: str) -> _Named:
    """An id or a number; neither, when it is none."""
    if opv.isascii() and opv.isdigit():
        return (None, int(opv)) if len(opv) < 20 and int(opv) <= GREATEST_NUMBER else (None, None)
    try:
        return UUID(opv), None
    except ValueError:
        return None, None


def _contacts(submission: Submitted) -> list[tuple[str, str]]:
    """What the client is named by, in the order in which it decides."""
    lead = submission.lead
    if lead is None:
        return []
    document = [("document", lead.document)] if lead.document else []
    return [*document, *(("phone", one) for one in lead.phones), *(("email", one) for one in lead.emails)]


def _opvs(
    tx: Connection, named: Sequence[_Named], clients: Iterable[UUID]
) -> tuple[dict[_Named | None, UUID], dict[UUID, UUID]]:
    """OPVs by name, and the newest open one by client."""
    o = Opportunity
    ids, numbers = ({one[place] for one in named if one[place] is not None} for place in (0, 1))
    of = set(clients)
    wanted = [any_of(tx, o.id.expression, ids)] if ids else []
    wanted += [any_of(tx, o.number.expression, numbers)] if numbers else []
    wanted += [any_of(tx, o.client_id.expression, of)] if of else []
    if not wanted:
        return {}, {}
    by_name: dict[_Named | None, UUID] = {}
    newest: dict[UUID, UUID] = {}
    for row in tx.execute(select(o.id, o.number, o.client_id, o.status).where(or_(*wanted)).order_by(o.number)):
        by_name[row.id, None] = by_name[None, row.number] = row.id
        if row.status == "open" and row.client_id in of:
            newest[row.client_id] = row.id
    return by_name, newest
