"""Installations for the tests of the promises; whatever happens, nothing of them is left running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.promises.house import Installation

Install = Callable[..., Installation]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Sets up an installation on a database and a message broker, and applies the tests' configuration."""
    with ExitStack() as made:

        def make(database_url: str, broker_url: str, **environment: str) -> Installation:
            house = Installation(tmp_path / "house", database_url, broker_url, **environment)
            made.callback(house.close)
            house.run("apply", "--yes")
            return house

        yield make


@pytest.fixture
def house(install: Install, postgresql_url: str, rabbitmq_url: str) -> Installation:
    """An installation on PostgreSQL and RabbitMQ of which nothing runs yet."""
    return install(postgresql_url, rabbitmq_url)
