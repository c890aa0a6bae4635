"""Requests of data subjects: what is held of a person, where it went, consent, erasure. For directors and the officer
of `legal`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from opv.clients.records import unknown_client
from opv.data_subject.consents import consents_of, withdraw_consent
from opv.data_subject.erasure import erase
from opv.data_subject.export import export_person
from opv.data_subject.find import find_persons
from opv.data_subject.recipients import recipients_of
from schemas.data_subject import (
    ConsentItem,
    ConsentWithdrawalBody,
    Erased,
    ErasureBody,
    ExportRecord,
    FoundPerson,
    PersonQuery,
    Recipient,
)
from schemas.page import Page, Parameters
from web.api.auth import Caller, Calls

router = APIRouter(prefix="/clients", tags=["data subjects"])

NoParameters = Annotated[Parameters, Query()]


@router.get("")
def find_clients(caller: Calls, query: Annotated[PersonQuery, Query()]) -> Page[FoundPerson]:
    """Clients that have one of the contacts asked for, in any spelling."""
    with caller.reading() as visit:
        found = find_persons(visit.tx, visit.house, visit.viewer, query)
        visit.note_reads({opv for person in found.items for opv in person.opvs}, "clients")
        return found


@router.get("/{client}/export")
def export_client(client: str, caller: Calls, _: NoParameters) -> ExportRecord:
    """All that is held of a person, machine-readable, with the origin of the data. The histories note it."""
    with caller.reading() as visit:
        viewer, house = visit.viewer, visit.house
    record, woken = export_person(caller.desk.database, house, viewer, caller.desk.clock, _id(client))
    with caller.reading() as visit:
        visit.note_reads([part.opv for part in record.parts], "export")
    _wake(caller, woken)
    return record


@router.get("/{client}/recipients")
def list_recipients(client: str, caller: Calls, _: NoParameters) -> Page[Recipient]:
    """Systems and people that data of a person went to."""
    with caller.reading() as visit:
        found = recipients_of(visit.tx, visit.house, visit.viewer, _id(client))
        visit.note_reads({item.opv for item in found.items if item.opv}, "clients")
        return found


@router.get("/{client}/consents")
def list_consents(client: str, caller: Calls, _: NoParameters) -> Page[ConsentItem]:
    """What a person agreed to or refused, with the evidence and where it came from."""
    with caller.reading() as visit:
        found = consents_of(visit.tx, visit.house, visit.viewer, _id(client))
        visit.note_reads({item.opv for item in found.items if item.opv}, "clients")
        return found


@router.post("/{client}/consents/withdrawal", status_code=201)
def withdraw_client_consent(
    client: str, caller: Calls, body: ConsentWithdrawalBody, _: NoParameters
) -> Page[ConsentItem]:
    """Notes that a person takes a consent back, and how it is not to be contacted any more."""
    id_ = _id(client)
    with caller.acting() as visit:
        woken = withdraw_consent(visit.tx, visit.house, visit.viewer, caller.desk.clock(), id_, body)
        consents = consents_of(visit.tx, visit.house, visit.viewer, id_)
        visit.note_reads({item.opv for item in consents.items if item.opv}, "clients")
    _wake(caller, woken)
    return consents


@router.post("/{client}/erasure")
def erase_client(client: str, caller: Calls, body: ErasureBody, _: NoParameters) -> Erased:
    """Erases a person. Where it came from and when stays, and what the house did; called again, it goes on."""
    with caller.reading() as visit:
        viewer, house = visit.viewer, visit.house
    desk = caller.desk
    return erase(desk.database, house, viewer, desk.clock, desk.files.remove, _id(client), body)


def _wake(caller: Caller, woken: set[str]) -> None:
    for step in sorted(woken):
        caller.desk.wake(step)


def _id(client: str) -> UUID:
    try:
        return UUID(client)
    except ValueError:
        raise unknown_client() from None
