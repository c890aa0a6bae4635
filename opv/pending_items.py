"""Pending items (pendências) of an OPV. Closed OPVs have them too: papers are brought after the sale."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select, update

from db.ids import new_id
from db.models import Base
from db.session import AnyRow
from db.statement import Statement
from opv import history
from opv.access import sees, viewer_of
from opv.actions import Acting
from schemas.errors import Reject

_ITEMS = Base.metadata.tables["pending_items"]

_ASKED = Statement(
    lambda one_of: select(_ITEMS.c.opportunity_id, _ITEMS.c.questionnaire).where(
        one_of(_ITEMS.c.opportunity_id, "opvs"), _ITEMS.c.state == "open", _ITEMS.c.questionnaire.is_not(None)
    )
)

_ENDS = {"done": history.PENDING_DONE, "cancelled": history.PENDING_CANCELLED}


def add_item(at: Acting, title: str, due_at: datetime, owner: str | None, *, questionnaire: str | None = None) -> UUID:
    """Adds an item for `owner`, by key, or for who acts; gives its id. `questionnaire`: the one to be filled in.

    Raises `Reject` (422): `empty_title`, `due_in_past`, `unknown_person`, `owner_not_linked`."""
    by = _actor(at)
    _check(at, title, due_at, owner or by)
    id_ = new_id()
    at.batch.rows["pending_items"].append(
        {
            "id": id_, "opportunity_id": at.opv.id, "title": title, "owner": owner or by, "due_at": due_at,
            "state": "open", "created_by": by, "created_at": at.batch.now,
            "questionnaire": questionnaire,
        }
    )  # fmt: skip
    _record(at, history.PENDING_ADDED, id_, title, due_at=history.stamp(due_at), owner=owner or by)
    return id_


def end_item(at: Acting, id_: UUID, state: Literal["done", "cancelled"]) -> UUID:
    """Ends an open item.

    Raises `Reject`: `unknown_item` (404), `item_ended` (409)."""
    row = _open(at, id_)
    _update(at, id_, state=state, ended_by=_actor(at), ended_at=at.batch.now)
    _record(at, _ENDS[state], id_, row.title, owner=row.owner)
    return id_


def change_item(
    at: Acting, id_: UUID, *, title: str | None = None, due_at: datetime | None = None, owner: str | None = None
) -> UUID:
    """Changes an open item; what is None stays.

    Raises `Reject`: `unknown_item` (404), `item_ended`, `nothing_changed` (409), and what `add_item` does."""
    row = _open(at, id_)
    title = None if title == row.title else title
    due_at = None if due_at == row.due_at else due_at
    owner = None if owner == row.owner else owner
    _check(at, title, due_at, owner)
    wanted = {"title": title, "due_at": due_at, "owner": owner}
    changed = {name: value for name, value in wanted.items() if value is not None}
    if not changed:
        raise Reject("nothing_changed", "the item is so already", 409)
    _update(at, id_, **changed)
    told = {**({"due_at": history.stamp(due_at)} if due_at else {}), **({"owner": owner} if owner else {})}
    _record(at, history.PENDING_CHANGED, id_, title or row.title, fields=[*changed], **told)
    return id_


def asked_of(at: Acting) -> set[str]:
    """Questionnaires that an open item asks to fill in. The first question loads them for all OPVs of the batch."""
    batch, id_ = at.batch, at.opv.id
    if id_ not in batch.asked:
        wanted = batch.opvs.keys() - batch.asked.keys()
        batch.asked.update({one: set() for one in wanted})
        for row in _ASKED.rows(at.tx, opvs=wanted):
            batch.asked[row.opportunity_id].add(row.questionnaire)
    return batch.asked[id_]


def _open(at: Acting, id_: UUID) -> AnyRow:
    """The item, which is not ended; the OPV's lock is its own."""
    statement = select(*_ITEMS.columns).where(_ITEMS.c.id == id_, _ITEMS.c.opportunity_id == at.opv.id)
    row = at.tx.execute(statement).one_or_none()
    if row is None:
        raise unknown_item()
    if row.state != "open":
        raise Reject("item_ended", f"the item is {row.state} already", 409)
    return row


def unknown_item() -> Reject:
    """There is no such item on the OPV."""
    return Reject("unknown_item", "the OPV has no such pending item", 404)


def _check(at: Acting, title: str | None, due_at: datetime | None, owner: str | None) -> None:
    if title is not None and not title.strip():
        raise Reject("empty_title", "an item says what is to be done", 422)
    if due_at is not None and due_at <= at.batch.now:
        raise Reject("due_in_past", "an item is due some time to come", 422)
    if owner is None:
        return
    house = at.batch.house
    viewer = viewer_of(owner, house)
    if viewer is None:
        raise Reject("unknown_person", f"there is no active person {owner}", 422)
    if not sees(viewer, house, at.opv):
        raise Reject("owner_not_linked", f"{owner} does not see this OPV", 422)


def _actor(at: Acting) -> str:
    return at.cause.actor if at.viewer is None else at.viewer.person


def _update(at: Acting, id_: UUID, **values: Any) -> None:
    at.tx.execute(update(_ITEMS).where(_ITEMS.c.id == id_).values(**values))


def _record(at: Acting, kind: str, id_: UUID, title: str | None, **data: Any) -> None:
    content = {"title": title} if title else None
    at.batch.record(at.opv, kind, at.cause, {"item": str(id_), **data}, content)
