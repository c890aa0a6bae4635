"""Invented people with all that a sale needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from opv.clients.involved import Involved
from schemas.client import Address, ClientDetails

HOME = Address(cep="01310-100", street="Avenida Paulista", number="1000", city="São Paulo", state="SP")
CPF, OTHER_CPF, CNPJ = "39053344705", "52998224725", "12ABC34501DE35"


def details(**fields: Any) -> ClientDetails:
    """What a natural person, single, has given; `fields` replace."""
    given = {"birth_date": date(1990, 5, 1), "marital_status": "single", "addresses": [HOME], **fields}
    return ClientDetails(**given)


def person(number: int, role: Any = "buyer", **fields: Any) -> Involved:
    """A person of whom nothing is missing; `fields` replace."""
    whole = Involved(
        id=UUID(int=number), kind="natural", role=role, main=number == 1, name=f"Pessoa Exemplo {number}",
        document=CPF, phones=("+5511980000001",), emails=(), spouse=None, details=details(),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return replace(whole, **fields)


def company(number: int, role: Any = "buyer", **fields: Any) -> Involved:
    """A legal person of which nothing but a representative is missing; `fields` replace."""
    address = ClientDetails(addresses=[HOME])
    return replace(person(number, role), **{"kind": "legal", "document": CNPJ, "details": address, **fields})
