"""The script that many write first: FastAPI, one table, one INSERT a lead, the owner picked on the way."""

from __future__ import annotations

import os
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import create_engine, text

PICK = text(
    "UPDATE brokers SET last_at = clock_timestamp() WHERE id = "
    "(SELECT id FROM brokers ORDER BY last_at LIMIT 1 FOR UPDATE) RETURNING id"
)
INSERT = text(
    "INSERT INTO leads (name, email, phone, listing, message, owner, created_at) "
    "VALUES (:name, :email, :phone, :listing, :message, :owner, now())"
)
SCHEMA = (
    "CREATE TABLE brokers (id serial PRIMARY KEY, name text, last_at timestamptz DEFAULT now())",
    "CREATE TABLE leads (id bigserial PRIMARY KEY, name text, email text, phone text, listing text, message text, "
    "owner integer REFERENCES brokers, created_at timestamptz)",
    "CREATE INDEX leads_phone ON leads (phone)",
    "CREATE INDEX leads_email ON leads (email)",
    "INSERT INTO brokers (name) VALUES ('ana'), ('bia'), ('caio'), ('davi')",
)


class Posted(BaseModel):
    """The portal's lead."""

    name: str
    email: str
    ddd: str
    phone: str
    clientListingId: str
    message: str


def application(url: str) -> FastAPI:
    """The script."""
    app = FastAPI()
    engine = create_engine(url, pool_size=10, max_overflow=30)

    @app.post("/hooks/zap")
    def receive(lead: Posted) -> dict[str, Any]:
        with engine.begin() as tx:
            owner = tx.execute(PICK).scalar_one()
            values = {"name": lead.name, "email": lead.email, "phone": lead.ddd + lead.phone}
            values |= {"listing": lead.clientListingId, "message": lead.message}
            tx.execute(INSERT, {**values, "owner": owner})
        return {"ok": True}

    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {"ok": True}

    return app


if __name__ == "__main__":
    uvicorn.run(
        application(os.environ["DATABASE_URL"]), host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False,
        log_level="warning",
    )  # fmt: skip
