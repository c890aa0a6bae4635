"""What operations see of personal data: its shape. Letters become `x` and `X`, digits `9`; punctuation stays.

`shown` decides for every read path of operations: who may see persons gets a thing as it is, operations get it masked.
Every kind of thing that operations read is named here, masked or as one that holds no person; one that is not named is
refused, so that a new list cannot be forgotten.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from opv.access import Viewer, sees_persons
from opv.distribution.explain import rule_tried
from opv.distribution.words import WORDS
from schemas.automations import (
    AutomationDetail,
    AutomationItem,
    Backtest,
    DryRun,
    PausedItem,
    ResumedItem,
    RunItem,
)
from schemas.operations import (
    AlarmItem,
    ChannelItem,
    DeliveryDetail,
    DeliveryItem,
    DriftItem,
    ForwardingItem,
    MergeSuggestionItem,
    QueueItem,
    ReplayAnswer,
    StepWork,
    SubmissionItem,
    UndistributedItem,
    UnmappedItem,
)
from schemas.outbound import MessageDetail, MessageItem, MessageReplayAnswer, TargetItem
from schemas.page import Page
from schemas.schedules import ScheduleItem
from schemas.simulation import Simulation
from schemas.source import percent_decoded
from schemas.why import RuleTried, Why

T = TypeVar("T", bound=BaseModel)

_WORD = re.compile(r"[A-Za-z]{1,20}(?:[_.:-][A-Za-z]{1,20}){0,5}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)

_KEPT: Mapping[str, re.Pattern[str]] = {
    **dict.fromkeys(("event", "event_type", "object", "field", "column_id", "leadorigin", "transactiontype"), _WORD),
    **dict.fromkeys(
        ("form_id", "ad_id", "adset_id", "adgroup_id", "campaign_id", "creative_id", "asset_group_id", "page_id",
         "clientlistingid", "originlistingid", "listing_id"), _ID,
    ),
    **dict.fromkeys(("created_time", "timestamp", "event_timestamp", "created_at", "submitted_at"), _TIME),
}  # fmt: skip
"""Keys of a body whose values say nothing of a person, as long as they look like it: what happened, ids of forms,
advertisements and listings, times. The id of a lead is not among them."""

_PLAIN_HEADERS = frozenset(
    {"host", "content-length", "content-encoding", "transfer-encoding", "accept", "accept-encoding"}
)
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,60}(?:; ?charset=\"?[\w-]{1,20}\"?)?", re.ASCII)

_UNMAPPED_NAMES = frozenset({"development", "listing", "campaign", "medium", "origin"})
"""Fields whose values are names that the house must map; they stay, unless they look like a contact."""

_CONTACT = re.compile(r"\S*@\S*|[\w:.+-]*\d[\d ().+/-]{3,}\d[\w:.-]*")

_STEP = frozenset(
    {"action", "result", "reason", "from", "to", "seq", "broker", "index", "tags", "fields", "questionnaire", "at",
     "until", "way", "automation", "run", "came", "by"}
)  # fmt: skip
"""What a step of an automation tells by key."""

_DEEPEST = 3
"""How many times JSON is looked for within a text of JSON."""


def shown(viewer: Viewer, thing: T) -> T:
    """The thing, or the list of things, as the viewer may see it. Raises `TypeError` for one of a kind that nothing was
    decided for."""
    return thing if sees_persons(viewer) else _masked(thing)


def masked(text: str) -> str:
    """The shape of a text: which letters, digits and punctuation it is made of, and how many."""
    return "".join(map(_shape, text))


def masked_name(name: str) -> str:
    """A field's name; one that looks like a contact is no name."""
    return masked(name) if _like_contact(name) else name


