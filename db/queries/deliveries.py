"""Reads of deliveries and their submissions; a page costs a fixed number of statements."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, case, exists, select

from db.bulk import any_of
from db.models import CaptureOrigin, ChannelRow, Delivery, DeliveryOutcome, Outcome, Submission
from db.queries.paging import ids_since, newest_first
from schemas.operations import DeliveryDetail, DeliveryFilters, DeliveryItem, SubmissionItem
from schemas.page import Page

_LISTED = (
    Delivery.id, Delivery.received_at, Delivery.outcome, Delivery.sha256, Delivery.replays, Delivery.accepted_at,
    Delivery.erased_at,
    ChannelRow.key.label("channel"), ChannelRow.source,
)  # fmt: skip

_SHOWN = (
    "id", "external_id", "key", "state", "outcome", "reason", "detail", "repeat_of", "attempts", "failures", "due_at",
)  # fmt: skip


def page(tx: Connection, filters: DeliveryFilters) -> Page[DeliveryItem]:
    """The newest deliveries that match."""
    statement = _deliveries(*_LISTED).where(*_conditions(filters))
    rows, next_ = newest_first(tx, statement, Delivery.id.expression, filters)
    submissions = _submissions(tx, [row.id for row in rows])
    return Page(items=[DeliveryItem(**_item(row, submissions.get(row.id, []))) for row in rows], next=next_)


def one(tx: Connection, delivery_id: UUID) -> DeliveryItem | None:
    """The delivery without its request."""
    row = tx.execute(_deliveries(*_LISTED).where(Delivery.id == delivery_id)).first()
    return None if row is None else DeliveryItem(**_item(row, _submissions(tx, [row.id]).get(row.id, [])))


def detail(tx: Connection, delivery_id: UUID) -> DeliveryDetail | None:
    """The delivery with its request as stored."""
    statement = _deliveries(*_LISTED, Delivery.url, Delivery.headers, Delivery.body)
    row = tx.execute(statement.where(Delivery.id == delivery_id)).first()
    if row is None:
        return None
    return DeliveryDetail(
        **_item(row, _submissions(tx, [row.id]).get(row.id, [])),
        url=row.url.decode("utf-8", "replace"),
        headers=stored_headers(row.headers),
        body=row.body.decode("utf-8", "replace"),
        body_base64=base64.b64encode(row.body).decode(),
    )


def ids(tx: Connection, filters: DeliveryFilters, most: int) -> list[UUID]:
    """Ids of the newest deliveries that match and can be read anew, neither pending nor erased, at most `most`."""
    statement = select(Delivery.id).join(ChannelRow, ChannelRow.id == Delivery.channel).where(*_conditions(filters))
    statement = statement.where(Delivery.outcome != DeliveryOutcome.PENDING, Delivery.erased_at.is_(None))
    return list(tx.execute(statement.order_by(Delivery.id.desc()).limit(most)).scalars())


def stored_headers(raw: bytes) -> dict[str, str]:
    """Headers as stored, Latin-1, lower-case names; the values of a repeated name joined (RFC 9110 §5.3)."""
    found: dict[str, str] = {}
    for line in raw.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        if name:
            found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
    return found


def raw_request(tx: Connection, delivery_id: UUID) -> tuple[bytes, bytes, bytes] | None:
    """URL, header lines and body as stored."""
    row = tx.execute(select(Delivery.url, Delivery.headers, Delivery.body).where(Delivery.id == delivery_id)).first()
    return None if row is None else (row.url, row.headers, row.body)


def _deliveries(*columns: Any) -> Select[*tuple[Any, ...]]:
    return select(*columns).join(ChannelRow, ChannelRow.id == Delivery.channel)


def _conditions(filters: DeliveryFilters) -> Iterator[ColumnElement[bool]]:
    if filters.outcome is not None:
        yield Delivery.outcome == DeliveryOutcome[filters.outcome.upper()].value
    if filters.channel is not None:
        yield ChannelRow.key == filters.channel
    if filters.since is not None:
        yield Delivery.id >= ids_since(filters.since)
        yield Delivery.received_at >= filters.since
    if filters.reason is not None:
        decides = Submission.outcome == case({one.value: one.outcome.value for one in DeliveryOutcome},
                                             value=Delivery.outcome)  # fmt: skip
        yield exists().where(Submission.delivery_id == Delivery.id, Submission.reason == filters.reason, decides)


def _submissions(tx: Connection, deliveries: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """Submissions by delivery in the order sent, with the OPV of each: two statements."""
    if not deliveries:
        return {}
    columns = [getattr(Submission, name) for name in _SHOWN]
    statement = (
        select(Submission.delivery_id, *columns)
        .where(any_of(tx, Submission.delivery_id.expression, deliveries))
        .order_by(Submission.delivery_id, Submission.position)
    )
    rows = tx.execute(statement).all()
    captured = {row.repeat_of if row.outcome == Outcome.REPEATED else row.id for row in rows} - {None}
    opvs = _opvs(tx, captured)
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        item = {name: row._mapping[name] for name in _SHOWN}
        item["opv"] = opvs.get(row.repeat_of if row.outcome == Outcome.REPEATED else row.id)
        found.setdefault(row.delivery_id, []).append(item)
    return found


def _opvs(tx: Connection, submissions: Iterable[UUID | None]) -> dict[UUID | None, UUID]:
    statement = select(CaptureOrigin.submission_id, CaptureOrigin.opportunity_id)
    condition = any_of(tx, CaptureOrigin.submission_id.expression, submissions)
    talks = select(Submission.id, Submission.opportunity_id).where(
        any_of(tx, Submission.id.expression, submissions), Submission.opportunity_id.is_not(None)
    )
    return {row[0]: row[1] for row in tx.execute(statement.where(condition).union_all(talks))}


def _item(row: Row[*tuple[Any, ...]], submissions: list[dict[str, Any]]) -> dict[str, Any]:
    outcome = DeliveryOutcome(row.outcome).outcome.value
    deciding = [one for one in submissions if one["outcome"] == outcome]
    # One of several may say why: a lead that failed once beside others that were not tried.
    decides = next((one for one in deciding if one["reason"]), None)
    return {
        "id": row.id,
        "channel": row.channel,
        "source": row.source,
        "received_at": row.received_at,
        "outcome": outcome,
        "reason": decides and decides["reason"],
        "detail": decides and decides["detail"],
        "sha256": row.sha256.hex(),
        "replays": row.replays,
        "accepted_at": row.accepted_at,
        "erased_at": row.erased_at,
        "submissions": [SubmissionItem(**one) for one in submissions],
    }
