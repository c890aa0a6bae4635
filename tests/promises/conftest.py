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
    """Makes an installation. On a migrated database the tests' configuration is in force; the embedded default is
    left to the program to set up."""
    with ExitStack() as made:

        def make(database_url: str, broker_url: str, **environment: str) -> Installation:
            house = Installation(tmp_path / "house", database_url, broker_url, **environment)
            made.callback(house.close)
            if database_url:
                house.run("apply", "--yes")
            return house

        yield make


@pytest.fixture
def house(install: Install, postgresql_url: str, rabbitmq_url: str) -> Installation:
    """An installation on PostgreSQL and RabbitMQ of which nothing runs yet."""
    return install(postgresql_url, rabbitmq_url)
