"""What was parked is sent again by a person, with its key; what makes no sense is refused with the reason."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from db.bulk import insert_rows
from db.ids import new_id
from opv.dead_letters import NOTHING_TO_SEND, detail, replay_message, replay_messages
from opv.sales.asking import KIND as SALE
from schemas.errors import Park, Reject
from schemas.outbound import MessageReplay, MessageReplayAnswer
from tests.opv.test_outbound import message, started
from tests.pipeline import HOUSE, NOW, TABLES, Pipeline, Start


def parked(house: Pipeline, **columns: Any) -> UUID:
    id_ = new_id()
    row = {
        "id": id_, "idempotency_key": f"told:{id_}", "target": "log", "kind": "told", "recipient": "rui", "body": "{}",
        "state": "parked", "reason": "http_404", "created_at": NOW, "failures": 3,
    }  # fmt: skip
    with house.database.write() as tx:
        insert_rows(tx, TABLES["outbound_messages"], [{**row, **columns}])
    return id_


def put_back(house: Pipeline, id_: UUID) -> None:
    with house.database.write() as tx:
        replay_message(tx, id_, house.houses.current(tx), house.clock(), "rui")


def refused(house: Pipeline, id_: UUID) -> str:
    with pytest.raises(Reject) as caught:
        put_back(house, id_)
    return caught.value.reason


def test_it_goes_out_again_with_its_key_and_says_who_did_it(start: Start) -> None:
    house, mailbox = started(start, Park("no_address", "nowhere to send it"))
    id_ = message(house).id
    house.clock.forward(days=1)
    put_back(house, id_)
    row = message(house)
    assert (row.state, row.failures, row.replayed_at, row.replayed_by) == ("pending", 0, house.clock(), "rui")
    assert refused(house, id_) == "not_parked"
    house.run()
    assert message(house).state == "sent"
    assert refused(house, id_) == "not_parked"
    assert len({one.idempotency_key for one in mailbox.tried if one.recipient == "paula"}) == 1
    assert [one.recipient for one in mailbox.got].count("paula") == 1


def test_what_would_only_be_parked_again_is_refused(start_on_sqlite: Start) -> None:
    house = start_on_sqlite(HOUSE.replace("key: site,", "key: site, forward_to: https://crm.example.com/hook,"))
    against = {
        parked(house, kind=SALE): "asked_on_the_opv",
        parked(house, kind="forward", recipient="blog"): "not_forwarded",
        **{parked(house, reason=reason): "nothing_to_send" for reason in NOTHING_TO_SEND},
    }
    for id_, reason in against.items():
        assert refused(house, id_) == reason
        with house.database.read() as tx:
            assert detail(tx, id_, house.houses.current(tx)).no_replay
    assert refused(house, new_id()) == "unknown_message"
    put_back(house, parked(house, kind="forward", recipient="site"))


def test_many_are_put_back_the_oldest_first_and_the_others_stay(start: Start) -> None:
    house = start()
    ids = [parked(house) for _ in range(5)]
    parked(house, kind=SALE)
    parked(house, kind="forward", recipient="blog")
    other = parked(house, reason="gone")
    elsewhere = parked(house, target="painel")

    def replayed(**wanted: Any) -> MessageReplayAnswer:
        with house.database.write() as tx:
            read = MessageReplay.model_validate(wanted)
            return replay_messages(tx, read, house.houses.current(tx), house.clock(), "rui")

    def pending() -> set[UUID]:
        return {row.id for row in house.rows("outbound_messages", state="pending")}

    assert replayed(target="log", reason="http_404", limit=3) == MessageReplayAnswer(messages=3, more=True, left=2)
    assert pending() == set(ids[:3])
    assert replayed(target="log", reason="http_404") == MessageReplayAnswer(messages=2, more=False, left=2)
    assert replayed(reason="gone") == MessageReplayAnswer(messages=1, more=False, left=0)
    assert pending() == {*ids, other}
    assert replayed(target="painel").messages == 1
    assert elsewhere in pending()
