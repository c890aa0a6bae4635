"""From text to a checked configuration: every problem at once, each with its line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from adapters.sources.base import Source
from porteiro.configuration.channels import check_channels
from porteiro.configuration.check import check_references
from porteiro.configuration.document import MAX_BYTES, Place, Unreadable, read_document
from porteiro.configuration.junk import check_junk
from porteiro.configuration.problems import Problem, Report
from porteiro.configuration.shape import report_shape
from porteiro.configuration.targets import check_targets
from porteiro.configuration.whatsapp import check_greeting
from porteiro.configuration.working_time import check_working_time
from schemas.config import Configuration

Loaded = tuple[Configuration | None, list[Problem]]


def load(text: str, filename: str, sources: Mapping[str, Source], secrets: Mapping[str, str]) -> Loaded:
    """The configuration, None when there is an error, and all problems in the order of the file.

    `sources` by slug; `secrets` are the values of `${NAME}`, of which only the presence is checked, except in
    options, which are validated filled in. The configuration keeps `${NAME}`.
    """
    report = Report(filename)
    try:
        root, twice = read_document(text)
    except Unreadable as error:
        report.syntax(error.line, error.column, error.message)
        return None, report.problems()
    for one in twice:
        message = f"written twice, first on line {one.first[0]}: keep one"
        report.error(one.place, message, at_key=True)
    configuration = _validate(root, report)
    check_references(root, sources, report)
    check_working_time(root, report)
    check_channels(root, sources, secrets, report)
    check_targets(root, secrets, report)
    check_greeting(root["whatsapp"]["greeting"], report)
    check_junk(root["junk"], report)
    return (None if report.failed() else configuration), report.problems()


def load_file(path: Path, sources: Mapping[str, Source], secrets: Mapping[str, str]) -> Loaded:
    """`load` of a file's text. A file that cannot be read is a problem like any other."""
    report = Report(str(path))
    raw = b""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        report.syntax(1, 1, f"the file cannot be read: {(error.strerror or type(error).__name__).lower()}")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = error.start - before.rfind(b"\n")
        report.syntax(before.count(b"\n") + 1, column, "this is not UTF-8: save the file as UTF-8")
    else:
        return load(text, str(path), sources, secrets)
    return None, report.problems()


def _validate(root: Place, report: Report) -> Configuration | None:
    try:
        return Configuration.model_validate(root.plain())
    except ValidationError as error:
        report_shape(error, Configuration, root, report)
        return None
