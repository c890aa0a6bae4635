"""Keys of free-shape bodies: how they nest, and what the usual Portuguese and English ones mean.

A key is compared *compact*: without case, accents, punctuation, numbers and filler words, so that `Seu e-mail:*`,
`seu_email` and `seuEmail` are one. The table of synonyms is data; what a form builder does differently adds to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from adapters.sources.base import CLICK_IDS, as_text, form_body, json_object
from schemas.conditions import fold

MAX_SEGMENTS = 8
"""Levels that one key can spell (`a[b][c]`, `a.b.c`, `a__b__c`)."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILLERS = _set(
    "seu sua seus suas o a os as de do da dos das com e ou para no na your the my meu minha qual is digite informe "
    "insira aqui melhor principal obrigatorio required with enter best pessoa lead cliente client customer contato "
    "contact usuario visitante comprador menu campo field input ddd"
)


def _both(things: str, parts: str) -> tuple[str, ...]:
    """Each thing with each of its parts, in both orders: `imovel codigo`, `codigo imovel`."""
    pairs = [(thing, part) for thing in things.split() for part in parts.split()]
    return tuple(f"{a} {b}" for pair in pairs for a, b in (pair, pair[::-1]))


_BROKERS = "corretor broker agente agent"
"""Whom of the house a sender names. `agente` alone is a browser's (`agente do usuário`)."""

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "name": ("nome completo", "full name", "nome", "name", "razao social", "nome sobrenome", "cliente"),
    "first_name": ("first name", "primeiro nome", "firstname", "given name", "name first"),
    "last_name": ("last name", "sobrenome", "ultimo nome", "lastname", "surname", "family name", "name last"),
    "phone": (
        "telefone", "telefones", "phone", "phones", "phone number", "fone", "fones", "tel", "celular", "celulares",
        "cel", "whatsapp", "whats app", "whats", "wpp", "zap", "mobile", "mobile phone", "mobile number", "cellphone",
        "cell phone", "cell", "numero telefone", "numero celular", "numero whatsapp", "whatsapp number", "telephone",
        "telefone celular", "celular telefone", "telefone whatsapp", "whatsapp telefone", "celular whatsapp",
        "whatsapp celular", "telefone fixo", "telefone residencial", "telefone comercial", "tel celular",
        "tel residencial", "tel comercial", "fone celular", "work phone", "home phone", "numero contato", "ddd",
    ),
    "ddd": ("area code", "codigo area"),
    "email": (
        "email", "emails", "e-mail", "mail", "email address", "endereco email", "correio eletronico", "work email",
        "email corporativo", "email comercial", "email pessoal",
    ),
    "document": (
        "cpf", "cnpj", "cpf/cnpj", "cpfcnpj", "documento", "document", "numero documento", "id cpf", "tax id",
        "numero cpf",
    ),
    "message": (
        "mensagem", "message", "observacao", "observacoes", "obs", "comentario", "comentarios", "comment", "comments",
        "msg", "duvida", "duvidas", "recado", "notes",
    ),
    "broker": (
        *_both(_BROKERS, "email mail"), *_both(_BROKERS, "creci"), *_both(_BROKERS, "nome name"),
        "corretor", "broker", "agent", "corretor responsavel",
        *_both(_BROKERS, "telefone celular whatsapp phone"), *_both(_BROKERS, "id codigo cod code key"),
    ),
    "campaign": ("campanha", "campaign", "campaign name", "nome campanha", "campanha nome"),
    "medium": ("midia", "medium", "media", "meio"),
    "origin": ("origem", "origin", "source", "fonte", "lead source", "origem lead"),
    "development": (
        "empreendimento", "development", "produto", "product", "project", "projeto", "imovel", "property", "interesse",
        "interest", "empreendimento interesse", "imovel interesse", "produto interesse", "id empreendimento",
        "idempreendimento", "id produto", "titulo imovel", "imovel titulo", "property title",
        *_both("empreendimento produto imovel development product project property", "nome name"),
        *_both("empreendimento development product", "id codigo code"),
    ),
    "listing": (
        "listing", "listing id", "client listing id", "referencia", "reference", "ref",
        *_both("imovel property anuncio listing unidade unit", "codigo cod id ref referencia code reference"),
    ),
    "transaction": ("transaction", "transaction type", "transacao", "tipo transacao", "finalidade", "tipo negocio"),
    "price": ("preco", "valor", "price", *_both("imovel property listing", "preco valor price")),
    "city": ("cidade", "city", "municipio", "imovel cidade", "property city"),
    "state": ("estado", "uf", "state", "imovel estado", "imovel uf", "property state"),
    "submitted_at": (
        "created at", "created time", "submitted at", "timestamp", "submission date", "data hora", "data criacao",
        "data cadastro", "data envio", "datetime",
    ),
    "page_url": (
        "page url", "url pagina", "pagina url", "source url", "url", "landing page", "landing page url", "landing url",
        "link pagina", "pagina",
    ),
    "consent": (
        "consent", "consentimento", "lgpd", "aceite", "aceito", "aceite lgpd", "lgpd aceite", "aceite termos", "opt in",
        "aceito termos", "aceito termos uso",
        "termos", "termos uso", "aceite termos uso", "politica privacidade", "aceite privacidade",
        "aceito politica privacidade", "aceite politica privacidade", "privacy policy", "gdpr", "gdpr consent", "optin",
        "accept terms", "terms", "lgpd consent", "consent lgpd", "autorizacao", "autorizo", "acceptance",
        *(f"{yes} {what}" for yes in ("li aceito", "li concordo", "concordo", "acceptance") for what in (
            "", "termos", "termos uso", "politica privacidade", "termos politica privacidade", "lgpd", "terms",
        )),
    ),
    "test": ("test", "teste", "is test"),
    "ad.form_id": ("form id", "id formulario", "formulario id"),
    "ad.form_name": ("form name", "nome formulario", "formulario nome", "formulario"),
    "ad.ad_id": ("ad id",),
    "ad.ad_name": ("ad name",),
    "ad.adset_id": ("adset id", "ad set id"),
    "ad.adset_name": ("adset name", "ad set name"),
    "ad.campaign_id": ("campaign id", "campanha id", "id campanha"),
    "extra.channel": ("canal", "channel"),
    "extra.user_agent": ("user agent", "agente usuario"),
    "extra.ip": ("ip", "remote ip", "ip remoto"),
    "extra.powered_by": ("powered by", "desenvolvido por", "credit"),
}  # fmt: skip
"""What a lead's field is called, the surest name first: the surest one present is taken, the others are answers."""

