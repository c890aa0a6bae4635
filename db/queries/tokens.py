"""API tokens. The text is shown once, when it is made; the row keeps its sha256."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select, update

from db.bulk import insert_rows
from db.ids import new_id
from db.models import Base, Token

_TOKENS = Base.metadata.tables["tokens"]


class TokenRow(NamedTuple):
    """A token as listed."""

    id: UUID
    person: str
    created_at: datetime
    revoked_at: datetime | None


def create(tx: Connection, person: str, now: datetime) -> str:
    """A new token of the person, as text."""
    text = f"pt_{secrets.token_urlsafe(32)}"
    row = {"id": new_id(), "person": person, "hash": _hash(text), "created_at": now, "revoked_at": None}
    insert_rows(tx, _TOKENS, [row])
    return text


def person_of(tx: Connection, text: str) -> str | None:
    """Whose token it is; None when there is no such token or it was revoked."""
    return tx.execute(select(Token.person).where(Token.hash == _hash(text), Token.revoked_at.is_(None))).scalar()


def listed(tx: Connection) -> Sequence[TokenRow]:
    """All tokens, the newest first."""
    statement = select(Token.id, Token.person, Token.created_at, Token.revoked_at).order_by(Token.id.desc())
    return [TokenRow(*row) for row in tx.execute(statement)]


def revoke(tx: Connection, token_id: UUID, now: datetime) -> bool:
    """Ends a token at once; False when there is no such token or it was revoked before."""
    statement = update(Token).where(Token.id == token_id, Token.revoked_at.is_(None)).values(revoked_at=now)
    return tx.execute(statement).rowcount > 0


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
