"""Typeform's responses API: what its webhook did not bring. https://www.typeform.com/developers/responses/

Very recent responses may be missing for about half an hour. The webhooks' list is known from public guides only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from adapters.sources.base import (
    Checked,
    Entrance,
    HttpClient,
    NotALead,
    Park,
    ReadLead,
    Recent,
    RecentPage,
    Source,
    as_text,
    identifier,
    json_object,
    sent_at,
)
from adapters.sources.bearer_api import get_with_token
from schemas.source import request_from

AT_ONCE = 200
FormId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]


class TypeformOptions(BaseModel):
    """`access_token` (scopes `responses:read`, `forms:read`) reads the responses of `forms` back; without them the
    webhook alone brings leads. `webhooks:read` lets `porteiro channels check` see whether the webhook is on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    access_token: SecretStr | None = Field(None, min_length=1)
    forms: tuple[FormId, ...] = ()
    api_url: str = Field("https://api.typeform.com", pattern=r"^https?://[^\s?#]+$")


class ReadsResponses(Source):
    """The part of Typeform's source that asks its API. A response is brought into the webhook's shape."""

    options_model = TypeformOptions
    reads_back = True

    def recent(self, entrance: Entrance, http: HttpClient, since: datetime, place: str | None) -> RecentPage:
        """One page of one form. The place is what is left: the forms, and the response before which to go on."""
        options = _options(entrance)
        if options.access_token is None or not options.forms:
            raise Park("not_configured", "set the channel's options access_token and forms, to read responses back")
        forms, before = json.loads(place) if place else (list(options.forms), None)
        params = {"page_size": str(AT_ONCE), "since": f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        found = _get(entrance, http, f"forms/{forms[0]}/responses", **params, **({"before": before} if before else {}))
        items = [one for one in _list(found.get("items")) if isinstance(one, dict) and as_text(one.get("token"))]
        definition = _definition(_get(entrance, http, f"forms/{forms[0]}")) if items else {}
        leads = [
            Recent(
                identifier(one["token"]) or "",
                json.dumps({"form_response": {**one, "form_id": forms[0], "definition": definition}}).encode(),
                sent_at(as_text(one.get("submitted_at")), entrance.timezone),
            )
            for one in items
        ]
        before = items[-1]["token"] if len(items) >= AT_ONCE else None
        left = forms if before is not None else forms[1:]
        return RecentPage(leads, json.dumps([left, before]) if left else None)

    def read_recent(self, answer: bytes, entrance: Entrance) -> ReadLead | NotALead:
        (read,) = self.read(request_from("POST", b"", b"", answer), entrance)
        return cast(ReadLead | NotALead, read)

    def check(self, entrance: Entrance, http: HttpClient) -> Sequence[Checked]:
        if _options(entrance).access_token is None:
            return ()
        _get(entrance, http, "me")
        told = [Checked("token", True, "the access token is accepted")]
        for form in _options(entrance).forms:
            hooks = _list(_get(entrance, http, f"forms/{form}/webhooks").get("items"))
            on = any(isinstance(hook, dict) and hook.get("enabled") is True for hook in hooks)
            words = "has a webhook that is switched on" if on else "has no webhook that is switched on"
            told.append(Checked("webhook", on, f"form {form} {words}"))
        return told


def _options(entrance: Entrance) -> TypeformOptions:
    return cast(TypeformOptions, entrance.options)


def _get(entrance: Entrance, http: HttpClient, path: str, **params: str) -> dict[str, Any]:
    options = _options(entrance)
    token = options.access_token or SecretStr("")
    return json_object(get_with_token(http, f"{options.api_url.rstrip('/')}/{path}", token, params=params))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _definition(form: dict[str, Any]) -> dict[str, Any]:
    """Of a form, what its webhook tells of it and a lead needs: the questions' names."""
    return {"title": form.get("title"), "fields": _questions(form.get("fields"))}


def _questions(fields: Any) -> list[dict[str, Any]]:
    found = []
    for field in filter(lambda one: isinstance(one, dict), _list(fields)):
        properties = field.get("properties")
        inner = _questions(properties.get("fields")) if isinstance(properties, dict) else []
        found.append({"id": field.get("id"), "title": field.get("title"), "properties": {"fields": inner}})
    return found
