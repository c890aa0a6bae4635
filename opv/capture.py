"""From leads to OPVs: the capture card, the client's OPV or a new one, and what did not resolve."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db.bulk import add_new, update_rows
from db.ids import new_id
from db.models import Base
from db.queries.unmapped import count_unmapped
from opv import history
from opv.actions import Acting
from opv.batch import OPVS_BESIDES, OPVS_OF_CLIENTS, Batch, Cause, Opv, opvs_by_id
from opv.catalog import REGISTRIES
from opv.distribution.assign import assign, assign_part
from opv.distribution.waiting import broker_before, first_part, put_on_list, waiting_row
from opv.late import LATE, clock_start
from opv.matching import Matched, Person, client_changes, client_row, match
from opv.normalize import NormalizedLead
from opv.submissions import Submitted

_TABLES = Base.metadata.tables

MANUAL = "manual"
"""Source of what a person typed; it has no channel."""

MANUAL_RULE = "manual"
"""Stands where a rule's key would: the OPV was registered for the broker."""


@dataclass(slots=True)
class Unresolved:
    """A value of a lead that nothing configured answers to."""

    field: str
    value: str
    channel: str
    capture: UUID | None


def capture(
    tx: Connection,
    batch: Batch,
    submissions: Sequence[Submitted],
    refuse: Callable[[Sequence[Opv]], None] | None = None,
    *,
    besides: Collection[UUID] = (),
    then: Callable[[], None] | None = None,
) -> list[Opv]:
    """Captures leads: finds or makes each one's client and OPV, adds the card, the history, the work to distribute.

    Every submission has a lead with a contact. Writes everything but the submissions and deliveries. `refuse`
    is shown the client's OPVs before anything is added, and may raise. `besides`: OPVs that are locked along with
    theirs, for what `then` does to the batch before it is written. Gives the OPVs of the cards."""
    if not submissions:
        return []
    made: list[Opv] = []
    leads = [_lead(one) for one in submissions]
    matched = match(tx, leads, batch.now)
    opvs_of = _load_opvs(tx, batch, matched.people, besides)
    unresolved: list[Unresolved] = []
    waiting: dict[UUID, dict[str, Any]] = {}
    captures: dict[UUID, UUID] = {}
    talks: list[tuple[Submitted, Opv]] = []
    for submission, lead, person in zip(submissions, leads, matched.people, strict=True):
        talk = _open_conversation(submission, lead, opvs_of[person.id])
        if talk is not None:
            _add_talk(batch, submission, lead, person, talk)
            talks.append((submission, talk))
            continue
        if refuse is not None:
            refuse(opvs_of[person.id])
        development, missing = _resolve(batch, lead)
        opv, returning = _opv_for(batch, person, opvs_of[person.id], development, waiting)
        capture_id = _add_card(batch, submission, lead, person, opv, development, returning)
        captures[submission.id] = capture_id
        made.append(opv)
        _give(batch, submission, opv, waiting)
        channel, _ = _entrance(submission)
        unresolved += [Unresolved(field, value, channel, capture_id) for field, value in missing]
    unresolved += _stopped(submissions, matched, captures)
    if then is not None:
        then()
    _write(tx, batch, submissions, matched, waiting, unresolved)
    linked = [{"id": submission.id, "opportunity_id": opv.id} for submission, opv in talks]
    update_rows(tx, _TABLES["submissions"], ("id",), linked)
    return made


def capture_onto(tx: Connection, submission: Submitted, now: datetime, locked: Callable[[], Acting]) -> Acting:
    """Captures one lead as a card of the very OPV that `locked` gives once the contact keys are had, and writes all
    that is done to it; the list to distribute is the caller's to settle."""
    lead = _lead(submission)
    matched = match(tx, [lead], now)
    at, (person,) = locked(), matched.people
    batch, opv = at.batch, at.opv
    development, missing = _resolve(batch, lead)
    card = _add_card(batch, submission, lead, person, opv, development, True)
    channel, _ = _entrance(submission)
    unresolved = [Unresolved(field, value, channel, card) for field, value in missing]
    _write(tx, batch, [submission], matched, {}, unresolved + _stopped([submission], matched, {submission.id: card}))
    if person.id != opv.client_id:  # whose contacts have come to be another client's
        involved = {"opportunity_id": opv.id, "client_id": person.id, "role": "buyer"}
        add_new(tx, _TABLES["involved_clients"], [involved], ("opportunity_id", "client_id"))
    return at


def _stopped(submissions: Sequence[Submitted], matched: Matched, captures: Mapping[UUID, UUID]) -> list[Unresolved]:
    """Phones that stopped matching, each with the card that was the last to have it."""
    return [
        Unresolved("shared_phone", phone, _entrance(submissions[at])[0], captures.get(submissions[at].id))
        for phone, at in matched.stopped
    ]


