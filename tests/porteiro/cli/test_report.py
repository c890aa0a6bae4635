"""`porteiro report`: the figures of the API, over the whole house."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.porteiro.cli.conftest import Run
from tests.stored import Stored, ago

REPORTS = ("withdrawals", "origins", "funnel", "first-contact", "costs", "fairness")


@pytest.fixture
def withdrawn(stored: Stored) -> Stored:
    opv = stored.opv(broker="ana", manager="paula", stage="contacted", status="lost")
    stored.card(opv, campaign="=1+1")
    stored.insert("withdrawals", {
        "opportunity_id": opv, "seq": 1, "at": ago(86400), "reason": "price", "sub_reason": None, "stage": "new",
        "team": "sul", "manager": "paula", "broker": "ana", "development": None,
    })  # fmt: skip
    return stored


def test_every_report_is_a_table_json_csv_and_a_chart(withdrawn: Stored, run: Run, tmp_path: Path) -> None:
    for report in REPORTS:
        assert run("report", report).exit_code == 0, report
        assert "items" in json.loads(run("report", report, "--json").stdout)
        sheet, chart = tmp_path / f"{report}.csv", tmp_path / f"{report}.svg"
        assert run("report", report, "--csv", sheet, "--svg", chart).stdout == ""
        assert sheet.read_bytes().startswith(b"\xef\xbb\xbf")
        assert chart.read_bytes().startswith(b"<?xml")


def test_two_way_tables_and_periods(withdrawn: Stored, run: Run) -> None:
    table = run("report", "withdrawals", "--by", "broker", "--across", "reason").stdout
    assert "Ana Corretora" in table
    assert "Preço" in table
    day = ago(86400 * 3).date()
    assert json.loads(run("report", "withdrawals", "--until", day, "--json").stdout)["items"] == []
    assert "'=1+1" in run("report", "origins", "--csv", "-").stdout


def test_what_cannot_be_reported_says_why(withdrawn: Stored, run: Run) -> None:
    for arguments, words in (
        (("withdrawals", "--by", "moon"), "'moon' is not one of"),
        (("withdrawals", "--by", "team", "--across", "team"), "another thing than"),
        (("origins", "--across", "day"), "goes with"),
        (("funnel", "--since", "gestern"), "is no time"),
        (("funnel", "--since", "1492-10-12"), "out of range"),
    ):
        refused = run("report", *arguments)
        assert refused.exit_code != 0
        assert words in refused.stderr.replace("\n", " "), arguments
    reversed_ = run("report", "funnel", "--since", "2026-09-02", "--until", "2026-09-01")
    assert reversed_.exit_code == 1
    assert "ends before it begins" in str(reversed_.exception)
