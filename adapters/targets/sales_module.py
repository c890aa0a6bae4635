"""The sales module: a won sale opens a process there, which draws up contract and signatures (docs/sales-module.md).

One process for one sale, whatever is lost on the way: every try has the same key, and before a later try the module is
asked whether it has a process of that key already, for one that does not know what an `Idempotency-Key` is.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from pydantic import BaseModel

from adapters.targets.base import (
    ApiOptions,
    ConfiguredTargetBase,
    identifier_of,
    json_of,
    options_of,
    raise_if_later,
    words_of,
)
from schemas.errors import Park
from schemas.sale import REFUSED
from schemas.source import HttpAnswer
from schemas.target import Answer, Message, Refused

WHO = "the sales module"
_NO_SUCH = (204, 404, 405)
"""Answers to a look-up: there is no such process, or there are no look-ups."""


class SalesModuleOptions(ApiOptions):
    """`lookup`: after an answer that was lost, ask for a process of the key (`GET …/processes?idempotency_key=`) before
    asking for one anew. A module that honours `Idempotency-Key` can do without."""

    lookup: bool = True


class SalesModule(ConfiguredTargetBase):
    """Opens a process. Its id is the answer's `reference`."""

    slug: ClassVar[str] = "sales_module"
    title: ClassVar[str] = "Módulo de vendas"
    options_model: ClassVar[type[BaseModel]] = SalesModuleOptions

    def send(self, message: Message) -> Answer:
        """Raises `Retry` (`no_answer`, `http_503`, …), `Refused` (`process_refused`: nothing came of it and nothing
        will) or `Park`, when there may be a process all the same."""
        options = options_of(message, SalesModuleOptions)
        known = self._look_up(message, options) if options.lookup and message.tried else None
        return Answer(known or self._open(message, options))

    def _open(self, message: Message, options: SalesModuleOptions) -> str:
        headers = {**options.headers(), "Idempotency-Key": message.idempotency_key}
        answer = self._http.post(options.address("processes"), json=json.loads(message.body), headers=headers)
        raise_if_later(answer, WHO, self._clock())
        if not (200 <= answer.status < 300 or answer.status == 409):
            raise _fault(answer)
        body = json_of(answer)
        found = _id_in(body) or (self._look_up(message, options) if options.lookup else None)
        if found is None and answer.status == 409:
            raise Park("duplicate_without_id", f"{WHO} has the process already and does not say which it is")
        if found is None:
            raise Park("no_process_id", f"{WHO} answered {answer.status} without the id of the process")
        return found

    def _look_up(self, message: Message, options: SalesModuleOptions) -> str | None:
        """The id of the process that this key has opened already."""
        key = message.idempotency_key
        answer = self._http.get(
            options.address("processes"), params={"idempotency_key": key}, headers=options.headers()
        )
        raise_if_later(answer, WHO, self._clock())
        if answer.status in _NO_SUCH:
            return None
        if not 200 <= answer.status < 300:
            raise Park("lookup_refused", f"{WHO} answered {answer.status} when asked what came of an earlier try")
        body = json_of(answer)
        if isinstance(body, dict) and (found := _id_in(body)):
            return found
        return _of_key(body, key)


def _id_in(body: Any) -> str | None:
    if not isinstance(body, dict):
        return None
    return identifier_of(body.get("id")) or identifier_of(body.get("process_id"))


def _of_key(body: Any, key: str) -> str | None:
    """The process of the key in a list. A list that does not say which key its processes are of is no answer: a module
    that does not know the parameter lists everybody's."""
    listed = body.get("items") if isinstance(body, dict) else body
    if listed == [] or body == {}:
        return None
    items = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if not any("idempotency_key" in one for one in items):
        raise Park("lookup_unreadable", f"{WHO} answered a look-up with something else than the process of the key")
    return next((_id_in(one) for one in items if one.get("idempotency_key") == key), None)


def _fault(answer: HttpAnswer) -> Park:
    """What a status means that is neither a yes nor a later."""
    status = answer.status
    if status in (401, 403):
        return Park("not_authorized", f"{WHO} answered {status}: it does not accept the token")
    if 400 <= status < 500:
        return Refused(REFUSED, f"{WHO} answered {status}: it will not open this process", words_of(answer))
    return Park(f"http_{status}", f"{WHO} answered {status}, which is no answer of a sales module")