def _give(batch: Batch, submission: Submitted, opv: Opv, waiting: dict[UUID, dict[str, Any]]) -> None:
    """An OPV registered by hand for a broker is that broker's; one registered by a person of pre-sales is that
    person's in pre-sales, unless somebody serves it there."""
    explanation = {"by": f"person:{submission.by}"}
    by = submission.by
    if by is not None and opv.presales_broker is None and batch.house.roster.has_role(by, "presales"):
        place = batch.house.roster.place(by)
        assign_part(batch, opv, _cause(submission), "presales", place, by, rule=MANUAL_RULE, explanation=explanation)
    if submission.broker is None or opv.broker == submission.broker:
        return
    waiting.pop(opv.id, None)
    place = batch.house.roster.place(submission.broker)
    assign(batch, opv, _cause(submission), place, submission.broker, rule=MANUAL_RULE, explanation=explanation)


def _open_conversation(submission: Submitted, lead: NormalizedLead, own: Sequence[Opv]) -> Opv | None:
    """The open OPV that a message or call belongs to. One that an advertisement brought is a capture of its own."""
    if submission.conversation is None or lead.ad:
        return None
    return next((opv for opv in reversed(own) if opv.status == "open"), None)


def _add_talk(batch: Batch, submission: Submitted, lead: NormalizedLead, person: Person, opv: Opv) -> None:
    channel, source = _entrance(submission)
    kind = history.MESSAGE_RECEIVED if submission.conversation == "message" else history.CALL_RECEIVED
    data = {
        "channel": channel, "source": source, "delivery": str(submission.delivery), "client": str(person.id),
    }  # fmt: skip
    said = {
        "message": lead.message, "answers": lead.answers, "extra": lead.extra, "utm": lead.utm,
        "click_ids": lead.click_ids,
    }  # fmt: skip
    batch.record(opv, kind, Cause(f"channel:{channel}"), data, {k: v for k, v in said.items() if v})


def _entrance(submission: Submitted) -> tuple[str, str]:
    """Keys of the submission's channel and source."""
    if submission.by is not None:
        return ("", MANUAL)
    entrance = submission.entrance
    return (entrance.key, entrance.source.slug) if entrance else ("", "")


def _cause(submission: Submitted) -> Cause:
    return Cause(f"person:{submission.by}" if submission.by is not None else f"channel:{_entrance(submission)[0]}")


def _lead(submission: Submitted) -> NormalizedLead:
    if submission.lead is None:
        raise ValueError(f"submission {submission.id} has no lead")
    return submission.lead


def _load_opvs(
    tx: Connection, batch: Batch, people: Sequence[Person], besides: Collection[UUID]
) -> dict[UUID, list[Opv]]:
    """OPVs of the known clients, oldest first, locked, along with those `besides`."""
    known = {person.id for person in people if not person.is_new}
    found: dict[UUID, list[Opv]] = defaultdict(list)
    if known or besides:
        rows = OPVS_BESIDES.rows(tx, clients=known, ids=besides) if besides else OPVS_OF_CLIENTS.rows(tx, clients=known)
        loaded = opvs_by_id(rows)
        batch.opvs.update(loaded)
        for opv in loaded.values():
            found[opv.client_id].append(opv)
    return found


def _opv_for(
    batch: Batch, person: Person, own: list[Opv], development: str | None, waiting: dict[UUID, dict[str, Any]]
) -> tuple[Opv, bool]:
    """The OPV that the lead belongs to, and whether the client is returning."""
    rule = batch.house.configuration.returning
    in_scope = [opv for opv in own if rule.scope == "house" or opv.development == development]
    open_ = [opv for opv in in_scope if opv.status == "open"]
    if open_ and rule.open == "card":
        opv = open_[-1]
        if opv.broker is not None and not batch.house.roster.is_active(opv.broker):
            waiting.setdefault(opv.id, waiting_row(opv.id, batch.now))
        return opv, True
    if in_scope and not open_ and rule.closed == "reopen":
        return _reopen(batch, in_scope[-1], waiting), True
    opv = batch.new_opv(person.id, development)
    own.append(opv)
    batch.rows["involved_clients"].append({"opportunity_id": opv.id, "client_id": person.id, "role": "buyer"})
    prefer, since = broker_before(own[:-1])
    waiting[opv.id] = waiting_row(
        opv.id, batch.now, prefer=prefer, prefer_at=since, part=first_part(batch.house, opv.stage)
    )
    return opv, bool(in_scope)


def _reopen(batch: Batch, opv: Opv, waiting: dict[UUID, dict[str, Any]]) -> Opv:
    cause = Cause("system")
    opv.status = "open"
    batch.record(opv, history.REOPENED, cause, {"because": "the client came back"})
    batch.move(opv, batch.house.funnel_for(opv.development).stages[0].key, cause, {})
    if opv.broker is None or not batch.house.roster.is_active(opv.broker):
        waiting.setdefault(opv.id, waiting_row(opv.id, batch.now))
    return opv


