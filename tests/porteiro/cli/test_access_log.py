"""The access log, where it is on, holds no secrets."""

from __future__ import annotations

import logging

import pytest

from porteiro.cli.run import without_secrets


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/hooks/site?key=segredo", "/hooks/site"),
        ("/accept/abc.def.ghi", "/accept/***"),
        ("/claim/abc.def.ghi?x=1", "/claim/***"),
        ("/api/v1/opvs/1/claim", "/api/v1/opvs/1/claim"),
    ],
)
def test_queries_and_links_are_left_out(path: str, shown: str) -> None:
    line = '%s - "%s %s HTTP/%s" %d'
    record = logging.LogRecord(
        "uvicorn.access", logging.INFO, "", 0, line, ("127.0.0.1", "GET", path, "1.1", 200), None
    )
    assert without_secrets(record)
    assert record.getMessage() == f'127.0.0.1 - "GET {shown} HTTP/1.1" 200'
