"""Meta as a channel with reconciliation sees it: a page with forms that collect leads, whose webhook may be off."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from schemas.source import HttpAnswer
from tests.pipeline import HOUSE, NoNetwork, Pipeline

HOUSE_WITH_PAGE = HOUSE.replace('page_token: "${S}"', 'page_token: "${S}", page_id: "104"')


def well(_path: str) -> None:
    """Nothing stands in the way of the answer."""


def always(answer: HttpAnswer) -> Callable[[str], HttpAnswer]:
    """The same answer to whatever is asked."""
    return lambda _path: answer


class Page(NoNetwork):
    """The Graph API of one page with two forms, `at_once` leads a page. `before` is called before each answer and may
    raise or answer instead."""

    def __init__(self, at_once: int = 3) -> None:
        self.forms: dict[str, list[dict[str, Any]]] = {"7": [], "8": []}
        self.at_once = at_once
        self.asked: list[str] = []
        self.before: Callable[[str], HttpAnswer | None] = well
        self.scopes = ["leads_retrieval"]
        self.subscribed = ["leadgen"]
        self.expires_at = 0

    def submit(self, number: int, at: datetime, form: str = "7", **answers: str | None) -> dict[str, Any]:
        """A person fills in the form; the webhook's change."""
        given = {"full_name": f"Pessoa Exemplo {number}", "phone_number": f"+551198{number:07d}", **answers}
        data = [{"name": key, "values": [value]} for key, value in given.items() if value is not None]
        lead = {"id": str(number), "created_time": f"{at:%Y-%m-%dT%H:%M:%S+0000}", "form_id": form, "field_data": data}
        self.forms[form].insert(0, lead)
        return {"field": "leadgen", "value": {"leadgen_id": str(number), "form_id": form}}

    def get(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        path = url.partition("v25.0/")[2]
        self.asked.append(path)
        return self.before(path) or HttpAnswer(200, {}, json.dumps(self._answer(path, params or {})).encode())

    def _answer(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        thing, _, edge = path.partition("/")
        if thing == "debug_token":
            return {"data": {"is_valid": True, "scopes": self.scopes, "expires_at": self.expires_at}}
        if edge == "leadgen_forms":
            return {"data": [{"id": form} for form in self.forms]}
        if edge == "subscribed_apps":
            return {"data": [{"id": "1", "subscribed_fields": self.subscribed}]}
        if edge == "leads":
            newer = json.loads(params["filtering"])[0]["value"]
            leads = [one for one in self.forms[thing] if _epoch(one) > newer]
            start = int(params.get("after", "0"))
            page = leads[start : start + self.at_once]
            more = start + self.at_once < len(leads)
            paging = {"cursors": {"after": str(start + self.at_once)}, **({"next": "https://…"} if more else {})}
            return {"data": page, "paging": paging}
        return next(one for leads in self.forms.values() for one in leads if one["id"] == thing)


def _epoch(lead: Mapping[str, Any]) -> float:
    return datetime.strptime(lead["created_time"], "%Y-%m-%dT%H:%M:%S%z").timestamp()


def tell(house: Pipeline, *changes: dict[str, Any]) -> None:
    """Meta's webhook tells of leads."""
    house.deliver("meta", {"object": "page", "entry": [{"id": "104", "changes": list(changes)}]})


def refusal(status: int, code: int, **headers: str) -> HttpAnswer:
    """Graph's way of saying no."""
    return HttpAnswer(status, {k.replace("_", "-"): v for k, v in headers.items()},
                      json.dumps({"error": {"code": code}}).encode())  # fmt: skip
