"""The clients involved in an OPV, and clients that turn out to be one person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query

from opv.by_people import Done
from opv.clients.add import add_client
from opv.clients.change import change_client, remove_client
from opv.clients.completeness import completeness
from opv.clients.duplicates import duplicates
from opv.clients.involved import involved_of
from opv.clients.merge import merge_clients
from opv.clients.reach import seen_opvs
from opv.clients.records import find_opv, unknown_client
from opv.clients.show import history_of_client, involved_client, involved_clients
from schemas.client import (
    ClientChangeBody,
    Completeness,
    Duplicate,
    InvolvedClient,
    InvolvedClients,
    InvolvementBody,
    MergeBody,
    Merged,
)
from schemas.opv import HistoryFilters, HistoryItem
from schemas.page import Page, Parameters
from web.api.auth import Caller, Calls, Visit

router = APIRouter(tags=["clients"])

NoParameters = Annotated[Parameters, Query()]
Did = TypeVar("Did")


@router.get("/opvs/{ident}/clients")
def list_clients(ident: str, caller: Calls, _: NoParameters) -> InvolvedClients:
    """The clients of an OPV in full, the main one first; what does not fit together, and what is missing."""
    with caller.reading() as visit:
        opv = find_opv(visit.tx, visit.house, visit.viewer, ident)
        visit.note_reads([opv], "clients")
        return involved_clients(visit.tx, visit.house, opv)


@router.get("/opvs/{ident}/completeness")
def show_completeness(ident: str, caller: Calls, _: NoParameters) -> Completeness:
    """What is missing of each client before the OPV can go to the sales module."""
    with caller.reading() as visit:
        opv = find_opv(visit.tx, visit.house, visit.viewer, ident)
        visit.note_reads([opv], "clients")
        return completeness(involved_of(visit.tx, opv), visit.house)


@router.post("/opvs/{ident}/clients", status_code=201)
def involve_client(ident: str, caller: Calls, body: InvolvementBody, _: NoParameters) -> InvolvedClient:
    """Involves a client: a known one by its id, or a person as typed, recognized by document, phone or e-mail."""

    def do(visit: Visit) -> tuple[InvolvedClient, set[str]]:
        added = add_client(visit.tx, visit.house, visit.viewer, caller.desk.clock(), ident, body)
        visit.note_reads([added.done.opv], "clients")
        return involved_client(visit.tx, added.done.opv, added.client), added.done.woken

    return _done(caller, do)


@router.patch("/opvs/{ident}/clients/{client}")
def correct_client(ident: str, client: str, caller: Calls, body: ClientChangeBody, _: NoParameters) -> InvolvedClient:
    """Corrects what is held of a client, or changes its part in the OPV."""

    def do(visit: Visit) -> tuple[InvolvedClient, set[str]]:
        done = change_client(visit.tx, visit.house, visit.viewer, caller.desk.clock(), ident, client_id(client), body)
        visit.note_reads([done.opv], "clients")
        return involved_client(visit.tx, done.opv, client_id(client)), done.woken

    return _done(caller, do)


@router.delete("/opvs/{ident}/clients/{client}", status_code=204)
def take_client_out(ident: str, client: str, caller: Calls, _: NoParameters) -> None:
    """Takes a client out of the OPV; the main one stays."""

    def do(visit: Visit) -> tuple[Done, set[str]]:
        done = remove_client(visit.tx, visit.house, visit.viewer, caller.desk.clock(), ident, client_id(client))
        return done, done.woken

    _done(caller, do)


@router.get("/opvs/{ident}/clients/{client}/history")
def show_client_history(
    ident: str, client: str, caller: Calls, filters: Annotated[HistoryFilters, Query()]
) -> Page[HistoryItem]:
    """What of an OPV's history concerns one of its clients, in order."""
    with caller.reading() as visit:
        opv = find_opv(visit.tx, visit.house, visit.viewer, ident)
        visit.note_reads([opv], "history")
        return history_of_client(visit.tx, opv, client_id(client), filters)


@router.get("/clients/{client}/duplicates")
def list_duplicates(client: str, caller: Calls, _: NoParameters) -> Page[Duplicate]:
    """Clients that may be the same person, and why."""
    with caller.reading() as visit:
        found = duplicates(visit.tx, visit.house, visit.viewer, client_id(client))
        shown = [client_id(client), *(one.id for one in found.items if one.client)]
        visit.note_reads(seen_opvs(visit.tx, visit.seen, shown), "clients")
        return found


@router.post("/clients/{client}/merge")
def merge_with_other(client: str, caller: Calls, body: MergeBody, _: NoParameters) -> Merged:
    """Merges another client into this one."""

    def do(visit: Visit) -> tuple[Merged, set[str]]:
        now = caller.desk.clock()
        merged = merge_clients(
            visit.tx, visit.house, visit.viewer, now, client_id(client), body.other, force=body.force
        )
        visit.note_reads(seen_opvs(visit.tx, visit.seen, [merged[0].client.id]), "clients")
        return merged

    return _done(caller, do)


def client_id(client: str) -> UUID:
    """A client's id out of the path: what is none is no client's."""
    try:
        return UUID(client)
    except ValueError:
        raise unknown_client() from None


def _done(caller: Caller, do: Callable[[Visit], tuple[Did, set[str]]]) -> Did:
    """What the deed gives, committed, and the steps woken that it made work for."""
    with caller.acting() as visit:
        given, woken = do(visit)
    for step in sorted(woken):
        caller.desk.wake(step)
    return given
