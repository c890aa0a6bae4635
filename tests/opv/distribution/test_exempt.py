"""Leads that no queue gets."""

from __future__ import annotations

import pytest

from tests.pipeline import HOUSE, Start, lead


@pytest.mark.parametrize(("to", "expected"), [("bia", ("sul", "paula", "bia")), ("paula", ("sul", "paula", None))])
def test_an_exempt_lead_goes_to_its_broker_or_manager(
    start_on_sqlite: Start, to: str, expected: tuple[str, str, str | None]
) -> None:
    rules = f"rules: [{{key: partner, when: {{channel: site}}, exempt: {{to: {to}}}}}, {{key: any, queue"
    house = start_on_sqlite(HOUSE.replace("rules: [{key: any, queue", rules))
    house.deliver("site", lead())
    house.run()
    (opv,) = house.opvs()
    assert (opv.team, opv.manager, opv.broker) == expected
