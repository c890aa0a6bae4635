"""Texts of the configuration with `{{ … }}` for what is known of an OPV: a small part of Jinja2, in its sandbox.

There are no loops, calls, sums, macros and includes, and no filter that makes a text longer: what a template costs is
bounded by its length. A name leads to a value or to nothing, never to an attribute of Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.filters import FILTERS
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS

from opv.automation.actions.doing import Doing
from opv.automation.values import values_at
from schemas.conditions import nearest
from schemas.errors import Reject

_OF_PERSON = ("name", "phone", "email", "creci")
NAMES: Mapping[str, tuple[str, ...]] = {
    "client": ("name", "first_name", "phone", "email"),
    "broker": _OF_PERSON,
    "manager": _OF_PERSON,
    "company": ("name",),
    "development": ("name",),
    "opv": ("number",),
    "stage": ("name",),
    "capture": ("source", "channel", "campaign", "message"),
    "visit": ("date", "time"),
}
"""What a template may name (`client.name`), besides the house's `fields` and, in what people are told, `link`."""

LINK = "link"
FIELDS = "fields"

MAX_LENGTH = 4000
"""Characters of a template."""
MAX_DEPTH = 40
"""Of what stands within what."""
MAX_TEXT = 20_000
"""Characters of a text made of one."""

_FILTERS = ("capitalize", "d", "default", "lower", "title", "trim", "truncate", "upper")
_TESTS = ("defined", "undefined")
_COMPARED = ("eq", "ne")
_NODES: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Filter, nodes.Keyword, nodes.Test, nodes.If,
    nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or, nodes.Concat,
)  # fmt: skip


class BadTemplate(Exception):
    """What is written is no template. The message is the end of a sentence; `line` counts from 1."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


class _Unknown(jinja2.StrictUndefined):
    """A value that is missing: no to a question (`if`, `or`), an error where it is to be written."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override] # the base's raises
        return False


class _Environment(ImmutableSandboxedEnvironment):
    """Looks into mappings alone."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """The value of that name."""
        known = isinstance(obj, dict) and attribute in obj
        return obj[attribute] if known else self.undefined(name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Likewise."""
        return self.getattr(obj, argument)


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was read. `names`: what it uses, each with the line where it does."""

    names: Mapping[str, int]
    compiled: jinja2.Template

    @property
    def groups(self) -> frozenset[str]:
        """The first parts of its names."""
        return frozenset(name.partition(".")[0] for name in self.names)

    def render(self, values: Mapping[str, Any], *, one_line: bool = False) -> str:
        """The text. `one_line`: for what a line break would end, a subject or a value of WhatsApp.

        Raises `Reject`: `template_value_missing`, `template_failed`, `text_too_long` (422)."""
        try:
            text = self.compiled.render(values)
        except jinja2.UndefinedError:
            missing = ", ".join(sorted(name for name in self.names if not _has(values, name)))
            raise Reject("template_value_missing", f"not known, and without a default: {missing}", 422) from None
        except Exception as error:
            raise Reject("template_failed", f"the template cannot be filled ({type(error).__name__})", 422) from None
        if len(text) > MAX_TEXT:
            raise Reject("text_too_long", f"the text has over {MAX_TEXT} characters", 422)
        if one_line:
            return " ".join("".join(one if one.isprintable() else " " for one in text).split())
        return text.strip()


@lru_cache(1024)
def read(text: str) -> Template:
    """The template that is written there. Raises `BadTemplate`."""
    if len(text) > MAX_LENGTH:
        raise BadTemplate(f"a template has {MAX_LENGTH} characters at most")
    environment = _environment()
    try:
        tree = environment.parse(text)
        names = dict(_names(tree))  # of a name twice, the earlier line comes last
        return Template(names, environment.from_string(text))
    except jinja2.TemplateSyntaxError as error:
        raise BadTemplate(f"{(error.message or 'it cannot be read').rstrip('.')}", error.lineno) from None
    except (RecursionError, MemoryError, SyntaxError):
        raise _too_deep() from None


def faults(text: str, fields: Collection[str], *, link: bool = False) -> list[tuple[str, int]]:
    """What is wrong in a template, each with the line of the text: its shape, or names that mean nothing. `fields` are
    the keys of the house's; `link`: whether that may be named."""
    try:
        template = read(text)
    except BadTemplate as error:
        return [(str(error), error.line)]
    known = [f"{group}.{name}" for group, names in NAMES.items() for name in names]
    known += [f"{FIELDS}.{key}" for key in fields] + [LINK] * link
    unknown = [(name, line) for name, line in template.names.items() if name not in known]
    found = [(f"there is nothing called `{name}`, {nearest(name, known)}", line) for name, line in unknown]
    if found:
        return found
    try:
        template.render(_sample(template.names))
    except Reject as error:
        return [(error.detail, 1)]
    return []


