"""Channels: the source exists, its options are right, its secrets are in the environment and not in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, ValidationError

from adapters.sources.base import Source
from opv.catalog import REGISTRIES, names_of
from porteiro.configuration.document import Place
from porteiro.configuration.problems import Report
from porteiro.configuration.secrets import REFERENCE, fill, names_in
from porteiro.configuration.shape import report_shape
from schemas.conditions import OPEN_FACTS, fold, nearest, number

MAPPED_FIELDS = (
    "id", "name", "first_name", "last_name", "phone", "phones", "ddd", "email", "emails", "document", "message",
    "campaign", "medium", "origin", "development", "listing", "transaction", "price", "city", "state", "broker",
    "submitted_at", "created_at", "consent", "test", "page_url",
)  # fmt: skip
"""Fields of a lead that a channel's `mapping` may place, besides those with a key of their own behind a dot."""
MAPPED_OPEN = (*OPEN_FACTS, "extra.")

_FILLED = {"channels": ("secrets", "options", "forward_to"), "targets": ("options",)}
_LINKS = (("notices", "address"), ("notices", "secret"))
_READ_IN = "a channel's `secrets`, `options` and `forward_to`, a target's `options` and `notices`"


def check_channels(root: Place, sources: Mapping[str, Source], secrets: Mapping[str, str], report: Report) -> None:
    """Reports what is wrong in `channels`, and each `${NAME}` that stands elsewhere, where it is not read."""
    for channel in root["channels"].each():
        source = _source(channel, sources, report)
        _check_secrets(channel, source, secrets, report)
        check_variables(channel["options"], secrets, report)
        _check_forward(channel["forward_to"], secrets, report)
        if source is not None:
            check_options(channel["options"], source.options_model, secrets, report)
            if channel["reconcile"].value and not source.reads_back:
                report.warn(channel["reconcile"], f"{source.title} has no API that gives leads back: this does nothing")
        for field, place in channel["mapping"].entries().items():
            if field not in MAPPED_FIELDS and not (field.startswith(MAPPED_OPEN) and not field.endswith(".")):
                known = (*MAPPED_FIELDS, *(f"{start}<key>" for start in MAPPED_OPEN))
                report.error(place, f"a lead has no field `{field}`, {nearest(field, known)}", at_key=True)
        _check_defaults(channel["defaults"], root, report)
    for place in _outside(root):
        for name in names_in(place.value):
            report.error(place, f"`${{{name}}}` is read in {_READ_IN} alone: write the value")


def _source(channel: Place, sources: Mapping[str, Source], report: Report) -> Source | None:
    slug = channel["source"].text
    if slug is None:
        return None
    if slug not in sources:
        report.error(channel["source"], f"there is no source `{slug}`, {nearest(slug, sorted(sources))}")
    return sources.get(slug)


def _check_secrets(channel: Place, source: Source | None, secrets: Mapping[str, str], report: Report) -> None:
    places = channel["secrets"].each()
    if source is not None and source.needs_secret and not channel["secrets"].value:
        message = f'{source.title} needs a secret: write `secrets: ["{_example(channel)}"]`'
        report.error(channel, message, missing="secrets")
    for place in places:
        check_secret(place, _example(channel), secrets, report)


def _example(channel: Place) -> str:
    key = (channel["key"].text or "channel").upper().replace("-", "_")
    return f"${{{key}_SECRET}}"


def check_secret(place: Place, example: str, secrets: Mapping[str, str], report: Report) -> None:
    """Reports a secret that stands in the file, or whose variable has no value."""
    if place.text is None:
        return  # no text: its shape is reported
    if REFERENCE.fullmatch(place.text):
        _check_set(place, secrets, report)
    else:
        report.error(place, f'a secret does not stand in the file: write `"{example}"` and set it')


def _check_set(place: Place, secrets: Mapping[str, str], report: Report) -> None:
    for name in names_in(place.value):
        if not secrets.get(name):
            state = "is empty" if name in secrets else "is not set"
            report.error(place, f"`{name}` {state}: set it in the environment or in `$PORTEIRO_VAR/env`")


