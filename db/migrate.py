"""Brings a database to the newest schema, with Alembic; one process at a time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from db.session import Database

_LOCK = 7_065_174_320_018
"""Advisory lock of PostgreSQL while migrating (an arbitrary constant)."""


def migrate(database: Database) -> tuple[str | None, str | None]:
    """Upgrades to the newest revision; returns the revision before and after."""
    with database.write() as tx:
        if database.dialect == "postgresql":
            tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = current(tx)
        config = _config()
        config.attributes["connection"] = tx
        command.upgrade(config, "head")
        return before, current(tx)


def current(tx: Connection) -> str | None:
    """Revision of the database, None when empty."""
    return MigrationContext.configure(tx).get_current_revision()


def newest() -> str | None:
    """Revision that this program needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
