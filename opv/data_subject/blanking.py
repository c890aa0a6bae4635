"""Taking a person out of the rows of its OPVs. What stays: that there was a lead, where it came from and when, what the
house did; what goes is whatever a person said or could be told by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, or_, select, update

from db.bulk import any_of, update_rows
from db.models import Base
from db.session import AnyRow
from opv import history
from opv.answers.values import fields_of, stored
from opv.batch import Opv
from opv.data_subject.held import Held
from opv.data_subject.traces import Traces
from opv.house import House
from opv.tombstones import ERASED
from schemas.data_subject import Blanked

_T = Base.metadata.tables
_ENTRIES, _CONTENTS, _CARDS = _T["history_entries"], _T["history_contents"], _T["capture_origins"]
_DECISIONS, _RUNS, _MESSAGES = _T["decisions"], _T["automation_runs"], _T["outbound_messages"]
_ITEMS, _FILES, _SALES, _UNMAPPED = _T["pending_items"], _T["attachments"], _T["sale_processes"], _T["unmapped"]

_NOTHING = "{}"
"""Body of a message that was blanked."""

_KEPT_UTM = ("source", "medium", "campaign", "id")
_CARD_TEXTS = ("campaign", "medium", "origin", "listing", "transaction", "state")
"""Columns of a card that stay, unless a sender wrote the person into them."""


def blank_opvs(tx: Connection, held: Held, traces: Traces, now: datetime) -> Blanked:
    """Blanks what the person's OPVs hold of it. A fixed number of statements."""
    return Blanked(
        contents=_contents(tx, held, traces, now),
        cards=_cards(tx, held, traces),
        explanations=_explanations(tx, held, traces) + _reasons(tx, held, traces),
        messages=_messages(tx, held, traces),
        pending_items=_pending_items(tx, held, traces),
        attachments=_attachments(tx, held, now),
        sales=_sales(tx, held, traces),
        unmapped=_unmapped(tx, held, traces),
    )


def blank_fields(opvs: Iterable[Opv], held: Held, traces: Traces, house: House) -> int:
    """Empties fields, in memory: in the person's own OPVs its texts, and those of fields that the house has no more; in
    all whatever the person can be told by."""
    plain = {key for key, one in house.fields.items() if one.kind != "text"}
    emptied = 0
    for opv in opvs:
        values = fields_of(opv.fields)
        left = {
            key: value
            for key, value in values.items()
            if (key in plain or not isinstance(value, str) or opv.id not in held.own)
            and not traces.mentioned_in(str(value))
        }
        emptied += len(values) - len(left)
        opv.fields, opv.changed = stored(left), opv.changed or left != values
    return emptied


def files_of(tx: Connection, held: Held) -> list[UUID]:
    """Attachments of the person: those put to it, and those of its own OPVs that were put to nobody."""
    return list(tx.execute(select(_FILES.c.id).where(_personal_files(tx, held))).scalars())


def told_contents(tx: Connection, held: Held) -> list[str]:
    """Contents of the entries that tell what was held of the person."""
    kinds = (history.CLIENT_ADDED, history.CLIENT_CHANGED, history.CLIENTS_MERGED)
    rows = tx.execute(_with_contents(tx, held).where(_ENTRIES.c.kind.in_(kinds)))
    return [row.content for row in rows if not subjects(row.data).isdisjoint(map(str, held.ids))]


def subjects(data: str) -> set[str]:
    """Clients that a history entry is about, by the ids in its data."""
    read = json.loads(data)
    return {read[name] for name in ("client", "other") if isinstance(read.get(name), str)}


