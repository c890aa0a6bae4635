"""Reads of requests for OPVs, with the words of question and answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, or_, select
from sqlalchemy.orm import aliased

from db.models import HistoryContent, Opportunity, TransferRequest
from db.queries.opvs import read_json
from db.queries.paging import newest_first
from db.session import AnyRow
from schemas.conversion import RequestFilters

_ASKED, _ANSWERED = aliased(HistoryContent), aliased(HistoryContent)


def page(
    tx: Connection,
    mine: ColumnElement[bool],
    over: ColumnElement[bool],
    seen: ColumnElement[bool],
    filters: RequestFilters,
) -> tuple[Sequence[AnyRow], str | None]:
    """The newest requests that are `mine` (a condition on requests) or about OPVs that the viewer is `over`. Each row
    has the request's columns, the OPV's `number`, `over`, `seen`, and the JSON texts `asked` and `answered`."""
    statement = _rows(over, seen).where(or_(mine, over))
    if filters.state is not None:
        statement = statement.where(TransferRequest.state == filters.state)
    return newest_first(tx, statement, TransferRequest.id.expression, filters)


def one(tx: Connection, over: ColumnElement[bool], seen: ColumnElement[bool], id_: UUID) -> AnyRow | None:
    """The request as a row of `page`."""
    return tx.execute(_rows(over, seen).where(TransferRequest.id == id_)).one_or_none()


def words(tx: Connection, opv: UUID, seq: int) -> dict[str, Any]:
    """The content of a history entry; empty when it was erased."""
    c = HistoryContent
    text = tx.execute(select(c.content).where(c.opportunity_id == opv, c.seq == seq)).scalar()
    return read_content(text)


def read_content(text: str | None) -> dict[str, Any]:
    """A stored content; empty when there is none."""
    found = read_json(text) if text else {}
    return found if isinstance(found, dict) else {}


def _rows(over: ColumnElement[bool], seen: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    r = TransferRequest

    def content_of(alias: Any, seq: Any) -> Any:
        return (alias.opportunity_id == r.opportunity_id) & (alias.seq == seq)

    return (
        select(
            *r.__table__.columns,
            Opportunity.number,
            over.label("over"),
            seen.label("seen"),
            _ASKED.content.label("asked"),
            _ANSWERED.content.label("answered"),
        )
        .join(Opportunity, Opportunity.id == r.opportunity_id)
        .outerjoin(_ASKED, content_of(_ASKED, r.seq))
        .outerjoin(_ANSWERED, content_of(_ANSWERED, r.answer_seq))
    )
