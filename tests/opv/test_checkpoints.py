"""Checkpoints: what a chain cannot tell of itself, a tail that was cut or all of it computed anew, is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, text, update

from db.queries import checkpoints
from db.queries.checkpoints import StoredCheckpoint
from opv.channels.by_hand import take_checkpoint
from opv.checkpoints import Taken, Taking, Tree, checkpoint_hash, leaf_hash, line, node_hash, seal
from opv.history import stamp
from opv.verification import published_lines, verify_all
from schemas.errors import Reject, Retry
from tests.pipeline import TABLES, Pipeline, Start, counted, lead
from tests.tampering import compute_anew, cut_tail, go_behind_the_triggers

HEADS, CHECKPOINTS = TABLES["checkpoint_heads"], TABLES["checkpoints"]


@pytest.fixture
def house(start: Start) -> Pipeline:
    """Three OPVs."""
    house = start()
    house.deliver_all([("site", lead(n, mensagem=f"Mensagem {n}")) for n in (1, 2, 3)])
    house.run()
    return house


def take(house: Pipeline) -> StoredCheckpoint:
    *_, last = take_checkpoint(house.database, house.house(), house.clock)
    assert isinstance(last, Taken)
    return last.checkpoint


def come_again(house: Pipeline, number: int) -> None:
    house.clock.forward(hours=1)
    house.deliver("site", lead(number, id=f"again-{house.clock()}"))
    house.run()


def faults(tx: Connection, **options: Any) -> list[tuple[int | None, int | None, str]]:
    chunks = verify_all(lambda: nullcontext(tx), **options)
    return [(number, fault.seq, fault.what) for chunk in chunks for number, fault in chunk.faults]


@contextmanager
def tampered(house: Pipeline) -> Iterator[Connection]:
    """A unit of work behind the triggers, that is rolled back."""
    with house.database.write() as tx:
        go_behind_the_triggers(tx)
        yield tx
        tx.rollback()


def by_the_book(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word by word; leaves are hashed already."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(by_the_book(leaves[:k]), by_the_book(leaves[k:]))


def test_the_tree_is_that_of_the_rfc_and_each_leaf_leads_to_its_root() -> None:
    assert Tree().root() == hashlib.sha256(b"").digest()
    for count in (*range(1, 34), 100):
        leaves = [hashlib.sha256(bytes([n])).digest() for n in range(count)]
        for noted in range(count):
            tree = Tree()
            for n, leaf in enumerate(leaves):
                tree.add(leaf, note=n == noted)
            root, path = tree.end()
            assert root == by_the_book(leaves)
            node = leaves[noted]
            for side, other in path:
                node = node_hash(other, node) if side == "left" else node_hash(node, other)
            assert node == root
            assert len(tree.edge) <= count.bit_length()


def test_a_checkpoint_holds_every_head_and_stores_what_changed(house: Pipeline) -> None:
    first = take(house)
    opvs = sorted(house.opvs(), key=lambda opv: opv.id)
    leaves = [leaf_hash(opv.id, opv.history_seq, opv.history_head) for opv in opvs]
    assert (first.number, first.opvs, first.root) == (1, 3, by_the_book(leaves))
    assert first.hash == checkpoint_hash(bytes(32), 1, stamp(first.at), 3, first.root)
    come_again(house, 2)
    second = take(house)
    stored = [(row.checkpoint, row.opportunity_id) for row in house.rows("checkpoint_heads")]
    assert sorted(stored) == sorted([(1, opv.id) for opv in opvs] + [(2, house.opvs()[1].id)])
    assert second.hash == checkpoint_hash(first.hash, 2, stamp(second.at), 3, second.root)
    assert second.root != first.root
    third = take(house)
    assert (third.root, len(house.rows("checkpoint_heads"))) == (second.root, 4)
    with house.database.read() as tx:
        assert faults(tx) == []


def test_a_cut_tail_and_a_chain_computed_anew_are_found(house: Pipeline) -> None:
    opv = house.opvs()[0]
    take(house)
    with tampered(house) as tx:
        cut_tail(tx, opv.id, 3)
        assert faults(tx) == [(1, 3, "checkpoint 1 knows the entry, it is gone")]
        assert faults(tx, since=house.clock() - timedelta(hours=1)) == faults(tx)
    with tampered(house) as tx:
        compute_anew(tx, opv.id, {1: {"actor": "person:rui"}})
        assert faults(tx) == [(1, 3, "checkpoint 1 knows another entry: the chain was computed anew")]
    with house.database.write() as tx:
        go_behind_the_triggers(tx)
        compute_anew(tx, opv.id, {1: {"actor": "person:rui"}})
    house.clock.forward(days=1)
    house.run("upkeep")
    (alarm,) = [row for row in house.rows("alarms", cleared_at=None) if row.kind == "history"]
    assert alarm.detail == "the history of OPV 1 is not what a checkpoint before 2 says"
    assert house.rows("outbound_messages", kind="alarm", recipient="rui")


def test_who_mends_the_checkpoints_too_is_found_by_what_was_published(house: Pipeline) -> None:
    opv = house.opvs()[0]
    published = published_lines([f"2026-09-21 INFO porteiro.checkpoints: checkpoint {line(take(house))}\n", "else\n"])
    with tampered(house) as tx:
        compute_anew(tx, opv.id, {1: {"actor": "person:rui"}})
        head = tx.execute(text("SELECT history_head FROM opportunities WHERE number = 1")).scalar_one()
        tx.execute(update(HEADS).where(HEADS.c.opportunity_id == opv.id).values(head=head))
        assert faults(tx) == [(None, None, "the heads stored are not those that checkpoint 1 was made of")]
        tree, (one,) = Tree(), checkpoints.every_one(tx)
        for id_, seq, hash_ in checkpoints.heads_at(tx, 1, None, 10):
            tree.add(leaf_hash(id_, seq, hash_))
        tx.execute(update(CHECKPOINTS).values(root=tree.root()))
        assert faults(tx) == [(None, None, "checkpoint 1 was changed, or one before it")]
        hashed = checkpoint_hash(bytes(32), 1, stamp(one.at), 3, tree.root())
        tx.execute(update(CHECKPOINTS).values(hash=hashed))
        assert faults(tx) == []
        assert faults(tx, published=published) == [(None, None, "checkpoint 1 is not the one that was published")]
        for table in (HEADS, CHECKPOINTS):
            tx.execute(delete(table))
        assert faults(tx, published=published) == [(None, None, "checkpoint 1 was published, and is gone")]
    with house.database.read() as tx:
        assert faults(tx, published=published) == []
    with pytest.raises(ValueError, match="checkpoint 1 is told of twice"):
        published_lines([f"1 a 3 {'a' * 64} {'b' * 64}", f"1 a 3 {'a' * 64} {'c' * 64}"])


def test_a_checkpoint_in_between_that_is_gone_is_found(house: Pipeline) -> None:
    for _ in range(3):
        come_again(house, 1)
        take(house)
    with tampered(house) as tx:
        tx.execute(delete(CHECKPOINTS).where(CHECKPOINTS.c.number == 2))
        found = [what for _, _, what in faults(tx)]
    assert found == ["checkpoint 2 is missing, 3 follows", "checkpoint 3 was changed, or one before it"]


def test_one_that_was_left_in_the_middle_is_ended(house: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opv.checkpoints.CHUNK", 2)
    kept: list[str] = ["{}"]

    def keep(_tx: Connection, state: str) -> None:
        kept.append(state)

    def begun(state: str) -> Iterator[Taking | Taken | None]:
        return seal(house.database, house.house(), house.clock, keep, state)

    first = begun("{}")
    while not isinstance(next(first), Taking):
        pass
    for _ in range(2):
        come_again(house, 1)
    assert json.loads(kept[-1])["leaves"] == 2
    assert house.rows("checkpoints") == []
    *_, last = begun(kept[-1])
    assert isinstance(last, Taken)
    with house.database.read() as tx:
        assert faults(tx) == []
    second = begun("{}")
    while not isinstance(next(second), Taking):
        pass
    come_again(house, 1)
    *_, again = begun("{}")  # which forgot what was kept, and finds the heads that were stored
    assert isinstance(again, Taken)
    with house.database.read() as tx:
        assert faults(tx) == []
    *_, later = begun(kept[-3])  # what was kept for a checkpoint that is taken
    assert isinstance(later, Taken)
    assert later.checkpoint.number == 3
    with house.database.read() as tx:
        assert faults(tx) == []


def test_one_is_taken_each_day_by_one_process(house: Pipeline) -> None:
    for _ in range(3):
        house.run("upkeep")
        house.clock.forward(minutes=10)
    assert [row.number for row in house.rows("checkpoints")] == [1]
    for _ in range(100):
        house.clock.forward(hours=1)
        house.run("upkeep")
    assert [row.number for row in house.rows("checkpoints")] == [1, 2, 3, 4, 5]
    assert all(row.at.hour in (1, 2) for row in house.rows("checkpoints")[1:])
    taking = take_checkpoint(house.database, house.house(), house.clock)
    next(taking)
    with pytest.raises(Reject, match="another process takes a checkpoint"):
        take(house)
    house.set("chores", {"lease": None}, key="checkpoint")
    take(house)
    with pytest.raises(Retry, match="another process"):
        list(taking)
    assert [row.number for row in house.rows("checkpoints")] == [1, 2, 3, 4, 5, 6]


def test_its_statements_follow_the_chunks_and_not_the_opvs(start: Start) -> None:
    house, counts = start(), []
    for count in (1, 20):
        house.deliver_all([("site", lead(100 * count + n)) for n in range(count)])
        house.run()
        with counted(house.database) as statements:
            take(house)
        counts.append(len(statements))
    assert counts[0] == counts[1]
