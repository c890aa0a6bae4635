"""`porteiro unmapped --yaml`: a line a value, under the development that is nearest."""

from __future__ import annotations

from datetime import UTC, datetime

import yaml

from opv.catalog import Catalog
from porteiro.cli.unmapped import lines
from schemas.config import Development
from schemas.operations import UnmappedItem
from tests.porteiro.cli.conftest import Run
from tests.stored import Stored

AT = datetime(2026, 9, 21, tzinfo=UTC)
CATALOG = Catalog([
    Development(key="jardim", name="Residencial Jardim", listings=["AP-0101"]),
    Development(key="mirante", name="Mirante do Parque", listings=["MP/7"]),
])  # fmt: skip


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
            item("shared_phone", "+5511999990001", 1),
        ],
        CATALOG,
    )
    assert found == [
        "# developments: jardim (Residencial Jardim): aliases",
        '- "Residencial Jardin"  # 7 times on site, zap',
        '- "Res. Jardím"  # 2 times on zap',
        "# developments: jardim (Residencial Jardim): listings",
        '- "AP-0102"  # 1 times on zap',
        "# developments: which one? none has a name like it: aliases",
        '- "Zênite \\"9\\"\\n- x"  # 1 times on zap',
    ]
    assert yaml.safe_load("\n".join(found))[:2] == ["Residencial Jardin", "Res. Jardím"]
    assert lines([], CATALOG) == ["# nothing to map"]


def test_the_command_prints_lines(stored: Stored, run: Run) -> None:
    assert run("unmapped", "--yaml").stdout == "# nothing to map\n"
