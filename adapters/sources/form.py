"""Forms, landing pages and automation tools: JSON or form-encoded, any shape, a shared secret.

Accepts what form builders, tools and home-made pages send: one object or a list of them, nested, flat, `a[b]`,
`a.b` or `a__b` keys, a content type that is absent or wrong. The channel's `mapping` says where a lead's field is;
what it does not say is found by the usual names (`form_keys.py`) and by what the channel's `preset` says of its
sender (`form_presets.py`), and what nobody recognises is an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from adapters.sources.base import (
    HOUSE_CARRIERS,
    MIB,
    Entrance,
    Lead,
    NotALead,
    Park,
    Read,
    ReadLead,
    Reply,
    Request,
    Sample,
    SentPhone,
    Source,
    add_answer,
    as_text,
    form_body,
    house_secret,
    identifier,
    is_true,
    joined_name,
    json_body,
    json_object,
    multipart_body,
    note_page_url,
    note_submitted_at,
)
from adapters.sources.form_keys import compact, leaves, nest, words
from adapters.sources.form_places import LONGEST, MAPPED, OPEN, Places, Target, places_of
from adapters.sources.form_presets import PLAIN, PRESETS, Preset, PresetName
from schemas.conditions import fold

MAX_LEADS = 1000
"""Leads of one list."""

MAX_DDDS = 20
"""Area codes that are paired with phones."""

PHONE = re.compile(r"(?<!\d)(?:\+?55[\s.-]?)?\(?0?[1-9]\d\)?[\s.-]{0,2}(?:9[\s.-]?\d{4}|[2-5]\d{3})[\s.-]?\d{4}(?!\d)")
"""A Brazilian phone with its area code, as people write it."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_YES = frozenset({"sim", "yes", "aceito", "aceita", "concordo", "autorizo", "accept", "accepted", "agree"})
_YES_OR_NO = frozenset({"sim", "nao", "s", "n", "yes", "no", "true", "false"})
"""Answers to `É corretor?`, which name nobody."""
_NO = ("nao", "n", "no", "false", "0", "off")
_TESTING = ("test", "teste")
_LIVE = ("production", "producao", "live")


class FormOptions(BaseModel):
    """`preset` names the form builder or tool that sends, for what it does differently."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: PresetName | None = None


class Form(Source):
    slug = "form"
    title = "Formulário (site, landing page, integração)"
    documentation = "docs/adding-a-source.md; form builders: https://github.com/elementor/elementor/issues/3502"
    identity = (
        "The id field of the body, else the Idempotency-Key header: what the sender says is one submission; unique "
        "within the channel alone, since each sender counts for itself. Neither: the content within 10 minutes."
    )
    namespace = "channel"
    carriers = HOUSE_CARRIERS
    options_model: ClassVar[type[BaseModel]] = FormOptions
    max_body = 10 * MIB

    def verify(self, request: Request, entrance: Entrance) -> int:
        return house_secret(request, entrance)

    def accepted(self, delivery: str) -> Reply:
        return Reply(200, json.dumps({"status": "received", "delivery": delivery}).encode())

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        bodies, files = _bodies(request)
        header = identifier(request.headers.get("idempotency-key"))
        reads: list[Read] = []
        for index, body in enumerate(bodies):
            if isinstance(body, dict):
                key = f"{header}:{index}" if header and len(bodies) > 1 else header
                read = self.read_fields(body, entrance, key)
                read.lead.extra |= {"files": files} if files else {}
                reads.append(read)
            else:
                reads.append(NotALead("ignored", "not_an_object", "an item of the list is no object with fields"))
        return reads

    def read_fields(self, fields: dict[str, Any], entrance: Entrance, key: str | None = None) -> ReadLead:
        """The lead of an object whose keys say what they hold; `key` stands in when it has no id of its own."""
        places = places_of(self.preset(entrance), tuple(entrance.mapping.items()))
        return _Reading(places, entrance.timezone).read(fields, key)

    def preset(self, entrance: Entrance) -> Preset:
        """What the channel's sender does differently."""
        name = entrance.options.preset if isinstance(entrance.options, FormOptions) else None
        return PRESETS.get(name, PLAIN) if name else PLAIN

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        body: dict[str, Any] = {
            "id": f"site-{number}", "nome": person["name"], "telefone": person["phone"], "email": person["email"],
            "mensagem": "Quero conhecer o decorado.", "empreendimento": "Residencial Jardim",
            "campanha": "lancamento jardim", "midia": "landing page", "origem": "google", "utm_source": "google",
            "utm_campaign": "lancamento-jardim", "Quantos quartos?": "2", "lgpd": True,
        }  # fmt: skip
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {entrance.secrets[0]}"}
        return headers, json.dumps(body, ensure_ascii=False).encode(), {}


