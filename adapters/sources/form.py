"""Forms, landing pages and automation tools: JSON or form-encoded, any shape, a shared secret.

Accepts what Elementor, Zapier, Make, n8n and home-made pages send: one object or a list of them, nested, flat,
`a[b]`, `a.b` or `a__b` keys, a content type that is absent or wrong. The channel's `mapping` says where a lead's
field is; what it does not say is found by the usual names (`form_keys.py`), and what nobody recognises is an answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from adapters.sources.base import (
    CLICK_IDS,
    HOUSE_CARRIERS,
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
    form_body,
    house_secret,
    identifier,
    is_true,
    joined_name,
    json_body,
    note_submitted_at,
)
from adapters.sources.form_keys import IDS, SYNONYMS, KeyTable, Leaf, compact, leaves, nest, words
from schemas.conditions import fold

MAX_LEADS = 1000
"""Leads of one list."""

ALIASES = {"phones": "phone", "emails": "email", "created_at": "submitted_at"}
"""Other names of a mapping's fields."""

OPEN = ("answers", "utm", "click_ids", "ad", "extra")
"""Fields of a lead that hold whatever has a name."""

_YES = frozenset({"sim", "yes", "aceito", "aceita", "concordo", "autorizo", "accept", "accepted", "agree"})
_NO = ("nao", "n", "no", "false", "0", "off")


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

    def __init__(self, synonyms: Mapping[str, tuple[str, ...]] = SYNONYMS) -> None:
        self._table = KeyTable(synonyms)

    def verify(self, request: Request, entrance: Entrance) -> int:
        return house_secret(request, entrance)

    def accepted(self, delivery: str) -> Reply:
        return Reply(200, json.dumps({"status": "received", "delivery": delivery}).encode())

    def read(self, request: Request, entrance: Entrance) -> Sequence[Read]:
        bodies = _bodies(request)
        header = identifier(request.headers.get("idempotency-key"))
        reads: list[Read] = []
        for index, body in enumerate(bodies):
            if isinstance(body, dict):
                key = f"{header}:{index}" if header and len(bodies) > 1 else header
                reads.append(_Reading(self._table, entrance).read(body, key))
            else:
                reads.append(NotALead("ignored", "not_an_object", "an item of the list is no object with fields"))
        return reads

    def sample(self, entrance: Entrance, person: Mapping[str, str], number: int) -> Sample:
        body: dict[str, Any] = {
            "id": f"site-{number}", "nome": person["name"], "telefone": person["phone"], "email": person["email"],
            "mensagem": "Quero conhecer o decorado.", "empreendimento": "Residencial Jardim",
            "campanha": "lancamento jardim", "midia": "landing page", "origem": "google", "utm_source": "google",
            "utm_campaign": "lancamento-jardim", "Quantos quartos?": "2", "lgpd": True,
        }  # fmt: skip
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {entrance.secrets[0]}"}
        return headers, json.dumps(body, ensure_ascii=False).encode(), {}


def _bodies(request: Request) -> list[Any]:
    """The objects of a body, told by its first sign, since content types are often absent or wrong."""
    raw = request.body
    start = raw.lstrip(b"\xef\xbb\xbf\xfe\xff\x00 \t\r\n")[:2]
    if not start:
        raise Park("empty_body", "the body is empty")
    if start[:1] in (b"{", b"["):
        value = json_body(raw)
        bodies = value if isinstance(value, list) else [value]
        if not any(isinstance(body, dict) for body in bodies):
            raise Park("no_fields", "the body is JSON, but holds no object with fields")
        if len(bodies) > MAX_LEADS:
            raise Park("too_many_leads", f"the body is a list of more than {MAX_LEADS} leads")
        return bodies
    multipart = start == b"--" or request.headers.get("content-type", "").lower().startswith("multipart/")
    if multipart or start[:1] == b"<" or b"=" not in raw:
        raise Park("not_json_or_form", "the body is neither JSON nor form-encoded")
    return [nest(form_body(raw.strip()))]


