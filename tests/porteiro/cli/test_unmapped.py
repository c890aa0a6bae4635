"""`porteiro unmapped --yaml`: a line a value, under the development that is nearest."""

from __future__ import annotations

from datetime import UTC, datetime

import yaml

from opv.catalog import Catalog
from porteiro.cli.unmapped import lines
from schemas.config import Development, Named
from schemas.operations import UnmappedItem
from tests.porteiro.cli.conftest import Run
from tests.stored import Stored

AT = datetime(2026, 9, 21, tzinfo=UTC)
CATALOG = Catalog([
    Development(key="jardim", name="Residencial Jardim", listings=["AP-0101"]),
    Development(key="mirante", name="Mirante do Parque", listings=["MP/7"]),
], {"campaign": [Named(key="launch", name="Lançamento Jardim")]})  # fmt: skip


def item(field: str, value: str, count: int, channel: str = "zap") -> UnmappedItem:
    return UnmappedItem(field=field, value=value, channel=channel, count=count, first_at=AT, last_at=AT)


def test_values_are_put_under_the_nearest_development() -> None:
    found = lines(
        [
            item("development", "Res. Jardím", 2),
            item("development", "Residencial Jardin", 3),
            item("development", "Residencial Jardin", 4, "site"),
            item("listing", "AP-0102", 1),
            item("development", 'Zênite "9"\n- x', 1),
            item("listing", "", 5),
            item("campaign", "lancamento jardin", 2, ""),
            item("medium", "Rádio & TV", 1),
            item("shared_phone", "+5511999990001", 1),
        ],
        CATALOG,
    )
    assert found == [
        "# campaigns: launch (Lançamento Jardim): aliases",
        '- "lancamento jardin"  # 2 times on manual',
        "# developments: jardim (Residencial Jardim): aliases",
        '- "Residencial Jardin"  # 7 times on site, zap',
        '- "Res. Jardím"  # 2 times on zap',
        "# developments: jardim (Residencial Jardim): listings",
        '- "AP-0102"  # 1 times on zap',
        "# developments: which one? none has a name like it: aliases",
        '- "Zênite \\"9\\"\\n- x"  # 1 times on zap',
        "# media:",
        '- {key: radio-tv, name: "Rádio & TV"}  # 1 times on zap',
    ]
    read = yaml.safe_load("\n".join(found))
    assert (read[1:3], read[-1]) == (["Residencial Jardin", "Res. Jardím"], {"key": "radio-tv", "name": "Rádio & TV"})
    assert lines([], CATALOG) == ["# nothing to map"]


def test_the_command_prints_lines(stored: Stored, run: Run) -> None:
    assert run("unmapped", "--yaml").stdout == "# nothing to map\n"
