"""A platform's webhook is off for an hour: reconciliation captures what it did not bring, once, and says so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection

import pytest

from tests.promises.house import Installation, wait_until

pytestmark = pytest.mark.services

PULLED = "SELECT 1 FROM chores WHERE key = 'reconcile:meta' AND last_at > to_timestamp(:since) AND reason IS NULL"


def test_an_hour_without_webhook(house: Installation) -> None:
    file = house.folder / "porteiro.yaml"
    file.write_text(file.read_text().replace("options: {verify", 'options: {forms: ["2233445566778899"], verify'))
    house.run("apply", "--yes")
    leads = [house.platforms.lead("meta", number) for number in range(15)]
    house.platforms.set_list([])
    house.start("web", "worker", "beat")
    wait_until(lambda: pulled(house, 0), "the platform is asked")

    brought, missed = leads[:3], leads[3:]
    assert all(answer.accepted for answer in house.platforms.post_all(brought))
    wait_until(house.ledger.is_at_rest, "leads of the webhook are captured")
    hour = datetime.now(UTC) - timedelta(minutes=70)
    for minute, lead in enumerate(leads):
        house.platforms.date(lead, hour + timedelta(minutes=4 * minute))
    house.platforms.set_list(leads)
    house.ledger.execute("UPDATE chores SET planned_at = now() - interval '1 day'")
    ask_again(house)
    wait_until(lambda: house.ledger.count("opportunities") == 15, "missed leads are captured")
    wait_until(house.ledger.is_at_rest, "and worked")

    assert all(answer.accepted for answer in house.platforms.post_all([*missed, *brought]))
    wait_until(house.ledger.is_at_rest, "the webhook, on again, brings them too")
    ask_again(house)
    house.ledger.assert_each_once([lead.external_id for lead in leads])
    assert house.ledger.outcomes() == {"captured": 15, "repeated": 15}
    (alarm,) = house.ledger.rows("SELECT kind, detail FROM alarms")
    assert alarm == ("only_by_reconciliation", "12 leads came only by reconciliation: the webhook is broken")
    told = house.ledger.rows("SELECT recipient, state FROM outbound_messages WHERE kind = 'alarm'")
    assert told == [("rui", "sent")]
    assert 'porteiro_reconciliation_found_total{channel="meta"} 12.0' in metrics(house)
    again = json.loads(house.run("reconcile", "meta", "--since", "1 day", "--json"))
    assert (again["seen"], again["found"]) == (15, 0)


def ask_again(house: Installation) -> None:
    """Until one more pull has been done, since now."""
    now = datetime.now(UTC).timestamp()
    house.ledger.execute("UPDATE chores SET due_at = now() WHERE key = 'reconcile:meta' AND lease IS NULL")
    wait_until(lambda: pulled(house, now), "the platform is asked again")


def pulled(house: Installation, since: float) -> bool:
    return bool(house.ledger.rows(PULLED, since=since))


def metrics(house: Installation) -> list[str]:
    connection = HTTPConnection("127.0.0.1", house.port, timeout=60)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return lines