class _Reading:
    """One body on its way to a lead."""

    def __init__(self, table: KeyTable, entrance: Entrance) -> None:
        self._table = table
        self._entrance = entrance
        self._mapping = [(_path(where), ALIASES.get(to, to)) for to, where in entrance.mapping.items()]
        self._lead = Lead()
        self._best: dict[str, tuple[int, Leaf]] = {}
        self._phones: list[tuple[Leaf, str]] = []
        self._ddds: list[Leaf] = []
        self._test = False

    def read(self, body: dict[str, Any], key: str | None) -> ReadLead:
        """The lead of a body; `key` stands in when the body has no id of its own."""
        for leaf in leaves(body):
            for target, rank, part in self._places(leaf):
                if part.texts:
                    self._put(target, rank, part)
        lead = self._lead
        singles = {field: ", ".join(leaf.texts) for field, (_, leaf) in self._best.items()}
        key = identifier(singles.pop("id", None)) or key
        note_submitted_at(lead, singles.pop("submitted_at", None), self._entrance.timezone)
        self._take_page(singles.pop("page_url", None))
        lead.name = _name(singles.pop("name", None), singles.pop("first_name", None), singles.pop("last_name", None))
        for field, text in singles.items():
            setattr(lead, field, text)
        lead.phones = self._paired_phones()
        return ReadLead(key, lead, self._test)

    def _places(self, leaf: Leaf) -> Iterator[tuple[str, int, Leaf]]:
        """Where a value goes: where the mapping says, else by its name, else to the answers."""
        path = tuple(map(_segment, leaf.path))
        mapped = False
        names = [path, (*path, "value"), *((_segment(label),) for label in leaf.labels)]
        for where, target in self._mapping:
            if where in names:
                mapped = True
                yield target, -1, leaf
            elif isinstance(leaf.value, list) and where[:-1] == path and where[-1] in map(str, range(len(leaf.value))):
                mapped = True
                yield target, -1, Leaf(leaf.path, leaf.labels, leaf.value[int(where[-1])])
        if mapped:
            return
        if len(leaf.keys) == 1 or (len(leaf.keys) == 2 and path[0] == "lead"):
            own = _segment(leaf.keys[-1])
            if own in IDS:
                yield "id", IDS.index(own), leaf
                return
        target, rank = self._table.meaning(leaf) or (f"answers.{leaf.shown}", 0)
        yield target, rank, leaf

    def _put(self, target: str, rank: int, leaf: Leaf) -> None:
        place, _, name = target.partition(".")
        lead = self._lead
        if place == "answers" and name:
            add_answer(lead, name, leaf.value)
        elif place in OPEN and name:
            getattr(lead, place).setdefault(name, ", ".join(leaf.texts))
        elif target == "phone":
            is_ddd = rank >= 0 and _is_ddd(leaf)
            self._ddds += [leaf] if is_ddd else []
            self._phones += [] if is_ddd else [(leaf, text) for text in leaf.texts]
        elif target == "ddd":
            self._ddds.append(leaf)
        elif target == "email":
            lead.emails += leaf.texts
        elif target == "consent":
            lead.consent.append({"key": leaf.shown, "granted": _granted(leaf.texts[0]), "value": leaf.value})
        elif target == "test":
            self._take_test(leaf)
        elif target in _SINGLE:
            self._rank(target, rank, leaf)
        else:
            add_answer(lead, target, leaf.value)

    def _rank(self, field: str, rank: int, leaf: Leaf) -> None:
        """Keeps the value with the surest name; the other stays as an answer."""
        before = self._best.get(field)
        if before is None or rank < before[0]:
            self._best[field] = (rank, leaf)
            leaf = before[1] if before else leaf
        if before is not None:
            add_answer(self._lead, leaf.shown, leaf.value)

    def _take_test(self, leaf: Leaf) -> None:
        if is_true(leaf.texts[0]):
            self._test = True
        elif fold(leaf.texts[0]) not in _NO:
            add_answer(self._lead, leaf.shown, leaf.value)

    def _take_page(self, url: str | None) -> None:
        """Keeps the page's address; its query fills the UTM values and click ids that the body lacks."""
        if url is None:
            return
        self._lead.extra["page_url"] = url
        try:
            pairs = parse_qsl(urlsplit(url.strip()).query, max_num_fields=200)
        except ValueError:
            return
        for name, value in pairs:
            lower = name.lower()
            if lower.startswith("utm_"):
                self._lead.utm.setdefault(lower.removeprefix("utm_"), value)
            elif lower in CLICK_IDS:
                self._lead.click_ids.setdefault(lower, value)

    def _paired_phones(self) -> list[SentPhone]:
        """Phones, each with the area code that stands beside it, of the same kind (`ddd_celular`) if there are more."""
        ddds: dict[int, str] = {}
        for ddd in self._ddds:
            kind = compact(ddd.path[-1]) if ddd.path else ""
            beside = [i for i, (leaf, _) in enumerate(self._phones) if leaf.path[:-1] == ddd.path[:-1]]
            free = [i for i in beside or range(len(self._phones)) if i not in ddds]
            same = [i for i in free if kind in compact(self._phones[i][0].path[-1])]
            if free:
                ddds[(same or free)[0]] = ddd.texts[0]
            else:
                add_answer(self._lead, ddd.shown, ddd.value)
        return [SentPhone(value=value, ddd=ddds.get(index)) for index, (_, value) in enumerate(self._phones)]


_SINGLE = frozenset({"id", "page_url", *(f for f in SYNONYMS if "." not in f)}) - {
    "phone", "ddd", "email", "consent", "test",
}  # fmt: skip


def _segment(key: str) -> str:
    return "".join(words(key))


def _path(where: str) -> tuple[str, ...]:
    """A mapping's dotted path, its keys folded."""
    return tuple(segment for key in where.split(".") if (segment := _segment(key)))


def _is_ddd(leaf: Leaf) -> bool:
    """Whether a phone's part is the area code alone: its key says DDD and its value is no longer than one."""
    named = any("ddd" in words(name) for name in (*leaf.keys[-1:], *leaf.labels))
    return named and 1 <= sum(c.isdigit() for c in leaf.texts[0]) <= 3


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
