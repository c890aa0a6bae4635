"""What a person is told of an error that they can mend."""

from __future__ import annotations

from kombu.exceptions import OperationalError as BrokerError
from pydantic import ValidationError
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from schemas.errors import Bug, PorteiroError


def explain(error: Exception) -> str | None:
    """What is wrong, in one line without secrets; None when it is ours to mend and wants a traceback."""
    if isinstance(error, PorteiroError):
        return None if isinstance(error, Bug) else error.detail
    if isinstance(error, ValidationError) and error.title == "Settings":
        return "; ".join(f"{one['loc'][0]} is wrong: {one['msg']}" for one in error.errors(include_input=False))
    if isinstance(error, ArgumentError):
        return "DATABASE_URL is wrong: it begins with sqlite:/// or postgresql+psycopg://"
    if isinstance(error, DBAPIError):
        return _database_trouble(error)
    if isinstance(error, BrokerError):
        return f"the message broker does not answer: {_first_line(error)}"
    return _system_trouble(error) if isinstance(error, OSError) else None


def _database_trouble(error: DBAPIError) -> str | None:
    origin = error.orig or error
    if "no such table" in str(origin) or type(origin).__name__ in ("UndefinedTable", "UndefinedColumn"):
        return "the database lacks tables of this version: run `porteiro migrate`"
    if isinstance(error, OperationalError):
        return f"the database does not answer: {_first_line(origin)}"
    return None


def _system_trouble(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else _first_line(error)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
