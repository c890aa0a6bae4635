"""Rules of the house that no linter knows: where work is started, time is read, transactions end, things are built."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from porteiro.up import parse_procfile

ROOT = Path(__file__).parents[1]
PROGRAM = ("porteiro", "web", "workers", "opv", "adapters", "db", "schemas")
FOLDERS = (*PROGRAM, "tests", "bench", "docs")
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "core", "misc"}
MOST_LINES = 400


def files() -> list[Path]:
    """Python files of the program, relative to the project."""
    return sorted(file.relative_to(ROOT) for folder in PROGRAM for file in (ROOT / folder).rglob("*.py"))


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def called(node: ast.AST) -> str:
    """Dotted name of what a call calls, as far as it is one."""
    if isinstance(node, ast.Call):
        return called(node.func)
    if isinstance(node, ast.Attribute):
        return f"{called(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(forbidden: Callable[[ast.Call], bool], *allowed: str) -> list[str]:
    """Places of calls that a rule forbids, outside the files (or folders, with a slash) that it allows."""
    return [
        f"{file}:{node.lineno}: {called(node)}"
        for file in files()
        if not str(file).startswith(allowed)
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and forbidden(node)
    ]


def on_import(nodes: list[ast.stmt]) -> Iterator[ast.Call]:
    """Calls that happen when a module is imported: those in no function."""
    waiting: list[ast.AST] = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def test_work_is_started_by_the_workers_alone() -> None:
    assert not calls(lambda call: called(call).endswith((".delay", ".apply_async", ".send_task")), "workers/")


def test_time_is_read_from_the_clock_that_is_handed_in() -> None:
    clocks = {f"{kind}.{ask}" for kind in ("datetime", "date", "dt.datetime") for ask in ("now", "utcnow", "today")}
    assert not calls(lambda call: called(call) in clocks, "porteiro/build.py")


def test_transactions_end_in_the_session_alone() -> None:
    assert not calls(lambda call: called(call).endswith(".commit") and not call.args, "db/session.py")


def test_importing_builds_nothing() -> None:
    builders = {"create_engine", "Database", "Settings", "Session", "sessionmaker", "Celery", "FastAPI", "Starlette"}
    found = [
        f"{file}:{call.lineno}: {called(call)}"
        for file in files()
        for call in on_import(tree(file).body)
        if called(call).rpartition(".")[2] in builders
    ]
    assert not found


def test_names_say_what_things_are() -> None:
    places = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    assert not [path for path in places if path.stem.lower() in NAMES_THAT_SAY_NOTHING]


def test_files_stay_readable_in_one_go() -> None:
    lengths = {file: len((ROOT / file).read_text(encoding="utf-8").splitlines()) for file in files()}
    too_long = {file: lines for file, lines in lengths.items() if lines > MOST_LINES and "migrations" not in file.parts}
    assert not too_long


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_room_of_the_house_exists(folder: str) -> None:
    assert (ROOT / folder).is_dir()
    assert folder not in PROGRAM or (ROOT / folder / "__init__.py").is_file()


def test_requirements_are_hashed_and_name_no_address() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "://" not in text
    pinned = [line for line in text.splitlines() if "==" in line]
    assert pinned
    assert all(line.rstrip().endswith("\\") for line in pinned), "each is followed by its hashes"


def test_the_procfile_starts_all_there_is() -> None:
    commands = parse_procfile((ROOT / "Procfile").read_text(encoding="utf-8"))
    assert set(commands) == {"release", "web", "worker", "beat"}
