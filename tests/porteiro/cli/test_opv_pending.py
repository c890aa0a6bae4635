"""`porteiro opv pending…`: pending items on the command line."""

from __future__ import annotations

import json

from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import Stored


def reason(error: BaseException | None) -> str:
    assert isinstance(error, PorteiroError)
    return error.reason


def test_items_from_beginning_to_end(stored: Stored, run: Run) -> None:
    stored.opv(broker="ana", manager="paula", team="sul")
    new = ("opv", "pending-add", 1, "pedir o RG", "--due", "2999-01-02T18:00", "--as", "ana", "--json")
    item = json.loads(run(*new).stdout)
    assert (item["owner"], item["due_at"]) == ("ana", "2999-01-02T21:00:00Z")  # as the house's clock says it
    other = json.loads(run(*new, "--owner", "paula").stdout)["id"]
    changed = run("opv", "pending-change", 1, item["id"], "--title", "pedir RG e CPF", "--as", "paula")
    assert "pedir RG e CPF" in changed.stdout
    assert run("opv", "pending-done", 1, item["id"], "--as", "ana").exit_code == 0
    assert "cancelada" in run("opv", "pending-cancel", 1, other, "--as", "ana").stdout
    assert "feita" in run("opv", "pending", 1).stdout
    shown = json.loads(run("opv", "pending", "--owner", "ana", "--state", "done", "--no-overdue", "--json").stdout)
    assert [one["id"] for one in shown["items"]] == [item["id"]]
    assert json.loads(run("opv", "pending", "--overdue", "--json").stdout)["items"] == []


def test_refusals_are_those_of_the_api(stored: Stored, run: Run) -> None:
    stored.opv(broker="ana")
    add = ("opv", "pending-add", 1, "ligar", "--as", "ana", "--due")
    assert reason(run(*add, "2020-01-01").exception) == "due_in_past"
    assert reason(run(*add, "2999-01-01", "--owner", "bia").exception) == "owner_not_linked"
    assert reason(run("opv", "pending-done", 1, "0" * 32, "--as", "ana").exception) == "unknown_item"
    assert reason(run("opv", "pending", 2).exception) == "unknown_opv"
    assert run(*add, "amanhã").exit_code == 2
    assert run("opv", "pending-add", 1, " ", "--as", "ana", "--due", "2999-01-01").exit_code == 2
    assert run("opv", "pending-change", 1, "0" * 32, "--as", "ana").exit_code == 2
    assert run("opv", "pending", "--state", "late").exit_code == 2
    assert json.loads(run("opv", "pending", "--json").stdout)["items"] == []
