"""Who may be given an OPV now; each gate says why it leaves someone out."""

from __future__ import annotations

from opv.roster import Roster


def closed_to(broker: str, roster: Roster, exclude: str | None) -> str | None:
    """Reason code why the broker is left out, None when it may serve."""
    if broker == exclude:
        return "present_broker"
    if not roster.is_active(broker):
        return "inactive"
    if not roster.has_role(broker, "broker"):
        return "not_a_broker"
    return None
