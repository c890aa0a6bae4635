"""`${NAME}`: values that stand in the environment, not in the file, nor in the database."""

from __future__ import annotations

import os
import re
import secrets as random
from collections.abc import Callable, Mapping
from typing import Any

from dotenv import dotenv_values

from porteiro.configuration.document import Unreadable, read_document
from porteiro.settings import Settings

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def names_in(value: Any) -> list[str]:
    """Names that a value (scalars, lists, mappings) refers to, in order, each once."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return list(dict.fromkeys(name for item in value for name in names_in(item)))
    return list(dict.fromkeys(REFERENCE.findall(value))) if isinstance(value, str) else []


def fill(value: Any, lookup: Callable[[str], str]) -> Any:
    """The value with each `${NAME}` in its texts replaced by what `lookup` gives for the name."""
    if isinstance(value, dict):
        return {key: fill(item, lookup) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, lookup) for item in value]
    return REFERENCE.sub(lambda match: lookup(match[1]), value) if isinstance(value, str) else value


def write_env(settings: Settings, text: str) -> list[str]:
    """Gives random values to the `${NAME}` of a configuration that neither the environment nor
    `$PORTEIRO_VAR/env` has, and appends them to that file (mode 0600). Returns their names.

    Nothing is overwritten. A text that cannot be read names nothing; loading it says what is wrong.
    """
    path = settings.var / "env"
    known: Mapping[str, Any] = {**dotenv_values(path), **os.environ}
    try:
        wanted = [name for name in names_in(read_document(text)[0].plain()) if name not in known]
    except Unreadable:
        return []
    if not wanted:
        return []
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        content = file.read()
        if content and not content.endswith("\n"):
            file.write("\n")
        file.writelines(f"{name}={random.token_urlsafe(24)}\n" for name in wanted)
    return wanted
