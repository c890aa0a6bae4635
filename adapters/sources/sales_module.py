"""The sales module's webhook back to us (docs/sales-module.md): what became of a process that a won sale opened there.

`{process_id, status, at, reference, …}`, bare or as the `data` of a Standard Webhooks envelope. It brings no leads.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from adapters.sources.base import (
    HOUSE_CARRIERS,
    Entrance,
    Fields,
    Park,
    Read,
    Request,
    Sample,
    Source,
    identifier,
    json_object,
    sent_at,
)
from adapters.sources.signing import standard_headers, standard_webhook
from schemas.source import ProcessStatus

FIELDS = ("id", "process_id", "status", "at", "reference", "reason", "note")


class StatusOptions(BaseModel):
    """Which of the module's words mean that the sale is won or lost, whatever their case; all others are noted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    won: list[str] = ["won"]
    lost: list[str] = ["lost"]

    @model_validator(mode="after")
    def _one_meaning(self) -> StatusOptions:
        if both := sorted({one.casefold() for one in self.won} & {one.casefold() for one in self.lost}):
            raise ValueError(f"`{both[0]}` cannot be both won and lost")
        return self


class SalesModuleWebhook(Source):
    slug = "sales_module"
    title = "Módulo de vendas"
    documentation = "docs/sales-module.md"
    identity = (
        "The event's own `id`, else the webhook-id header: both stay the same when the module tries again; else the "
        "process with its status and time. Unique within the channel alone: each module counts for itself."
    )
    namespace = "channel"
    options_model = StatusOptions
    carriers = HOUSE_CARRIERS
    known_fields = frozenset({"type", "timestamp", *FIELDS, *(f"data.{name}" for name in FIELDS)})

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """`now` gives seconds since 1970, to refuse signatures that are older than five minutes."""
        self._now = now

    def verify(self, request: Request, entrance: Entrance) -> int:
        """A `v1` signature of Standard Webhooks, or the secret itself as a Bearer token."""
        return standard_webhook(request, entrance, self._now())

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        body = json_object(request.body)
        fields, sent = Fields(body), None
        if isinstance(body.get("data"), dict) and "process_id" not in body:
            fields, sent = Fields(body["data"]), Fields(body).text("timestamp")
        process, status = identifier(fields.text("process_id")), (fields.text("status") or "").strip()
        if process is None or not status:
            raise Park("not_a_status", "the body does not say which process it is of, and in which status that is")
        if len(status) > 100 or not status.isprintable():
            raise Park("status_unreadable", "the status is no word")
        at = fields.text("at") or sent
        event = fields.text("id") or request.headers.get("webhook-id") or request.headers.get("svix-id")
        key = identifier(f"event:{event}" if event else f"{process}:{status}:{at or ''}") or process
        told = sent_at(at, entrance.timezone)
        reference = fields.text("reference")
        return [ProcessStatus(key, process, status, _meaning(status, entrance), told, reference, fields.rest())]

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        status = {"id": f"evt_{number}", "process_id": f"processo-{number}", "status": "em análise"}
        body = json.dumps({**status, "at": "2026-09-21T11:30:00-03:00"}, ensure_ascii=False).encode()
        signed = standard_headers(entrance.secrets[0], f"msg_{number}", self._now(), body)
        return {"Content-Type": "application/json", **signed}, body, {}


def _meaning(status: str, entrance: Entrance) -> Literal["won", "lost"] | None:
    options: Any = entrance.options
    if status.casefold() in map(str.casefold, options.won):
        return "won"
    return "lost" if status.casefold() in map(str.casefold, options.lost) else None
