"""The contract that every source keeps, run over those of the house; a new one is tested by being in the registry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.sources.registry import house_sources
from adapters.sources.testing import SourceContract
from tests.adapters.sources.entrances import subject

SIGNING = [
    "hubspot",
    "linkedin_lead_gen",
    "meta_lead_ads",
    "sales_module",
    "standard_webhooks",
    "tally",
    "twilio_call",
    "typeform",
    "webflow",
    "whatsapp_cloud",
]
"""Sources whose signature binds the body."""
MANY_FORMATS = [
    "blip",
    "chatwoot",
    "form",
    "inbound_email",
    "jivochat",
    "navent",
    "rd_station",
    "standard_webhooks",
    "whatsapp_cloud",
]
"""Sources of more than one format, or in more than one file, which a hundred lines do not hold."""
WITHOUT_EMAIL = ["twilio_call", "whatsapp_cloud"]
"""Sources that know a person by the phone alone."""
WITHOUT_LEADS = ["sales_module", "trigger"]
"""Sources that tell what became of something."""
SUBJECTS = [
    subject(
        slug,
        signs_body=slug in SIGNING,
        knows_email=slug not in WITHOUT_EMAIL,
        brings_leads=slug not in WITHOUT_LEADS,
    )
    for slug in sorted(house_sources())
]
ONE_FORMAT = [one for one in SUBJECTS if not one.fetches and one.source.slug not in MANY_FORMATS]
DOCS = Path(__file__).parents[3] / "docs" / "sources.md"


class TestContract(SourceContract):
    subjects = SUBJECTS


@pytest.mark.parametrize("place", [Path(one.place) for one in ONE_FORMAT], ids=lambda place: place.stem)
def test_a_source_without_fetch_is_small(place: Path) -> None:
    assert len(place.read_text(encoding="utf-8").splitlines()) <= 100


def test_the_page_of_sources_is_written() -> None:
    lines = enumerate(DOCS.read_text(encoding="utf-8").splitlines(), 1)
    left = [f"docs/sources.md:{number}: {line}" for number, line in lines if "not written:" in line]
    assert not left, "\n".join(left)
    written = DOCS.read_text(encoding="utf-8")
    assert [slug for slug in house_sources() if not re.search(rf"^## .*`{slug}`", written, re.MULTILINE)] == []
