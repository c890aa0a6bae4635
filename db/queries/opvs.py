"""Reads of OPVs. `seen` is the condition of `opv.access.visible`; a page costs a fixed number of statements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, case, exists, false, func, or_, select

from db.bulk import any_of
from db.models import (
    CaptureOrigin,
    Client,
    DistributionWork,
    HistoryContent,
    HistoryEntry,
    InvolvedClient,
    Opportunity,
)
from db.queries.paging import cut, decode, encode, newest_first
from schemas.opv import Capture, HistoryFilters, HistoryItem, Opv, OpvClient, OpvFilters, ToAccept, WaitsForBroker
from schemas.page import Page

WAITING = "waiting"
"""Reason of an OPV whose distribution was not tried yet."""
ACCEPTING = "accepting"
"""State of a row of the list whose broker is to accept the OPV until it is due."""

GREATEST_NUMBER = 2**31 - 1

_PLAIN = ("funnel", "stage", "stage_status", "status", "team", "manager", "broker", "development", "number")
_CARD = (
    "source", "channel", "external_id", "received_at", "submitted_at", "campaign", "medium", "origin", "development",
    "listing", "transaction", "city", "state",
)  # fmt: skip


def read_json(text: str) -> Any:
    """Stored JSON; a NaN, which no JSON answer can hold, becomes null."""
    return json.loads(text, parse_constant=lambda _: None)


def undistributed() -> ColumnElement[bool]:
    """Condition on `distribution_work` joined with its OPV: there is no broker, or a search for one has failed. (One
    that its broker is yet to accept is none.)"""
    return or_(Opportunity.broker.is_(None), DistributionWork.reason.is_not(None))


def accepting() -> ColumnElement[bool]:
    """Condition on `distribution_work`: the broker is yet to accept the OPV."""
    return DistributionWork.state == ACCEPTING


def page(tx: Connection, seen: ColumnElement[bool], filters: OpvFilters) -> Page[Opv]:
    """The newest OPVs that match."""
    statement = _opvs(seen).where(*_conditions(filters))
    rows, next_ = newest_first(tx, statement, Opportunity.id.expression, filters)
    return Page(items=_complete(tx, rows), next=next_)


def one(tx: Connection, seen: ColumnElement[bool], ident: str) -> Opv | None:
    """The OPV by id or number, None when there is none that the viewer sees."""
    condition = identified(ident)
    if condition is None:
        return None
    rows = tx.execute(_opvs(seen).where(condition)).all()
    return next(iter(_complete(tx, rows)), None)


def open_by_stage(tx: Connection, seen: ColumnElement[bool]) -> dict[str, int]:
    """How many open OPVs the viewer sees in each stage that has one."""
    counted = select(Opportunity.stage, func.count().label("open")).where(seen, Opportunity.status == "open")
    return {row.stage: row.open for row in tx.execute(counted.group_by(Opportunity.stage))}


def find(tx: Connection, seen: ColumnElement[bool], ident: str) -> UUID | None:
    """The id of the OPV with this id or number, None when there is none that the viewer sees."""
    condition = identified(ident)
    if condition is None:
        return None
    return tx.execute(select(Opportunity.id).where(seen, condition)).scalar()


def identified(ident: str) -> ColumnElement[bool] | None:
    """Condition for an id or a number as text; None when it is neither."""
    if ident.isascii() and ident.isdecimal() and len(ident) <= 10:
        return Opportunity.number == int(ident) if int(ident) <= GREATEST_NUMBER else None
    try:
        return Opportunity.id == UUID(ident)
    except ValueError:
        return None


def history(
    tx: Connection, opv: UUID, filters: HistoryFilters, where: ColumnElement[bool] | None = None
) -> Page[HistoryItem]:
    """Facts of the OPV that match, in order, content included; with `where`, those of the entries that it holds for."""
    same = (HistoryContent.opportunity_id == HistoryEntry.opportunity_id) & (HistoryContent.seq == HistoryEntry.seq)
    statement = (
        select(HistoryEntry, HistoryContent.content, HistoryContent.erased_at)
        .outerjoin(HistoryContent, same)
        .where(HistoryEntry.opportunity_id == opv, *_of_history(filters))
        .order_by(HistoryEntry.seq)
        .limit(filters.limit + 1)
    )
    if where is not None:
        statement = statement.where(where)
    if filters.cursor is not None:
        after = min(decode(filters.cursor, int)[0], GREATEST_NUMBER)
        statement = statement.where(HistoryEntry.seq > max(after, 0))
    rows, next_ = cut(list(tx.execute(statement)), filters, lambda row: encode(row.seq))
    return Page(items=[fact_of(row) for row in rows], next=next_)


def _opvs(seen: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    waits = DistributionWork
    to_accept = case((accepting(), waits.broker)).label("to_accept")
    listed = (waits.reason, waits.since, to_accept, waits.due_at.label("until"))
    return (
        select(Opportunity, *listed, waits.opportunity_id.is_not(None) & undistributed())
        .outerjoin(waits, waits.opportunity_id == Opportunity.id)
        .where(seen)
    )


def _conditions(filters: OpvFilters) -> Iterator[ColumnElement[bool]]:
    for name in _PLAIN:
        value = getattr(filters, name)
        if value is not None:
            yield getattr(Opportunity, name) == value
    if filters.created_since is not None:
        yield Opportunity.created_at >= filters.created_since
    if filters.undistributed is not None:
        waits = DistributionWork.opportunity_id.is_not(None) & undistributed()
        yield waits if filters.undistributed else ~waits
    if filters.tag is not None:
        yield Opportunity.tags.expression.contains(f'"{filters.tag}"', autoescape=True)
    if filters.accepting is not None:
        asked = func.coalesce(accepting(), false())
        yield asked if filters.accepting else ~asked
    for column, value in ((CaptureOrigin.source, filters.source), (CaptureOrigin.channel, filters.channel)):
        if value is not None:
            yield exists().where(CaptureOrigin.opportunity_id == Opportunity.id, column == value)


def _of_history(filters: HistoryFilters) -> Iterator[ColumnElement[bool]]:
    one = HistoryEntry
    if filters.kind:
        yield or_(*(
            func.substr(one.kind, 1, len(kind)) == kind if kind.endswith(".") else one.kind == kind
            for kind in filters.kind
        ))  # fmt: skip
    if filters.person is not None:
        yield one.actor.in_((filters.person, f"person:{filters.person}"))
    if filters.since is not None:
        yield one.at >= filters.since
    if filters.until is not None:
        yield one.at < filters.until


def _complete(tx: Connection, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Opv]:
    """OPVs with clients and captures: two statements more, however many rows."""
    ids = [row.id for row in rows]
    if not ids:
        return []
    clients, captures = _clients(tx, ids), _captures(tx, ids)
    return [_opv(row, clients.get(row.id, []), captures.get(row.id, [])) for row in rows]


def _opv(row: Row[*tuple[Any, ...]], clients: list[tuple[UUID, OpvClient]], captures: list[Capture]) -> Opv:
    waits = WaitsForBroker(reason=row.reason or WAITING, since=row.since) if row[-1] else None
    acceptance = ToAccept(broker=row.to_accept, until=row.until) if row.to_accept and row.until else None
    kept = {"tags": read_json(row.tags or "[]"), "fields": read_json(row.fields or "{}")}
    return Opv(
        **{name: value for name, value in row._mapping.items() if name in Opv.model_fields} | kept,
        clients=[client for _, client in sorted(clients, key=lambda pair: pair[0] != row.client_id)],
        captures=captures,
        undistributed=waits,
        acceptance=acceptance,
    )


def _clients(tx: Connection, opvs: Iterable[UUID]) -> dict[UUID, list[tuple[UUID, OpvClient]]]:
    statement = (
        select(Client, InvolvedClient.opportunity_id, InvolvedClient.role)
        .join(InvolvedClient, InvolvedClient.client_id == Client.id)
        .where(any_of(tx, InvolvedClient.opportunity_id.expression, opvs))
        .order_by(Client.id)
    )
    found: dict[UUID, list[tuple[UUID, OpvClient]]] = {}
    for row in tx.execute(statement):
        client = OpvClient(
            id=row.id, kind=row.kind, name=row.name, document=row.document, role=row.role,
            phones=read_json(row.phones), emails=read_json(row.emails),
        )  # fmt: skip
        found.setdefault(row.opportunity_id, []).append((row.id, client))
    return found


def _captures(tx: Connection, opvs: Iterable[UUID]) -> dict[UUID, list[Capture]]:
    statement = (
        select(CaptureOrigin)
        .where(any_of(tx, CaptureOrigin.opportunity_id.expression, opvs))
        .order_by(CaptureOrigin.opportunity_id, CaptureOrigin.seq.desc())
    )
    found: dict[UUID, list[Row[*tuple[Any, ...]]]] = {}
    for row in tx.execute(statement):
        found.setdefault(row.opportunity_id, []).append(row)
    return {opv: [capture_of(row, rows) for row in rows] for opv, rows in found.items()}


def capture_of(row: Row[*tuple[Any, ...]], newest_first: Sequence[Row[*tuple[Any, ...]]]) -> Capture:
    """A capture card out of its row, one of those of its OPV."""
    card = {name: row._mapping[name] for name in _CARD}
    details = {name: value for name, value in read_json(row.details).items() if value is not None}
    return Capture(
        **details,
        broker_named=details.get("broker"),
        **card,
        first_touch=row is newest_first[-1],
        last_touch=row is newest_first[0],
        delivery=row.delivery_id,
        submission=row.submission_id,
        returning=row.is_returning,
        price=None if row.price_cents is None else row.price_cents / 100,
    )


def fact_of(row: Row[*tuple[Any, ...]]) -> HistoryItem:
    """A fact out of an entry's row with `content` and `erased_at` of its content."""
    data = read_json(row.data)
    spread = data if isinstance(data, dict) else {}
    fixed = {
        "seq": row.seq,
        "at": row.at,
        "kind": row.kind,
        "actor": row.actor,
        "data": spread,
        "content": read_json(row.content) if row.content is not None else None,
        "content_erased_at": row.erased_at,
        "hash": row.hash.hex(),
    }
    return HistoryItem(**{**spread, **fixed})
