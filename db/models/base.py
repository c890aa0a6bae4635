"""The declarative base: column types that mean the same on PostgreSQL and SQLite, and constraint names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import DateTime, Dialect, LargeBinary, MetaData, SmallInteger, Text, TypeDecorator, Uuid
from sqlalchemy.orm import DeclarativeBase, mapped_column


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC: timestamptz on PostgreSQL, ISO text on SQLite. Naive times are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without zone: {value!r}")
        return value if dialect.name == "postgresql" else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """None on PostgreSQL: psycopg gives aware times in the session's zone, which is UTC."""
        return None if dialect.name == "postgresql" else super().result_processor(dialect, coltype)


Id = Annotated[UUID, mapped_column(Uuid(as_uuid=True), primary_key=True)]
Ref = Annotated[UUID, mapped_column(Uuid(as_uuid=True))]
Time = Annotated[datetime, mapped_column(UtcTime())]
Small = Annotated[int, mapped_column(SmallInteger())]
Long = Annotated[str, mapped_column(Text())]
Raw = Annotated[bytes, mapped_column(LargeBinary())]


class Base(DeclarativeBase):
    """Tables are named in the plural, constraints by the convention below, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
