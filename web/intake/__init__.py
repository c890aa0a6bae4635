"""Webhook intake: a request is verified, its secrets are masked, it is stored, and only then answered.

`endpoint` is the route, `masking` what is taken out before storing, `store` the group commit with its two
writers (`postgres`, `sqlite`), `refusals` the counts of what was turned away.
"""

from __future__ import annotations

from collections.abc import Callable

from db.session import Database
from web.intake.endpoint import Intake
from web.intake.postgres import PostgresWriter
from web.intake.refusals import RefusalCounter
from web.intake.sqlite import SqliteWriter
from web.intake.store import GroupCommit, Store, Unavailable

__all__ = ["GroupCommit", "Intake", "RefusalCounter", "Store", "Unavailable", "store_for"]


def store_for(database: Database, wake: Callable[[str], None], *, prepare_threshold: int | None = 5) -> GroupCommit:
    """The store of a database. `wake` is called with `ingest` after each commit; `prepare_threshold` None: no
    prepared statements (PgBouncer)."""
    if database.dialect == "postgresql":
        return GroupCommit(PostgresWriter(database.url, prepare=prepare_threshold is not None), lambda: wake("ingest"))
    return GroupCommit(SqliteWriter(database), lambda: wake("ingest"))
