"""The won sale's button and process, and the WhatsApp shortcut, of one OPV."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from opv.by_people import act
from opv.clients.records import find_opv
from opv.sales.show import won_sale_of
from opv.whatsapp import conversation, note_opened
from schemas.page import Parameters
from schemas.sale import WonSaleView
from schemas.whatsapp import WhatsAppBody, WhatsAppLink
from web.api.auth import Calls

router = APIRouter(prefix="/opvs", tags=["opvs"])

NoParameters = Annotated[Parameters, Query()]


@router.get("/{ident}/won-sale")
def show_won_sale(ident: str, caller: Calls, _: NoParameters) -> WonSaleView:
    """The button of the won sale: whether it is there, what it says, whether the caller may press it now and why not;
    the process in the sales module, and what the clients lack for one."""
    with caller.reading() as visit:
        opv = find_opv(visit.tx, visit.house, visit.viewer, ident)
        visit.note_reads([opv], "won sale")
        return won_sale_of(visit.tx, visit.house, visit.viewer, opv)


@router.post("/{ident}/whatsapp", responses={502: {"description": "Conecta did not open the conversation"}})
def open_whatsapp(ident: str, caller: Calls, body: WhatsAppBody, _: NoParameters) -> WhatsAppLink:
    """Opens a conversation with a client on WhatsApp: the address to follow. It is noted in the history."""
    with caller.reading() as visit:
        wanted = conversation(visit.tx, visit.house, visit.viewer, ident, body.client, body.text)
    url = wanted.open(caller.desk.targets)
    with caller.acting() as visit:
        now = caller.desk.clock()
        done = act(visit.tx, visit.house, visit.viewer, now, str(wanted.opv), lambda at: note_opened(at, wanted))
        visit.note_reads([done.opv], "whatsapp")
    for step in sorted(done.woken):
        caller.desk.wake(step)
    return WhatsAppLink(url=url, by=wanted.by)