def masked_json(text: str, deep: int = _DEEPEST) -> str | None:
    """JSON with its keys, and the shapes of its values; None when it is none, or one too deep to be read."""
    try:
        read = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
        shape = json.dumps(_value(read, "", deep), ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return shape.encode("utf-8", "replace").decode()


def masked_pairs(encoded: str) -> str:
    """A query string or form-encoded body with its names, and the shapes of its values, decoded."""
    return "&".join(map(_pair, encoded.split("&")))


def masked_body(body: str, content_type: str) -> str:
    """A request's body: JSON and forms keep their keys; anything else is shape alone."""
    if (found := masked_json(body)) is not None:
        return found
    if "form-urlencoded" in content_type.lower() and not re.search(r"\s", body.strip()):
        return masked_pairs(body.strip())
    return masked(body)


def masked_header(name: str, value: str) -> str:
    """A header's value: its shape, except of those that describe the request."""
    if name in _PLAIN_HEADERS:
        return value
    if name == "content-type" and (found := _MEDIA_TYPE.match(value)):
        return found[0] + masked(value[found.end() :])
    return masked(value)


def masked_condition(because: str) -> str:
    """Why a condition does not hold, in the words of `schemas.conditions` (`<fact> is <value>, not <asked>`): the first
    fact and what was asked of the last one stay, being the configuration's; what is between them is the lead's."""
    fact, _, rest = because.partition(" is ")
    value, not_, asked = rest.rpartition(", not ")
    if not not_:
        return because if because == "an excluded condition holds" else masked(because)
    return f"{fact} is {value if value == 'absent' else masked(value)}, not {asked}"


def masked_detail(detail: str) -> str:
    """A sentence of the house about a lead, without what looks like a contact or an id in it."""
    return _CONTACT.sub(lambda found: masked(found[0]), detail)


def _masked(thing: T) -> T:
    if isinstance(thing, Page):
        items: list[Any] = [_masked(item) for item in thing.items]
        return thing.model_copy(update={"items": items})
    for kind, mask in _MASKS:
        if isinstance(thing, kind):
            return thing.model_copy(update=mask(thing))
    if isinstance(thing, _NO_PERSON):
        return thing
    raise TypeError(f"nobody decided what operations see of {type(thing).__name__}: name it in opv/masking.py")


def _delivery(one: DeliveryItem) -> dict[str, Any]:
    """Without the hash: where the shape tells all but a phone's digits, they could be found by trying."""
    submissions = [_masked(submission) for submission in one.submissions]
    return {"submissions": submissions, "detail": _detail_of(one), "sha256": None}


def _detail(one: DeliveryDetail) -> dict[str, Any]:
    place, mark, query = one.url.partition("?")
    headers: dict[str, str] = {}
    for name, value in one.headers.items():
        headers[masked_name(name)] = masked_header(name, value)
    return {
        **_delivery(one),
        "url": place + mark + masked_pairs(query),
        "headers": headers,
        "body": masked_body(one.body, one.headers.get("content-type", "")),
        "body_base64": None,
    }


def _submission(one: SubmissionItem) -> dict[str, Any]:
    """Ids and keys are the sender's: some are made of a phone or an e-mail."""
    ids = {name: None if value is None else masked(value) for name, value in one if name in ("external_id", "key")}
    return {**ids, "detail": _detail_of(one)}


def _detail_of(one: DeliveryItem | SubmissionItem) -> str | None:
    return None if one.detail is None else masked_detail(one.detail)


def _unmapped(one: UnmappedItem) -> dict[str, Any]:
    keep = one.field in _UNMAPPED_NAMES and not _like_contact(one.value)
    return {"value": one.value if keep else masked(one.value)}


def _suggestion(one: MergeSuggestionItem) -> dict[str, Any]:
    """Which kind of contact two clients share is one word; a sentence may name them."""
    return {"because": one.because if re.fullmatch(r"[a-z_]{1,20}", one.because) else masked(one.because)}


def _run(one: RunItem | DryRun) -> dict[str, Any]:
    because = one.because
    if because is not None and one.result in ("not_met", "ended"):
        because = masked_condition(because)
    elif because is not None and one.result not in ("cut", "paused", "waiting"):
        because = masked(because)
    return {"because": because, "steps": _steps(one.steps)}


def _automation(one: AutomationDetail) -> dict[str, Any]:
    return {"runs": [_masked(run) for run in one.runs]}


def _message(one: MessageItem) -> dict[str, Any]:
    """Who gets it is a key of the configuration, or an address of somebody else."""
    return {"recipient": masked_name(one.recipient)}


def _message_detail(one: MessageDetail) -> dict[str, Any]:
    body = masked_body(one.body, "application/json")
    return {**_message(one), "idempotency_key": masked_name(one.idempotency_key), "body": body}


def _why(one: Why) -> dict[str, Any]:
    return {"rules": [_rule(tried) for tried in one.rules]}


def _rule(one: RuleTried) -> RuleTried:
    """Why a rule names nobody is a code; why its condition does not hold quotes the lead."""
    if one.because is None or one.because in WORDS:
        return one
    return rule_tried(one.model_dump(), masked_condition(one.because))


def _steps(steps: Any) -> Any:
    """What a step tells by key stays; why it was refused is a sentence, and the code of its reason stands beside it."""
    if not isinstance(steps, list):
        return None
    return [
        {name: value if name in _STEP else _value(value, "", 0) for name, value in one.items()}
        for one in steps
        if isinstance(one, dict)
    ]


_MASKS: Sequence[tuple[type[BaseModel], Callable[[Any], dict[str, Any]]]] = (
    (DeliveryDetail, _detail),
    (DeliveryItem, _delivery),
    (SubmissionItem, _submission),
    (UnmappedItem, _unmapped),
    (MergeSuggestionItem, _suggestion),
    (RunItem, _run),
    (DryRun, _run),
    (AutomationDetail, _automation),
    (Why, _why),
    (MessageDetail, _message_detail),
    (MessageItem, _message),
    (DriftItem, lambda one: {"field": masked_name(one.field)}),
)
_NO_PERSON = (
    AlarmItem, AutomationItem, Backtest, ChannelItem, ForwardingItem, MessageReplayAnswer, PausedItem, QueueItem,
    ReplayAnswer, ResumedItem, ScheduleItem, Simulation, StepWork, TargetItem, UndistributedItem,
)  # fmt: skip
"""Counts, keys of the configuration, ids, reason codes, and sentences that the house writes without values."""


def _shape(char: str) -> str:
    kind = unicodedata.category(char)
    if kind[0] == "N":
        return "9"
    if kind in ("Lu", "Lt"):
        return "X"
    return char if char.isascii() and not char.isalpha() else "x"


def _like_contact(text: str) -> bool:
    """An e-mail, or five digits or more: a phone, a document, a CEP."""
    return "@" in text or sum(map(str.isdigit, text)) >= 5


class _Number(str):
    """A number of JSON as it was written."""

    __slots__ = ()


def _value(value: Any, key: str, deep: int) -> Any:
    """The shape of what stands at a key of JSON, or its items."""
    if isinstance(value, dict):
        return {masked_name(name): _value(one, name, deep) for name, one in value.items()}
    if isinstance(value, list):
        return [_value(one, key, deep) for one in value]
    if isinstance(value, _Number):
        return _kept(key, value, _number)
    if isinstance(value, str):
        return _kept(key, value, lambda text: _text(text, deep))
    return value if value is None or isinstance(value, bool) else _number(str(value))


def _number(written: str) -> Any:
    """As many nines; text, when that is no number of JSON any more."""
    shape = masked(written)
    try:
        number = json.loads(shape)
    except ValueError:
        return shape
    return number if json.dumps(number) == shape else shape


def _text(value: str, deep: int) -> str:
    """A text's shape; one that is JSON itself keeps its keys."""
    inner = masked_json(value, deep - 1) if deep and value.lstrip()[:1] in ("{", "[") else None
    return masked(value) if inner is None else inner


def _pair(pair: str) -> str:
    name, equals, value = (percent_decoded(part.encode()) for part in pair.partition("="))
    return f"{masked_name(name)}={_kept(name, value, masked)}" if equals else masked(name)


def _kept(key: str, value: str, mask: Callable[[str], Any]) -> Any:
    pattern = _KEPT.get(key.lower())
    return str(value) if pattern is not None and pattern.fullmatch(value) else mask(value)