def check_variables(options: Place, secrets: Mapping[str, str], report: Report) -> None:
    """Reports each `${NAME}` in the options that has no value, or is written wrong."""
    for place in options.scalars():
        _check_set(place, secrets, report)
        if isinstance(place.value, str) and "${" in REFERENCE.sub("", place.value):
            report.error(place, "a variable is written `${NAME}`: letters, digits and `_`, a letter first")


def _check_forward(place: Place, secrets: Mapping[str, str], report: Report) -> None:
    check_variables(place, secrets, report)
    names = names_in(place.value)
    if place.text is None or not names or not all(secrets.get(name) for name in names):
        return  # its shape says what is wrong, or what is not set
    try:
        address = urlsplit(fill(place.text, lambda name: secrets[name]))
        whole = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        whole = False
    if not whole:
        report.error(place, "with its variables filled in this is no address: write `https://…`")


def check_options(options: Place, model: type[BaseModel], secrets: Mapping[str, str], report: Report) -> None:
    """Reports what `model` refuses in the options, variables filled in, and secrets that stand in the file."""
    values = {secrets[name] for place in options.scalars() for name in names_in(place.value) if secrets.get(name)}

    def redact(message: str) -> str:
        for value in sorted(values, key=len, reverse=True):
            message = message.replace(value, "***")
        return message

    def unset(place: Place) -> bool:
        return any(not secrets.get(name) for name in names_in(place.plain()))

    try:
        model.model_validate(fill(options.plain() or {}, lambda name: secrets.get(name) or "unset"))
    except ValidationError as error:
        report_shape(error, model, options, report, redact=redact, skip=unset)
    for name in secret_fields(model):
        for place in options[name].scalars():
            if place.text and not REFERENCE.fullmatch(place.text):
                report.error(place, f'a secret does not stand in the file: write `"${{{name.upper()}}}"` and set it')


def secret_fields(model: type[BaseModel]) -> list[str]:
    """Options that are secrets, as the file names them."""
    return [
        field.alias or name
        for name, field in model.model_fields.items()
        if any(one is SecretStr for one in _types(field.annotation))
    ]


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from _types(argument)


def _check_defaults(defaults: Place, root: Place, report: Report) -> None:
    developments = root["developments"].each()
    _check_name(defaults["development"], developments, "development", report)
    for field, section in REGISTRIES.items():
        if known := root[section].each():
            _check_name(defaults[field], known, field, report)
    code = defaults["listing"].text
    codes = [known.text or "" for one in developments for known in one["listings"].each()]
    if code is not None and fold(code) not in map(fold, codes):
        report.warn(defaults["listing"], f"no development has the listing `{code}`, {nearest(code, codes)}")
    if defaults["price"].text is not None and number(defaults["price"].value) is None:
        report.warn(defaults["price"], "this is no number")


def _check_name(place: Place, known: Sequence[Place], what: str, report: Report) -> None:
    name = place.text
    if name is not None and fold(name) not in {fold(one) for thing in known for one in names_at(thing)}:
        keys = [key for thing in known if (key := thing["key"].text)]
        report.warn(place, f"no {what} is called `{name}`, {nearest(name, keys)}")


def names_at(place: Place) -> list[str]:
    """All that a development, campaign, … of the file is called, as `opv.catalog` finds it."""
    aliases = [alias.text or "" for alias in place["aliases"].each()]
    return [name for name in names_of(place["key"].text or "", place["name"].text or "", aliases) if name]


def _outside(root: Place) -> Iterator[Place]:
    """Scalars that stand neither in a channel's secrets, nor in its options, nor in its `forward_to`, nor in a target's
    options, nor in what links of notices are made of."""
    for place in root.scalars():
        within = len(place.path) > 2 and place.path[2] in _FILLED.get(str(place.path[0]), ())
        if not within and tuple(place.path) not in _LINKS:
            yield place