def _bodies(request: Request) -> tuple[list[Any], list[str]]:
    """The objects of a body, told by its first sign, since content types are often absent or wrong, and the names
    of the files that came with it."""
    raw, content_type = request.body, request.headers.get("content-type", "")
    start = raw.lstrip(b"\xef\xbb\xbf\xfe\xff\x00 \t\r\n")[:2]
    if not start:
        raise Park("empty_body", "the body is empty")
    if start == b"--" or content_type.lower().startswith("multipart/"):
        fields, files = multipart_body(raw, content_type)
        return [nest(fields)], files
    if len(raw) > MIB:
        raise Park("too_large", "the body is larger than any lead without files: over 1 MiB")
    if start[:1] in (b"{", b"["):
        return _json_bodies(raw), []
    if start[:1] == b"<" or b"=" not in raw:
        raise Park("not_json_or_form", "the body is neither JSON nor form-encoded")
    return [nest(form_body(raw.strip()))], []


def _json_bodies(raw: bytes) -> list[Any]:
    value = json_body(raw)
    bodies = value if isinstance(value, list) else [value]
    if not any(isinstance(body, dict) for body in bodies):
        raise Park("no_fields", "the body is JSON, but holds no object with fields")
    if len(bodies) > MAX_LEADS:
        raise Park("too_many_leads", f"the body is a list of more than {MAX_LEADS} leads")
    return bodies


class _Sent(NamedTuple):
    """A value as sent: its keys and labels, its texts, of which there is at least one, and its name as an answer."""

    path: tuple[str, ...]
    labels: tuple[str, ...]
    value: Any
    texts: list[str]
    shown: str

    @property
    def answer(self) -> Any:
        """The value; a list of one, which many senders make of a single choice, is that one."""
        return self.value[0] if isinstance(self.value, list) and len(self.value) == 1 else self.value


