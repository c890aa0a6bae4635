"""Stages told to the platforms that leads come from: queued with the history entry, put together when it is sent.

The row holds ids alone. Only of OPVs whose newest lead came through that platform; what a target's `stages` does not
name is not told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Connection, select

from db.ids import new_id
from db.models import Base, CaptureOrigin, Client, HistoryEntry, Opportunity
from db.statement import Statement
from opv import history
from opv.tombstones import ERASED
from schemas.config import Configuration
from schemas.errors import Park
from schemas.stage_news import KIND, LOST, PLATFORMS, WON, StageNews
from schemas.target import Answer, Message

if TYPE_CHECKING:
    from opv.batch import Batch
    from opv.house import House

_CARDS = Base.metadata.tables["capture_origins"]
_MESSAGES = Base.metadata.tables["outbound_messages"]

_SOURCES = Statement(
    lambda one_of: (
        select(_CARDS.c.opportunity_id, _CARDS.c.source)
        .where(one_of(_CARDS.c.opportunity_id, "opvs"))
        .order_by(_CARDS.c.opportunity_id, _CARDS.c.seq)
    )
)
"""Sources of the captures of `opvs`, in order."""

_SAYS: Mapping[str, str] = {history.CREATED: "stage", history.STAGE_CHANGED: "to", history.REOPENED: "stage"}
_ENDS: Mapping[str, str] = {history.WON: WON, history.WITHDRAWN: LOST}


@dataclass(frozen=True, slots=True)
class Listener:
    """A target that is told of stages: of leads of which `source`, and what it calls them."""

    target: str
    source: str
    holds: bool
    names: Mapping[str, str]


def listeners_of(configuration: Configuration) -> Sequence[Listener]:
    """Those of a configuration. Their names are there even while a secret of theirs is not set."""
    return [
        Listener(target.key, platform.source, platform.holds, target.options.get("stages") or {})
        for target in configuration.targets
        if (platform := PLATFORMS.get(target.target)) is not None
    ]


def standing(kind: str, data: Mapping[str, Any]) -> str | None:
    """Where an entry of that kind says that the OPV stands: a stage, `won` or `lost`; None when it says nothing."""
    return data.get(_SAYS[kind]) if kind in _SAYS else _ENDS.get(kind)


def queue_news(tx: Connection, batch: Batch) -> None:
    """Queues what the batch's entries tell platforms. One statement, none when nobody listens to them."""
    told = [
        (opv, seq, listener)
        for opv, seq, stands in batch.stands
        for listener in batch.house.stage_listeners
        if stands in listener.names
    ]
    if not told:
        return
    source = {row.opportunity_id: row.source for row in _SOURCES.rows(tx, opvs={opv.id for opv, _, _ in told})}
    source |= {card["opportunity_id"]: card["source"] for card in batch.rows["capture_origins"]}
    for opv, seq, listener in told:
        if source.get(opv.id) != listener.source:
            continue
        batch.rows["outbound_messages"].append(
            {
                "id": new_id(), "target": listener.target, "kind": KIND, "recipient": listener.target,
                "opportunity_id": opv.id, "idempotency_key": f"{listener.target}:{opv.id}:{seq}",
                "body": history.text_of({"opv": str(opv.id), "seq": seq}), "state": "pending", "reason": None,
                "created_at": batch.now, "sent_at": None, "due_at": batch.now,
            }
        )  # fmt: skip
        batch.woken.add("outbound")


def news_to_send(tx: Connection, message: Message, target: str, opv: UUID, house: House) -> Message | Answer:
    """The message with its body put together: `StageNews` as JSON; or the answer, when a newer one tells the platform
    all there is to tell.

    Raises `Park`: `erased`, `not_mapped`."""
    listener = next((one for one in house.stage_listeners if one.target == target), None)
    if listener is None:
        raise Park("not_mapped", "the target is told of no stages any more")
    seq = json.loads(message.body)["seq"]
    if listener.holds and _is_outdated(tx, target, opv, seq):
        return Answer()
    e, c, client = HistoryEntry, CaptureOrigin, Client
    entry = tx.execute(select(e.kind, e.data, e.at).where(e.opportunity_id == opv, e.seq == seq)).one()
    name = listener.names.get(standing(entry.kind, json.loads(entry.data)) or "")
    if name is None:
        raise Park("not_mapped", "`stages` of the target does not name it any more")
    external_id = tx.execute(
        select(c.external_id)
        .where(c.opportunity_id == opv, c.source == listener.source)
        .order_by(c.seq.desc())
        .limit(1)
    ).scalar()
    person = tx.execute(
        select(client.erased_at, client.emails, client.phones)
        .join(Opportunity, Opportunity.client_id == client.id)
        .where(Opportunity.id == opv)
    ).one()
    if person.erased_at is not None:
        raise Park(ERASED, "the data of its person were erased on request")
    news = StageNews(
        name=name, at=entry.at, external_id=external_id, emails=json.loads(person.emails),
        phones=json.loads(person.phones),
    )  # fmt: skip
    return replace(message, body=news.model_dump_json())


def _is_outdated(tx: Connection, target: str, opv: UUID, seq: int) -> bool:
    """Whether a later entry of the OPV is told to the target as well."""
    m = _MESSAGES.c
    bodies = tx.execute(select(m.body).where(m.opportunity_id == opv, m.target == target, m.kind == KIND)).scalars()
    return any(json.loads(body).get("seq", 0) > seq for body in bodies)
