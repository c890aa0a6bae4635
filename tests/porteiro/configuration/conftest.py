from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from db.migrate import migrate
from db.session import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/p.db"
    else:
        url = "postgresql+psycopg://postgres@127.0.0.1:5432/porteiro_h_config"
        admin = create_engine("postgresql+psycopg://postgres@127.0.0.1:5432/postgres", isolation_level="AUTOCOMMIT")
        with admin.connect() as c:
            c.execute(text("DROP DATABASE IF EXISTS porteiro_h_config WITH (FORCE)"))
            c.execute(text("CREATE DATABASE porteiro_h_config"))
    d = Database(url)
    migrate(d)
    d.dispose()
    yield url
    if request.param != "sqlite":
        with admin.connect() as c:
            c.execute(text("DROP DATABASE IF EXISTS porteiro_h_config WITH (FORCE)"))
        admin.dispose()
