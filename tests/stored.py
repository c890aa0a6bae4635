"""Rows as the pipeline leaves them, for tests of what reads them. Persons and numbers are invented."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from db.bulk import insert_rows
from db.ids import new_id
from db.models import Base, DeliveryOutcome
from db.session import Database
from opv.house import House, build_house
from schemas.config import Configuration

TABLES = Base.metadata.tables
NOW = datetime.now(UTC)
"""A time of this run, for columns of which no test counts the age."""

CONFIGURATION = {
    "people": [
        {"key": "rui", "name": "Rui Diretor", "role": "director"},
        {"key": "olga", "name": "Olga Operações", "role": "ops"},
        {"key": "paula", "name": "Paula Gerente", "role": "manager"},
        {"key": "marta", "name": "Marta Gerente", "role": "manager"},
        {"key": "ana", "name": "Ana Corretora", "role": "broker"},
        {"key": "bia", "name": "Bia Corretora", "role": "broker"},
        {"key": "caio", "name": "Caio Corretor", "role": "broker"},
        {"key": "ivo", "name": "Ivo que saiu", "role": "broker", "active": False},
    ],
    "teams": [
        {
            "key": "sul",
            "name": "Equipe Sul",
            "managers": [{"person": "paula", "brokers": ["ana", "bia"]}, {"person": "marta", "brokers": ["caio"]}],
        }
    ],
    "withdrawal_reasons": [
        {"key": "price", "name": "Preço"},
        {"key": "other", "name": "Outro", "needs_remarks": True},
    ],
    "funnel": {"stages": [{"key": "new", "name": "Novo lead"}, {"key": "contacted", "name": "Em atendimento"}]},
}


def house() -> House:
    """A house with a director, operations, two managers and their brokers."""
    return build_house(1, Configuration.model_validate(CONFIGURATION), {})


@dataclass
class Stored:
    """Writes rows into a database. Each method gives the new row's id."""

    database: Database
    numbers: int = field(default=0)

    def insert(self, table: str, *rows: dict[str, Any]) -> None:
        """Rows of a table, each with all of its columns."""
        with self.database.write() as tx:
            insert_rows(tx, TABLES[table], rows)

    def change(self, table: str, values: dict[str, Any]) -> None:
        """Changes all rows of a table."""
        with self.database.write() as tx:
            tx.execute(update(TABLES[table]).values(**values))

    def message(self, **columns: Any) -> UUID:
        """A message that was parked."""
        id_ = new_id()
        row = {
            "id": id_, "idempotency_key": f"tell:{id_}", "target": "painel", "kind": "notify", "recipient": "painel",
            "opportunity_id": None, "body": '{"opv": 1}', "state": "parked", "reason": "http_404", "created_at": ago(0),
            "sent_at": None, "due_at": None, "lease": None, "attempts": 0, "failures": 1,
        }  # fmt: skip
        self.insert("outbound_messages", {**row, **columns})
        return id_

    def schedule(self, key: str, **columns: Any) -> None:
        """A scheduled automation whose next time is to come in an hour."""
        row = {
            "key": key, "cron": "0 9 * * *", "zone": "America/Sao_Paulo", "due_at": ago(-3600), "lease": None,
            "attempts": 0, "next_at": ago(-3600), "planned_at": None, "started_at": None, "cursor": None, "seen": 0,
            "matched": 0,
        }  # fmt: skip
        self.insert("schedules", {**row, **columns})

    def scheduled_run(self, key: str, planned_at: datetime, seconds: float | None = 5) -> None:
        """A planned time that is over: a run that took so long, or none."""
        begun = seconds is not None
        row = {
            "id": new_id(), "automation": key, "planned_at": planned_at, "started_at": planned_at if begun else None,
            "finished_at": planned_at + timedelta(seconds=seconds) if seconds is not None else None,
            "result": "done" if begun else "skipped", "seen": 9 if begun else 0, "matched": 4 if begun else 0,
        }  # fmt: skip
        self.insert("scheduled_runs", row)

    def opv(self, *, client: str = "Maria Teste", **columns: Any) -> UUID:
        """An OPV with its client."""
        self.numbers += 1
        opv_id, client_id = new_id(), new_id()
        person = {
            "id": client_id, "kind": "natural", "name": client, "document": None, "phones": '["+5511999990001"]',
            "emails": "[]", "created_at": ago(0),
        }  # fmt: skip
        row = {
            "id": opv_id, "number": self.numbers, "client_id": client_id, "funnel": "sales", "stage": "new",
            "stage_seq": 1, "status": "open", "development": None, "team": None, "manager": None, "broker": None,
            "presales_team": None,
            "presales_manager": None, "presales_broker": None, "second_broker": None, "assigned_at": None,
            "first_contact_at": None, "created_at": ago(0), "history_seq": 0, "history_head": b"",
        }  # fmt: skip
        self.insert("clients", person)
        self.insert("opportunities", {**row, **columns})
        self.insert("involved_clients", {"opportunity_id": opv_id, "client_id": client_id, "role": "buyer"})
        return opv_id

    def card(self, opv: UUID, seq: int = 1, details: dict[str, Any] | None = None, **columns: Any) -> UUID:
        """A capture card of an OPV."""
        row = {
            "id": new_id(), "opportunity_id": opv, "seq": seq, "client_id": new_id(), "submission_id": new_id(),
            "delivery_id": new_id(), "source": "form", "channel": "site", "external_id": None, "received_at": ago(0),
            "submitted_at": None, "is_returning": False, "campaign": None, "medium": None, "origin": None,
            "development": None, "listing": None, "transaction": None, "price_cents": None, "city": None,
            "state": None, "details": json.dumps(details or {}),
        }  # fmt: skip
        self.insert("capture_origins", {**row, **columns})
        return UUID(str({**row, **columns}["id"]))

    def fact(self, opv: UUID, seq: int, kind: str, data: dict[str, Any], content: str | None = None) -> None:
        """A history entry; the hash is none of a chain."""
        row = {
            "opportunity_id": opv, "seq": seq, "at": NOW, "kind": kind, "actor": "system", "data": json.dumps(data),
            "content_hash": None, "hash": bytes([seq]) * 32,
        }  # fmt: skip
        self.insert("history_entries", row)
        if content is not None:
            kept = {"opportunity_id": opv, "seq": seq, "content": content, "salt": b"s", "erased_at": None}
            self.insert("history_contents", kept)

    def channel(self, number: int = 1, key: str = "site", source: str = "form") -> None:
        """A channel."""
        self.insert("channels", {"id": number, "key": key, "source": source, "document": "{}", "retired_at": None})

    def delivery(self, outcome: DeliveryOutcome, *, body: bytes = b"{}", **columns: Any) -> UUID:
        """A delivery of the first channel."""
        pending = outcome is DeliveryOutcome.PENDING
        row = {
            "id": new_id(), "channel": 1, "received_at": ago(0), "due_at": ago(0) if pending else None, "lease": None,
            "attempts": 0, "outcome": outcome.value, "secret": 0, "replays": 0,
            "sha256": hashlib.sha256(body).digest(), "url": b"https://leads.example.com/hooks/site?key=***",
            "headers": b"Host: leads.example.com\r\nX-Trace: a\r\nx-trace: b\r\n", "body": body,
        }  # fmt: skip
        self.insert("deliveries", {**row, **columns})
        return UUID(str({**row, **columns}["id"]))

    def submission(self, delivery: UUID, outcome: str, **columns: Any) -> UUID:
        """A submission of a delivery."""
        id_ = new_id()
        row = {
            "id": id_, "delivery_id": delivery, "position": 0, "channel": 1, "namespace": "channel:site",
            "key": str(id_), "external_id": None, "repeat_of": None, "state": "done", "outcome": outcome,
            "reason": None, "detail": None, "created_at": ago(0), "done_at": None if outcome == "pending" else ago(0),
            "due_at": None, "lease": None, "attempts": 0, "failures": 0, "pointer": None, "fetched": None,
            "person": None,
        }  # fmt: skip
        self.insert("submissions", {**row, **columns})
        return id_

    def waits(self, opv: UUID, reason: str | None = None, *, since: datetime | None = None) -> None:
        """An OPV on the list to distribute: with a reason it is undistributed."""
        since = since or ago(0)
        row = {
            "opportunity_id": opv, "since": since, "due_at": None if reason else since, "lease": None,
            "attempts": 0, "prefer": None, "exclude": None, "reason": reason, "config_version": 1,
        }  # fmt: skip
        self.insert("distribution_work", row)


def ago(seconds: float) -> datetime:
    """So long before now."""
    return datetime.now(UTC) - timedelta(seconds=seconds)