class _Reading:
    """One body on its way to a lead."""

    def __init__(self, places: Places, zone: ZoneInfo) -> None:
        self._places = places
        self._zone = zone
        self._lead = Lead()
        self._best: dict[str, tuple[int, _Sent]] = {}
        self._phones: list[tuple[_Sent, str]] = []
        self._ddds: list[_Sent] = []
        self._test = False

    def read(self, body: dict[str, Any], key: str | None) -> ReadLead:
        """The lead of a body; `key` stands in when the body has no id of its own."""
        self._take(body)
        lead = self._lead
        singles = {field: ", ".join(sent.texts) for field, (_, sent) in self._best.items()}
        key = identifier(singles.pop("id", None)) or key
        self._take_time(singles)
        note_page_url(lead, singles.pop("page_url", None))
        lead.name = _name(singles.pop("name", None), singles.pop("first_name", None), singles.pop("last_name", None))
        for field, text in singles.items():
            setattr(lead, field, text)
        lead.phones = self._paired_phones() or self._phones_in_message()
        return ReadLead(key, lead, self._test)

    def _take(self, body: dict[str, Any]) -> None:
        for path, labels, value in leaves(body):
            texts = _texts(value)
            if not texts:
                continue
            targets, items, shown = self._places.place(path, labels)
            sent = _Sent(path, labels, value, texts, shown)
            if items and self._take_items(items, sent) and targets and targets[0].rank != MAPPED:
                continue
            for target in targets:
                self._put(target, sent)

    def _take_items(self, items: Sequence[tuple[int, Target]], sent: _Sent) -> bool:
        """Takes the items of a list that the mapping names; whether the list has one of them."""
        held = sent.value if isinstance(sent.value, list) else []
        picked = [(target, held[index]) for index, target in items if index < len(held)]
        for target, item in picked:
            if texts := _texts(item):
                self._put(target, sent._replace(value=item, texts=texts))
        return bool(picked)

    def _put(self, target: Target, sent: _Sent) -> None:
        field, name, rank = target
        lead = self._lead
        if field == "answers":
            add_answer(lead, name, sent.answer)
        elif field in OPEN:
            held = getattr(lead, field)
            if rank == MAPPED or name not in held:
                held[name] = ", ".join(sent.texts)
        elif field == "phone":
            self._take_phone(sent, rank)
        elif field == "ddd":
            self._take_ddd(sent)
        elif field == "email":
            lead.emails += sent.texts
        elif field == "broker" and fold(sent.texts[0]) in _YES_OR_NO:
            add_answer(lead, sent.shown, sent.answer)
        elif field == "consent":
            lead.consent.append({"key": sent.shown, "granted": _granted(sent.texts[0]), "value": sent.answer})
        elif field == "test":
            self._take_test(sent)
        elif field == "json":
            self._take_json(sent)
        elif field == "unlabelled":
            self._take_unlabelled(sent)
        else:
            self._take_single(field, rank, sent)

    def _take_single(self, field: str, rank: int, sent: _Sent) -> None:
        """Keeps the value with the surest name; one that says another thing stays as an answer."""
        before = self._best.get(field)
        if before is None or rank < before[0]:
            self._best[field] = (rank, sent)
            sent = before[1] if before else sent
        if before is not None and sent.texts != self._best[field][1].texts:
            add_answer(self._lead, sent.shown, sent.answer)

    def _take_phone(self, sent: _Sent, rank: int) -> None:
        if rank != MAPPED and _is_ddd(sent):
            self._take_ddd(sent)
        else:
            self._phones += [(sent, text) for text in sent.texts]

    def _take_ddd(self, sent: _Sent) -> None:
        if len(self._ddds) < MAX_DDDS:
            self._ddds.append(sent)
        else:
            add_answer(self._lead, sent.shown, sent.answer)

    def _take_test(self, sent: _Sent) -> None:
        text = fold(sent.texts[0])
        if is_true(text) or text in _TESTING:
            self._test = True
        elif text not in (*_NO, *_LIVE):
            add_answer(self._lead, sent.shown, sent.answer)

    def _take_json(self, sent: _Sent) -> None:
        """Takes the fields of an object that came as text."""
        try:
            self._take(json_object(sent.texts[0].encode("utf-8", "surrogatepass")))
        except Park:
            add_answer(self._lead, sent.shown, sent.answer)

    def _take_unlabelled(self, sent: _Sent) -> None:
        """Takes a value without a name for what it looks like."""
        text = sent.texts[0].strip() if len(sent.texts) == 1 and len(sent.texts[0]) <= LONGEST else ""
        if PHONE.fullmatch(text):
            self._phones.append((sent, text))
            self._lead.flags.append("phone_unlabelled")
        elif _EMAIL.fullmatch(text):
            self._lead.emails.append(text)
            self._lead.flags.append("email_unlabelled")
        else:
            add_answer(self._lead, sent.shown, sent.answer)

    def _take_time(self, singles: dict[str, str]) -> None:
        utc = " ".join(singles.pop(part) for part in ("utc_date", "utc_time") if part in singles)
        sent = singles.pop("submitted_at", None)
        note_submitted_at(self._lead, sent or (_with_offset(utc) if utc else None), self._zone)
        if sent and utc:
            self._lead.extra.setdefault("other_time", utc)

    def _paired_phones(self) -> list[SentPhone]:
        """Phones, each with the area code that stands beside it, of the same kind (`ddd_celular`) if there are more."""
        ddds: dict[int, str] = {}
        for ddd in self._ddds:
            kind = compact(ddd.path[-1]) if ddd.path else ""
            beside = [i for i, (sent, _) in enumerate(self._phones) if sent.path[:-1] == ddd.path[:-1]]
            free = [i for i in beside or range(len(self._phones)) if i not in ddds]
            same = [i for i in free if kind in compact(self._phones[i][0].path[-1])]
            if free:
                ddds[(same or free)[0]] = ddd.texts[0]
            else:
                add_answer(self._lead, ddd.shown, ddd.answer)
        return [SentPhone(value=value, ddd=ddds.get(index)) for index, (_, value) in enumerate(self._phones)]

    def _phones_in_message(self) -> list[SentPhone]:
        """Phones that the message tells, if the preset says that senders do so."""
        if not (self._places.preset.phone_from_message and self._lead.message):
            return []
        found = PHONE.findall(self._lead.message)
        self._lead.flags += ["phone_from_message"] if found else []
        return [SentPhone(value=value) for value in found]


def _texts(value: Any) -> list[str]:
    """What is not blank of a scalar or a list of scalars, as text."""
    if isinstance(value, list):
        return [text for item in value if (text := as_text(item)) is not None]
    text = as_text(value)
    return [] if text is None else [text]


def _is_ddd(sent: _Sent) -> bool:
    """Whether a phone's part is the area code alone: its key says DDD and its value is no longer than one."""
    if sum(c.isdigit() for c in sent.texts[0]) not in (1, 2, 3):
        return False
    own = next((key for key in reversed(sent.path) if not key.isdigit()), "")
    return any("ddd" in words(name) for name in (own, *sent.labels))


def _with_offset(utc: str) -> str:
    """A date and time in UTC as ISO 8601; as sent when it is of no known form."""
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %I:%M %p UTC"):
        try:
            return datetime.strptime(utc, form).replace(tzinfo=UTC).isoformat()
        except ValueError:
            continue
    return utc


def _name(name: str | None, first: str | None, last: str | None) -> str | None:
    """The name; a family name that was asked for apart is added."""
    if name is None:
        return joined_name(first, last)
    return joined_name(name, last) if last and fold(last) not in fold(name) else name


def _granted(text: str) -> bool:
    """Whether a consent's text says yes (`Li e aceito os termos`); one that says neither is no consent."""
    found = words(text)
    if not found or found[0] in _NO or "nao" in found or "not" in found:
        return False
    return is_true(text) or text.strip().lower() in ("x", "checked") or not _YES.isdisjoint(found)