def _contents(tx: Connection, held: Held, traces: Traces, now: datetime) -> int:
    """In its own OPVs all contents but those about somebody else; in others those about the person. Wherever the
    person is mentioned, whomever it is about."""
    ids = set(map(str, held.ids))
    gone = []
    for row in tx.execute(_with_contents(tx, held)):
        about = subjects(row.data)
        foreign = about.isdisjoint(ids) if about else row.opportunity_id not in held.own
        if row.kind != history.PERSONAL_DATA_ERASED and (not foreign or traces.mentioned_in(row.content)):
            key = {"opportunity_id": row.opportunity_id, "seq": row.seq}
            gone.append({**key, "content": None, "salt": None, "erased_at": now})
    update_rows(tx, _CONTENTS, ("opportunity_id", "seq"), gone)
    return len(gone)


def _with_contents(tx: Connection, held: Held) -> Any:
    c, e = _CONTENTS.c, _ENTRIES.c
    return (
        select(c.opportunity_id, c.seq, e.kind, e.data, c.content)
        .join(_ENTRIES, and_(e.opportunity_id == c.opportunity_id, e.seq == c.seq))
        .where(any_of(tx, c.opportunity_id, held.opvs), c.content.is_not(None))
        .order_by(c.opportunity_id, c.seq)
    )


def _cards(tx: Connection, held: Held, traces: Traces) -> int:
    rows = []
    for card in held.cards:
        texts = {name: None if traces.found_in(getattr(card, name)) else getattr(card, name) for name in _CARD_TEXTS}
        details = history.text_of(_kept_details(json.loads(card.details), traces))
        row = {"id": card.id, "external_id": None, "city": None, "details": details, **texts}
        if any(getattr(card, name) != value for name, value in row.items()):
            rows.append(row)
    update_rows(tx, _CARDS, ("id",), rows)
    return len(rows)


def _kept_details(details: Mapping[str, Any], traces: Traces) -> dict[str, Any]:
    """Of what a lead said, that which tells of the advertisement and of the house: ids and names of the one, flags and
    the person who registered it of the other."""
    ad = {name: value for name, value in (details.get("ad") or {}).items() if name.endswith(("_id", "_name"))}
    utm = {name: value for name, value in (details.get("utm") or {}).items() if name in _KEPT_UTM}
    clean = {
        group: {name: value for name, value in traces.without(one).items() if isinstance(value, str)}
        for group, one in (("ad", ad), ("utm", utm))
    }
    shown = {group: one for group, one in clean.items() if one}
    own = {name: details[name] for name in ("flags", "by") if name in details}
    return {**shown, **own}


def _explanations(tx: Connection, held: Held, traces: Traces) -> int:
    """Why a rule did not match holds what the lead said."""

    def explained(row: AnyRow) -> str:
        explanation = json.loads(row.explanation)
        if row.opportunity_id in held.own and isinstance(explanation.get("rules"), list):
            rules = [{k: v for k, v in one.items() if k != "because"} for one in explanation["rules"]]
            explanation["rules"] = rules
        return history.text_of(traces.without(explanation))

    return _rewritten(tx, _DECISIONS, "explanation", held, explained)


def _reasons(tx: Connection, held: Held, traces: Traces) -> int:
    """The same of conditions of automations, and what their steps tell."""
    r = _RUNS.c
    own = (any_of(tx, r.opportunity_id, held.own), r.result.in_(("not_met", "ended")), r.because.is_not(None))
    said = tx.execute(update(_RUNS).where(*own).values(because=None)).rowcount
    steps = _rewritten(tx, _RUNS, "steps", held, lambda row: history.text_of(traces.without(json.loads(row.steps))))
    found = [row.id for row in _rows(tx, _RUNS, "because", held) if traces.found_in(row.because)]
    if found:
        tx.execute(update(_RUNS).where(any_of(tx, r.id, found)).values(because=None))
    return said + steps + len(found)


