"""`porteiro history …`, and a history and its reads as `porteiro opv` shows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db.queries.reads import note
from porteiro.cli import app
from schemas.errors import PorteiroError, Reject
from tests.pipeline import Pipeline, Start, lead
from tests.porteiro.cli.conftest import Run
from tests.tampering import compute_anew, go_behind_the_triggers


@pytest.fixture
def house(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Two OPVs; the commands work on their database."""
    house = start()
    monkeypatch.setenv("DATABASE_URL", house.database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("PORTEIRO_VAR", str(tmp_path))
    monkeypatch.setenv("S", "segredo")
    house.deliver_all([("site", lead(n, mensagem="Olá")) for n in (1, 2)])
    house.run()
    return house


def test_checkpoints_are_taken_listed_exported_and_verified_against(house: Pipeline, run: Run, tmp_path: Path) -> None:
    assert json.loads(run("history", "checkpoints", "--json").stdout) == {"items": [], "next": None}
    line = run("history", "checkpoint").stdout
    taken = json.loads(run("history", "checkpoint", "--json").stdout)
    assert (line[:2], taken["number"], taken["opvs"]) == ("1 ", 2, 2)
    file = tmp_path / "checkpoints.txt"
    assert run("history", "checkpoints", "--export", file).stdout == f"{file}: 2 checkpoints\n"
    first, second = file.read_text(encoding="utf-8").splitlines(keepends=True)
    assert first == line
    assert second.split()[-2:] == [taken["root"], taken["hash"]]
    assert taken["hash"] in run("history", "checkpoints").stdout
    good = run("history", "verify", "--against", file)
    assert (good.exit_code, good.stdout) == (0, "2 OPVs, 6 entries, 2 checkpoints: intact\n")

    file.write_text(first + second.replace(taken["root"], "0" * 64), encoding="utf-8")
    bad = run("history", "verify", "--against", file, "--json")
    assert bad.exit_code == 1
    assert json.loads(bad.stdout) == {
        "opvs": 2, "entries": 6, "checkpoints": 2, "found": 1,
        "faults": [{"opv": None, "number": None, "seq": None,
                    "what": "checkpoint 2 is not the one that was published"}],
    }  # fmt: skip
    file.write_text("nothing", encoding="utf-8")
    assert run("history", "verify", "--against", file).exit_code == 2


def test_a_chain_computed_anew_ends_verify_with_1(house: Pipeline, run: Run) -> None:
    run("history", "checkpoint")
    with house.database.write() as tx:
        go_behind_the_triggers(tx)
        compute_anew(tx, house.opvs()[1].id, {1: {"actor": "person:rui"}})
    for options in ((), ("--since", "2026-09-21")):
        result = run("history", "verify", *options)
        assert result.exit_code == 1
        assert result.stderr == "OPV 2, entry 3: checkpoint 1 knows another entry: the chain was computed anew\n"
        assert result.stdout == "2 OPVs, 6 entries, 1 checkpoints: 1 faults\n"
    assert run("history", "verify", "--since", "2099-01-01").exit_code == 0


def test_a_proof_is_printed_in_a_persons_name(house: Pipeline, run: Run) -> None:
    refused = run("history", "proof", 1, "--as", "rui").exception
    assert isinstance(refused, Reject)
    assert refused.reason == "no_checkpoint"
    run("history", "checkpoint")
    proof = json.loads(run("history", "proof", 1, "--as", "rui").stdout)
    assert (proof["opv"], proof["sealed"]) == (house.opvs()[0].id.hex, 3)
    assert [entry["actor"] for entry in proof["entries"]][-1] == "person:rui"
    for ident, person, reason in ((9, "rui", "unknown_opv"), (1, "nobody", "unknown_person")):
        error = run("history", "proof", ident, "--as", person).exception
        assert isinstance(error, PorteiroError)
        assert error.reason == reason


def test_a_history_is_narrowed_and_reads_are_shown(house: Pipeline, run: Run) -> None:
    with house.database.single() as tx:
        note(tx, "ana", [(opv.id, "opv") for opv in house.opvs()], house.clock())
    listed = json.loads(run("opv", "history", 1, "--kind", "opv.", "--json").stdout)
    assert [one["kind"] for one in listed["items"]] == ["opv.created", "opv.captured", "opv.assigned"]
    listed = json.loads(run("opv", "history", 1, "--person", "distribution", "--limit", 1, "--json").stdout)
    assert [one["kind"] for one in listed["items"]] == ["opv.assigned"]
    assert (
        run("opv", "history", 1, "--until", "2020-01-01", "--json").stdout.replace(" ", "").startswith('{\n"items":[]')
    )
    part = run("opv", "history", 1, "--limit", 1)
    assert "opv.created" in part.stdout
    cursor = part.stdout.split("--cursor ")[1].strip()
    assert "opv.created" not in run("opv", "history", 1, "--cursor", cursor).stdout
    (read,) = json.loads(run("opv", "reads", 1, "--json").stdout)["items"]
    assert (read["person"], read["what"], read["times"], read["sealed_seq"]) == ("ana", "opv", 1, None)
    assert "ana" in run("opv", "reads", 2).stdout
    house.set("history_contents", {"content": None, "salt": None, "erased_at": house.clock()})
    assert "apagado a pedido em 21/09/2026" in run("opv", "history", 1).stdout
    for command in ("history", "reads"):
        error = CliRunner().invoke(app, ["opv", command, "9"]).exception
        assert isinstance(error, PorteiroError)
        assert error.reason == "unknown_opv"
