"""Errors typed by what to do about them; each carries a stable reason code used in rows, metrics and screens."""

from __future__ import annotations

from datetime import datetime, timedelta


class PorteiroError(Exception):
    """Base. `reason` is the stable snake_case code, `detail` the sentence a person reads."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Reject(PorteiroError):
    """The sender's fault: answered with `status` (4xx), never retried by us, nothing is stored."""

    def __init__(self, reason: str, detail: str, status: int = 400) -> None:
        super().__init__(reason, detail)
        self.status = status


class Retry(PorteiroError):
    """Transient: try again later. `after` is the wait that the other side asked for, when it did."""

    def __init__(self, reason: str, detail: str, after: timedelta | None = None) -> None:
        super().__init__(reason, detail)
        self.after = after


class NotYet(PorteiroError):
    """Nothing is wrong, it is only too early: `until` when. Counts as no try."""

    def __init__(self, reason: str, detail: str, until: datetime) -> None:
        super().__init__(reason, detail)
        self.until = until


class Park(PorteiroError):
    """Needs a person or a change of the configuration: kept, listed with the reason, replayable."""


class Bug(PorteiroError):
    """Unexpected: ours to repair. The row is kept and parked, the others of its batch go on."""