def _messages(tx: Connection, held: Held, traces: Traces) -> int:
    """Messages about its own OPVs, and those that name it. What was not sent is not sent any more."""
    names = ("body", "recipient", "reason")
    rows = []
    for row in _rows(tx, _MESSAGES, "state", held, *names):
        named = row.opportunity_id in held.own or any(traces.mentioned_in(getattr(row, name)) for name in names)
        if row.body == _NOTHING or not named:
            continue
        cut = {"state": "parked", "reason": ERASED}
        as_was = {"state": row.state, "reason": None if traces.found_in(row.reason) else row.reason}
        recipient = ERASED if traces.found_in(row.recipient) else row.recipient
        told = cut if row.state == "pending" else as_was
        rows.append({"id": row.id, "body": _NOTHING, "recipient": recipient, "due_at": None, "lease": None, **told})
    update_rows(tx, _MESSAGES, ("id",), rows)
    return len(rows)


def _pending_items(tx: Connection, held: Held, traces: Traces) -> int:
    found = [
        row.id
        for row in _rows(tx, _ITEMS, "title", held)
        if row.title is not None and (row.opportunity_id in held.own or traces.mentioned_in(row.title))
    ]
    if found:
        tx.execute(update(_ITEMS).where(any_of(tx, _ITEMS.c.id, found)).values(title=None))
    return len(found)


def _attachments(tx: Connection, held: Held, now: datetime) -> int:
    f = _FILES.c
    whole = and_(_personal_files(tx, held), f.erased_at.is_(None))
    return tx.execute(update(_FILES).where(whole).values(name=None, erased_at=now)).rowcount


def _personal_files(tx: Connection, held: Held) -> ColumnElement[bool]:
    f = _FILES.c
    to_nobody = and_(f.client_id.is_(None), any_of(tx, f.opportunity_id, held.own))
    return and_(any_of(tx, f.opportunity_id, held.opvs), or_(any_of(tx, f.client_id, held.ids), to_nobody))


def _sales(tx: Connection, held: Held, traces: Traces) -> int:
    """What the sales module said of a process may name the person. A process whose request was not sent yet has failed,
    since it is not sent any more."""
    s = _SALES.c
    asked = and_(any_of(tx, s.opportunity_id, held.own), s.state == "asked")
    tx.execute(update(_SALES).where(asked).values(state="failed", reason=ERASED))
    rows = [
        {"id": row.id, **{name: None if traces.found_in(getattr(row, name)) else getattr(row, name)
                          for name in ("status", "reason")}}
        for row in _rows(tx, _SALES, "status", held, "reason")
        if traces.found_in(row.status) or traces.found_in(row.reason)
    ]  # fmt: skip
    update_rows(tx, _SALES, ("id",), rows)
    return len(rows)


def _unmapped(tx: Connection, held: Held, traces: Traces) -> int:
    """Phones that stopped matching, and whatever a sender put where a campaign or development should be."""
    u = _UNMAPPED.c
    shared = and_(u.field == "shared_phone", any_of(tx, u.value, traces.phones))
    last = any_of(tx, u.last_capture_id, [card.id for card in held.cards])
    found = [
        row.id
        for row in tx.execute(select(u.id, u.field, u.value).where(or_(shared, last)))
        if row.field == "shared_phone" or traces.found_in(row.value)
    ]
    if found:
        tx.execute(delete(_UNMAPPED).where(any_of(tx, u.id, found)))
    return len(found)


def _rows(tx: Connection, table: Table, column: str, held: Held, *more: str) -> Sequence[AnyRow]:
    columns = (table.c[name] for name in ("id", "opportunity_id", column, *more))
    return tx.execute(select(*columns).where(any_of(tx, table.c.opportunity_id, held.opvs))).all()


def _rewritten(tx: Connection, table: Table, column: str, held: Held, write: Any) -> int:
    """Rewrites a column of JSON text of the person's OPVs where that changes it."""
    changed = [
        {"id": row.id, column: after}
        for row in _rows(tx, table, column, held)
        if (after := write(row)) != getattr(row, column)
    ]
    update_rows(tx, table, ("id",), changed)
    return len(changed)
