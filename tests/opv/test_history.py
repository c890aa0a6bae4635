"""History: appended alone, chained so that whatever is changed behind the program's back is found."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DatabaseError
from typer.testing import CliRunner

from db.queries import history as stored_histories
from db.queries.reads import note
from opv import history
from opv.verification import verify_all
from porteiro.cli import app
from tests.pipeline import HOUSE, TABLES, Pipeline, Start, lead
from tests.tampering import go_behind_the_triggers

AUTOMATED = HOUSE + "automations: [{key: hi, on: opv.assigned, do: [{comment: Olá}, {advance: visit}]}]\n"


@pytest.fixture
def house(start: Start) -> Pipeline:
    """Three OPVs with six to seven entries each, some with content."""
    house = start(AUTOMATED)
    house.deliver_all([("site", lead(n, mensagem=f"Mensagem {n}")) for n in (1, 2, 3)])
    house.run()
    house.deliver("site", lead(1, id="again", mensagem="de novo"))
    house.run()
    return house


def faults(tx: Connection) -> list[tuple[UUID | None, int | None, str]]:
    found = [fault for chunk in verify_all(lambda: nullcontext(tx)) for _, fault in chunk.faults]
    return [(fault.opv, fault.seq, fault.what) for fault in found]


def test_what_the_pipeline_writes_holds(house: Pipeline) -> None:
    with house.database.read() as tx:
        assert faults(tx) == []
    (first, *_) = house.opvs()
    assert house.kinds(first.id) == [
        "opv.created", "opv.captured", "opv.assigned", "comment.added", "stage.changed", "opv.captured",
    ]  # fmt: skip
    entries = house.rows("history_entries", opportunity_id=first.id)
    assert (first.history_seq, first.history_head) == (6, entries[-1].hash)
    contents = {row.seq: json.loads(row.content) for row in house.rows("history_contents", opportunity_id=first.id)}
    assert contents == {2: {"message": "Mensagem 1"}, 4: {"text": "Olá"}, 6: {"message": "de novo"}}


TABLES_KEPT = ("history_entries", "history_contents", "personal_reads", "checkpoints", "checkpoint_heads")
REFUSED = (
    "UPDATE history_entries SET data = '{}'",
    "UPDATE history_entries SET seq = seq + 100 WHERE seq = 1",
    "DELETE FROM history_entries WHERE seq = 6",
    "DELETE FROM history_contents",
    "UPDATE history_contents SET content = 'x'",
    "UPDATE history_contents SET content = NULL, salt = NULL",
    "DELETE FROM personal_reads",
    "UPDATE personal_reads SET person = 'bia'",
    "UPDATE personal_reads SET times = times - 1",
    "UPDATE personal_reads SET times = times + 1 WHERE sealed_seq IS NOT NULL",
    "UPDATE personal_reads SET sealed_seq = NULL WHERE sealed_seq IS NOT NULL",
    "DELETE FROM checkpoints",
    "UPDATE checkpoints SET opvs = opvs + 1",
    "DELETE FROM checkpoint_heads WHERE seq > 1",
    "UPDATE checkpoint_heads SET seq = seq - 1",
)
TRUNCATE = tuple(f"TRUNCATE {table} CASCADE" for table in TABLES_KEPT)


def read_and_seal(house: Pipeline) -> None:
    """Ana reads all OPVs; the night comes, and morning; she reads them again."""
    for _ in range(2):
        with house.database.single() as tx:
            note(tx, "ana", [(opv.id, "opv") for opv in house.opvs()], house.clock())
        house.clock.forward(days=1)
        house.run("upkeep")
    with house.database.single() as tx:
        note(tx, "ana", [(opv.id, "opv") for opv in house.opvs()], house.clock())


def test_the_database_refuses_to_change_history(house: Pipeline) -> None:
    read_and_seal(house)
    before = [house.rows(table) for table in TABLES_KEPT]
    assert all(before)
    for statement in REFUSED + (TRUNCATE if house.database.dialect == "postgresql" else ()):
        with pytest.raises(DatabaseError, match="append-only"):
            house.execute(statement)
    assert [house.rows(table) for table in TABLES_KEPT] == before


def test_replacing_is_no_way_round(start_on_sqlite: Start) -> None:
    house = start_on_sqlite()
    house.deliver("site", lead(mensagem="Olá"))
    house.run()
    read_and_seal(house)
    for table in TABLES_KEPT:
        statement = insert(TABLES[table]).prefix_with("OR REPLACE").values(**house.rows(table)[0]._mapping)
        with pytest.raises(DatabaseError, match="append-only"), house.database.write() as tx:
            tx.execute(statement)


CUT = [
    "DELETE FROM history_contents WHERE {opv} AND seq = 6",
    "DELETE FROM history_entries WHERE {opv} AND seq = 6",
]

TAMPERED: dict[str, tuple[list[str], int, str]] = {
    "a byte of the data": (
        ["UPDATE history_entries SET data = replace(data, 'ana', 'bia') WHERE {opv} AND seq = 3"],
        3, "the entry was changed, or one before it",
    ),
    "who did it": (
        ["UPDATE history_entries SET actor = 'rui' WHERE {opv} AND seq = 1"],
        1, "the entry was changed, or one before it",
    ),
    "an entry is gone": (
        ["DELETE FROM history_entries WHERE {opv} AND seq = 3"], 3, "entry 3 is missing, 4 follows",
    ),
    "the tail is cut": (CUT, 5, "the chain ends at entry 5, the OPV's head says 6"),
    "the content": (
        ["UPDATE history_contents SET content = '{\"message\":\"outra\"}' WHERE {opv} AND seq = 2"],
        2, "the content was changed",
    ),
    "the content is gone": (
        ["DELETE FROM history_contents WHERE {opv} AND seq = 2"], 2, "the content row is missing",
    ),
}  # fmt: skip


def test_what_was_changed_behind_the_triggers_is_found(
    house: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opv = house.opvs()[0]
    ident = opv.id.hex if house.database.dialect == "sqlite" else str(opv.id)
    for what, (statements, seq, words) in TAMPERED.items():
        with house.database.write() as tx:
            go_behind_the_triggers(tx)
            for statement in statements:
                tx.execute(text(statement.replace("{opv}", f"opportunity_id = '{ident}'").replace("{id}", ident)))
            found = faults(tx)
            tx.rollback()
        assert (opv.id, seq, words) in found, what
        assert {fault[0] for fault in found} == {opv.id}, what
    with house.database.write() as tx:
        go_behind_the_triggers(tx)
        tx.execute(text("UPDATE history_entries SET actor = 'rui' WHERE seq = 1"))
    result = history_verify(house, monkeypatch, tmp_path)
    assert result.exit_code == 1
    assert "OPV 1, entry 1: the entry was changed, or one before it" in result.output
    assert "3 OPVs, 16 entries, 0 checkpoints: 3 faults" in result.output


def test_a_blanked_content_leaves_the_chain_whole_but_an_entry_must_tell_of_it(
    house: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """That an erasure passes is shown in tests/opv/data_subject/test_erasure.py."""
    house.set("history_contents", {"content": None, "salt": None, "erased_at": house.clock()})
    result = history_verify(house, monkeypatch, tmp_path)
    told = [one for one in result.output.splitlines() if "blanked, and no later entry tells of an erasure" in one]
    assert (result.exit_code, len(told)) == (1, len({row.opportunity_id for row in house.rows("history_contents")}))
    assert f"3 OPVs, 16 entries, 0 checkpoints: {len(told)} faults" in result.output
    with pytest.raises(DatabaseError, match="append-only"):
        house.set("history_contents", {"content": "{}", "salt": b"s", "erased_at": house.clock()})


def history_verify(house: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """`porteiro history verify` on the test's database."""
    monkeypatch.setenv("DATABASE_URL", house.database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("PORTEIRO_VAR", str(tmp_path))
    return CliRunner().invoke(app, ["history", "verify"])


def test_every_kind_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "history.md").read_text(encoding="utf-8")
    kinds = {value for name, value in vars(history).items() if name.isupper() and isinstance(value, str)}
    assert {kind for kind in kinds if f"\n| `{kind}` |" not in text} == set()
    assert len(kinds) > 10


def test_what_is_written_meanwhile_is_no_fault(house: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    fill = stored_histories._fill

    def fill_later(tx: Connection, of: Any) -> None:
        house.deliver("site", lead(1, id="meanwhile"))
        house.run()
        fill(tx, of)

    monkeypatch.setattr(stored_histories, "_fill", fill_later)
    chunks = list(verify_all(house.database.snapshot))
    assert [chunk.faults for chunk in chunks if chunk.faults] == []
    assert (chunks[0].entries, house.opvs()[0].history_seq) == (16, 7)
