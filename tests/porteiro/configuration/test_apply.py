"""Applying: a version, what it changed, what it retired, and who is distributed again."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table, insert, select

from adapters.sources.registry import sources
from db.ids import new_id
from db.models import Base
from db.queries import configuration as stored
from db.session import Database
from porteiro.configuration.apply import apply, in_force, pending
from porteiro.configuration.load import load
from schemas.config import Configuration
from schemas.errors import Reject

NOW = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)

FIRST = """
people: [{key: paula, name: Paula, role: manager}, {key: ana, name: Ana, role: broker}]
teams: [{key: sul, name: Sul, managers: [{person: paula, brokers: [ana]}]}]
channels: [{key: zap, source: grupo_olx, secrets: ["${S}"]}, {key: site, source: form, secrets: ["${S}"]}]
funnel: {stages: [{key: new, name: Novo}, {key: visit, name: Visita}]}
distribution: {rules: [{key: jardim, when: {city: Santos}, queue: {teams: [sul]}}, {key: any, queue: {teams: [sul]}}]}
automations: [{key: auto, on: {in_stage: new, for: 2 hours}, do: [{redistribute: {}}]}]
"""
SECOND = """
people: [{key: paula, name: Paula Lima, role: manager, phone: "+5511999990001"}, {key: bia, name: Bia, role: broker}]
teams: [{key: sul, name: Sul, managers: [{person: paula, brokers: [bia]}]}]
channels: [{key: google, source: google_lead_form, secrets: ["${S}"]}, {key: site, source: form, secrets: ["${S}"]}]
funnel: {stages: [{key: visit, name: Visita}, {key: new, name: Novo}]}
distribution: {rules: [{key: any, when: {city: Rio}, queue: {teams: [sul]}}, {key: jardim, queue: sul}]}
queues: [{key: sul, teams: [sul]}]
"""


def configuration(text: str) -> Configuration:
    found, problems = load(text, "f.yaml", sources(), dict.fromkeys(("S", "OLD", "HOST"), "1"))
    assert found is not None, list(map(str, problems))
    return found


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


def rows(database: Database, table: str, *columns: str) -> list[tuple[Any, ...]]:
    found = Base.metadata.tables[table]
    with database.read() as tx:
        statement = select(*(found.c[name] for name in columns)).order_by(found.c[columns[0]], found.c[columns[1]])
        return [tuple(row) for row in tx.execute(statement)]


def test_the_first_version_holds_all_and_the_same_again_makes_none(database: Database) -> None:
    first = configuration(FIRST)
    applied = apply(database, first, by="rui", now=NOW)
    assert applied.version == 1
    assert {change.kind for change in applied.changes} == {"added"}
    assert apply(database, first, by="rui", now=NOW).changes == []
    with database.read() as tx:
        assert stored.newest_number(tx) == 1
        assert in_force(tx, 1) == first
        assert '"${S}"' in stored.document(tx, 1)


def test_a_change_is_told_by_part_and_field_and_what_it_drops_is_retired(database: Database) -> None:
    apply(database, configuration(FIRST), by="rui", now=NOW)
    second, later = configuration(SECOND), NOW + timedelta(hours=1)
    with database.read() as tx:
        told = list(map(str, pending(tx, second).changes))
    assert told == [
        "~ changed   people paula: name, phone",
        "+ added     people bia",
        "- removed   people ana",
        "~ changed   teams sul: managers",
        "+ added     channels google",
        "- removed   channels zap",
        "^ reordered funnel.stages: visit, new",
        "+ added     queues sul",
        "~ changed   distribution.rules any: when",
        "~ changed   distribution.rules jardim: when, queue",
        "^ reordered distribution.rules: any, jardim",
        "- removed   automations auto",
    ]
    applied = apply(database, second, by="eva", now=later)
    assert (applied.version, list(map(str, applied.changes))) == (2, told)
    assert rows(database, "channels", "id", "key", "retired_at") == [
        (1, "zap", later), (2, "site", None), (3, "google", None),
    ]  # fmt: skip
    dropped = [("automation", "auto", "auto"), ("person", "ana", "Ana"), ("queue", "jardim", "jardim")]
    assert rows(database, "retired_keys", "kind", "key", "name") == dropped
    ((number, by, text),) = rows(database, "config_versions", "number", "applied_by", "changes")[1:]
    assert (number, by) == (2, "eva")
    assert json.loads(text)[0] == {"kind": "changed", "section": "people", "key": "paula", "fields": ["name", "phone"]}

    apply(database, configuration(FIRST), by="rui", now=later)
    assert rows(database, "retired_keys", "kind", "key") == [("person", "bia"), ("queue", "sul")]
    assert rows(database, "channels", "id", "key", "retired_at") == [
        (1, "zap", None), (2, "site", None), (3, "google", later),
    ]  # fmt: skip


def test_opvs_without_owner_are_distributed_again(database: Database) -> None:
    work = Base.metadata.tables["distribution_work"]
    assert isinstance(work, Table)
    monday, lease = NOW + timedelta(days=3), new_id()
    waiting: list[tuple[datetime | None, str | None, str, UUID | None]] = [
        (None, "no_rule", "waiting", None), (monday, "all_left_out", "waiting", None), (None, "bug", "accepting", None),
        (None, "pool", "pool", None), (monday, "offered", "offered", None), (monday, None, "accepting", None),
        (monday, "no_rule", "waiting", lease),
    ]  # fmt: skip
    with database.write() as tx:
        for due_at, reason, state, held in waiting:
            row = {"opportunity_id": new_id(), "since": NOW, "due_at": due_at, "attempts": 3, "reason": reason}
            tx.execute(insert(work), row | {"state": state, "lease": held})
    assert apply(database, configuration(FIRST), by="rui", now=NOW).retried == 3
    left = [(None, 3), (monday, 3), (monday, 3), (monday, 3)]
    assert Counter(rows(database, "distribution_work", "due_at", "attempts")) == Counter([(NOW, 0)] * 3 + left)


def test_applying_at_once_makes_one_version_after_the_other(database: Database) -> None:
    names = [f"Casa {number}" for number in range(6)]
    versions: list[int] = []

    def one(name: str) -> None:
        changed = configuration(FIRST + f"company: {{name: {name}}}\n")
        versions.append(apply(database, changed, by=name, now=NOW).version)

    threads = [threading.Thread(target=one, args=(name,)) for name in (*names, names[0])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = rows(database, "config_versions", "number", "applied_by", "changes")
    assert [number for number, _, _ in kept] == list(range(1, len(kept) + 1))
    assert sorted(set(versions)) == [number for number, _, _ in kept]
    assert {by for _, by, _ in kept} == set(names)
    assert all(json.loads(text)[0]["kind"] == "changed" for _, _, text in kept[1:])
    assert [row[:2] for row in rows(database, "channels", "id", "key")] == [(1, "zap"), (2, "site")]


def test_what_was_confirmed_against_an_older_version_is_refused(database: Database) -> None:
    apply(database, configuration(FIRST), by="rui", now=NOW, shown=0)
    with pytest.raises(Reject, match="version 1 has been applied since"):
        apply(database, configuration(SECOND), by="eva", now=NOW, shown=0)
