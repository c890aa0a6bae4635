"""The pipeline's fixtures, and files to import."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.pipeline import start, start_on_sqlite

__all__ = ["start", "start_on_sqlite"]

FIXTURES = Path(__file__).parents[2] / "fixtures" / "import"

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Writes a file of leads out of its lines."""

    def write(lines: Iterable[str], name: str = "leads.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
        return path

    return write
