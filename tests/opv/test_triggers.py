"""What automations listen to beside the OPV's way in: its ends, contacts, comments, messages and calls."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from adapters.sources.base import Entrance, Read, Request
from opv.actions import comment, contact, move_stage, reopen, win, withdraw
from tests.opv.test_actions import do
from tests.opv.test_conversations import Chat
from tests.pipeline import HOUSE, Pipeline, Start, lead

REASONS = "withdrawal_reasons: [{key: price, name: Preço}]\n"


def automated(*lines: str) -> str:
    return HOUSE + REASONS + "automations:\n" + "".join(f"  - {line}\n" for line in lines)


def ran(house: Pipeline) -> list[tuple[str, str, str | None]]:
    """Runs in the order of their occurrences."""
    return [(r.automation, r.result, r.because) for r in sorted(house.runs(), key=lambda r: (r.at, int(r.occurrence)))]


KINDS = ("opv.withdrawn", "opv.reopened", "opv.won", "contact.added", "comment.added")


def test_each_end_contact_and_comment_is_heard_once_with_the_facts_of_then(start: Start) -> None:
    lines = [
        f"{{key: {kind.replace('.', '-')}, on: {kind}, when: {{stage: visit, broker: ana, source: form}}, "
        "do: [{notify: manager}]}"
        for kind in KINDS
    ]
    house = start(automated(*lines))
    house.deliver("site", lead())
    house.run()
    opv = house.opvs()[0].id
    do(house, "ana", opv, lambda at: comment(at, "cedo"))  # in `new`: not met, though it is run in `visit`
    do(house, "ana", opv, lambda at: move_stage(at, "visit"))
    for deed in (
        lambda at: comment(at, "ligou"),
        lambda at: contact(at, "call"),
        lambda at: withdraw(at, "price"),
        reopen,
        lambda at: win(at, Decimal(1), "101", date(2026, 9, 21)),
    ):
        assert do(house, "ana", opv, deed) == {"automation"}
    house.run()
    assert ran(house) == [
        ("comment-added", "not_met", "stage is 'new', not 'visit'"),
        ("comment-added", "done", None), ("contact-added", "done", None), ("opv-withdrawn", "done", None),
        ("opv-reopened", "done", None), ("opv-won", "done", None),
    ]  # fmt: skip
    house.run()
    assert len(house.runs()) == 6
    assert house.rows("pending_events") == []


@pytest.mark.parametrize(("conversation", "kind"), [("message", "message.received"), ("call", "call.received")])
def test_what_a_client_says_is_heard(start: Start, conversation: str, kind: str) -> None:
    class Talk(Chat):
        def read(self, request: Request, entrance: Entrance) -> list[Read]:
            return [replace(one, conversation=conversation) for one in super().read(request, entrance)]  # type: ignore[arg-type] # all that this source reads are leads

    text = automated(
        f"{{key: heard, on: {kind}, when: {{stage: new, broker: ana, channel: site}}, do: [{{advance: contacted}}]}}"
    ).replace("funnel:", "  - {key: chat, source: chat, secrets: ['${S}']}\nfunnel:")
    house = start(text, extra=[Talk()])
    house.deliver("site", lead(telefone="(11) 98888-0001"))
    house.run()
    house.deliver("chat", {"id": "1", "phone": "11 98888-0001", "text": "Olá"})
    house.run()
    (opv,) = house.opvs()
    assert (opv.stage, opv.first_contact_at) == ("contacted", None)
    assert house.kinds(opv.id)[-2:] == [kind, "stage.changed"]
    house.deliver("chat", {"id": "1", "phone": "11 98888-0001", "text": "Olá"})  # repeated
    house.run()
    (run,) = house.runs("heard")
    assert json.loads(run.steps)[0]["result"] == "done"
