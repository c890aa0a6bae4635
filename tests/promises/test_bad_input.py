"""Promise 2: whatever a sender posts, it gets its platform's reply, and what was taken ends in a visible outcome."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.promises.house import Installation, wait_until
from tests.promises.platforms import CHANNELS, Sent
from tests.promises.senders_mistakes import (
    ENCODINGS,
    GARBAGE,
    HEADER_LINES,
    MISTAKES,
    NO_CONTACT,
    TARGETS,
    encoded,
    garbage,
    mistaken,
    raw_request,
)

pytestmark = pytest.mark.services

Expected = dict[str, tuple[Sent, str]]
"""By name: a request, and what must come of it, as `200 parked not_json`."""


def good_leads(house: Installation, count: int) -> list[Sent]:
    """Leads of other people, from all channels in turn."""
    return [house.platforms.lead(list(CHANNELS)[n % 4], 5000 + n) for n in range(count)]


def assert_captured(house: Installation, leads: Sequence[Sent]) -> None:
    cards = {(row[0], row[1]) for row in house.ledger.rows("SELECT channel, external_id FROM capture_origins")}
    assert [lead for lead in leads if (lead.channel, lead.external_id) not in cards] == []


def awkward_requests(house: Installation, channel: str, number: int) -> Expected:
    """Every mistake in the shape of the channel's source."""
    expected: Expected = {}
    for name, (body, reason, reason_of_form) in GARBAGE.items():
        # Google's key is in the body: where none can be found, nobody is let in.
        stored = f"200 parked {reason_of_form if channel == 'site' else reason}"
        expected[name] = garbage(house.platforms, channel, body), "400" if channel == "google" else stored
    for name, fields in {**MISTAKES, **NO_CONTACT}.items():
        number += 1
        outcome = "parked no_contact" if name in NO_CONTACT else "captured"
        expected[name] = mistaken(house.platforms, channel, number, fields), f"200 {outcome}"
    for encoding, content_type in ENCODINGS:
        number += 1
        sent = encoded(house.platforms, channel, number, encoding, content_type)
        expected[f"{encoding} as {content_type}"] = sent, "200 captured"
    return {f"{channel}: {name}": one for name, one in expected.items()}


def test_a_senders_mistake_has_an_answer_an_outcome_and_no_effect_on_others(house: Installation) -> None:
    house.start("web", "worker", "beat")
    expected: Expected = {}
    for index, channel in enumerate(CHANNELS):
        expected |= awkward_requests(house, channel, 100 * (index + 1))
    good = good_leads(house, len(expected))
    mixed = [sent for pair in zip((one for one, _ in expected.values()), good, strict=True) for sent in pair]
    statuses = {id(answer.sent): answer.status for answer in house.platforms.post_together(mixed)}
    wait_until(house.ledger.is_at_rest, "all is processed")
    assert {statuses[id(sent)] for sent in good} == {200}
    assert_captured(house, good)
    delivered = house.ledger.delivered()
    came_of_it = {
        name: f"{statuses[id(sent)]} {delivered.get((sent.channel, sent.digest), '')}".strip()
        for name, (sent, _) in expected.items()
    }
    assert came_of_it == {name: outcome for name, (_, outcome) in expected.items()}
    house.ledger.assert_histories_verify()


def test_awkward_urls_and_headers_are_refused_or_their_leads_captured(house: Installation) -> None:
    house.start("web", "worker", "beat")
    awkward = [(b"/hooks/site" + target, b"X-A: a") for target in TARGETS]
    awkward += [(b"/hooks/site", line) for line in HEADER_LINES]
    leads = [house.platforms.lead("site", number) for number in range(len(awkward))]
    raw = [raw_request(lead, *request) for lead, request in zip(leads, awkward, strict=True)]
    good = good_leads(house, len(raw))
    with ThreadPoolExecutor(2 * len(raw)) as threads:
        posted = threads.map(house.platforms.post, good)
        statuses = list(threads.map(house.platforms.say, raw))
        assert [answer.status for answer in posted] == [200] * len(good)
    wait_until(house.ledger.is_at_rest, "all is processed")
    assert {status for status in statuses if status != 200} <= {400, 404, 431}
    taken = [lead for lead, status in zip(leads, statuses, strict=True) if status == 200]
    assert len(taken) >= 8
    assert_captured(house, good)
    captured = {digest for (_, digest), outcome in house.ledger.delivered().items() if outcome == "captured"}
    assert {lead.digest for lead in leads} & captured == {lead.digest for lead in taken}
