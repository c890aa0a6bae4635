"""Every reason code that the code of distribution can give has Portuguese words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import get_args

from opv.distribution.gates import CAPS
from opv.distribution.words import OPERATORS, STRATEGIES, UNAVAILABLE, WORDS, condition
from schemas.conditions import OPERATORS as KNOWN_OPERATORS
from schemas.conditions import Condition
from schemas.config.distribution import Strategy

ROOT = Path(__file__).parents[3]
FILES = (*(ROOT / "opv" / "distribution").rglob("*.py"), ROOT / "opv" / "business_time.py", ROOT / "opv" / "duty.py")
OF_CODES = {"Closed": 0, "_away": 0, "give_back": 4, "send_to": 4}
"""Calls that are given a code, and which of their arguments it is."""
BY_NAME = {"reason", "because"}
"""Arguments, keys of explanations and names that hold one."""
ANSWERING = {"named", "may_claim", "answer", "_person", "_owner", "of_lead", "_standing", "_absent", "_full", "_fit"}
"""Functions that return one, alone or in a pair."""
VALUES = {"name": CAPS, "role": ("broker", "presales")}
"""What may stand in a code that is put together."""
NO_CODES = {"sales", "presales", "broker"}


def codes() -> Iterator[tuple[str, str]]:
    """Codes, each with the place where it is given."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for given in _given(node):
                for text in _texts(given):
                    yield text, f"{file.relative_to(ROOT)}:{given.lineno}"


def _given(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        at = OF_CODES.get(node.func.id if isinstance(node.func, ast.Name) else "")
        if at is not None and len(node.args) > at:
            yield node.args[at]
        yield from (one.value for one in node.keywords if one.arg in BY_NAME)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in BY_NAME:
                yield value
    elif isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id in BY_NAME for t in node.targets):
        yield node.value
    elif isinstance(node, ast.FunctionDef) and node.name in ANSWERING:
        for one in ast.walk(node):
            if isinstance(one, ast.Return) and one.value is not None:
                yield one.value


def _texts(given: ast.expr) -> Iterator[str]:
    """The codes that an expression can be: a constant, either side of a choice, one that is put together."""
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        yield given.value
    elif isinstance(given, ast.IfExp):
        yield from (*_texts(given.body), *_texts(given.orelse))
    elif isinstance(given, ast.BoolOp | ast.Tuple):
        parts = given.values if isinstance(given, ast.BoolOp) else given.elts
        yield from (text for one in parts for text in _texts(one))
    elif isinstance(given, ast.JoinedStr):
        spelled = [
            VALUES[one.value.id] if isinstance(one, ast.FormattedValue) and isinstance(one.value, ast.Name)
            else (str(one.value),) if isinstance(one, ast.Constant) else ()
            for one in given.values
        ]  # fmt: skip
        yield from map("".join, product(*spelled))


def test_every_code_has_words() -> None:
    found = dict(codes())
    some = {"cap_days30", "not_a_presales", "off_shift", "no_rule", "not_accepted", "named_broker_unknown"}
    assert some <= found.keys()
    assert {code: place for code, place in found.items() if code not in WORDS and code not in NO_CODES} == {}


def test_every_strategy_that_picks_has_words() -> None:
    assert set(STRATEGIES) == set(get_args(Strategy)) - {"first_to_claim", "manual"}


def test_why_a_condition_fails_is_said_in_portuguese() -> None:
    assert set(OPERATORS) == set(KNOWN_OPERATORS) - {"eq"}
    facts = {"city": "São Paulo, is not", "price": 100}
    for when, said in (
        ({"city": "Santos"}, "city é 'São Paulo, is not'; a regra pede 'Santos'"),
        ({"price": {"gte": 500}}, "price é 100; a regra pede no mínimo 500"),
        ({"state": ["SP", "RJ"]}, "state não veio; a regra pede um destes: ['SP', 'RJ']"),
        ({"not": {"price": 100}}, "vale uma condição que a regra exclui"),
        ({"any": [{"price": 1}, {"state": "SP"}]},
         "nenhuma destas: price é 100; a regra pede 1; state não veio; a regra pede 'SP'"),
    ):  # fmt: skip
        assert condition(Condition.read(when)[0].test(facts).because) == said


def test_the_page_for_users_has_every_code_in_the_same_words() -> None:
    page = (ROOT / "docs" / "distribution.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    assert {code: rows.get(code) for code in WORDS if code != UNAVAILABLE} == {
        code: said for code, said in WORDS.items() if code != UNAVAILABLE
    }
    assert {strategy for strategy in get_args(Strategy) if f"| `{strategy}`" not in page} == set()
