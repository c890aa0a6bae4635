"""`porteiro client find|export|recipients|consents|withdraw-consent|erase` and `porteiro retention`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from db.ids import new_id
from db.models import DeliveryOutcome
from db.queries.paging import ids_since
from porteiro.configuration.apply import apply
from schemas.config import Configuration
from schemas.errors import PorteiroError
from tests.porteiro.cli.conftest import Run
from tests.stored import CONFIGURATION, NOW, Stored, ago


def _reason(error: BaseException | None) -> str:
    assert isinstance(error, PorteiroError)
    return error.reason


def registered(run: Run) -> str:
    """The client of an OPV typed in by hand."""
    answer = run("opv", "new", "--name", "Zuleica Prova", "--phone", "11 98765-4321", "--as", "ana", "--json")
    assert answer.exit_code == 0, answer.output
    return str(json.loads(answer.stdout)["clients"][0]["id"])


def test_a_person_from_find_to_erasure(stored: Stored, run: Run, tmp_path: Path) -> None:
    client = registered(run)
    assert client in run("client", "find", "--phone", "(11) 98765-4321", "--as", "rui").stdout
    (found,) = json.loads(run("client", "find", "--phone", "11987654321", "--as", "rui", "--json").stdout)["items"]
    assert (found["id"], len(found["opvs"])) == (client, 1)
    done = run(
        "client", "withdraw-consent", client, "novidades", "--way", "email", "--evidence", "disse", "--as", "rui"
    )
    assert done.exit_code == 0, done.output
    assert "novidades" in run("client", "consents", client, "--as", "rui").stdout
    (consent,) = json.loads(run("client", "consents", client, "--as", "rui", "--json").stdout)["items"]
    assert (consent["what"], consent["granted"]) == ("novidades", False)
    assert json.loads(run("client", "recipients", client, "--as", "rui", "--json").stdout) == {
        "items": [],
        "next": None,
    }
    record = json.loads(run("client", "export", client, "--as", "rui").stdout)
    assert (record["format"], record["client"]["name"]) == ("porteiro-person/1", "Zuleica Prova")
    opv = UUID(found["opvs"][0])
    file = new_id()
    stored.insert("attachments", {
        "id": file, "opportunity_id": opv, "client_id": None, "name": "rg.pdf", "content_type": "application/pdf",
        "size": 3, "sha256": b"x", "added_by": "ana", "added_at": NOW,
    })  # fmt: skip
    folder = tmp_path / "attachments"
    folder.mkdir()
    (folder / file.hex).write_bytes(b"pdf")
    refused = run("client", "erase", client, "--reason", "A pedido", "--as", "rui")
    assert _reason(refused.exception) == "not_confirmed"
    assert (folder / file.hex).exists()
    erased = run("client", "erase", client, "--reason", "A pedido", "--yes", "--as", "rui")
    assert erased.exit_code == 0, erased.output
    assert "Anexos" in erased.stdout
    assert not (folder / file.hex).exists()
    again = json.loads(run("client", "erase", client, "--reason", "A pedido", "--yes", "--as", "rui", "--json").stdout)
    assert set(again["blanked"].values()) == {0}
    assert "Zuleica" not in run("opv", "show", "1").stdout
    assert "intact" in run("history", "verify").stdout


def test_refusals_are_those_of_the_api(stored: Stored, run: Run) -> None:
    client = registered(run)
    for command in (
        ("find", "--phone", "11987654321"), ("export", client), ("recipients", client), ("consents", client),
        ("withdraw-consent", client, "tudo"), ("erase", client, "--reason", "A pedido", "--yes"),
    ):  # fmt: skip
        assert _reason(run("client", *command, "--as", "ana").exception) == "not_allowed"
        assert _reason(run("client", *command, "--as", "ivo").exception) == "unknown_person"
    assert _reason(run("client", "export", uuid4(), "--as", "rui").exception) == "unknown_client"
    assert run("client", "find", "--as", "rui").exit_code == 2
    assert run("client", "withdraw-consent", client, "tudo", "--way", "pigeon", "--as", "rui").exit_code == 2
    assert "Zuleica" in run("opv", "show", "1").stdout


def test_retention_shows_and_blanks(stored: Stored, run: Run) -> None:
    channel = {"key": "site", "source": "form", "secrets": ["${S}"]}
    kept = {**CONFIGURATION, "channels": [channel], "retention": {"captured": "30 days"}}
    apply(stored.database, Configuration.model_validate(kept), by="rui", now=NOW + timedelta(minutes=1))
    old = UUID(int=ids_since(ago(86400 * 40)).int + 1)
    stored.delivery(DeliveryOutcome.CAPTURED, id=old, received_at=ago(86400 * 40), body=b'{"nome": "Zuleica"}')
    stored.delivery(DeliveryOutcome.CAPTURED)
    shown = run("retention", "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert "30 days" in shown.stdout
    figures = {one["outcome"]: one["due"] for one in json.loads(run("retention", "--dry-run", "--json").stdout)}
    assert figures == {"captured": 1, "repeated": 0, "test": 0, "ignored": 0, "parked": 0}
    assert "Zuleica" in run("deliveries", "show", old).stdout
    assert "Apagadas" in run("retention").stdout
    assert "Zuleica" not in run("deliveries", "show", old).stdout
    assert {one["due"] for one in json.loads(run("retention", "--json").stdout)} == {0}
    with pytest.raises(PorteiroError, match="erased on"):
        raise run("deliveries", "accept", old).exception  # type: ignore[misc] # an exception, as the match says
