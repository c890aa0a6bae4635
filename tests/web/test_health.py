"""/healthz, /readyz and /metrics, with all well and with nothing there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from db.models import DeliveryOutcome
from db.session import Database
from tests.stored import NOW, Stored, ago, house
from tests.web.api.conftest import NO_FILES, Served, now, serve
from web.api.app import create_api


@pytest.fixture
def served(database_url: str) -> Iterator[Served]:
    """The API over an empty, migrated database."""
    yield from _served(Database(database_url))


def _served(database: Database) -> Iterator[Served]:
    for url in serve(create_api(database, lambda _tx: house(), _nobody, now, NO_FILES)):
        yield Served(url, Stored(database), [])
    database.dispose()


def _nobody(_step: str) -> None:
    """Wakes nothing."""


def _configured(stored: Stored) -> None:
    row = {"number": 1, "document": "{}", "changes": "[]", "applied_at": NOW, "applied_by": "rui"}
    stored.insert("config_versions", row)


def test_ready_says_in_words_what_is_missing(served: Served) -> None:
    missing = served.call("/readyz", None)
    assert missing.status_code == 503
    assert missing.json()["status"] == "not ready"
    assert missing.json()["checks"][-1]["name"] == "configuration"
    assert "porteiro apply" in missing.json()["checks"][-1]["detail"]

    _configured(served.stored)
    ready = served.call("/readyz", None)
    assert ready.status_code == 200
    assert {check["name"] for check in ready.json()["checks"]} == {"database", "schema", "configuration", "work"}

    served.stored.delivery(DeliveryOutcome.PENDING, received_at=ago(90))
    late = served.call("/readyz", None)
    assert late.status_code == 200
    assert "warning" in late.json()["checks"][-1]["detail"]
    assert "ingest" in late.json()["checks"][-1]["detail"]

    with served.stored.database.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    old = served.call("/readyz", None)
    assert old.status_code == 503
    assert "porteiro migrate" in old.json()["checks"][-1]["detail"]


def test_metrics_are_read_from_the_database(served: Served) -> None:
    store = served.stored
    store.channel()
    store.delivery(DeliveryOutcome.CAPTURED)
    store.delivery(DeliveryOutcome.PENDING)
    store.waits(store.opv(), "no_rule")
    store.insert("channel_refusals", {"channel": 1, "reason": "wrong_secret", "count": 4, "last_at": NOW})
    answer = served.call("/metrics", None)
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    for line in (
        "porteiro_up 1.0",
        'porteiro_work_depth{step="ingest"} 1.0',
        'porteiro_work_parked{step="outbound"} 0.0',
        'porteiro_deliveries_24h{channel="site",outcome="captured"} 1.0',
        'porteiro_refusals_total{channel="site",reason="wrong_secret"} 4.0',
        'porteiro_undistributed{reason="no_rule"} 1.0',
    ):
        assert line in lines


def test_a_dead_database_is_told_and_the_process_lives() -> None:
    for served in _served(Database("postgresql+psycopg://postgres@127.0.0.1:1/none")):
        assert served.call("/healthz", None).json() == {"status": "ok"}
        ready = served.call("/readyz", None)
        assert ready.status_code == 503
        assert ready.json()["checks"][0]["name"] == "database"
        assert "DATABASE_URL" in ready.json()["checks"][0]["detail"]
        metrics = served.call("/metrics", None)
        assert metrics.status_code == 200
        assert "porteiro_up 0.0" in metrics.text
        answer = served.call("/api/v1/opvs", None, headers={"Authorization": "Bearer pt_x"})
        assert (answer.status_code, answer.json()["reason"]) == (503, "storage_unavailable")
