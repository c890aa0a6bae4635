"""`porteiro opv attach|attachments|attachment-…`: files on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.errors import PorteiroError
from tests.opv.files import PDF
from tests.porteiro.cli.conftest import Run
from tests.stored import Stored


def reason(error: BaseException | None) -> str:
    assert isinstance(error, PorteiroError)
    return error.reason


def test_a_file_in_and_out(stored: Stored, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opv = stored.opv(broker="ana", manager="paula", team="sul")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    file = tmp_path / "RG.pdf"
    file.write_bytes(PDF)
    item = json.loads(run("opv", "attach", 1, file, "--as", "ana", "--json").stdout)
    assert [path.read_bytes() for path in (tmp_path / "attachments").iterdir()] == [PDF]
    assert "RG.pdf" in run("opv", "attachments", opv).stdout
    get = ("opv", "attachment-get", 1, item["id"], "--as", "paula")
    assert run(*get).stdout == f"RG.pdf: {len(PDF)} bytes\n"
    assert Path("RG.pdf").read_bytes() == PDF
    assert run(*get).exit_code == 2  # it is there already
    assert json.loads(run(*get, "--to", "copy.pdf", "--json").stdout)["path"] == "copy.pdf"
    assert reason(run(*get[:-1], "bia").exception) == "unknown_opv"
    assert run("opv", "attachment-remove", 1, item["id"], "--as", "ana").exit_code == 0
    assert list((tmp_path / "attachments").iterdir()) == []
    assert reason(run(*get, "--to", "gone.pdf").exception) == "unknown_attachment"
    assert not Path("gone.pdf").exists()
    assert json.loads(run("opv", "attachments", 1, "--json").stdout)["items"] == []
    assert len(json.loads(run("opv", "attachments", 1, "--removed", "--json").stdout)["items"]) == 1


def test_refusals_are_those_of_the_api(stored: Stored, run: Run, tmp_path: Path) -> None:
    stored.opv(broker="ana")
    wrong, right = tmp_path / "rg.png", tmp_path / "rg.pdf"
    wrong.write_bytes(PDF)
    right.write_bytes(PDF)
    assert reason(run("opv", "attach", 1, wrong, "--as", "ana").exception) == "type_not_allowed"
    assert reason(run("opv", "attach", 1, right, "--as", "bia").exception) == "unknown_opv"
    assert reason(run("opv", "attach", 1, right, "--client", "0" * 32, "--as", "ana").exception) == "unknown_client"
    assert run("opv", "attach", 1, tmp_path / "none.pdf", "--as", "ana").exit_code == 2
    assert list((tmp_path / "attachments").iterdir()) == []
