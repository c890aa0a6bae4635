"""Messages of a chat: a lead from a person without an open OPV, a history entry on an open one."""

from __future__ import annotations

import json
from typing import Any

from adapters.sources.base import Entrance, Read, ReadLead, Request, Source
from schemas.lead import Lead, SentPhone
from tests.pipeline import HOUSE, Start


class Chat(Source):
    """A chat: `id`, `phone`, `text`, and `ad` for the advertisement that brought the person."""

    slug = "chat"
    title = "Chat"
    documentation = "of this test"
    identity = "id"

    def read(self, request: Request, entrance: Entrance) -> list[Read]:
        body: dict[str, Any] = json.loads(request.body)
        ad = {"ad_id": body["ad"]} if "ad" in body else {}
        lead = Lead(phones=[SentPhone(value=body["phone"])], message=body["text"], ad=ad)
        return [ReadLead(body["id"], lead, conversation="message")]


def test_messages_of_an_open_opv_go_into_its_history(start: Start) -> None:
    house = start(HOUSE.replace("funnel:", "  - {key: chat, source: chat, secrets: ['${S}']}\nfunnel:"), extra=[Chat()])
    said = [("1", "Olá"), ("2", "Quanto custa?"), ("2", "Quanto custa?")]
    deliveries = [house.deliver("chat", {"id": id_, "phone": "11 98888-0001", "text": text}) for id_, text in said]
    house.run()
    (opv,) = house.opvs()
    assert house.delivered() == ["captured", "captured", "repeated"]
    assert house.kinds(opv.id) == ["opv.created", "opv.captured", "message.received", "opv.assigned"]
    assert len(house.captures()) == 1
    (content,) = [row.content for row in house.rows("history_contents", seq=3)]
    assert json.loads(content) == {"message": "Quanto custa?"}
    (linked,) = house.rows("submissions", delivery_id=deliveries[1])
    assert linked.opportunity_id == opv.id

    house.deliver("chat", {"id": "3", "phone": "11 98888-0001", "text": "Vi o anúncio", "ad": "77"})
    house.run()
    assert len(house.captures()) == 2
    assert house.kinds(opv.id)[-1] == "opv.captured"

    house.set("opportunities", {"status": "lost"})
    house.deliver("chat", {"id": "4", "phone": "11 98888-0001", "text": "Voltei"})
    house.run()
    assert len(house.opvs()) == 2
