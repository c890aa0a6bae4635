"""What the database of an installation says became of the leads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from sqlalchemy import text

from db.models import DeliveryOutcome
from db.queries.history import chains
from db.session import Database
from opv.history import verify

_UNFINISHED = """
SELECT (SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL)
     + (SELECT count(*) FROM submissions WHERE due_at IS NOT NULL)
     + (SELECT count(*) FROM distribution_work WHERE due_at IS NOT NULL)
     + (SELECT count(*) FROM pending_events WHERE due_at IS NOT NULL)
     + (SELECT count(*) FROM outbound_messages WHERE due_at IS NOT NULL)
"""
ONE_OF_EACH = ("capture_origins", "assignments", "decisions", "automation_runs", "outbound_messages")
"""Tables of which a new person's lead leaves one row."""
FACTS = ["opv.created", "opv.captured", "opv.assigned", "stage.changed", "notice.queued"]
"""The history that a new person's lead leaves."""


class Ledger:
    """Reads; `assert_…` compare with what is promised."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """What a SELECT gives."""
        with self._database.read() as tx:
            return [tuple(row) for row in tx.execute(text(sql), parameters)]

    def execute(self, sql: str) -> None:
        """Changes rows behind the program's back."""
        with self._database.write() as tx:
            tx.execute(text(sql))

    def count(self, table: str, where: str = "1 = 1") -> int:
        """Rows of a table."""
        number: int = self.rows(f"SELECT count(*) FROM {table} WHERE {where}")[0][0]
        return number

    def is_at_rest(self) -> bool:
        """Whether no step has work, now or later."""
        return self.rows(_UNFINISHED) == [(0,)]

    def undistributed(self) -> int:
        """Accepted leads that have no broker yet: deliveries to ingest, submissions to fetch, OPVs to assign."""
        waiting = self.count("deliveries", "outcome = 0") + self.count("submissions", "state <> 'done'")
        return waiting + self.count("opportunities", "broker IS NULL")

    def digests(self) -> set[bytes]:
        """SHA-256 of the body of each delivery as it was received."""
        return {bytes(row[0]) for row in self.rows("SELECT sha256 FROM deliveries")}

    def outcomes(self) -> Counter[str]:
        """Submissions by outcome and reason, as `parked no_contact`."""
        return Counter(
            f"{outcome} {reason or ''}".strip()
            for outcome, reason in self.rows("SELECT outcome, reason FROM submissions")
        )

    def delivered(self) -> dict[tuple[str, bytes], str]:
        """The outcome of each delivery with its submission's reason, by channel and SHA-256 of the body received."""
        found = self.rows(
            "SELECT c.key, d.sha256, d.outcome, s.reason FROM deliveries d JOIN channels c ON c.id = d.channel "
            "LEFT JOIN submissions s ON s.delivery_id = d.id"
        )
        return {
            (channel, bytes(digest)): f"{DeliveryOutcome(outcome).outcome.value} {reason or ''}".strip()
            for channel, digest, outcome, reason in found
        }

    def assert_each_once(self, external_ids: Collection[str]) -> None:
        """Each lead of a new person, by its sender's id: captured once, one OPV, one assignment, one run of the
        automation and its effects, a history that verifies."""
        cards = self.rows("SELECT external_id FROM capture_origins")
        assert sorted(row[0] for row in cards) == sorted(external_ids)
        opvs = [row[0] for row in self.rows("SELECT id FROM opportunities")]
        assert len(opvs) == len(external_ids)
        for table in ONE_OF_EACH:
            of_opv = Counter(
                row[0] for row in self.rows(f"SELECT opportunity_id FROM {table} WHERE opportunity_id IS NOT NULL")
            )
            assert of_opv == Counter(opvs), f"{table}: one row an OPV"
        assert self.rows("SELECT DISTINCT result FROM automation_runs") == [("done",)]
        assert self.rows("SELECT DISTINCT stage FROM opportunities") == [("contacted",)]
        histories: dict[Any, list[str]] = {opv: [] for opv in opvs}
        for opv, kind in self.rows("SELECT opportunity_id, kind FROM history_entries ORDER BY opportunity_id, seq"):
            histories[opv].append(kind)
        assert [opv for opv, kinds in histories.items() if kinds != FACTS] == []
        self.assert_histories_verify()

    def assert_histories_verify(self) -> None:
        """No chain has a fault."""
        with self._database.read() as tx:
            faults = [
                fault for chain in chains(tx) for fault in verify(chain.opv, chain.seq, chain.head, chain.entries)
            ]
        assert faults == []