IDS = (
    "id", "leadid", "idlead", "submissionid", "idsubmission", "responseid", "externalid", "idexterno", "entryid",
    "eventid",
)  # fmt: skip
"""Names of the sender's id of a submission; no filler is dropped, since `client_id` is a browser's."""

PERSON = frozenset({"name", "first_name", "last_name", "phone", "email", "document"})

_ANSWERS = frozenset({"answers", "respostas", "perguntas", "questions"})
_WRAPPERS = _ANSWERS | frozenset({"fields", "formfields", "customfields", "campos", "data", "payload", "lead"})
_THINGS = _set(
    "imovel empreendimento produto property listing product development project projeto campanha campaign form "
    "formulario corretor broker agent imobiliaria agency company empresa unidade unit ad adset anuncio page pagina "
    "site seller vendedor"
)
"""Objects that have names, ids and phones of their own, which are not the person's."""
_GENERIC = frozenset({"numero", "number", "value", "valor", "text", "texto", "address", "endereco", "full"})
"""Keys that say nothing without the key above them: `telefones: [{numero: …}]`."""
_PARTS: Mapping[tuple[str, str], str] = {
    ("name", "first"): "first_name",
    ("name", "last"): "last_name",
    ("phone", "area"): "ddd",
}
"""Keys that are a part of what the key above them says: `nome: {first: …, last: …}`."""

