"""A configuration that is to be tried before it is applied: a whole file, or only what is to change of how leads find a
broker, laid over what is in force."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from adapters.sources.base import Source
from opv.house import House, build_house
from porteiro.configuration.document import Unreadable, read_document
from porteiro.configuration.load import Loaded, load, load_file
from porteiro.configuration.problems import Problem
from schemas.config import Configuration
from schemas.errors import Reject

PARTS = ("company", "people", "teams", "stands", "developments", "queues", "distribution", "returning")
"""Sections that say who gets which lead. A file of these alone is laid over, each in place of the one in force."""


def load_tried(
    text: str, filename: str, in_force: Configuration, sources: Mapping[str, Source], secrets: Mapping[str, str]
) -> Loaded:
    """As `load`. What is wrong beyond the text is wrong with what is in force, once the text is laid over it."""
    try:
        root, _ = read_document(text)
    except Unreadable:
        return load(text, filename, sources, secrets)
    written = root.entries().keys()
    if not set(written) <= set(PARTS):
        return load(text, filename, sources, secrets)
    kept = in_force.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    rest = {section: value for section, value in kept.items() if section not in written}
    begun = text.rstrip()
    if begun.endswith("}") and begun.startswith("{"):
        whole = f"{begun[:-1].rstrip().removesuffix(',')},\n{json.dumps(rest)[1:]}"
    else:
        whole = f"{begun}\n{yaml.safe_dump(rest, allow_unicode=True, sort_keys=False)}"
    configuration, problems = load(whole, filename, sources, secrets)
    lines = begun.count("\n") + 1
    return configuration, [_of_file(one, lines) for one in problems if one.line <= lines or one.severity == "error"]


def load_tried_file(
    path: Path, in_force: Configuration | None, sources: Mapping[str, Source], secrets: Mapping[str, str]
) -> Loaded:
    """As `load_file`."""
    loaded = load_file(path, sources, secrets)
    if in_force is None or loaded[0] is not None or not path.is_file():
        return loaded
    try:
        return load_tried(path.read_text(encoding="utf-8-sig"), str(path), in_force, sources, secrets)
    except UnicodeDecodeError:
        return loaded


def house_tried(text: str, in_force: House, sources: Mapping[str, Source], secrets: Mapping[str, str]) -> House:
    """The house as the text would make it. Raises `Reject` (422, `invalid_configuration`) with every problem."""
    configuration, problems = load_tried(text, "rules", in_force.configuration, sources, secrets)
    if configuration is None:
        raise Reject("invalid_configuration", "; ".join(map(str, problems)), 422)
    return build_house(in_force.version, configuration, in_force.entrances)


def _of_file(problem: Problem, lines: int) -> Problem:
    if problem.line <= lines:
        return problem
    return replace(problem, line=lines, column=1, message=f"{problem.message} (in what is in force)")