def rendered(text: str, at: Doing, *, link: str | None = None) -> str:
    """A template with what is known of the OPV as an action is done on it. Raises `Reject` as `Template.render`;
    besides, `template_failed` when it is no template."""
    template = template_of(text)
    values = values_at(at, template.groups)
    return template.render(values if link is None else {**values, LINK: link})


def template_of(text: str) -> Template:
    """As `read`, of what was checked when the configuration was applied. Raises `Reject` `template_failed` (422)."""
    try:
        return read(text)
    except BadTemplate as error:
        raise Reject("template_failed", f"this is no template: {error}", 422) from None


def filled(value: Any, fill: Callable[[str], str]) -> Any:
    """The value with each text in it filled; keys of mappings stay."""
    if isinstance(value, str):
        return fill(value)
    if isinstance(value, dict):
        return {key: filled(one, fill) for key, one in value.items()}
    return [filled(one, fill) for one in value] if isinstance(value, list) else value


def texts_in(value: Any) -> Iterator[str]:
    """The texts that `filled` fills."""
    if isinstance(value, str):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_in(one)


@lru_cache(1)
def _environment() -> _Environment:
    made = _Environment(undefined=_Unknown, autoescape=False, cache_size=0)  # plain text, nowhere HTML
    made.globals.clear()
    made.filters = {name: FILTERS[name] for name in _FILTERS}
    made.tests = {name: TESTS[name] for name in _TESTS}
    return made


def _names(tree: nodes.Node) -> Iterator[tuple[str, int]]:
    """The names in it with their lines. Raises `BadTemplate` for what is more than this house reads."""
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise _too_deep()
        name = _name(node)
        if name is not None:
            yield name, node.lineno
            continue
        match node:
            case nodes.Filter(name=called) if called not in _FILTERS:
                raise BadTemplate(f"there is no filter `{called}`, {nearest(called, _FILTERS)}", node.lineno)
            case nodes.Test(name=called) if called not in _TESTS:
                raise BadTemplate(f"there is no test `{called}`, {nearest(called, _TESTS)}", node.lineno)
            case nodes.Operand(op=sign) if sign not in _COMPARED:
                raise BadTemplate("values are compared with `==` and `!=` alone", node.lineno)
            case _ if not isinstance(node, _NODES):
                said = type(node).__name__.lower()
                raise BadTemplate(f"`{said}` is not read here: write names, `if` and filters alone", node.lineno)
        waiting += [(child, depth + 1) for child in node.iter_child_nodes()]


def _name(node: nodes.Node) -> str | None:
    match node:
        case nodes.Name(name=name):
            return str(name)
        case nodes.Getattr(node=nodes.Name(name=group), attr=name):
            return f"{group}.{name}"
        case nodes.Getitem(node=nodes.Name(name=group), arg=nodes.Const(value=str(name))):
            return f"{group}.{name}"
    return None


def _has(values: Mapping[str, Any], name: str) -> bool:
    group, _, rest = name.partition(".")
    return group in values and (not rest or rest in values[group])


def _sample(names: Collection[str]) -> dict[str, Any]:
    """A value for each name."""
    values: dict[str, Any] = {}
    for name in names:
        group, _, rest = name.partition(".")
        if rest:
            values.setdefault(group, {})[rest] = "x"
        else:
            values[group] = "x"
    return values


def _too_deep() -> BadTemplate:
    return BadTemplate("too much stands within each other here: write it simpler")
