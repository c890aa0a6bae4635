"""`porteiro outbound`: list, show, replay; `porteiro targets`."""

from __future__ import annotations

import json

from db.ids import new_id
from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import Stored


def test_parked_messages_are_listed_shown_and_put_back(stored: Stored, run: Run) -> None:
    one, other = stored.message(), stored.message(reason="gone")
    sale = stored.message(kind="sale_process")
    stored.message(state="sent", reason=None)
    listed = json.loads(run("outbound", "list", "--json").stdout)["items"]
    assert {item["id"] for item in listed} == {str(one), str(other), str(sale)}
    assert "gone" in run("outbound", "list", "--reason", "gone").stdout
    assert "ask for the process again" in run("outbound", "show", sale).stdout
    missing = run("outbound", "show", "nonsense").exception
    assert isinstance(missing, PorteiroError)
    assert missing.reason == "unknown_message"

    assert run("outbound", "replay").exit_code == 2
    assert run("outbound", "replay", one, "--reason", "gone").exit_code == 2
    done = run("outbound", "replay", one, sale, new_id())
    assert (done.exit_code, done.stdout.split(" ")[:3]) == (1, ["1", "of", "3"])
    assert str(sale) in done.stderr
    assert "command line" in run("outbound", "show", one).stdout
    asked = run("outbound", "replay", "--target", "painel").exception
    assert isinstance(asked, PorteiroError)
    assert asked.reason == "not_confirmed"
    done = run("outbound", "replay", "--target", "painel", "--yes")
    assert done.stdout.startswith("1 messages put back")
    assert done.stderr.startswith("1 stay parked")


def test_targets_of_a_house_without_any(stored: Stored, run: Run) -> None:
    stored.message()
    assert json.loads(run("targets", "--json").stdout) == {"items": [], "next": None}
    assert "Destinos" in run("targets").stdout
