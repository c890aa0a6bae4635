"""Parked, then fixed: what a replay would change, told without writing, is what a replay does."""

from __future__ import annotations

from typing import Any

from opv.replay import Became, preview, replay_all
from schemas.errors import Park
from tests.opv.test_fetch import Graph, notify
from tests.pipeline import HOUSE, Pipeline, Start, counted, lead

JUNK = HOUSE + "junk: {deny: {patterns: [ganhe]}}\n"


def foretold(house: Pipeline) -> dict[Any, tuple[Became, Became]]:
    with house.database.read() as tx:
        ids = [row.id for row in house.rows("deliveries", "id")]
        return {one.delivery: (one.before, one.after) for one in preview(tx, ids, house.house())}


def test_a_replay_does_what_was_foretold_and_captures_nothing_twice(start: Start) -> None:
    house = start(JUNK, http=Graph(l1=[Park("gone", "the lead is gone")]))
    house.deliver_all([
        ("site", lead(1)), ("site", lead(1)), ("site", lead(2, telefone="11", email=None)), ("site", b"no JSON"),
        ("site", lead(3, mensagem="ganhe já")),
        ("site", lead(1, nome="Outra Pessoa", telefone="11 97777-1111", email=None)),
        ("blog", lead(4)), ("site", [lead(5), lead(6, mensagem="ganhe")]), ("blog", lead(7, id=None)),
        ("blog", lead(7, id=None)), ("zap", {"originLeadId": "1", "nome": "Ana"}),
    ])  # fmt: skip
    notify(house, 1)
    house.run()
    unchanged = foretold(house)
    assert [after for _, after in unchanged.values()] == [
        Became("captured"), Became("repeated"), Became("parked", "no_contact"), Became("parked", "not_json_or_form"),
        Became("ignored", "junk_pattern"), Became("parked", "conflict"), Became("captured"), Became("captured"),
        Became("captured"), Became("repeated"), Became("parked", "no_contact"), Became("pending"),
    ]  # fmt: skip
    assert [before for before, _ in unchanged.values()][:-1] == [after for _, after in unchanged.values()][:-1]

    mapped = HOUSE.replace(
        'key: site, source: form, secrets: ["${S}"]',
        'key: site, source: form, secrets: ["${S}"], mapping: {message: nome, name: mensagem}',
    )
    house.apply(mapped)
    told = foretold(house)
    captures = len(house.captures())
    with counted(house.database) as statements:
        foretold(house)
    assert not [one for one in statements if one.lstrip().startswith(("INSERT", "UPDATE", "DELETE"))]
    with house.database.write() as tx:
        assert len(replay_all(tx, told, house.clock(), "rui")) == 12
        assert replay_all(tx, told, house.clock(), "rui") == []
    house.run()
    became = {id_: after for id_, (_, after) in told.items() if after.outcome != "pending"}
    now = {id_: before for id_, (before, _) in foretold(house).items()}
    assert {id_: now[id_] for id_ in became} == became
    assert became[next(iter(told))] == Became("captured")
    assert len(house.captures()) == captures + 2, "the two that were junk are new"


def test_a_retired_channel_and_two_parked_leads_of_one_id(start: Start) -> None:
    house = start()
    house.deliver_all([("blog", lead(1))] * 2)
    house.apply(HOUSE.replace('  - {key: blog, source: form, secrets: ["${S}"]}\n', ""))
    house.run()
    assert {before for before, _ in foretold(house).values()} == {Became("parked", "channel_retired")}
    house.apply(HOUSE)
    told = [after for _, after in foretold(house).values()]
    assert told == [Became("captured"), Became("repeated")]
    with house.database.write() as tx:
        replay_all(tx, foretold(house), house.clock(), "rui")
    house.run()
    assert house.delivered() == ["captured", "repeated"]
