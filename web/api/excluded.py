"""Brokers who are not to have a client."""

from __future__ import annotations

from fastapi import APIRouter

from opv.clients.excluded import allow, exclude, excluded
from schemas.client import ExcludedBroker
from schemas.page import Page
from web.api.actions import NoParameters
from web.api.auth import Calls
from web.api.clients import client_id

router = APIRouter(prefix="/clients/{client}/excluded-brokers", tags=["clients"])


@router.get("")
def list_excluded(client: str, caller: Calls, _: NoParameters) -> Page[ExcludedBroker]:
    """The brokers who are not to have the client."""
    with caller.reading() as visit:
        return Page(items=excluded(visit.tx, visit.house, visit.viewer, client_id(client)))


@router.put("/{broker}")
def exclude_broker(client: str, broker: str, caller: Calls, _: NoParameters) -> Page[ExcludedBroker]:
    """The broker is not to have the client: distribution leaves it out. Gives all who are not to."""
    with caller.acting() as visit:
        now = caller.desk.clock()
        items, woken = exclude(visit.tx, visit.house, visit.viewer, now, client_id(client), broker)
    caller.wake(woken)
    return Page(items=list(items))


@router.delete("/{broker}")
def allow_broker(client: str, broker: str, caller: Calls, _: NoParameters) -> Page[ExcludedBroker]:
    """The broker may have the client again. Gives those who are still not to."""
    with caller.acting() as visit:
        now = caller.desk.clock()
        items, woken = allow(visit.tx, visit.house, visit.viewer, now, client_id(client), broker)
    caller.wake(woken)
    return Page(items=list(items))
