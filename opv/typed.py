"""What a person typed to register a lead: kept word for word, and read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.lead import Lead, SentPhone


def typed_of(lead: Lead) -> dict[str, Any]:
    """The lead's fields that hold something, as JSON: phones are texts."""
    filled = lead.model_dump(mode="json", exclude_defaults=True)
    if lead.phones:
        filled["phones"] = [phone.value for phone in lead.phones]
    return filled


def lead_of(typed: Mapping[str, Any]) -> Lead:
    """The lead out of what `typed_of` gave."""
    phones = [SentPhone(value=value) for value in typed.get("phones", ())]
    return Lead.model_validate({**typed, "phones": phones})
