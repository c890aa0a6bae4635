"""The proof of a history, checked as somebody else does: by the script that the documentation gives them."""

from __future__ import annotations

import ast
import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opv.access import Viewer
from opv.by_people import act
from opv.channels.by_hand import take_checkpoint
from opv.checkpoints import Taken, line
from opv.proof import export, prove
from schemas.errors import Reject
from tests.pipeline import Pipeline, Start, lead

SCRIPT = Path(__file__).parents[2] / "docs" / "check_proof.py"


def filled(house: Pipeline) -> Pipeline:
    house.deliver_all([("site", lead(n, mensagem=f"Olá, sou a pessoa {n}")) for n in range(1, 6)])
    house.run()
    return house


def take(house: Pipeline) -> str:
    *_, last = take_checkpoint(house.database, house.house(), house.clock)
    assert isinstance(last, Taken)
    return line(last.checkpoint)


def proof_of(house: Pipeline, ident: str, person: str = "rui", role: str = "director") -> dict[str, Any]:
    numbers: list[int] = []
    viewer = Viewer(person, role)
    with house.database.write() as tx:
        done = act(tx, house.house(), viewer, house.clock(), ident, lambda at: numbers.append(export(at)))
    found: dict[str, Any] = prove(house.database, done.opv, numbers[0]).model_dump(mode="json")
    return found


def checked(tmp_path: Path, proof: dict[str, Any], published: str | None = None) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(proof), encoding="utf-8")
    arguments = [sys.executable, "-I", "-S", str(SCRIPT), str(file)]
    if published is not None:
        (tmp_path / "published").write_text(published, encoding="utf-8")
        arguments.append(str(tmp_path / "published"))
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=30)


def test_anybody_can_check_a_proof(start: Start, tmp_path: Path) -> None:
    house = filled(start())
    lines = [take(house)]
    house.deliver("site", lead(3, id="again"))
    house.run()
    lines.append(take(house))
    for number in ("1", "3", "5"):
        proof = proof_of(house, number)
        result = checked(tmp_path, proof, "\n".join(lines))
        assert result.returncode == 0, result.stderr
        sealed = 4 if number == "3" else 3
        assert result.stdout == f"PROVED: entries 1 to {sealed} of {sealed + 1} by {lines[-1]}\n"
        assert checked(tmp_path, proof, lines[0]).stderr == "NOT PROVED: the checkpoint is not a published one\n"
    entry = proof["entries"][-1]
    assert (entry["kind"], entry["actor"]) == ("history.exported", "person:rui")
    assert house.history(house.opvs()[4].id)[-1] == ("history.exported", {"as": "proof", "checkpoint": 2})
    assert "Olá, sou a pessoa 5" in proof["entries"][1]["content"]
    house.set("history_contents", {"content": None, "salt": None, "erased_at": house.clock()})
    proof = proof_of(house, "5")
    assert "pessoa" not in json.dumps(proof)
    assert checked(tmp_path, proof).returncode == 0


def test_one_changed_byte_anywhere_is_no_proof(start_on_sqlite: Start, tmp_path: Path) -> None:
    house = filled(start_on_sqlite())
    take(house)
    good = proof_of(house, "2")
    assert checked(tmp_path, good).returncode == 0
    changes = 0
    for where, bad in changed(good):
        result = checked(tmp_path, bad)
        assert result.returncode == 1, where
        assert "PROVED" not in result.stdout
        changes += 1
    assert changes > 40
    for part, place in (("entries", 0), ("entries", 1), ("path", -1)):
        bad = copy.deepcopy(good)
        del bad[part][place]
        assert checked(tmp_path, bad).returncode == 1


def changed(proof: dict[str, Any]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """The proof with one value changed, each in turn: of a text one character, at its beginning, middle or end."""
    for number, (path, value) in enumerate(values(proof)):
        bad = copy.deepcopy(proof)
        *way, last = path
        inside: Any = bad
        for step in way:
            inside = inside[step]
        if isinstance(value, int):
            inside[last] = value + 1
        else:
            at = (0, len(value) // 2, len(value) - 1)[number % 3]
            inside[last] = value[:at] + ("0" if value[at] != "0" else "1") + value[at + 1 :]
        yield path, bad


def values(inside: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[list[Any], Any]]:
    if isinstance(inside, dict | list):
        for key in inside if isinstance(inside, dict) else range(len(inside)):
            yield from values(inside[key], (*path, key))
    elif inside is not None:
        yield list(path), inside


def test_the_script_is_short_and_needs_the_standard_library_alone() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 30
    imported = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imported for alias in node.names}
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("person", "role", "ident", "reason"),
    [
        ("ana", "broker", "1", "not_allowed"),
        ("marta", "manager", "1", "unknown_opv"),
        ("rui", "director", "9", "unknown_opv"),
    ],
)
def test_who_may_not_export_changes_nothing(
    start_on_sqlite: Start, person: str, role: str, ident: str, reason: str
) -> None:
    house = filled(start_on_sqlite())
    take(house)
    house.set("opportunities", {"broker": "ana", "manager": "paula"})
    before = house.rows("history_entries")
    with pytest.raises(Reject) as refused:
        proof_of(house, ident, person, role)
    assert (refused.value.reason, house.rows("history_entries")) == (reason, before)
    assert proof_of(house, "1", "paula", "manager")["entries"][-1]["actor"] == "person:paula"


def test_without_a_checkpoint_there_is_no_proof_yet(start_on_sqlite: Start) -> None:
    house = filled(start_on_sqlite())
    with pytest.raises(Reject) as refused:
        proof_of(house, "1")
    assert refused.value.reason == "no_checkpoint"
    take(house)
    house.deliver("site", lead(7))
    house.run()
    with pytest.raises(Reject) as refused:
        proof_of(house, "6")
    assert refused.value.reason == "no_checkpoint"
    assert "history.exported" not in {row.kind for row in house.rows("history_entries")}