_PHP = re.compile(r"[^\[\]\s]+(?:\[[^\[\]]*\](?:\.\w+)*)+")
_DOTTED = re.compile(r"\w+(?:\.\w+)+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_E_MAIL = re.compile(r"(?<![a-z])e[-_ ]mail")
_NO_WORD = re.compile(r"[\W_]+")

_VALUES = ("value", "values", "answer", "resposta")
_LABELS = ("title", "label", "question", "pergunta", "name", "id", "key", "field")
_TYPES = frozenset({"tel", "phone", "email"})
"""Types of a form's field that say what an untitled one holds."""
_DESCRIPTION = frozenset((*_VALUES, *_LABELS, "type", "raw_value", "required"))


def words(key: str) -> tuple[str, ...]:
    """The key's words, folded; `telefoneComDDD` has three."""
    return _words(key[:100])


@lru_cache(maxsize=2048)  # forms send the same few keys for ever, and folding is most of the cost of reading one
def _words(key: str) -> tuple[str, ...]:
    folded = _E_MAIL.sub("email", fold(_CAMEL.sub(" ", key)))
    return tuple(word for word in _NO_WORD.split(folded) if word)


def compact(key: str) -> str:
    """The form in which keys are compared; fillers stay in a key that is nothing but fillers."""
    return _compact(key[:100])


@lru_cache(maxsize=2048)
def _compact(key: str) -> str:
    all_words = _words(key)
    telling = [word for word in all_words if word not in _FILLERS and not word.isdigit()]
    return "".join(telling or all_words)


def split_key(key: str) -> tuple[str, ...]:
    """The path that a key spells: `a[b][]`, `a[0].b`, `a.b` and `a__b`; a label stays whole."""
    if "[" in key and _PHP.fullmatch(key):
        parts = re.split(r"[\[\].]+", key, maxsplit=MAX_SEGMENTS)
    elif "." in key and _DOTTED.fullmatch(key):
        parts = key.split(".", MAX_SEGMENTS)
    elif "__" in key:
        parts = key.split("__", MAX_SEGMENTS)
    else:
        return (key,)
    return tuple(part for part in parts if part) or (key,)


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Pairs of a form as the objects that their keys spell; a repeated key has a list of values."""
    root: dict[str, Any] = {}
    for key, value in pairs:
        *parents, last = split_key(key)
        node = root
        for parent in parents:
            child = node.get(parent)
            if not isinstance(child, dict):
                child = node[parent] = {} if child is None else {"": child}
            node = child
        before = node.get(last)
        if isinstance(before, dict):
            before[""] = value
        elif before is None:
            node[last] = value
        else:
            node[last] = [*before, value] if isinstance(before, list) else [before, value]
    return root


def json_or_form(body: bytes) -> dict[str, Any]:
    """The object in a body that is JSON or form-encoded, as it looks. Raises `Park`."""
    if body.lstrip()[:1] in (b"{", b"[") or b"=" not in body:
        return json_object(body)
    return nest(form_body(body.strip()))


def listed(value: Any) -> list[Any]:
    """A list that may have come as a form's numbered keys (`x[0]`, `x[1]`) or as its only item."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value]


class Leaf(NamedTuple):
    """A value with the keys that lead to it, list positions included; `labels` are what the sender calls it in
    words beside the value (`{title: Telefone, value: …}`). `value` is a scalar or a list of scalars."""

    path: tuple[str, ...]
    labels: tuple[str, ...]
    value: Any

    @property
    def keys(self) -> tuple[str, ...]:
        """The path without list positions."""
        return tuple(key for key in self.path if not key.isdigit())

    @property
    def shown(self) -> str:
        """The name of an answer: the label, else the path without the containers that say nothing."""
        if self.labels:
            return self.labels[0].strip()
        path = list(self.path)
        while len(path) > 1 and compact(path[0]) in _WRAPPERS:
            path.pop(0)
        return ".".join(path).strip()


def leaves(value: dict[str, Any] | list[Any], path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Every value of a body, in the order sent."""
    if isinstance(value, dict):
        described = _described(value) if path and compact(path[-1]) not in _THINGS else None
        if described is not None:
            yield Leaf(path, _labels(value), described)
            return
        children = ((split_key(key), child) for key, child in value.items())
    else:
        children = (((str(index),), child) for index, child in enumerate(value))
    for keys, child in children:
        if _is_nested(child):
            yield from leaves(child, (*path, *keys))
        else:
            yield Leaf((*path, *keys), (), child)


def _labels(field: Mapping[str, Any]) -> tuple[str, ...]:
    """What an object that describes a form's field calls it."""
    labels = tuple(text for name in _LABELS if (text := as_text(field.get(name))) is not None)
    kind = as_text(field.get("type"))
    return (*labels, kind) if kind in _TYPES else labels


def _described(value: Mapping[str, Any]) -> Any:
    """The value of an object that describes a form's field (`{id, title, value}`), else None."""
    if len(value) < 2 or not value.keys() <= _DESCRIPTION:
        return None
    given = [value[name] for name in _VALUES if name in value]
    if any(_is_nested(one) for one in given):
        return None
    return next((one for one in given if one is not None), "") if given else None


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, (dict, list)) for v in value))


class KeyTable:
    """Synonyms made ready for look-up."""

    def __init__(self, synonyms: Mapping[str, tuple[str, ...]] = SYNONYMS) -> None:
        self._index: dict[str, tuple[str, int]] = {}
        for field, names in synonyms.items():
            for rank, name in enumerate(names):
                self._index.setdefault(compact(name), (field, rank))

    def meaning(self, leaf: Leaf) -> tuple[str, int] | None:
        """The lead's field that a value belongs to, and how sure its name is (0 is surest)."""
        keys = ("", "", *leaf.keys)
        found = self._named(keys[-1], compact(keys[-2]))
        above = compact(keys[-1] if leaf.path[-1].isdigit() else keys[-2])
        for label in leaf.labels:
            found = found or self._named(label, above)
        return found

    def _named(self, name: str, above: str) -> tuple[str, int] | None:
        open_name = _open_name(name, above)
        if open_name is not None:
            return open_name, 0
        own = compact(name)
        if above and above + own in self._index:
            return self._index[above + own]
        upper = self._index.get(above)
        if above in _THINGS:
            return None
        if upper is not None and (own in _GENERIC or upper[0] == "consent"):
            return upper
        if upper is not None and (upper[0], own) in _PARTS:
            return _PARTS[upper[0], own], 0
        found = self._index.get(own) or (("phone", 0) if words(name)[:1] == ("ddd",) else None)
        return None if found and above in _ANSWERS and found[0] not in PERSON else found


def _open_name(name: str, above: str) -> str | None:
    """`utm.…` and `click_ids.…` for the keys of links."""
    found = words(name)
    if above == "utm" and found:
        return "utm." + "_".join(found)
    if found and found[0] == "utm" and len(found) > 1:
        return "utm." + "_".join(found[1:])
    joined = "".join(found)
    if joined.startswith("utm") and len(joined) > 3:
        return "utm." + joined[3:]
    return f"click_ids.{joined}" if joined in CLICK_IDS else None