def _resolve(batch: Batch, lead: NormalizedLead) -> tuple[str | None, list[tuple[str, str]]]:
    """The development's key, and the (field, value) pairs that resolve to nothing. The listing code decides."""
    catalog = batch.house.catalog
    missing: list[tuple[str, str]] = []
    by_listing = catalog.by_listing(lead.listing) if lead.listing else None
    by_name = catalog.by_name(lead.development) if lead.development else None
    if lead.listing and by_listing is None:
        missing.append(("listing", lead.listing))
        lead.flags.append("listing_unmapped")
    if "listing_missing" in lead.flags:
        missing.append(("listing", ""))
    if lead.development and by_name is None:
        missing.append(("development", lead.development))
        lead.flags.append("development_unmapped")
        lead.raw.setdefault("development", lead.development)
    elif by_name is not None and lead.development != by_name.key:
        lead.raw.setdefault("development", lead.development)
    if by_listing and by_name and by_listing.key != by_name.key:
        lead.flags.append("development_differs_from_listing")
    for field in REGISTRIES:
        _resolve_name(batch, lead, field)
    found = by_listing or by_name
    return (found.key if found else None), missing


def _resolve_name(batch: Batch, lead: NormalizedLead, field: str) -> None:
    """Puts the key of a known campaign, medium or origin in place of the name sent; another value stays as sent."""
    value = getattr(lead, field)
    if not value or not batch.house.catalog.registers(field):
        return
    found = batch.house.catalog.registered(field, value)
    if found is None:
        lead.flags.append(f"{field}_unmapped")
    elif found.key != value:
        lead.raw.setdefault(field, value)
        setattr(lead, field, found.key)


def _add_card(
    batch: Batch,
    submission: Submitted,
    lead: NormalizedLead,
    person: Person,
    opv: Opv,
    development: str | None,
    returning: bool,
) -> UUID:
    channel, source = _entrance(submission)
    capture_id = new_id()
    cause = _cause(submission)
    kept = submission.by is None
    if opv.is_new and opv.history_seq == 0:
        batch.record(opv, history.CREATED, cause, {"channel": channel, "stage": opv.stage, "client": str(person.id)})
        batch.enter_stage(opv, 1, clock_start(lead.submitted_at, batch.now) if submission.late else None)
    data = {
        "channel": channel, "source": source, "capture": str(capture_id),
        "delivery": str(submission.delivery) if kept else None, "client": str(person.id), "returning": returning,
    }  # fmt: skip
    if development:
        data["development"] = development
    if submission.late:
        data["late"] = True
        lead.flags.append(LATE)
    said = {"message": lead.message, "answers": lead.answers}
    seq = batch.record(opv, history.CAPTURED, cause, data, {k: v for k, v in said.items() if v})
    details = {
        "ad": lead.ad, "utm": lead.utm, "click_ids": lead.click_ids, "message": lead.message,
        "answers": lead.answers, "consent": lead.consent, "extra": lead.extra, "raw": lead.raw, "flags": lead.flags,
    }  # fmt: skip
    if lead.broker:
        details["broker"] = lead.broker
        if batch.house.roster.known_as(lead.broker) is None:
            lead.flags.append("broker_unmapped")
    if not kept:
        details |= {"by": submission.by, "typed": submission.typed}
    batch.rows["capture_origins"].append(
        {
            "id": capture_id, "opportunity_id": opv.id, "seq": seq, "client_id": person.id,
            "submission_id": submission.id if kept else None,
            "delivery_id": submission.delivery if kept else None, "source": source,
            "channel": channel, "external_id": submission.external_id, "received_at": submission.received_at,
            "submitted_at": lead.submitted_at, "is_returning": returning, "campaign": lead.campaign,
            "medium": lead.medium, "origin": lead.origin, "development": development, "listing": lead.listing,
            "transaction": lead.transaction, "price_cents": lead.price_cents, "city": lead.city,
            "state": lead.state, "details": history.text_of(details),
        }
    )  # fmt: skip
    return capture_id


def _write(
    tx: Connection,
    batch: Batch,
    submissions: Sequence[Submitted],
    matched: Matched,
    waiting: dict[UUID, dict[str, Any]],
    unresolved: Sequence[Unresolved],
) -> None:
    people = {person.id: person for person in matched.people}
    batch.rows["clients"] += [client_row(p, batch.now) for p in people.values() if p.is_new]
    changed = [client_changes(p) for p in people.values() if p.changed and not p.is_new]
    update_rows(tx, _TABLES["clients"], ("id",), sorted(changed, key=lambda row: row["id"]))
    batch.write(tx)
    put_on_list(tx, batch, waiting)
    pairs = {
        (one, other): {
            "client_id": one, "other_id": other,
            "submission_id": submissions[position].id if submissions[position].by is None else None,
            "because": because, "created_at": batch.now,
        }
        for one, other, position, because in matched.same
    }  # fmt: skip
    add_new(tx, _TABLES["merge_suggestions"], [pairs[key] for key in sorted(pairs)], ("client_id", "other_id"))
    if unresolved:
        count_unmapped(tx, [(u.field, u.value[:200], u.channel, u.capture) for u in unresolved], batch.now)
